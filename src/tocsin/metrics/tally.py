"""Rows to cells in one pass, by the compiled library: the twin of a cube's sums.

It counts and sums the rows of each number of a range, where there is a place for each and
no row is late. What it cannot do, and all where there is no library, is left to the cube;
the cells are the same.
"""

from __future__ import annotations

from ctypes import byref, c_int64
from itertools import groupby
from typing import TYPE_CHECKING

import polars as pl

from tocsin.metrics.cells import MILLION, MOST
from tocsin.metrics.cube import code_of
from tocsin.metrics.spec import Kind, column
from tocsin.metrics.values import fits, numbers_of, value_expr, value_name
from tocsin.native.columns import Stream
from tocsin.native.library import library
from tocsin.native.made import Sketches, Span, Tally, made

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tocsin.metrics.cube import Cube, Range
    from tocsin.metrics.spec import MetricSpec

_COUNTED = {Kind.COUNT, Kind.RATE, Kind.SUM, Kind.AVG}
_PLACES = 8
"""Places that there may be for each row: more would take longer than the rows do."""
_PLACES_AT_LEAST = 2**16
_PASSES = 64
"""Times that the rows may be gone through: a cube is better at many metrics than at rows."""
_ONLY_COUNTED = -1


def _millionths(numbers: pl.Series) -> pl.Series:
    return (numbers * MILLION).round().cast(pl.Int64)


class _Rows:
    """The columns that the library reads: panes, codes, and what is summed.

    `scales` says of a column of sums how many millionths its unit is.
    """

    def __init__(self, cube: Cube) -> None:
        self._cube = cube
        self._columns = [cube.table.get_column("p")]
        self._places: dict[str, int] = {}
        self._summed: dict[str, int | None] = {}
        self.scales: dict[int, int] = {}

    def stream(self) -> Stream:
        """Return all columns that were asked for."""
        whole = enumerate(c.cast(pl.Int64) for c in self._columns)
        return Stream(pl.DataFrame([c.alias(str(place)) for place, c in whole]))

    def put(self, name: str, values: pl.Series) -> int:
        """Return the place of a column, which is put there if it is new."""
        if name not in self._places:
            self._places[name] = len(self._columns)
            self._columns.append(values)
        return self._places[name]

    def summed(self, spec: MetricSpec) -> int | None:
        """Return the place of what a metric sums; None if that may not fit in 64 bits."""
        name = value_name(spec)
        if not name:
            return _ONLY_COUNTED
        if name not in self._summed:
            self._summed[name] = self._put_summed(name, spec)
        return self._summed[name]

    def _put_summed(self, name: str, spec: MetricSpec) -> int | None:
        numbers = numbers_of(self._cube.table, value_expr(spec), MOST)
        if numbers.len() != self._cube.table.height or not fits(numbers):
            return None
        whole = numbers.dtype != pl.Float64
        place = self.put(name, numbers if whole else _millionths(numbers))
        self.scales[place] = MILLION if whole else 1
        return place

    def span(self, range_: Range, value: int, twin: int = -1) -> Span:
        """Return a range, as the library takes it; its `twin` is one that is alike."""
        names = list(map(column, range_.spec.group_by))
        table = self._cube.table
        places = [self.put(code_of(n), table.get_column(code_of(n))) for n in names]
        counts = [self._cube.values[n].len() for n in names]
        many = c_int64 * len(names)
        return Span(
            range_.base,
            range_.spec.grain,
            range_.first,
            range_.slices,
            len(names),
            many(*places),
            many(*counts),
            value,
            twin,
        )


def tallied(
    cube: Cube, ranges: Sequence[Range]
) -> tuple[list[pl.DataFrame], list[Range]]:
    """Return base cells that the library counts, by number, and the ranges that are left."""
    rows, left = _Rows(cube), []
    asked: dict[tuple[int, int, tuple[str, ...]], list[Range]] = {}
    for range_ in ranges:
        place = rows.summed(range_.spec) if _is_plain(cube, range_) else None
        if place is not None:
            alike = (place, range_.spec.grain, range_.spec.group_by)
            if alike in asked or len(asked) < _PASSES:
                asked.setdefault(alike, []).append(range_)
                continue
        left.append(range_)
    tables = _tallied(rows, asked) if asked else None
    return (list(tables), left) if tables is not None else ([], list(ranges))


def _is_plain(cube: Cube, range_: Range) -> bool:
    """Return whether the library can count a range."""
    spec = range_.spec
    return spec.kind in _COUNTED and spec.where is None and _has_places(cube, range_)


def _has_places(cube: Cube, range_: Range) -> bool:
    """Return whether there may be a place for each number: not where rows are late."""
    few = range_.size <= _PLACES * cube.table.height + _PLACES_AT_LEAST
    return few and not cube.lag and library() is not None


def _tallied(
    rows: _Rows, asked: Mapping[tuple[int, int, tuple[str, ...]], Sequence[Range]]
) -> Iterator[pl.DataFrame] | None:
    """Return the cells of ranges: of those that differ in nothing but their base, together."""
    spans: list[Span] = []
    for (value, _, _), alike in sorted(asked.items()):
        first = len(spans)
        spans += [rows.span(r, value, first if i else -1) for i, r in enumerate(alike)]
    together = (Span * len(spans))(*spans)
    table = made(Tally(), rows.stream(), together, len(spans))
    if table is None:
        return None
    return _parted(table, [(s.value, s.found) for s in together], rows.scales)


def _parted(
    table: pl.DataFrame, found: Sequence[tuple[int, int]], scales: Mapping[int, int]
) -> Iterator[pl.DataFrame]:
    """Yield the cells of each value, and those that only count."""
    at = 0
    for value, some in groupby(found, key=lambda f: f[0]):
        height = sum(n for _, n in some)
        cells, at = table.slice(at, height), at + height
        if value == _ONLY_COUNTED:
            yield cells.select("@", "n")
        else:
            total = pl.col("s").cast(pl.Int128) * pl.lit(scales[value], dtype=pl.Int128)
            yield cells.with_columns(total)


def sketched(
    cube: Cube, range_: Range, packed: pl.Series
) -> tuple[pl.DataFrame, pl.DataFrame] | None:
    """Return the base cells of a distinct count, and its registers; None if it cannot.

    `packed` are the registers of each row (Int64), null where it has no value.
    """
    if range_.spec.where is not None or not _has_places(cube, range_):
        return None
    rows = _Rows(cube)
    span = rows.span(range_, rows.put("", packed))
    found = made(Sketches(), rows.stream(), byref(span))
    if found is None:
        return None
    return found.select("@", "n"), found.select("@", "x")
