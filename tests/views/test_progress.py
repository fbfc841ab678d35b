"""A bar for what takes longer than a second, and only where it can be drawn."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tocsin.views.progress import ProgressBar

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.views.conftest import Feed

from tocsin.views.plain import PlainView


class Tty(io.StringIO):
    """A terminal that keeps what is written."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "120")
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)


def words(drawn: str) -> str:
    return re.sub(r"\x1b\[[?\d;]*[a-zA-Z]", "", drawn)


def test_the_first_second_shows_nothing(clock: Callable[[], float]) -> None:
    err = Tty()
    bar = ProgressBar(err, clock)
    bar.update(1, 100, 1)
    bar.update(2, 100, 2)
    assert err.getvalue() == ""
    bar.update(50_000_000, 100_000_000, 1000)
    assert "50%" in words(err.getvalue())
    assert "50.0/100.0 MB" in words(err.getvalue())
    assert "lines/s" in words(err.getvalue())
    bar.close()
    bar.close()
    bar.update(3, 100, 3)
    assert err.getvalue().endswith("\x1b[2K")  # nothing of it is left


def test_without_a_total_there_is_no_per_cent(clock: Callable[[], float]) -> None:
    err = Tty()
    bar = ProgressBar(err, clock)
    for i in range(4):
        bar.update(i * 1_000_000, 0, i)
    bar.close()
    assert "%" not in words(err.getvalue())
    assert "3.0/? MB" in words(err.getvalue())


def test_without_a_clock_the_bar_is_there_at_once() -> None:
    err = Tty()
    bar = ProgressBar(err)
    bar.update(1, 4, 1)
    bar.close()
    assert "25%" in words(err.getvalue())


def test_text_on_the_same_terminal_takes_the_bar_away_first(feed: Feed) -> None:
    both = Tty()
    view = PlainView(both, both)
    view.progress(1, 4, 1)
    view.show(feed.opened)
    before, _, after = both.getvalue().partition("▲ #1")
    assert before.endswith("\x1b[2K")
    view.progress(2, 4, 1)
    view.close()
    assert "50%" in words(after + both.getvalue())


@pytest.mark.parametrize("term", ["dumb", "a pipe"])
def test_where_it_cannot_be_drawn_there_is_no_bar(
    term: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", term)
    err = Tty() if term == "dumb" else io.StringIO()
    bar = ProgressBar(err)
    bar.update(1, 4, 1)
    bar.pause()
    bar.close()
    assert err.getvalue() == ""


def test_plain_text_and_json_lines_load_nothing_heavy() -> None:
    code = (
        "import io, sys\n"
        "from tocsin.views.protocol import choose\n"
        "from tocsin.model.records import Notice\n"
        "for output in ('auto', 'plain', 'jsonl'):\n"
        "    view = choose(output, io.StringIO(), io.StringIO())\n"
        "    view.show(Notice('x')), view.progress(1, 2, 3), view.close()\n"
        "print({'rich', 'polars', 'pydantic', 'textual'} & set(sys.modules))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        env={"PYTHONPATH": ":".join(sys.path)},
    )  # fmt: skip
    assert done.stdout == "set()\n"


def test_help_loads_nothing_heavy() -> None:
    heavy = {"rich", "polars", "pydantic", "yaml", "msgspec"}
    code = (
        "import sys\n"
        "from tocsin.views.cli import run\n"
        f"run(['--help']), print({heavy} & set(sys.modules))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        env={"PYTHONPATH": ":".join(sys.path)},
    )  # fmt: skip
    assert done.stdout.endswith("set()\n")
