"""Rows to evidence: which lines of a batch are kept for a metric."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import polars as pl

from tocsin.metrics.cells import Cells, NamedCells
from tocsin.metrics.evidence import LINES, LONGEST, ROW, capped, shapes
from tocsin.metrics.lateness import StreamClock
from tocsin.metrics.spec import LINE, column

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tocsin.metrics.cube import Cube, Range
    from tocsin.metrics.spec import MetricSpec

    Lines: TypeAlias = Callable[[pl.Series], pl.Series]


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


def witnessed(cube: Cube, range_: Range, lines: Lines | None = None) -> pl.DataFrame:
    """Return the lines of a metric that are kept of judged rows, by their cells (`@`).

    `lines` gives raw lines by their places, where the rows do not have them. The stream
    is not known here: `placed` says it.
    """
    spec, place = range_.spec, range_.place(cube)
    if spec.value is not None:
        place = pl.when(spec.value.is_not_null()).then(place)
    known = cube.table.select(
        place.alias("@"),
        t=pl.col("time").to_physical(),
        row=pl.int_range(pl.len(), dtype=pl.UInt32),
    ).drop_nulls("@")
    known = _in_order(known)
    cell = pl.col("@")
    first, last = (cell.ne_missing(cell.shift(n)) for n in (1, -spec.lines))
    # Texts are heavy: they are looked up for the few rows that are kept.
    few = known.filter(first | last)
    row = few.get_column("row")
    at = cube.table.get_column(ROW).gather(row)
    if column(LINE) in cube.table.columns:
        texts = cube.table.get_column(column(LINE)).gather(row)
    else:
        assert lines is not None  # they are asked for in one of the two ways
        texts = lines(at)
    few = few.select(
        "@", "t", stream=pl.lit(""), at=at, text=texts.str.slice(0, LONGEST)
    )
    return few.drop_nulls("text")


def _in_order(known: pl.DataFrame) -> pl.DataFrame:
    """Return rows in the order of their cells, time and place: most logs are in it."""
    if not known.get_column("t").is_sorted():
        known = known.sort("t", maintain_order=True)
    if known.get_column("@").is_sorted():
        return known
    return known.sort("@", maintain_order=True)


def roomy(
    lines: pl.DataFrame, names: pl.DataFrame, metrics: Mapping[int, MetricSpec]
) -> pl.DataFrame:
    """Return the lines of series (`sid`, a row of `names`) for which there is room."""
    if not any(spec.lines and spec.group_by for spec in metrics.values()):
        return lines.select(*LINES)  # a single key has always room
    rooms = shapes(metrics).select("m", "room", "most")
    series = names.select("m").with_row_index("sid").join(rooms, on="m")
    return capped(lines, series.with_columns(pl.col("sid").cast(pl.Int64)))


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
