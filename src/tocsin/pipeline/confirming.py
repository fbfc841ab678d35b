"""Rows that were held, of many streams at once, that are to count now.

A log of which one line is read holds it until another follows, or time goes on. Of
thousands of logs such rows are observed together: each alone would cost as much as all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl
from msgspec import Struct
from msgspec.structs import replace

from tocsin.metrics.cells import Cells, NamedCells
from tocsin.metrics.evidence import ROW
from tocsin.metrics.lateness import StreamClock
from tocsin.model.instant import SECOND
from tocsin.pipeline.streams import earliest, latest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from tocsin.pipeline.streams import StreamState

_MOST: Final = 200
"""Rows that are observed together: each costs memory as long as it is alone."""


class Held(Struct, frozen=True):
    """The row that a stream holds: its time (µs), and the state of the stream."""

    at: int
    stream: str
    state: StreamState
    row: pl.DataFrame

    def counted(self, events: int) -> StreamState:
        """Return the state of the stream once the row counts for so many events."""
        return replace(
            self.state,
            clock=StreamClock(self.at),
            counted=self.state.counted + events,
            first=earliest(self.state.first, self.at),
            last=latest(self.state.last, self.at),
        )


def time_held(state: StreamState) -> int | None:
    """Return the time (µs) of the row that a stream holds; None if it holds none."""
    held = state.clock.held
    return None if held is None else int(held.get_column("time").to_physical()[0])


def piles(
    streams: Mapping[str, StreamState],
    dues: Mapping[str, int],
    judged: Callable[[str], int],
) -> Iterator[Sequence[Held]]:
    """Yield the rows that may be observed together: of one source, in order of time.

    They are those up to the instants (µs) in `dues`, if no tick up to which a source is
    `judged` (s) has passed them: such would be late, each for its own stream.
    """
    alike: dict[object, list[Held]] = {}
    for stream, due in dues.items():
        state = streams[stream]
        at = time_held(state)
        if state.clock.held is None or at is None or at > due:
            continue
        if at // SECOND >= judged(state.source):
            row = state.clock.held.drop(ROW, strict=False)
            kind = (state.source, *row.schema.items())
            alike.setdefault(kind, []).append(Held(at, stream, state, row))
    for pile in alike.values():
        pile.sort(key=lambda held: (held.at, held.stream))
        for start in range(0, len(pile), _MOST):
            yield pile[start : start + _MOST]


def placed_apart(named: NamedCells, pile: Sequence[Held]) -> NamedCells:
    """Return cells of a pile whose lines say their streams, and their places in them."""
    lines = named.cells.lines
    if lines.height == 0:
        return named
    number = lines.get_column("at")
    names = pl.Series([held.stream for held in pile], dtype=pl.String)
    places = pl.Series([held.state.tally.events - 1 for held in pile], dtype=pl.Int64)
    lines = lines.with_columns(
        names.gather(number).alias("stream"), places.gather(number).alias("at")
    )
    cells = named.cells
    whole = Cells(cells.base, cells.buckets, cells.registers, lines)
    return NamedCells(named.names, whole)
