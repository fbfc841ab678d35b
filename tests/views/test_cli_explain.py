"""`tocsin explain` and `tocsin formats show`: what people are told of lines and formats."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner

from tocsin import formats
from tocsin.views.cli import cli

LINES = (
    "Feb  7 21:11:01 web1 cron: hello\n"
    "2019 oops\n"
    "\n"
    '{"time":1,"a":{"b":2}}\n'
    "Feb  7 21:11:02 web1 cron[1]: \x1b[31mred\n"
)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "some.log"
    path.write_text(LINES, encoding="utf-8")
    return path


def told(*arguments: object, code: int = 0) -> str:
    done = CliRunner().invoke(cli, list(map(str, arguments)), standalone_mode=False)
    assert done.exception is None, done.exception
    assert done.return_value == code
    return done.output


@pytest.mark.parametrize(
    ("options", "words"),
    [
        pytest.param((), ["syslog, 2 of the first 4 lines matched", "line 2: refused by syslog: ",
                          "expected the field time at column 1", "json would take it"],
                     id="nothing asked for"),
        pytest.param(("--line", 1), ["line 1: an event", "program  cron"], id="one line"),
        pytest.param(("--line", 3), ["line 3: skipped"], id="a blank line"),
        pytest.param(("--grep", '"a"', "--format", "json"), ["a.b   2"], id="by text"),
        pytest.param(("--line", 5), [r"message  \x1b[31mred"], id="made harmless"),
        pytest.param(("--line", 1, "--format", "combined"),
                     ["refused by combined", "syslog would take it"], id="another format"),
    ],
)  # fmt: skip
def test_what_became_of_lines(
    log: Path, options: Sequence[object], words: Sequence[str]
) -> None:
    output = told("explain", log, *options)
    assert [word for word in words if word not in output] == []
    assert "\x1b" not in output


def test_a_line_that_is_not_there_is_answered_with_one(log: Path) -> None:
    assert "no such line" in told("explain", log, "--line", 99, code=1)


def test_a_caret_stands_under_the_column(tmp_path: Path) -> None:
    log = tmp_path / "cri.log"
    log.write_text("2016-10-06T00:17:09.6Z stdlog F x\n", encoding="utf-8")
    shown = told("explain", log, "--format", "cri").splitlines()
    place = next(n for n, line in enumerate(shown) if line.strip() == "^")
    assert shown[place - 1][shown[place].index("^") :].startswith("stdlog")


def test_a_joined_line_is_told_as_such(tmp_path: Path) -> None:
    log = tmp_path / "py.log"
    log.write_text("2019-02-07 21:11:01 ERROR shop: no\n  File x\n", encoding="utf-8")
    output = told("explain", log, "--line", 2)
    assert "line 2: joined to the event before it" in output


def test_a_format_of_a_configuration_is_used_and_shown(tmp_path: Path) -> None:
    rules, log = tmp_path / "t.yaml", tmp_path / "a.log"
    rules.write_text(
        "formats: [{name: shop, pattern: '{time:iso} {took:duration:ms}'}]"
    )
    log.write_text("2019-02-07T21:11:01Z 12\n", encoding="utf-8")
    output = told("explain", log, "-c", rules, "--format", "shop")
    assert "took  0.012" in output
    plan = told("formats", "show", "shop", "-c", rules)
    assert "read      took as duration in ms" in plan
    assert "match     ^(?P<time>" in plan


def test_every_format_can_be_shown() -> None:
    for name in formats.names():
        assert name in told("formats")
        assert told("formats", "show", name).startswith(f"{name}: ")
