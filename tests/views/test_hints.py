"""What a person may have meant by a command, a format or a time zone that is not."""

import pytest

from tocsin.views.cli import run

MEANT = {
    "a command like another": ("wach", "no command 'wach'. Did you mean 'watch'?"),
    "a command like no other": ("frobnicate", "There are watch, run, replay, check,"),
    "a command of state": ("state restor", "Did you mean 'restore'?"),
    "a command of state like no other": (
        "state nope", "no command 'nope'. There are backup, restore, show."),
    "a command of silence": ("silence nope", "There are add, expire, list."),
    "a command of formats": ("formats sho", "Did you mean 'show'?"),
    "a format by its server": (
        "watch --format Apache x", "did you mean 'combined' or 'common' or 'apache_error'?"),
    "a format to be shown": ("formats show nginx", "did you mean 'combined' or"),
    "a format misspelt": ("formats show comon", "did you mean 'common'?"),
    "a city": ("watch --timezone paris x", "did you mean 'Europe/Paris'?"),
}  # fmt: skip


@pytest.mark.parametrize(("command", "said"), MEANT.values(), ids=MEANT)
def test_what_was_meant(
    capsys: pytest.CaptureFixture[str], command: str, said: str
) -> None:
    assert run(command.split()) == 2
    assert said in capsys.readouterr().err
