"""`tocsin check` says of a configuration that holds nothing that it does."""

from pathlib import Path

import pytest

from tocsin.views.cli import run

NOTHING = {
    "an empty file": {"a.yaml": ""},
    "comments only": {"a.yaml": "# metrics:\n# alarms:\n"},
    "comments in TOML": {"a.toml": "# nothing\n"},
    "an empty mapping": {"a.json": "{}"},
    "sections without parts": {"a.yaml": "metrics: []\nalarms: []\n"},
    "somebody to tell, and nothing of what": {
        "a.yaml": "channels: [{name: f, type: file, path: told.jsonl}]\n"
    },
    "a folder of empty files": {"a.yaml": "", "b.yaml": "# nothing\n"},
}
SOMETHING = {
    "a metric": {"a.yaml": "metrics: [{name: m, type: COUNT, period: 1m}]\n"},
    "a source, which has built-in alarms": {
        "a.yaml": "sources: [{name: a, path: a.log}]\n"
    },
    "a folder with one empty file": {
        "a.yaml": "# nothing\n",
        "b.yaml": "metrics: [{name: m, type: COUNT, period: 1m}]\n",
    },
}


def written(folder: Path, files: dict[str, str]) -> Path:
    """Write the files; return the one there is, or the folder of several."""
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder if len(files) > 1 else folder / next(iter(files))


@pytest.mark.parametrize("files", NOTHING.values(), ids=NOTHING)
def test_nothing_to_watch(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], files: dict[str, str]
) -> None:
    path = written(tmp_path, files)

    assert run(["check", str(path)]) == 0
    assert f"{path}: warning: it holds nothing to watch" in capsys.readouterr().err


@pytest.mark.parametrize("files", SOMETHING.values(), ids=SOMETHING)
def test_something_to_watch(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], files: dict[str, str]
) -> None:
    assert run(["check", str(written(tmp_path, files))]) == 0
    assert capsys.readouterr().err == ""
