"""Events to cells: the half of measuring that needs no memory and runs anywhere.

Counts and sums of several metrics are taken together: the rows are grouped once by
every field those metrics group or filter by (a cube), and each metric is then read
off the small cube. Whether the cube is used depends only on how many different values
the fields have; the cells are the same either way.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

import polars as pl

from tocsin.metrics.cells import (
    BASE,
    MILLION,
    MOST,
    MOST_SQUARED,
    NAMES,
    Cells,
    NamedCells,
    gather,
    joined,
    millionths,
)
from tocsin.metrics.lateness import Arrival, known_from
from tocsin.metrics.sketches import bucket, digest, registers
from tocsin.metrics.spec import Kind, MetricSpec, column

if TYPE_CHECKING:
    from collections.abc import Sequence

_SKETCHED = {Kind.PERCENTILE, Kind.DISTINCT}
_SAMPLE = 20_000
_FEW = 200
_KEY_BYTES = 256
_SAFE = 2**62
_ROOM = 2**20
_SUMMED = {Kind.SUM, Kind.AVG, Kind.STDDEV, Kind.PLUGIN}
_SQUARED = {Kind.STDDEV, Kind.PLUGIN}
_COUNT = [pl.len().cast(pl.Int64).alias("n")]


@dataclass(slots=True)
class Observer:
    """Observes the metrics of one source; `metrics` pairs each with its number.

    What it keeps (which fields have few values) makes it faster, never different.
    """

    metrics: Sequence[tuple[int, MetricSpec]]
    few: set[str] | None = field(default=None)

    def observe(self, arrival: Arrival) -> NamedCells:
        """Return the cells of a judged batch."""
        rows = arrival.rows
        if rows.height == 0 or not self.metrics:
            return NamedCells.empty()
        if self.few is None:
            self.few = _fields_with_few_values(rows, self.metrics)
        parts = self._counted(rows, in_order=arrival.in_order)
        for number, spec in self.metrics:
            if spec.kind in _SKETCHED:
                parts.append(_sketched(arrival, number, spec))
        return gather(parts)

    def _counted(self, rows: pl.DataFrame, *, in_order: bool) -> list[NamedCells]:
        """Return the cells of all metrics that count and sum."""
        wanted = [(i, m) for i, m in self.metrics if m.kind not in _SKETCHED]
        cubed = [(i, m) for i, m in wanted if self._cubable(m)]
        parts = []
        if cubed:
            cube = _cube(rows, [m for _, m in cubed], in_order=in_order)
            parts = [_read_off(cube, i, m, in_order=in_order) for i, m in cubed]
        for number, spec in wanted:
            if not self._cubable(spec):
                part = _cube(_matching(rows, spec), [spec], in_order=in_order)
                parts.append(_read_off(part, number, spec, in_order=in_order))
        return parts

    def _cubable(self, spec: MetricSpec) -> bool:
        return self.few is not None and _dimensions(spec) <= self.few


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


def _cube(
    rows: pl.DataFrame, metrics: Sequence[MetricSpec], *, in_order: bool
) -> pl.DataFrame:
    """Group rows by pane and by all the dimensions of these metrics, with all sums."""
    sums = [pl.len().cast(pl.Int64).alias("n")]
    dims = sorted(set().union(*(_dimensions(m) for m in metrics)))
    panes = ["p"] if in_order else ["p", "a"]
    shaped = rows.select(*panes, *dims)
    for name in dict.fromkeys(filter(None, map(_value_name, metrics))):
        sharing = [m for m in metrics if _value_name(m) == name]
        most = MOST_SQUARED if sharing[0].kind in _SQUARED else MOST
        numbers = _numbers(rows, _value(sharing[0]), most)
        shaped = shaped.with_columns(numbers.alias(name))
        sums += _sums(name, numbers, {m.kind for m in sharing})
    cube = shaped.group_by(panes + dims).agg(sums)
    return cube.with_columns(a=pl.col("p")) if in_order else cube


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


def _read_off(
    cube: pl.DataFrame, number: int, spec: MetricSpec, *, in_order: bool
) -> NamedCells:
    """Return the base cells of one metric from a cube that has its dimensions."""
    name = _value_name(spec)
    rows = _matching(cube, spec)
    if name:
        rows = rows.filter(pl.col(f"n{name}") > 0)
    has = set(rows.columns)
    sums = [
        (pl.col(f"{c}{name}") if f"{c}{name}" in has else pl.lit(None))
        .pipe(joined, c)
        .cast(t)
        .alias(c)
        for c, t in BASE.items()
    ]  # fmt: skip
    names, base = _grouped(rows, (number, spec), sums, in_order=in_order)
    empty = Cells.empty()
    return NamedCells(names, Cells(base, empty.buckets, empty.registers))


def _grouped(
    rows: pl.DataFrame,
    metric: tuple[int, MetricSpec],
    sums: list[pl.Expr],
    more: Sequence[str] = (),
    *,
    in_order: bool,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Group rows with `p` and `a` to a table of cells; return names and table."""
    number, spec = metric
    grain = spec.grain
    start = pl.col("p") if grain == 1 else pl.col("p") // grain * grain
    known = pl.col("p") + grain
    by = [*more, *_groups(spec)]
    if in_order:
        cells = rows.group_by(start, *by).agg(sums)
    else:
        cells = rows.group_by(start, known_from(grain).alias("k"), *by).agg(sums)
        known = pl.col("k")
    names, cells = _name(cells, number, spec)
    rest = [e.meta.output_name() for e in sums]
    return names, cells.select("sid", "p", known.alias("k"), *more, *rest)


def _name(
    cells: pl.DataFrame, number: int, spec: MetricSpec
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the names of the series, and the table with the row of each as `sid`."""
    columns = _groups(spec)
    if not columns:
        return _alone(number), cells.with_columns(sid=pl.lit(0, dtype=pl.Int64))
    keys = cells.select(columns).unique().with_row_index("sid")
    keys = keys.with_columns(pl.col("sid").cast(pl.Int64))
    numbered = cells.join(keys, on=columns, how="left", nulls_equal=True)
    fields = [pl.col(column(f)).alias(f) for f in spec.group_by]
    names = _shorten(keys, columns).select(
        pl.lit(number, dtype=pl.Int32).alias("m"),
        pl.struct(fields).struct.json_encode().alias("key"),
    )
    return names, numbered


@lru_cache(maxsize=1024)
def _alone(number: int) -> pl.DataFrame:
    """Return the name of the one series of a metric without a group."""
    return pl.DataFrame({"m": [number], "key": ["{}"]}, schema=NAMES)


def _shorten(cells: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    """Cut long texts in group keys, so that hostile lines cannot make keys large.

    What is cut off is stood for by its hash: different texts stay different keys.
    """
    for name in columns:
        texts = cells.get_column(name)
        if texts.dtype != pl.String:
            continue
        long = (texts.str.len_bytes() > _KEY_BYTES).fill_null(value=False)
        if long.any():
            kept = texts.filter(long)
            cut = kept.str.slice(0, 60) + "…" + digest(kept)
            cells = cells.with_columns(texts.scatter(long.arg_true(), cut))
    return cells


def _sketched(arrival: Arrival, number: int, spec: MetricSpec) -> NamedCells:
    """Return the cells of a percentile or a distinct count."""
    rows = _matching(arrival.rows, spec)
    shape = _buckets if spec.kind is Kind.PERCENTILE else _registers
    shaped = shape(rows, spec)
    column = shaped.columns[-1]
    if column == "x" and not spec.group_by and arrival.in_order:
        return _distinct(shaped, number, spec)
    names, table = _grouped(
        shaped, (number, spec), _COUNT, [column], in_order=arrival.in_order
    )
    empty = Cells.empty()
    counted = table.group_by("sid", "p", "k").agg(pl.col("n").sum())
    base = pl.concat([empty.base, counted], how="diagonal")
    if column == "b":
        return NamedCells(names, Cells(base, table, empty.registers))
    return NamedCells(names, Cells(base, empty.buckets, table.drop("n")))


def _distinct(shaped: pl.DataFrame, number: int, spec: MetricSpec) -> NamedCells:
    """Return the cells of a distinct count without a group, from rows in order.

    The slice of time and the register are packed in one number, because different
    numbers are found several times as fast as different pairs.
    """
    grain = spec.grain
    slice_ = pl.col("p") // grain
    packed = shaped.select(slice_ * _ROOM + pl.col("x")).to_series().unique()
    held = pl.DataFrame({"v": packed}).select(
        sid=pl.lit(0, dtype=pl.Int64),
        p=pl.col("v") // _ROOM * grain,
        k=pl.col("v") // _ROOM * grain + grain,
        x=(pl.col("v") % _ROOM).cast(pl.Int32),
    )
    names, counted = _grouped(shaped, (number, spec), _COUNT, in_order=True)
    empty = Cells.empty()
    base = pl.concat([empty.base, counted], how="diagonal")
    return NamedCells(names, Cells(base, empty.buckets, held))


def _buckets(rows: pl.DataFrame, spec: MetricSpec) -> pl.DataFrame:
    """Return each finite value as its bucket, `b`, with its panes and group."""
    numbers = pl.DataFrame({"v": _numbers(rows, _value(spec), MOST)})
    found = numbers.select(b=bucket(pl.col("v"))).to_series()
    shaped = rows.select("p", "a", *_groups(spec)).with_columns(found)
    return shaped.filter(pl.col("b").is_not_null()) if found.null_count() else shaped


def _registers(rows: pl.DataFrame, spec: MetricSpec) -> pl.DataFrame:
    """Return each value as its register and rank in one number, `x`.

    Each different value of the batch is hashed once: values become numbers of a
    dictionary of this batch first, and the numbers are looked up.
    """
    texts = rows.select(_value(spec)).to_series().cast(pl.String)
    coded = texts.cast(pl.Categorical(pl.Categories.random()))
    distinct = coded.drop_nulls().unique()
    packed = registers(distinct.cast(pl.String))
    order = distinct.to_physical().arg_sort()
    shaped = rows.select("p", "a", *_groups(spec))
    if packed.len() == 0:
        return shaped.clear().with_columns(x=pl.lit(None, dtype=pl.Int32))
    found = packed.gather(order).gather(coded.to_physical()).alias("x")
    shaped = shaped.with_columns(found)
    return shaped.filter(pl.col("x").is_not_null()) if found.null_count() else shaped
