"""`tocsin state`: what is told of a state, and what it ends with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tocsin.model.state import Change, IncidentRow, Outgoing, Position, Segment
from tocsin.state.opening import FILE, LOCK, open_folder
from tocsin.views.cli import run
from tocsin.views.cli_state import default_folder

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of a state of two commits."""
    store = open_folder(tmp_path / "s", program="0.1", now=1_700_000_000_000_000)
    store.commit(
        Change(
            positions=(Position("a\x1b[31m.log", "web", {}, 120, 4096),),
            incidents=(
                IncidentRow(1, "busy", "{}", "resolved", 0, 5),
                IncidentRow(2, "busy", '{"g":"/a"}', "open", 1_700_000_060_000_000),
            ),
            outbox=(Outgoing("k", 2, "mail", 0, b"body"),),
            segments=(Segment("shard/0/base/120", 5, 9, 7, b"0123456789"),),
        )
    )
    store.commit(Change())
    store.close()
    return tmp_path / "s"


def test_show_says_what_there_is(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["state", "show", "--state", str(folder)]) == 0
    told = capsys.readouterr().out
    for words in (
        "state.db: ",
        "since 2023-11-14T22:13:20Z, 2 commits",
        "(web): 120 lines, 4.0 KiB",
        "incidents: 1 open, 1 resolved",
        '#2 busy {"g":"/a"} since 2023-11-14T22:14:20Z',
        "notifications: 1 waiting",
        "table shard/0/base/120: 7 rows in 1 segments, 10 bytes",
    ):
        assert words in told
    assert "\x1b" not in told, "a log's name cannot paint our terminal"


def test_a_backup_can_be_put_back(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy, new = tmp_path / "copy.db", tmp_path / "new"
    assert run(["state", "backup", str(copy), "--state", str(folder)]) == 0
    assert run(["state", "backup", str(copy), "--state", str(folder)]) == 5
    assert run(["state", "restore", str(copy), "--state", str(new)]) == 0
    assert "restored, 2 commits" in capsys.readouterr().out
    assert run(["state", "show", "--state", str(new)]) == 0


def test_what_is_held_is_left_alone(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = open_folder(folder, program="0.1", now=0)
    for words in (
        ["show"],
        ["backup", str(tmp_path / "b")],
        ["restore", str(store.path)],
    ):
        assert run(["state", *words, "--state", str(folder)]) == 4
        assert "held by process" in capsys.readouterr().err
    store.close()


def test_what_is_damaged_or_gone_ends_with_3(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / FILE).write_bytes(b"no database")
    assert run(["state", "show", "--state", str(folder)]) == 3
    assert "restore" in capsys.readouterr().err
    (folder / FILE).unlink()
    assert run(["state", "show", "--state", str(folder)]) == 3
    (folder / LOCK).unlink()
    assert run(["state", "show", "--state", str(folder)]) == 3
    assert "no state here" in capsys.readouterr().err


def test_a_backup_that_is_not_there_ends_with_5(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = tmp_path / "gone.db"
    assert run(["state", "restore", str(gone), "--state", str(folder)]) == 5
    assert capsys.readouterr().err == f"tocsin: {gone}: there is no such file\n"


def test_a_backup_that_is_damaged_is_named_and_the_state_stays(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    open_folder(folder, program="0.1", now=0).close()
    before = (folder / FILE).read_bytes()
    copy = tmp_path / "copy.db"
    copy.write_bytes(b"no database")
    assert run(["state", "restore", str(copy), "--state", str(folder)]) == 3
    first, hint = capsys.readouterr().err.splitlines()
    assert first.startswith(f"tocsin: {copy}: ")
    assert "restoring" not in first
    assert hint == "  hint: take another backup: the state is as it was"
    assert (folder / FILE).read_bytes() == before


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"STATE_DIRECTORY": "/a:/b", "XDG_STATE_HOME": "/x"}, "/a"),
        ({"XDG_STATE_HOME": "/x"}, "/x/tocsin"),
    ],
)
def test_where_the_state_is(environ: dict[str, str], expected: str) -> None:
    assert str(default_folder(environ)) == expected
