"""The live face: a screen of its own while following, its last word left behind."""

from __future__ import annotations

import os
from collections import deque
from typing import TYPE_CHECKING, TextIO

from rich.console import Console
from rich.live import Live
from rich.text import Text

from tocsin.model.records import Notice, Record
from tocsin.views.account import summary_lines
from tocsin.views.dashboard import Dashboard
from tocsin.views.glyphs import glyphs_for
from tocsin.views.lines import Lines
from tocsin.views.model import NOTICES, Screen
from tocsin.views.panels import EVENT_STYLES, WARNING
from tocsin.views.progress import ProgressBar
from tocsin.views.words import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tocsin.model.status import LiveStatus


class TerminalView:
    """Draws the run in the terminal's other screen, at each `refresh`.

    A run that never refreshes (a replay) shows its progress bar instead. Either way
    `close` leaves the last report, what became of incidents, and the summary. Notices
    go to standard error while it can be seen, else at the end.
    """

    def __init__(
        self,
        stdout: TextIO,
        stderr: TextIO,
        clock: Callable[[], float] | None = None,
        *,
        periods: bool = True,
    ) -> None:
        self._console = Console(file=stdout, markup=False, emoji=False, highlight=False)
        self._err = stderr
        self._lines = Lines(glyphs_for(stdout))
        self._screen = Screen(periods=periods)
        self._draws = stdout.isatty() and os.environ.get("TERM", "") != "dumb"
        self._bar = ProgressBar(stderr, clock, shared=True)
        self._live: Live | None = None
        self._unsaid: deque[Notice] = deque(maxlen=NOTICES)
        self._closed = False

    def show(self, record: Record) -> None:
        """Take the next record; it is seen at the next `refresh`."""
        self._screen.step(record)
        if isinstance(record, Notice):
            self._notice(record)

    def progress(self, done: int, total: int, lines: int) -> None:
        """Move the bar on standard error, unless the live screen is there."""
        if self._live is None:
            self._bar.update(done, total, lines)

    def refresh(self, look: Callable[[], LiveStatus]) -> None:
        """Draw the run as it stands."""
        self._screen.status = look()
        if self._closed or not self._draws:
            return
        if self._live is None:
            self._bar.close()
            self._live = _live(self._console)
            self._live.start()
        self._live.update(Dashboard(self._screen, self._lines), refresh=True)

    def close(self) -> None:
        """Give the terminal back, and leave the last word on it."""
        if self._closed:
            return
        self._closed = True
        self._bar.close()
        if self._live is not None:
            self._live.stop()
        for notice in self._unsaid:
            self._err.write(f"{self._lines.notice(notice)}\n")
        self._err.flush()
        self._last_word()

    def _notice(self, notice: Notice) -> None:
        if self._live is not None:
            self._unsaid.append(notice)
            return
        self._bar.pause()
        self._err.write(f"{self._lines.notice(notice)}\n")
        self._err.flush()

    def _last_word(self) -> None:
        screen, lines = self._screen, self._lines
        if screen.stats is not None:
            self._say(["", *lines.stats(screen.stats)], "bold")
        for report in screen.reports.values():
            self._say(lines.report(report), "")
        self._say(lines.unfinished(screen), "")
        if screen.history:
            self._say(["", *self._missing()], "")
        for event in reversed(screen.history):
            self._say([lines.event(event)], EVENT_STYLES.get(event.event, WARNING))
        if screen.summary is not None:
            self._say(["", *summary_lines(screen.summary, lines)], "bold")
        self._console.file.flush()

    def _missing(self) -> list[str]:
        """Say how many events of incidents are no longer remembered."""
        missing = self._screen.events - len(self._screen.history)
        return [f"{counted(missing, 'earlier event')} of incidents"] if missing else []

    def _say(self, said: Iterable[str], heading: str) -> None:
        """Print lines, the first one that stands at the margin in a style."""
        for line in said:
            style = "" if line.startswith(" ") else heading
            self._console.print(Text(line, style), soft_wrap=True)


def _live(console: Console) -> Live:
    """Return a live screen that is drawn only when told, and lets others print."""
    return Live(
        console=console,
        screen=True,
        auto_refresh=False,
        redirect_stdout=False,
        redirect_stderr=False,
    )
