"""Mishaps: lines that came to no event, or to one that is in no window.

A line that cannot be read has no time, and that of a late or future one is not to be
believed. So each counts at the newest time that its stream had come to before it: that
depends on the lines alone, not on how a log is cut. Where lines are observed without
the stream's clock, times are those of the piece: `cells` makes them the stream's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from tocsin.metrics.cells import MILLION, NAMES, Cells, NamedCells, gather
from tocsin.metrics.evidence import LINES, LONGEST, MOST, ROW, reduced
from tocsin.metrics.spec import LINE, Mishap, column
from tocsin.model.instant import SECOND

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tocsin.metrics.lateness import Arrival, StreamClock
    from tocsin.metrics.spec import MetricSpec
    from tocsin.model.batch import EventBatch

MISHAPS: Final = {
    "what": pl.String,
    "at": pl.Int64,
    "n": pl.Int64,
    "place": pl.Int64,
    "text": pl.String,
}
"""So many (`n`) of a kind at a second (`at`; null before the first event of a piece).

Or, where `n` is 0, a line: its `place` among those of its batch, and its `text`.
"""
NONE: Final = pl.DataFrame(schema=MISHAPS)
_MANY = 100
"""Cells of events that are worth joining."""


def mishaps(
    batch: EventBatch,
    rows: pl.DataFrame,
    clock: StreamClock,
    arrival: Arrival,
    now: int | None = None,
) -> pl.DataFrame:
    """Return the mishaps of a batch (`MISHAPS`), with the first lines and the last.

    `rows` are its events with their places (`evidence.ROW`), `clock` was the stream's
    before them, and `arrival` is what they were judged to be, by the wall clock `now`.
    """
    unread = _refused(batch)
    if unread.height == 0 and not (arrival.late or arrival.future):
        return NONE
    front = _Front(clock, arrival, now)
    found = [_unread(unread, front)]
    if arrival.late or arrival.future:
        found.append(_misplaced(rows, clock, arrival, front, unread))
    return _told(pl.concat(found))


def _refused(batch: EventBatch) -> pl.DataFrame:
    """Return the lines that no event came from: after which row each comes."""
    if batch.refused is not None:
        return batch.refused
    # Of a format of somebody else's it is not known where they are.
    rows = [batch.frame.height] * batch.tally.parse_errors
    return pl.DataFrame({"after": pl.Series(rows, dtype=pl.Int64)}).with_columns(
        text=pl.lit(None, dtype=pl.String)
    )


class _Front:
    """How far the time of a stream had come before each row of a batch."""

    def __init__(self, clock: StreamClock, arrival: Arrival, now: int | None) -> None:
        moving = arrival.rows.select(ROW, t=pl.col("time").to_physical())
        if now is not None:
            moving = moving.filter(pl.col("t") <= now)
        self._rows = moving.get_column(ROW)
        self._reach = moving.get_column("t").cum_max()
        self._newest = clock.newest

    def before(self, rows: pl.Series) -> pl.Series:
        """Return the newest time (µs) before each of these rows; null if there is none."""
        last = self._rows.search_sorted(rows, side="left").cast(pl.Int64) - 1
        none = last < 0
        found = self._reach.gather(last.set(none, None)) if self._reach.len() else None
        newest = pl.repeat(self._newest, rows.len(), dtype=pl.Int64, eager=True)
        if found is None:
            return newest
        both = pl.DataFrame({"a": found, "b": newest})
        return both.select(pl.max_horizontal("a", "b")).to_series()


def _unread(refused: pl.DataFrame, front: _Front) -> pl.DataFrame:
    """Return a row for each line that was refused."""
    return refused.select(
        what=pl.lit(Mishap.UNREAD.value),
        at=front.before(refused.get_column("after")),
        place=pl.col("after") + pl.int_range(pl.len()),
        text="text",
    )


def _misplaced(
    rows: pl.DataFrame,
    clock: StreamClock,
    arrival: Arrival,
    front: _Front,
    unread: pl.DataFrame,
) -> pl.DataFrame:
    """Return a row for each event that was late, or too far ahead."""
    text = pl.col(column(LINE)) if column(LINE) in rows.columns else pl.lit(None)
    known = [
        frame.select(ROW, t=pl.col("time").to_physical(), text=text.cast(pl.String))
        for frame in (clock.held, rows)
        if frame is not None
    ]
    lost = pl.concat(known).join(arrival.rows.select(ROW), on=ROW, how="anti")
    if arrival.clock.held is not None:
        lost = lost.join(arrival.clock.held.select(ROW), on=ROW, how="anti")
    lost = lost.sort(ROW)
    before = unread.get_column("after").search_sorted(lost.get_column(ROW), "right")
    lost = lost.with_columns(at=front.before(lost.get_column(ROW)))
    late = (pl.col("t") < pl.col("at")).fill_null(value=False)
    return lost.select(
        what=pl.when(late).then(pl.lit(Mishap.LATE)).otherwise(pl.lit(Mishap.FUTURE)),
        at="at",
        place=pl.col(ROW) + before.cast(pl.Int64),
        text="text",
    )


def _told(found: pl.DataFrame) -> pl.DataFrame:
    """Return mishaps counted by their seconds, and a few lines of each."""
    found = found.with_columns(pl.col("at") // SECOND).sort("place")
    alike = ["what", "at"]
    counts = found.group_by(alike, maintain_order=True).len("n")
    groups = found.filter(pl.col("text").is_not_null()).group_by(
        alike, maintain_order=True
    )
    few = pl.concat([groups.head(1), groups.tail(MOST)]).unique(maintain_order=True)
    few = few.with_columns(pl.col("text").str.slice(0, LONGEST))
    rows = [counts.with_columns(pl.col("n").cast(pl.Int64)), few.with_columns(n=0)]
    return pl.concat([_shaped(frame) for frame in rows])


def _shaped(frame: pl.DataFrame) -> pl.DataFrame:
    has = set(frame.columns)
    return frame.select(
        pl.col(name).cast(kind) if name in has else pl.lit(None, kind).alias(name)
        for name, kind in MISHAPS.items()
    )


class Shares:
    """The metrics that tell the share of mishaps among all lines of a source.

    `n` of a cell counts mishaps, and `s` lines, in millionths; `key` is that of the
    series.
    """

    def __init__(self, metrics: Sequence[tuple[int, MetricSpec]], key: str) -> None:
        self._metrics = metrics
        self._key = key
        numbers = [number for number, _ in metrics]
        names = {"m": numbers, "key": [key] * len(numbers)}
        self._names = pl.DataFrame(names, schema=NAMES)
        self._alike = {
            grain: pl.DataFrame(
                {"sid": [i for i, (_, m) in enumerate(metrics) if m.grain == grain]},
                schema={"sid": pl.Int64},
            )
            for grain in {spec.grain for _, spec in metrics}
        }

    def __bool__(self) -> bool:
        return bool(self._metrics)

    def cells(
        self, found: pl.DataFrame, events: pl.DataFrame, since: int | None
    ) -> NamedCells:
        """Return the cells of a batch.

        `found` are its mishaps, `events` the cells (`p`, `k` and `n`, by the second) of
        its events that count; `since` (s) is how far their stream had come before it.
        """
        if not self._metrics:
            return NamedCells.empty()
        if found.height == 0:
            return self._of_events(events)
        known = found.with_columns(at=pl.max_horizontal("at", pl.lit(since, pl.Int64)))
        known = known.filter(pl.col("at").is_not_null())
        return gather([_share(known, events, *m, self._key) for m in self._metrics])

    def _of_events(self, events: pl.DataFrame) -> NamedCells:
        """Return the cells of lines that nothing befell: mostly there are no others."""
        empty = Cells.empty()
        if events.height > _MANY:
            events = events.group_by("p", "k").agg(pl.col("n").sum())
        parts = [
            sids.join(_whole(_sliced(events, grain, 0)).drop("sid"), how="cross")
            for grain, sids in self._alike.items()
        ]
        base = pl.concat(parts)
        return NamedCells(self._names, Cells(base, empty.buckets, empty.registers))


def _sliced(events: pl.DataFrame, grain: int, sid: int) -> pl.DataFrame:
    return events.select(
        pl.lit(sid, pl.Int64).alias("sid"),
        p=pl.col("p") // grain * grain,
        # Late rows are known from the end of their ten seconds, of which it is made.
        k=-(-pl.col("k") // grain) * grain,
        n=pl.lit(0, pl.Int64),
        lines="n",
    )


def _whole(sums: pl.DataFrame) -> pl.DataFrame:
    """Return the base of cells with `n` of so many `lines`."""
    return sums.select(
        "sid",
        "p",
        "k",
        "n",
        s=pl.col("lines").cast(pl.Int128) * pl.lit(MILLION, pl.Int128),
        q=pl.lit(None, pl.Int128),
        lo=pl.lit(None, pl.Float64),
        hi=pl.lit(None, pl.Float64),
    )


def _share(
    known: pl.DataFrame,
    events: pl.DataFrame,
    number: int,
    spec: MetricSpec,
    key: str,
) -> NamedCells:
    grain = spec.grain
    slice_ = pl.col("at") // grain * grain
    mine = pl.col("what") == spec.mishap
    counted = known.select(p=slice_, k=slice_ + grain, n=pl.col("n") * mine, lines="n")
    others = _sliced(events, grain, 0).drop("sid")
    together = pl.concat([counted, others]).group_by("p", "k", maintain_order=True)
    sums = together.agg(pl.col("n").sum(), pl.col("lines").sum())
    sums = sums.filter((pl.col("n") > 0) | (pl.col("lines") > 0))
    return _named(sums, _lines(known, spec), number, key)


def _named(
    sums: pl.DataFrame, texts: pl.DataFrame, number: int, key: str
) -> NamedCells:
    """Return the cells of one key: `n` of so many `lines`, by `p` and `k`."""
    empty = Cells.empty()
    base = _whole(sums.with_columns(sid=pl.lit(0, pl.Int64)))
    names = pl.DataFrame({"m": [number], "key": [key]}, schema=NAMES)
    return NamedCells(names, Cells(base, empty.buckets, empty.registers, texts))


def _lines(known: pl.DataFrame, spec: MetricSpec) -> pl.DataFrame:
    """Return the lines of a kind of mishap that are kept: `evidence.LINES`."""
    if not spec.lines:
        return pl.DataFrame(schema=LINES)
    slice_ = pl.col("at") // spec.grain * spec.grain
    mine = (pl.col("what") == spec.mishap) & (pl.col("n") == 0)
    return reduced(
        known.filter(mine).select(
            pl.lit(0, pl.Int64).alias("sid"),
            p=slice_,
            k=slice_ + spec.grain,
            t=pl.col("at") * SECOND,
            stream=pl.lit(""),
            at="place",
            text="text",
        )
    )


def counted(
    rows: pl.DataFrame, metric: tuple[int, MetricSpec], key: str, text: str
) -> NamedCells:
    """Return cells that count events (`n`, by `p` and `k`) of one key.

    They count when they are known: slices may be longer than those of the metric. `text`
    is shown as evidence; where `n` is 0, the slice counts as one event.
    """
    number, spec = metric
    grain = spec.grain
    known = -(-pl.col("k") // grain) * grain
    sums = rows.select(p=known - grain, k=known, n="n")
    sums = sums.group_by("p", "k", maintain_order=True).agg(pl.col("n").sum())
    sums = sums.with_columns(pl.max_horizontal("n", 1), lines=0)
    lines = sums.select(
        pl.lit(0, pl.Int64).alias("sid"),
        "p",
        "k",
        t=pl.col("p") * SECOND,
        stream=pl.lit(""),
        at=pl.lit(0, pl.Int64),
        text=pl.lit(text),
    ).select(*LINES)
    return _named(sums, lines if spec.lines else lines.clear(), number, key)
