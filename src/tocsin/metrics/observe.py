"""Events to cells: the half of measuring that needs no memory and runs anywhere.

Counts and sums of several metrics are taken together: the rows are grouped once by
every field those metrics group or filter by (a cube), and each metric is then read
off the small cube. Which metrics share one depends only on how many different values
their fields have; the cells are the same either way.
"""

from __future__ import annotations

from math import gcd
from typing import TYPE_CHECKING

import polars as pl
from msgspec import Struct, field
from msgspec.structs import replace

from tocsin.metrics.cells import (
    BASE,
    MILLION,
    MOST,
    MOST_SQUARED,
    SHAPES,
    Cells,
    NamedCells,
    gather,
    joined,
    millionths,
)
from tocsin.metrics.codes import ROOM, TooWideError, code, group
from tocsin.metrics.cube import Cube, Numbering, summed
from tocsin.metrics.sketches import (
    BUCKETS,
    PACKED_REGISTERS,
    bucket,
    in_lists,
    registers,
)
from tocsin.metrics.spec import Kind, MetricSpec, column
from tocsin.metrics.tally import sketched, tallied
from tocsin.metrics.values import SQUARED, fits, numbers_of, value_expr, value_name
from tocsin.metrics.witness import roomy, witnessed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tocsin.metrics.cells import Schema
    from tocsin.metrics.cube import Range
    from tocsin.metrics.lateness import Arrival
    from tocsin.metrics.witness import Lines
    from tocsin.model.batch import Coded

_SKETCHED = {Kind.PERCENTILE, Kind.DISTINCT}
_SUMMED = {Kind.SUM, Kind.AVG, Kind.STDDEV, Kind.PLUGIN}
_COUNT = [pl.len().cast(pl.Int64).alias("n")]
_AT: Schema = {"@": pl.Int64}


class Observer(Struct):
    """Observes the metrics of one source; `metrics` pairs each with its number.

    Metrics share a cube that can have no more than `share` cells for each row. That makes
    it faster, never different.
    """

    metrics: Sequence[tuple[int, MetricSpec]]
    share: float = 0.25
    _fields: dict[int, set[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._fields = {
            number: {column(name) for name in spec.where_reads.union(spec.group_by)}
            for number, spec in self.metrics
        }

    def observe(
        self,
        arrival: Arrival,
        lines: Lines | None = None,
        coded: Mapping[str, Coded] | None = None,
    ) -> NamedCells:
        """Return the cells of a judged batch; `lines` as in `witnessed`.

        `coded` are columns of its rows whose codes are known.
        """
        if arrival.rows.height == 0 or not self.metrics:
            return NamedCells.empty()
        return shifted(self._cells(arrival, lines, coded or {}), self.metrics)

    def _cells(
        self, arrival: Arrival, lines: Lines | None, coded: Mapping[str, Coded]
    ) -> NamedCells:
        """Return cells, of which some may be of the same series."""
        try:
            return self._observed(arrival, lines, coded)
        except TooWideError:
            rows, half = arrival.rows, arrival.rows.height // 2
            halves = (
                replace(arrival, rows=r) for r in (rows.head(half), rows.tail(-half))
            )
            return gather([self._cells(h, lines, {}) for h in halves])

    def _observed(
        self, arrival: Arrival, lines: Lines | None, coded: Mapping[str, Coded]
    ) -> NamedCells:
        fields: set[str] = set().union(*self._fields.values())
        cube = Cube.of(arrival.rows, sorted(fields), coded, in_order=arrival.in_order)
        numbering = Numbering(cube, self.metrics)
        found: dict[str, list[pl.DataFrame]] = {name: [] for name in SHAPES}
        for name, table in self._found(cube, numbering.ranges, lines):
            found[name].append(table)
        tables = [_shaped(parts, SHAPES[name]) for name, parts in found.items()]
        names, (base, buckets, registers, texts) = numbering.cells(tables)
        kept = roomy(texts, names, dict(self.metrics))
        return NamedCells(names, Cells(base, buckets, registers, kept))

    def _found(
        self, cube: Cube, ranges: Mapping[int, Range], lines: Lines | None
    ) -> Iterator[tuple[str, pl.DataFrame]]:
        """Yield tables by number (`@`) of cells, each with its name in `Cells`."""
        for range_ in ranges.values():
            if range_.spec.kind is Kind.PERCENTILE:
                yield from _buckets(cube, range_)
            elif range_.spec.kind is Kind.DISTINCT:
                yield from _registers(cube, range_)
            if range_.spec.lines:
                yield "lines", witnessed(cube, range_, lines)
        counting = [r for r in ranges.values() if r.spec.kind not in _SKETCHED]
        tables, left = tallied(cube, counting)
        for table in tables:
            yield "base", table
        rest = [(r, self._fields[r.number]) for r in left]
        for shared in _shared(cube, rest, self.share * cube.table.height):
            for table in _counted(cube, shared):
                yield "base", table


def shifted(named: NamedCells, metrics: Sequence[tuple[int, MetricSpec]]) -> NamedCells:
    """Return cells, those of metrics of the past as much later as these look back.

    They are known as soon as others of that time: not before their slice is over.
    """
    moved = {n: (m.offset, m.grain) for n, m in metrics if m.offset}
    if not moved or named.names.height == 0:
        return named
    m = named.names.get_column("m")
    by, grain = (
        m.replace_strict(
            list(moved),
            [v[i] for v in moved.values()],
            default=0,
            return_dtype=pl.Int64,
        )
        for i in (0, 1)
    )

    def later(rows: pl.DataFrame) -> pl.DataFrame:
        sid = rows.get_column("sid")
        p = pl.col("p") + by.gather(sid)
        return rows.with_columns(
            p=p, k=pl.max_horizontal(pl.col("k"), p + grain.gather(sid))
        )

    return NamedCells(named.names, named.cells.map(later))


class _Shared(Struct):
    """Metrics that share a cube: of these fields, and of slices of `grain` seconds."""

    grain: int
    fields: set[str]
    ranges: list[Range]


def _shared(
    cube: Cube, ranges: Iterable[tuple[Range, set[str]]], most: float
) -> list[_Shared]:
    """Return which metrics, of these fields, share cubes of at most so many cells."""
    found: list[_Shared] = []
    for range_, fields in sorted(ranges, key=lambda r: len(r[1])):
        for shared in found:
            both, grain = shared.fields | fields, gcd(shared.grain, range_.spec.grain)
            same = grain == shared.grain and both == shared.fields
            if same or cube.room(both, grain) <= most:
                shared.grain, shared.fields = grain, both
                shared.ranges.append(range_)
                break
        else:
            found.append(_Shared(range_.spec.grain, fields, [range_]))
    return found


def _counted(cube: Cube, shared: _Shared) -> Iterator[pl.DataFrame]:
    """Yield the base cells of metrics that count and sum, by one cube of them all."""
    named = [(value_name(r.spec), r) for r in shared.ranges]
    sums, columns = list(_COUNT), []
    for name in dict.fromkeys(n for n, _ in named if n):
        sharing = [r.spec for n, r in named if n == name]
        most = MOST_SQUARED if sharing[0].kind in SQUARED else MOST
        numbers = numbers_of(cube.table, value_expr(sharing[0]), most)
        columns.append(numbers.alias(name))
        sums += _sums(name, numbers, {m.kind for m in sharing})
    read: set[str] = set().union(*(r.spec.where_reads for r in shared.ranges))
    plain = sorted(map(column, read))
    if columns:
        cube = replace(cube, table=cube.table.with_columns(columns))
    cube = cube.summed(sorted(shared.fields), sums, plain=plain, grain=shared.grain)
    for name in dict.fromkeys(n for n, _ in named):
        yield _base(cube, name, [r for n, r in named if n == name])


def _base(cube: Cube, name: str, ranges: Sequence[Range]) -> pl.DataFrame:
    """Return the base cells of metrics of the same value."""
    if name:
        cube = replace(cube, table=cube.table.filter(pl.col(f"n{name}") > 0))
    has = {c: f"{c}{name}" for c in BASE if f"{c}{name}" in cube.table.columns}
    return summed(cube, ranges, [joined(pl.col(h), c).alias(c) for c, h in has.items()])


def _sums(name: str, numbers: pl.Series, kinds: set[Kind]) -> list[pl.Expr]:
    """Return the aggregates of one value that these kinds of metric need."""
    value = pl.col(name)
    sums = [value.count().cast(pl.Int64).alias(f"n{name}")]
    if kinds & _SUMMED:
        sums.append(_total(value, numbers).alias(f"s{name}"))
    if kinds & SQUARED:
        sums.append(millionths(value).pow(2).sum().alias(f"q{name}"))
    if kinds & {Kind.MIN, Kind.PLUGIN}:
        sums.append(value.min().cast(pl.Float64).alias(f"lo{name}"))
    if kinds & {Kind.MAX, Kind.PLUGIN}:
        sums.append(value.max().cast(pl.Float64).alias(f"hi{name}"))
    return sums


def _total(value: pl.Expr, numbers: pl.Series) -> pl.Expr:
    """Return the exact sum in millionths, by 128 bits where 64 may not do."""
    wide = pl.Int64 if fits(numbers) else pl.Int128
    if numbers.dtype == pl.Float64:
        return (value * MILLION).round().cast(wide).sum().cast(pl.Int128)
    # Whole numbers are summed before they are scaled: one product for each group.
    return value.cast(wide).sum().cast(pl.Int128) * pl.lit(MILLION, dtype=pl.Int128)


def _shaped(parts: Sequence[pl.DataFrame], schema: Schema) -> pl.DataFrame:
    """Return tables as one with the columns of a schema, null where they lack them."""
    if not parts:
        return pl.DataFrame(schema=_AT | schema)
    table = pl.concat(parts, how="diagonal")
    has = set(table.columns)
    return table.select(
        "@",
        *(
            pl.col(name).cast(kind) if name in has else pl.lit(None, kind).alias(name)
            for name, kind in schema.items()
        ),
    )


def _sketched(cube: Cube, range_: Range, value: pl.Expr | pl.Series) -> pl.DataFrame:
    """Return the values (`v`) of a metric, by numbers from 0 on of its cells."""
    place = (range_.place(cube) - range_.base).alias("@")
    rows = cube.table.select(place, v=value)
    return rows if range_.spec.where is None else rows.drop_nulls("@")


def _buckets(cube: Cube, range_: Range) -> Iterator[tuple[str, pl.DataFrame]]:
    """Yield the cells of a percentile: of each finite value its bucket."""
    rows = _sketched(cube, range_, value_expr(range_.spec))
    numbers = numbers_of(rows, pl.col("v"), MOST)
    rows = rows.select("@", bucket(pl.lit(numbers)).alias("b") + BUCKETS)
    sizes = {"@": range_.size, "b": 2 * BUCKETS + 1}
    table = group(rows.drop_nulls("b"), sizes, _COUNT)
    table = table.with_columns(pl.col("@") + range_.base, pl.col("b") - BUCKETS)
    yield "base", table.group_by("@").agg(pl.col("n").sum())
    yield "buckets", table


def _registers(cube: Cube, range_: Range) -> Iterator[tuple[str, pl.DataFrame]]:
    """Yield the cells of a distinct count: of each value its register and rank."""
    if range_.size * PACKED_REGISTERS >= ROOM:
        raise TooWideError
    value = value_expr(range_.spec)
    known = cube.known.get(value.meta.output_name()) if value.meta.is_column() else None
    texts = known or code(cube.table.select(value.cast(pl.String)).to_series())
    # Each different text is hashed once.
    packed = registers(texts.values).gather(texts.codes)
    tables = sketched(cube, range_, packed) or _by_sorting(cube, range_, packed)
    yield from zip(("base", "registers"), tables, strict=True)


def _by_sorting(
    cube: Cube, range_: Range, packed: pl.Series
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return how many rows each number of a distinct count has, and its registers."""
    rows = _sketched(cube, range_, packed).select("@", x="v").drop_nulls("x")
    counts = rows.group_by("@").agg(_COUNT)
    back = pl.col("@") + range_.base
    return counts.with_columns(back), in_lists(rows).with_columns(back)
