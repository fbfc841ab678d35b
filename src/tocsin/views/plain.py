"""Plain text, a block a report period: the face for pipes, logs and dumb terminals."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from tocsin.model.records import (
    ConsumerReport,
    Datapoint,
    IncidentEvent,
    Notice,
    Record,
    Stats,
    Summary,
)
from tocsin.views.account import summary_lines
from tocsin.views.glyphs import glyphs_for
from tocsin.views.lines import Lines
from tocsin.views.model import Screen
from tocsin.views.progress import ProgressBar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tocsin.model.status import LiveStatus


_BEGINS = {"opened", "escalated"}


class PlainView:
    """Writes what is said, as it is said: data to `stdout`, notices to `stderr`."""

    def __init__(
        self,
        stdout: TextIO,
        stderr: TextIO,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self._out = stdout
        self._err = stderr
        self._lines = Lines(glyphs_for(stdout))
        self._screen = Screen()
        self._told = 0
        self._bar = ProgressBar(stderr, clock, shared=stdout.isatty())

    def show(self, record: Record) -> None:
        """Write what a record says; a change of state is said by its incident."""
        self._screen.step(record)
        match record:
            case Notice():
                self._notice(record)
            case Stats():
                self._write(self._block(record))
            case IncidentEvent():
                self._write([self._lines.event(record), *self._support(record)])
            case ConsumerReport():
                self._write(self._lines.report(record))
            case Datapoint():
                self._write([self._lines.datapoint(record)])
            case Summary():
                self._write(["", *summary_lines(record, self._lines)])
            case _:
                pass

    def _support(self, event: IncidentEvent) -> Iterable[str]:
        """Say what an alarm that begins comes from."""
        why = self._screen.standing(event.alarm, event.key)
        if why is None or event.event not in _BEGINS or why.at != event.at:
            return []
        return self._lines.support(why)

    def progress(self, done: int, total: int, lines: int) -> None:
        """Move the bar on standard error."""
        self._bar.update(done, total, lines)

    def refresh(self, look: Callable[[], LiveStatus]) -> None:
        """Show nothing: a pipe is told what is settled, not what moves."""

    def close(self) -> None:
        """Take the bar away and flush."""
        self._bar.close()
        self._out.flush()

    def _block(self, stats: Stats) -> list[str]:
        lines = ["", *self._lines.stats(stats)]
        if self._told == self._screen.events:
            lines += self._lines.firing(self._screen)
        else:
            lines += self._lines.unfinished(self._screen)
            lines += self._lines.history(self._screen)
        self._told = self._screen.events
        return lines

    def _write(self, lines: Iterable[str]) -> None:
        self._bar.pause()
        self._out.write("".join(f"{line}\n" for line in lines))
        self._out.flush()

    def _notice(self, notice: Notice) -> None:
        self._bar.pause()
        said = Lines(glyphs_for(self._err)).notice(notice)
        self._err.write(f"{said}\n")
        self._err.flush()
