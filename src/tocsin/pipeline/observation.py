"""Observe a batch: what may be done anywhere, and what is sent on of it.

An observation is small: cells, counts and a clock. One made without the stream's clock
(a piece of a file, read in a worker) says under which clock it is right; where it is
not, the piece is observed again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl
from msgspec import Struct, field
from msgspec.structs import replace

from tocsin.metrics.lateness import Arrival, StreamClock, arrive, confirmed
from tocsin.metrics.mishaps import NONE, mishaps
from tocsin.metrics.observe import Observer
from tocsin.metrics.spec import column
from tocsin.metrics.witness import numbered, waiting, with_lines
from tocsin.model.batch import EventBatch, Tally, greatest, least
from tocsin.model.instant import SECOND
from tocsin.pipeline.consumers import Consumers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tocsin.metrics.cells import NamedCells
    from tocsin.metrics.spec import TimeSpec
    from tocsin.metrics.witness import Lines
    from tocsin.model.batch import Coded
    from tocsin.model.message import FieldType
    from tocsin.model.protocols import Codec
    from tocsin.pipeline.plan import SourcePlan

MOST_SAMPLES = 5


class Observation(Struct, frozen=True):
    """What a batch of one stream adds. `consumers` maps (name, period) to a partial.

    `mishaps` (`metrics.mishaps`) are of lines that are not among the cells.
    """

    cells: NamedCells
    clock: StreamClock
    tally: Tally
    late: int = 0
    future: int = 0
    lost: int = 0
    first_pane: int | None = None
    needs_clock: bool = False
    first: int | None = None
    last: int | None = None
    samples: tuple[tuple[str, str], ...] = ()
    misfits: Mapping[str, int] = field(default_factory=dict)
    consumers: Mapping[tuple[str, int], Any] = field(default_factory=dict)
    failures: Mapping[str, str] = field(default_factory=dict)
    mishaps: pl.DataFrame = field(default_factory=lambda: NONE)

    def holds_after(self, clock: StreamClock, time: TimeSpec) -> bool:
        """Return whether an observation made without a clock is right after `clock`."""
        if clock.held is not None:
            return False
        if clock.newest is None:
            return True
        if self.needs_clock:
            return False
        closed = (clock.newest - time.lateness) // SECOND
        return self.first_pane is None or closed <= self.first_pane


class SourceObserver:
    """Observes the events of one source, here or in a worker process."""

    def __init__(self, plan: SourcePlan) -> None:
        self.plan = plan
        self._observer = Observer(plan.metrics)
        self.consumers = Consumers(plan.consumers)
        self.fields = {**plan.fields, **dict.fromkeys(self.consumers.fields)}
        read = set(self.consumers.fields).union(*(s.reads for _, s in plan.metrics))
        self._without = {n: kind for n, kind in self.fields.items() if n in read}
        self._evidence = any(s.lines for _, s in plan.metrics)
        self._numbers = self._evidence or bool(plan.mishaps)

    def asks(self, codec: Codec) -> Mapping[str, FieldType | None]:
        """Return the fields to ask a codec for.

        Raw lines that are but kept as evidence are no field, if the codec knows of a
        cheaper way.
        """
        return self._without if getattr(codec, "keeps_lines", False) else self.fields

    def observe(
        self,
        batch: EventBatch,
        clock: StreamClock,
        *,
        now: int | None = None,
        last: bool = False,
    ) -> Observation:
        """Return what a batch adds to its stream after `clock`; `now` as in `arrive`."""
        rows = batch.frame.rename(column)
        if self._numbers:
            rows, clock = numbered(rows), waiting(clock)
        lines = batch.lines if self._evidence else None
        if clock.held is not None:  # it has its line, and so must those after it
            rows = with_lines(rows, lines)
        arrival = arrive(rows, clock, self.plan.time, now=now, last=last)
        # Only of rows that are all there, and no others, the codes are in their places.
        whole = clock.held is None and arrival.rows.height == batch.frame.height
        arrival = _keeping(arrival, lines)
        seen = self._observed(arrival, batch, batch.coded if whole else {})
        if not self.plan.mishaps:
            return seen
        if arrival.late or arrival.future:
            rows = with_lines(rows, lines)
        return replace(seen, mishaps=mishaps(batch, rows, clock, arrival, now))

    def observe_held(self, clock: StreamClock) -> Observation:
        """Return what the held row adds once nothing is known to follow it."""
        if self._numbers:
            clock = waiting(clock)
        assert clock.held is not None
        arrival = arrive(clock.held.clear(), clock, self.plan.time, last=True)
        return self._observed(arrival, EventBatch(pl.DataFrame(), Tally()), {})

    def observe_all_held(self, held: Sequence[pl.DataFrame]) -> Observation:
        """Return what rows add that streams held, one each; all are on time.

        Their lines have the places that the rows have here.
        """
        rows = pl.concat(held)
        if self._numbers:
            rows = numbered(rows)
        return self._observed(confirmed(rows), EventBatch(pl.DataFrame(), Tally()), {})

    def _observed(
        self, arrival: Arrival, batch: EventBatch, coded: Mapping[str, Coded]
    ) -> Observation:
        found = self.consumers.observe(arrival.rows)
        coded = {column(name): codes for name, codes in coded.items()}
        first, final = _extent(arrival)
        return Observation(
            cells=self._observer.observe(arrival, batch.lines, coded),
            clock=arrival.clock,
            tally=batch.tally,
            late=arrival.late,
            future=arrival.future,
            first_pane=None if first is None else first // SECOND,
            needs_clock=arrival.needs_clock,
            first=first,
            last=final,
            samples=tuple((r.text, r.reason) for r in batch.rejected),
            misfits=batch.misfits,
            consumers=found,
            failures=self.consumers.failures,
        )


def _keeping(arrival: Arrival, lines: Lines | None) -> Arrival:
    """Give the row that is held its raw line: the batch that has it will be gone."""
    held = arrival.clock.held
    if held is None:
        return arrival
    clock = replace(arrival.clock, held=with_lines(held, lines))
    return replace(arrival, clock=clock)


def _extent(arrival: Arrival) -> tuple[int | None, int | None]:
    """Return the earliest and the latest time of the rows that count (µs)."""
    if arrival.rows.height == 0:
        return None, None
    times = arrival.rows.get_column("time").cast(pl.Int64)
    return least(times), greatest(times)
