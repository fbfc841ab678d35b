"""Cells to datapoints: the windows of every series over a stretch of time, in columns.

A window's value changes only when a cell enters or leaves it, so a stretch of time is
a list of *runs*: rows (`sid`, `m`, `e`, `steps`, `n`, `value`, `every`) that stand for
`steps` equal datapoints, the first at `e`, each `every` seconds after the one before. A
silence of a year is one run, and no work is done for it.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import polars as pl
from msgspec import Struct

from tocsin.metrics import sliding
from tocsin.metrics.cells import MILLION, Cells, variance
from tocsin.metrics.sketches import cardinality, middle
from tocsin.metrics.spec import Kind, MetricSpec, first_end
from tocsin.model.batch import collected, divided

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

RUNS = {
    "sid": pl.Int64,
    "m": pl.Int32,
    "e": pl.Int64,
    "steps": pl.Int64,
    "n": pl.Int64,
    "value": pl.Float64,
    "every": pl.Int64,
}
_ABOUT = ("sid", "m", "kind", "grain", "period", "every", "num", "den", "until")
_LAST = pl.col("sid").ne_missing(pl.col("sid").shift(-1))
_STEPS = (
    pl.when(_LAST)
    .then((pl.col("until") - pl.col("e")) // pl.col("every") + 1)
    .otherwise((pl.col("e").shift(-1) - pl.col("e")) // pl.col("every"))
)
_LOOKED_INTO = {Kind.MIN, Kind.MAX, Kind.PERCENTILE, Kind.DISTINCT}
_SPREAD = 2_000_000
"""Rows of windows looked into at once."""
_REGISTERS = 100_000
"""The same of registers: there are many in a row."""
CONTENTS = ("events", "total", "squares", "low", "high")
"""The columns over which the value of a plugin's aggregate is computed."""
_OVERLAP = 4
"""Windows that hold each cell more often than this are looked into as they slide."""


class Stretch(Struct, frozen=True):
    """For each series, what to judge: a frame with one row for each.

    Columns: `sid`, `m`, `kind`, `grain`, `period`, `every`, `num`, `den` (of a
    quantile), `start` and `until` (ends in `(start, until]` are wanted, s), `first`
    (the slice since which the series lives).
    """

    series: pl.DataFrame


def spec_frame(metrics: dict[int, MetricSpec]) -> pl.DataFrame:
    """Return what windows need to know of each metric, a row for each."""
    rows = [
        (
            number,
            spec.kind.value,
            spec.grain,
            spec.period,
            spec.every,
            spec.quantile.num if spec.quantile else 0,
            spec.quantile.den if spec.quantile else 1,
        )
        for number, spec in metrics.items()
    ]
    whole = ("grain", "period", "every", "num", "den")
    schema = {"m": pl.Int32, "kind": pl.String} | dict.fromkeys(whole, pl.Int64)
    return pl.DataFrame(rows, schema=schema, orient="row")


def windows(
    cells: Cells,
    points: pl.DataFrame,
    stretch: Stretch,
    results: Mapping[int, pl.Expr] | None = None,
) -> pl.DataFrame:
    """Return the runs of every series of a stretch, by series and time.

    `points` are its change points. `cells` must hold just what may be used: the caller
    leaves out what is not known yet. `results` maps a metric with a plugin's aggregate
    to its value.
    """
    series = stretch.series
    if series.height == 0:
        return pl.DataFrame(schema=RUNS)
    kinds = tuple(sorted(series.get_column("kind").unique().to_list()))
    about = series.lazy().select(_ABOUT)
    runs = points.lazy().join(about, on="sid", how="left", maintain_order="left")
    runs = runs.with_columns(steps=_STEPS, value=_plain_value(kinds))
    if not results and _LOOKED_INTO.isdisjoint(kinds):
        return collected(runs.select(*RUNS))
    return _looked_into(collected(runs), cells, kinds, results or {})


def _looked_into(
    runs: pl.DataFrame,
    cells: Cells,
    kinds: Iterable[str],
    results: Mapping[int, pl.Expr],
) -> pl.DataFrame:
    """Return runs with the values that are not had from counts and sums."""
    runs = runs.with_columns(i=pl.int_range(pl.len(), dtype=pl.Int64))
    for kind in kinds:
        runs = _with_contents(runs, cells, Kind(kind))
    if results:
        runs = _with_results(runs, cells, results)
    return runs.select(*RUNS)


@cache
def _plain_value(kinds: tuple[str, ...]) -> pl.Expr:
    """Return the value of those of these kinds that need only counts and sums."""
    n, total = pl.col("n"), divided(pl.col("s").cast(pl.Float64), MILLION)
    some = pl.when(n > 0)
    values = {
        Kind.COUNT: n.cast(pl.Float64),
        Kind.RATE: divided(n, pl.col("period")),
        Kind.SUM: total,
        Kind.AVG: some.then(divided(total, n)),
        Kind.STDDEV: some.then(variance(n, pl.col("s"), pl.col("q")).sqrt()),
        Kind.SHARE: pl.when(total > 0).then(divided(100.0 * n, total)),
        Kind.DISTINCT: pl.lit(0.0),
    }
    found = pl.lit(None, dtype=pl.Float64)
    for kind, value in values.items():
        if kind in kinds:
            mine = pl.col("kind") == kind.value
            found = pl.when(mine).then(value).otherwise(found)
    return found


def _with_contents(runs: pl.DataFrame, cells: Cells, kind: Kind) -> pl.DataFrame:
    """Set the value of the runs of a kind whose windows must be looked into."""
    if kind in {Kind.MIN, Kind.MAX}:
        least = kind is Kind.MIN
        table = cells.base.select("sid", "p", x="lo" if least else "hi")
        found = _extremes(_Overlap.of(runs, table, kind), least=least)
    elif kind is Kind.PERCENTILE:
        found = _quantiles(_Overlap.of(runs, cells.buckets, kind))
    elif kind is Kind.DISTINCT:
        found = _cardinalities(runs, cells.registers)
    else:
        return runs
    return _found(runs, found)


def _found(runs: pl.DataFrame, found: pl.DataFrame) -> pl.DataFrame:
    joined = runs.join(found, on="i", how="left", maintain_order="left")
    return joined.with_columns(value=pl.coalesce("found", "value")).drop("found")


def _with_results(
    runs: pl.DataFrame, cells: Cells, results: Mapping[int, pl.Expr]
) -> pl.DataFrame:
    """Set the value of the runs whose aggregate is a plugin's."""
    ends = [
        _extremes(
            _Overlap.of(runs, cells.base.select("sid", "p", x=x), Kind.PLUGIN),
            least=x == "lo",
        ).rename({"found": name})
        for x, name in (("lo", "low"), ("hi", "high"))
    ]
    parts = []
    for number, result in results.items():
        mine = runs.filter(pl.col("m") == number)
        for end in ends:
            mine = mine.join(end, on="i", how="left", maintain_order="left")
        contents = mine.select(
            "i",
            "low",
            "high",
            events="n",
            total=divided(pl.col("s").cast(pl.Float64), MILLION),
            squares=divided(pl.col("q").cast(pl.Float64), MILLION**2),
        )
        found = result.cast(pl.Float64)
        finite = pl.when(found.is_finite()).then(found)
        parts.append(contents.select("i", found=finite))
    return _found(runs, pl.concat(parts))


class _Overlap(Struct, frozen=True):
    """The windows of one kind (`asked`, by series and time), and the cells in them.

    `held` says of each cell `at` which window it comes in, and which (`high`) is the
    first after it that does not hold it. `looks` is how many pairs there are.
    """

    asked: pl.DataFrame
    table: pl.DataFrame
    held: pl.DataFrame
    looks: int

    @classmethod
    def of(cls, runs: pl.DataFrame, table: pl.DataFrame, kind: Kind) -> _Overlap:
        wanted = runs.filter(pl.col("kind") == kind.value)
        asked = wanted.select("i", "sid", "e", "period", "num", "den").sort("sid", "e")
        shape = wanted.select("sid", "grain", "period").unique()
        held = table.join(shape, on="sid", how="inner")
        place = asked.select(_place("sid", "e")).to_series()
        low = held.select(_place("sid", pl.col("p") + pl.col("grain"))).to_series()
        high = held.select(_place("sid", pl.col("p") + pl.col("period"))).to_series()
        held = held.with_columns(
            at=place.search_sorted(low, side="left").cast(pl.Int64),
            high=place.search_sorted(high, side="right").cast(pl.Int64),
        ).filter(pl.col("high") > pl.col("at"))
        looks = int(held.select((pl.col("high") - pl.col("at")).sum()).item())
        return cls(asked, held.select(table.columns), held, looks)

    @property
    def much(self) -> bool:
        """Whether looking at each cell once for each window is too much."""
        return self.looks > _OVERLAP * self.held.height

    def pairs(self, most: int = _SPREAD) -> Iterator[pl.DataFrame]:
        """Yield each cell once for each window (`i`) that holds it.

        About so many at most are yielded at once, and all of a window come together.
        """
        pieces = min(-(-self.looks // most), self.asked.height)
        for piece in range(pieces):
            begin, end = (self.asked.height * n // pieces for n in (piece, piece + 1))
            part = self.held
            if pieces > 1:
                part = part.filter((pl.col("at") < end) & (pl.col("high") > begin))
                part = part.with_columns(
                    at=pl.max_horizontal("at", begin),
                    high=pl.min_horizontal("high", end),
                )
            if part.height:
                yield _spread(part, self.asked)


def _extremes(overlap: _Overlap, *, least: bool) -> pl.DataFrame:
    """Return `i` and the least or greatest `x` of each window."""
    if overlap.much:
        return sliding.extremes(overlap.table, overlap.asked, least=least)
    best = pl.col("x").min() if least else pl.col("x").max()
    nothing = overlap.table.select(i="p", found="x").clear()
    parts = [inside.group_by("i").agg(found=best) for inside in overlap.pairs()]
    return pl.concat([nothing, *parts])


def _quantiles(overlap: _Overlap) -> pl.DataFrame:
    """Return `i` and the quantile of each window, by whole-number ranks."""
    if overlap.much:
        parts = list(sliding.quantiles(overlap.table, overlap.asked))
    else:
        parts = [_buckets(inside, overlap.asked) for inside in overlap.pairs()]
    nothing = overlap.table.select(i="p", b="b").clear()
    return pl.concat([nothing, *parts]).select("i", found=middle(pl.col("b")))


def _buckets(inside: pl.DataFrame, asked: pl.DataFrame) -> pl.DataFrame:
    """Return `i` and the bucket of the quantile from all buckets in each window."""
    held = inside.group_by("i", "b").agg(pl.col("n").sum()).sort("i", "b")
    held = held.join(asked.select("i", "num", "den"), on="i", maintain_order="left")
    upto = pl.col("n").cum_sum().over("i")
    total = pl.col("n").sum().over("i")
    rank = (total * pl.col("num") + pl.col("den") - 1) // pl.col("den")
    hit = held.filter(upto >= pl.max_horizontal(rank, 1))
    return hit.group_by("i").agg(pl.col("b").min())


def _cardinalities(runs: pl.DataFrame, registers: pl.DataFrame) -> pl.DataFrame:
    """Return `i` and the distinct count of each window."""
    # Lists are heavy: they are taken when it is known which window they are in.
    lists = registers.get_column("x")
    cells = registers.select("sid", "p", x=pl.int_range(pl.len(), dtype=pl.Int64))
    overlap = _Overlap.of(runs, cells, Kind.DISTINCT)
    if overlap.much:
        all_of = overlap.table.with_columns(x=lists.gather(overlap.table["x"]))
        return sliding.cardinalities(all_of.explode("x"), overlap.asked)
    each = int(lists.list.len().sum()) // max(lists.len(), 1) + 1
    nothing = pl.DataFrame(schema={"i": pl.Int64, "found": pl.Float64})
    parts = []
    for inside in overlap.pairs(max(_REGISTERS // each, 1)):
        held = inside.select("i", "x").sort("i")
        held = held.with_columns(x=lists.gather(held.get_column("x")))
        parts.append(cardinality(held).rename({"value": "found"}))
    return pl.concat([nothing, *parts])


def _spread(held: pl.DataFrame, asked: pl.DataFrame) -> pl.DataFrame:
    """Return each cell once for each of the windows from `at` up to `high`."""
    # Windows without overlap hold each cell once: most need no list to be spread.
    once = held.filter(pl.col("high") - pl.col("at") == 1)
    many = held.filter(pl.col("high") - pl.col("at") > 1)
    if many.height:
        spread = many.with_columns(at=pl.int_ranges("at", "high")).explode("at")
        once = pl.concat([once, spread])
    return _number(once, asked)


def _number(rows: pl.DataFrame, spans: pl.DataFrame) -> pl.DataFrame:
    numbers = spans.get_column("i").gather(rows.get_column("at"))
    return rows.with_columns(numbers.alias("i"))


def _place(sid: str, second: str | pl.Expr) -> pl.Expr:
    """Return one number that orders by series, then by time (years -30,000 to 30,000)."""
    moment = pl.col(second) if isinstance(second, str) else second
    return pl.col(sid) * 2**41 + moment + 2**40


def clip(runs: pl.DataFrame, after: pl.Expr) -> pl.DataFrame:
    """Return runs without their datapoints that end at or before `after` (s)."""
    every = pl.col("every")
    begin = pl.max_horizontal(pl.col("e"), first_end(after, every))
    gone = (begin - pl.col("e")) // every
    cut = runs.with_columns(e=begin, steps=pl.col("steps") - gone)
    return cut.filter(pl.col("steps") > 0)
