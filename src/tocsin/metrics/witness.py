"""Rows to evidence: which lines of a batch are kept for a metric."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

import polars as pl

from tocsin.metrics.cells import NAMES, Cells, NamedCells
from tocsin.metrics.cube import key_texts
from tocsin.metrics.evidence import LINES, LONGEST, ROW, capped, room
from tocsin.metrics.lateness import StreamClock, known_from
from tocsin.metrics.spec import LINE, MetricSpec, column

if TYPE_CHECKING:
    from collections.abc import Callable

    Lines: TypeAlias = Callable[[pl.Series], pl.Series]

_SLICE: Final = "@p"
_TICK: Final = "@k"


def numbered(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of a batch with their places in it."""
    return rows.with_row_index(ROW).with_columns(pl.col(ROW).cast(pl.Int64))


def waiting(clock: StreamClock) -> StreamClock:
    """Return a clock whose held row has the place before a batch."""
    if clock.held is None:
        return clock
    place = pl.lit(-1, dtype=pl.Int64).alias(ROW)
    return StreamClock(clock.newest, clock.held.select(place, pl.exclude(ROW)))


def with_lines(rows: pl.DataFrame, lines: Lines | None) -> pl.DataFrame:
    """Return numbered rows with their raw lines, if those are kept apart from them."""
    if lines is None or column(LINE) in rows.columns:
        return rows
    return rows.with_columns(lines(rows.get_column(ROW)).alias(column(LINE)))


def witnessed(
    rows: pl.DataFrame, number: int, spec: MetricSpec, lines: Lines | None = None
) -> NamedCells:
    """Return the lines of a metric that are kept of a judged batch.

    `lines` gives raw lines by their places, where `rows` do not have them. The stream
    is not known here: `placed` says it.
    """
    fields = [column(name) for name in spec.group_by]
    counted = rows if spec.where is None else rows.filter(spec.where)
    if spec.value is not None:
        counted = counted.filter(spec.value.is_not_null())
    grain = spec.grain
    known = counted.select(
        ROW,
        *fields,
        t=pl.col("time").to_physical(),
        row=pl.int_range(pl.len(), dtype=pl.UInt32),
        **{_SLICE: pl.col("p") // grain * grain, _TICK: known_from(grain)},
    )
    cell = [*fields, _SLICE, _TICK]
    # Texts are heavy: they are looked up for the few rows that are kept.
    ordered = known if known.get_column("t").is_sorted() else known.sort("t", ROW)
    kept = ordered.group_by(cell, maintain_order=True)
    few = pl.concat([kept.head(1), kept.tail(spec.lines)]).unique([ROW])
    if column(LINE) in counted.columns:
        texts = counted.get_column(column(LINE)).gather(few.get_column("row"))
    else:
        assert lines is not None  # they are asked for in one of the two ways
        texts = lines(few.get_column(ROW))
    few = few.with_columns(texts.alias("text"))
    return _named(few.filter(pl.col("text").is_not_null()), number, spec)


def _named(few: pl.DataFrame, number: int, spec: MetricSpec) -> NamedCells:
    keys = few.select(pl.col(column(n)).alias(n) for n in spec.group_by)
    few = few.with_columns(key_texts(_high(keys, few.height)).alias("key"))
    names = few.select("key").unique(maintain_order=True).with_row_index("sid")
    few = few.join(names, on="key", maintain_order="left")
    lines = few.select(
        pl.col("sid").cast(pl.Int64),
        pl.col(_SLICE).alias("p"),
        pl.col(_TICK).alias("k"),
        "t",
        pl.lit("").alias("stream"),
        pl.col(ROW).alias("at"),
        pl.col("text").str.slice(0, LONGEST),
    ).select(*LINES)
    most = spec.lines
    rooms = names.select(
        pl.col("sid").cast(pl.Int64),
        m=number,
        room=room(spec.grain, spec.span, most),
        most=most,
    )
    empty = Cells.empty()
    cells = Cells(empty.base, empty.buckets, empty.registers, capped(lines, rooms))
    named = names.select(pl.lit(number, dtype=NAMES["m"]).alias("m"), "key")
    return NamedCells(named, cells)


def _high(keys: pl.DataFrame, height: int) -> pl.DataFrame:
    """Return keys without fields as so many rows all the same."""
    return keys if keys.width else pl.DataFrame(height=height)


def placed(named: NamedCells, stream: str, before: int) -> NamedCells:
    """Return cells whose lines say their stream, and their place in all of it.

    `before` is how many events of the stream came before theirs.
    """
    cells = named.cells
    if cells.lines.height == 0:
        return named
    lines = cells.lines.with_columns(
        pl.lit(stream).alias("stream"), pl.col("at") + before
    )
    whole = Cells(cells.base, cells.buckets, cells.registers, lines)
    return NamedCells(named.names, whole)
