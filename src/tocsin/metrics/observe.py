"""Events to cells: the half of measuring that needs no memory and runs anywhere.

Counts and sums of several metrics are taken together: the rows are grouped once by
every field those metrics group or filter by (a cube), and each metric is then read
off the small cube. Whether the cube is used depends only on how many different values
the fields have; the cells are the same either way.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import polars as pl

from tocsin.metrics.cells import (
    BASE,
    MILLION,
    MOST,
    MOST_SQUARED,
    Cells,
    NamedCells,
    gather,
    joined,
    millionths,
)
from tocsin.metrics.codes import TooWideError, code
from tocsin.metrics.cube import Cube, read_off, read_registers
from tocsin.metrics.sketches import BUCKETS, bucket, registers
from tocsin.metrics.spec import Kind, MetricSpec, column
from tocsin.metrics.witness import witnessed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tocsin.metrics.lateness import Arrival
    from tocsin.metrics.witness import Lines

_SKETCHED = {Kind.PERCENTILE, Kind.DISTINCT}
_SAMPLE = 20_000
_FEW = 200
_SAFE = 2**62
_SUMMED = {Kind.SUM, Kind.AVG, Kind.STDDEV, Kind.PLUGIN}
_SQUARED = {Kind.STDDEV, Kind.PLUGIN}
_COUNT = [pl.len().cast(pl.Int64).alias("n")]
_WHEN = ["sid", "p", "k"]


@dataclass(slots=True)
class Observer:
    """Observes the metrics of one source; `metrics` pairs each with its number.

    What it keeps (which fields have few values) makes it faster, never different.
    """

    metrics: Sequence[tuple[int, MetricSpec]]
    few: set[str] | None = field(default=None)

    def observe(self, arrival: Arrival, lines: Lines | None = None) -> NamedCells:
        """Return the cells of a judged batch; `lines` as in `witnessed`."""
        rows = arrival.rows
        if rows.height == 0 or not self.metrics:
            return NamedCells.empty()
        if self.few is None:
            self.few = _fields_with_few_values(rows, self.metrics)
        parts = self._parts(rows, in_order=arrival.in_order)
        parts += [
            witnessed(rows, number, spec, lines)
            for number, spec in self.metrics
            if spec.lines
        ]
        return shifted(gather(parts), self.metrics)

    def _parts(self, rows: pl.DataFrame, *, in_order: bool) -> list[NamedCells]:
        """Return cells, of which some may be of the same series."""
        try:
            return list(self._observed(rows, in_order=in_order))
        except TooWideError:
            half = rows.height // 2
            first = self._parts(rows.head(half), in_order=in_order)
            return first + self._parts(rows.tail(-half), in_order=in_order)

    def _observed(self, rows: pl.DataFrame, *, in_order: bool) -> Iterator[NamedCells]:
        for number, spec in self.metrics:
            if spec.kind in _SKETCHED:
                yield _sketched(rows, number, spec, in_order=in_order)
        for metrics in self._sharing():
            yield _counted(rows, metrics, in_order=in_order)

    def _sharing(self) -> Iterator[list[tuple[int, MetricSpec]]]:
        """Return the metrics that count and sum: which of them share a cube.

        They have slices of the same length, and fields of few values.
        """
        by_grain: dict[int, list[tuple[int, MetricSpec]]] = {}
        for number, spec in self.metrics:
            if spec.kind in _SKETCHED:
                continue
            if _dimensions(spec) <= (self.few or set()):
                by_grain.setdefault(spec.grain, []).append((number, spec))
            else:
                yield [(number, spec)]
        yield from by_grain.values()


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


def _dimensions(spec: MetricSpec) -> set[str]:
    return {column(name) for name in spec.where_reads.union(spec.group_by)}


def _groups(spec: MetricSpec) -> list[str]:
    return [column(name) for name in spec.group_by]


def _fields_with_few_values(
    rows: pl.DataFrame, metrics: Sequence[tuple[int, MetricSpec]]
) -> set[str]:
    sample = rows.head(_SAMPLE)
    wanted: set[str] = set().union(*(_dimensions(m) for _, m in metrics))
    return {name for name in wanted if sample.get_column(name).n_unique() <= _FEW}


def _matching(rows: pl.DataFrame, spec: MetricSpec) -> pl.DataFrame:
    return rows if spec.where is None else rows.filter(spec.where)


def _value(spec: MetricSpec) -> pl.Expr:
    return pl.lit(None) if spec.value is None else spec.value


def _value_name(spec: MetricSpec) -> str:
    """Return a name that equal values share, so that they are summed once."""
    if spec.value is None:
        return ""
    kind = "q:" if spec.kind in _SQUARED else "v:"
    return kind + spec.value.meta.serialize().hex()


def _counted(
    rows: pl.DataFrame, metrics: Sequence[tuple[int, MetricSpec]], *, in_order: bool
) -> NamedCells:
    """Return the cells of metrics that count and sum, by one cube of them all."""
    named = [(_value_name(m), (i, m)) for i, m in metrics]
    dims = sorted(set().union(*(_dimensions(m) for _, m in metrics)))
    sums, columns = list(_COUNT), []
    for name in dict.fromkeys(n for n, _ in named if n):
        sharing = [m for n, (_, m) in named if n == name]
        most = MOST_SQUARED if sharing[0].kind in _SQUARED else MOST
        numbers = _numbers(rows, _value(sharing[0]), most)
        columns.append(numbers.alias(name))
        sums += _sums(name, numbers, {m.kind for m in sharing})
    read: set[str] = set().union(*(m.where_reads for _, m in metrics))
    cube = Cube.of(rows.with_columns(columns), dims, in_order=in_order)
    grain = metrics[0][1].grain
    cube = cube.summed(dims, sums, plain=sorted(map(column, read)), grain=grain)
    return gather(
        [
            _base(cube, name, [m for n, m in named if n == name])
            for name in dict.fromkeys(n for n, _ in named)
        ]
    )


def _base(
    cube: Cube, name: str, metrics: Sequence[tuple[int, MetricSpec]]
) -> NamedCells:
    """Return the base cells of metrics of the same value."""
    if name:
        cube = replace(cube, table=cube.table.filter(pl.col(f"n{name}") > 0))
    has = {c: f"{c}{name}" for c in BASE if f"{c}{name}" in cube.table.columns}
    sums = [joined(pl.col(held), c).alias(c) for c, held in has.items()]
    names, cells = read_off(cube, metrics, sums)
    return NamedCells(names, _cells(base=cells))


def _numbers(rows: pl.DataFrame, value: pl.Expr, most: float) -> pl.Series:
    """Return the values as whole numbers or floats; null beyond `most` either way."""
    numbers = rows.select(value).to_series()
    if not numbers.dtype.is_integer():
        floats = numbers.cast(pl.Float64, strict=False)
        return floats.set(~(floats.abs() <= most).fill_null(value=True), None)
    whole = numbers.cast(pl.Int64, strict=False)
    if most == MOST:
        return whole
    return whole.set((whole.abs() > int(most)).fill_null(value=False), None)


def _sums(name: str, numbers: pl.Series, kinds: set[Kind]) -> list[pl.Expr]:
    """Return the aggregates of one value that these kinds of metric need."""
    value = pl.col(name)
    sums = [value.count().cast(pl.Int64).alias(f"n{name}")]
    if kinds & _SUMMED:
        sums.append(_total(value, numbers).alias(f"s{name}"))
    if kinds & _SQUARED:
        sums.append(millionths(value).pow(2).sum().alias(f"q{name}"))
    if kinds & {Kind.MIN, Kind.PLUGIN}:
        sums.append(value.min().cast(pl.Float64).alias(f"lo{name}"))
    if kinds & {Kind.MAX, Kind.PLUGIN}:
        sums.append(value.max().cast(pl.Float64).alias(f"hi{name}"))
    return sums


def _total(value: pl.Expr, numbers: pl.Series) -> pl.Expr:
    """Return the exact sum in millionths, by 128 bits where 64 may not do."""
    wide = pl.Int64 if _fits(numbers) else pl.Int128
    if numbers.dtype == pl.Float64:
        return (value * MILLION).round().cast(wide).sum().cast(pl.Int128)
    # Whole numbers are summed before they are scaled: one product for each group.
    return value.cast(wide).sum().cast(pl.Int128) * pl.lit(MILLION, dtype=pl.Int128)


def _fits(numbers: pl.Series) -> bool:
    """Return whether a sum of all these, scaled if floats, is sure to fit in 64 bits."""
    largest = max(abs(float(numbers.max() or 0)), abs(float(numbers.min() or 0)))  # type: ignore[arg-type]
    scale = MILLION if numbers.dtype == pl.Float64 else 1
    return largest * scale * max(len(numbers), 1) < _SAFE


def _sketched(
    rows: pl.DataFrame, number: int, spec: MetricSpec, *, in_order: bool
) -> NamedCells:
    """Return the cells of a percentile or a distinct count."""
    rows = _matching(rows, spec)
    shape = _buckets if spec.kind is Kind.PERCENTILE else _registers
    sketch = shape(rows, spec)
    groups = [column(name) for name in spec.group_by]
    rows = rows.select("p", "a", *groups).with_columns(sketch)
    if sketch.null_count():
        rows = rows.filter(pl.col(sketch.name).is_not_null())
    cube = Cube.of(rows, groups, in_order=in_order)
    metric = [(number, replace(spec, where=None))]
    if sketch.name == "b":
        names, table = read_off(cube, metric, _COUNT, ("b", 2 * BUCKETS + 1))
        base = table.group_by(_WHEN).agg(pl.col("n").sum())
        table = table.with_columns(pl.col("b") - BUCKETS)
        return NamedCells(names, _cells(base=base, buckets=table))
    names, table = read_registers(cube, *metric[0])
    return NamedCells(names, _cells(base=table.drop("x"), registers=table))


def _cells(
    base: pl.DataFrame,
    buckets: pl.DataFrame | None = None,
    registers: pl.DataFrame | None = None,
) -> Cells:
    """Return tables of cells; columns they lack are null."""
    empty = Cells.empty()
    pairs = zip(
        (empty.base, empty.buckets, empty.registers),
        (base, buckets, registers),
        strict=True,
    )
    return Cells(
        *(none if some is None else _shaped(some, none) for none, some in pairs)
    )


def _shaped(table: pl.DataFrame, like: pl.DataFrame) -> pl.DataFrame:
    """Return a table with the columns of another, null where it lacks them."""
    has = set(table.columns)
    return table.select(
        pl.col(name).cast(kind) if name in has else pl.lit(None, kind).alias(name)
        for name, kind in like.schema.items()
    )


def _buckets(rows: pl.DataFrame, spec: MetricSpec) -> pl.Series:
    """Return each finite value as its bucket, `b`; null where it is no number."""
    numbers = pl.DataFrame({"v": _numbers(rows, _value(spec), MOST)})
    return numbers.select(b=bucket(pl.col("v")) + BUCKETS).to_series()


def _registers(rows: pl.DataFrame, spec: MetricSpec) -> pl.Series:
    """Return each value as its register and rank in one number, `x`.

    Each different value of the batch is hashed once: values become codes first, and
    what they stand for is looked up.
    """
    coded = code(rows.select(_value(spec)).to_series().cast(pl.String))
    packed = registers(coded.values.fill_null(""))
    packed = packed.set(coded.values.is_null(), None).cast(pl.Int64)
    return packed.gather(coded.codes).alias("x")
