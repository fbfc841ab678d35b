"""How far time has come: the account and the clock of every stream.

A stream's time moves by its own rows and by ticks. Ticks close windows; what is late
and what is settled follow rows alone, so that a wall clock can never lose a line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field

from tocsin.metrics.lateness import StreamClock
from tocsin.model.batch import Tally
from tocsin.model.instant import SECOND
from tocsin.model.records import Loss, StreamAccount

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from tocsin.metrics.spec import TimeSpec


MOST_LOSSES = 20
"""Ranges of lost bytes that are kept of each stream: the newest."""


class StreamState(Struct, frozen=True):
    """One stream: its clock, the tick it is at (s), and its account.

    `idle` says that it holds nothing back until its next row; `ended` that it has
    no next row.
    """

    source: str
    clock: StreamClock = field(default_factory=StreamClock)
    tick: int | None = None
    idle: bool = False
    ended: bool = False
    tally: Tally = field(default_factory=Tally)
    counted: int = 0
    late: int = 0
    future: int = 0
    amended: int = 0
    lost: int = 0
    losses: tuple[Loss, ...] = ()
    format: str = ""
    samples: tuple[tuple[str, str], ...] = ()
    misfits: Mapping[str, int] = field(default_factory=dict)
    first: int | None = None
    last: int | None = None

    def closed(self, time: TimeSpec) -> int | None:
        """Return the pane before which the stream expects nothing more."""
        rows = self.closed_by_rows(time)
        if self.tick is None or rows is None:
            return self.tick if rows is None else rows
        return max(rows, self.tick)

    def closed_by_rows(self, time: TimeSpec) -> int | None:
        """Return the same by rows alone; None before the first."""
        newest = self.clock.newest
        return None if newest is None else (newest - time.lateness) // SECOND

    def account(self, name: str) -> StreamAccount:
        """Return the account of all lines so far."""
        return StreamAccount(
            stream=name,
            lines=self.tally.lines,
            events=self.tally.events,
            counted=self.counted + (0 if self.clock.held is None else 1),
            joined=self.tally.joined,
            skipped=self.tally.skipped,
            parse_errors=self.tally.parse_errors,
            late=self.late,
            future=self.future,
            amended=self.amended,
            known_lost_bytes=self.lost,
            lost=self.losses,
            format=self.format,
            samples=self.samples,
            misfits=self.misfits,
        )


def watermark(streams: Iterable[StreamState], time: TimeSpec) -> int | None:
    """Return the tick that may be judged: what no stream holds back; None if none.

    A stream that has neither rows nor ticks holds everything back, unless it is idle
    or ended.
    """
    return _lowest(streams, lambda stream: stream.closed(time))


def settled_bound(streams: Iterable[StreamState], time: TimeSpec) -> int | None:
    """Return the tick before which no row to come can change anything."""
    lowest = _lowest(streams, lambda stream: stream.closed_by_rows(time))
    return None if lowest is None else lowest - time.amend_panes


def _lowest(
    streams: Iterable[StreamState], closed: Callable[[StreamState], int | None]
) -> int | None:
    """Return the least that a stream allows; None when one holds back everything.

    Idle streams hold nothing back; where all are idle, those that have a time do.
    """
    live = [s for s in streams if not s.ended]
    holding = [closed(s) for s in live if not s.idle]
    if not holding:
        holding = [c for s in live if (c := closed(s)) is not None]
    if None in holding:
        return None
    return min((c for c in holding if c is not None), default=None)


def earliest(a: int | None, b: int | None) -> int | None:
    """Return the earlier of two instants, if there are any."""
    return b if a is None else a if b is None else min(a, b)


def latest(a: int | None, b: int | None) -> int | None:
    """Return the later of two instants, if there are any."""
    return b if a is None else a if b is None else max(a, b)
