"""Metrics made of datapoints: aggregates over a period, and formulas over several.

Both work on runs and give runs, so that a long silence costs nothing here either. A
window of a calculated metric holds the datapoints whose end lies in `(start, end]`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from tocsin.metrics.cells import MILLION, MOST, MOST_SQUARED, millionths, variance
from tocsin.metrics.sketches import bucket, middle
from tocsin.metrics.spec import CalculatedSpec, Kind, first_end, value_of
from tocsin.metrics.windows import RUNS
from tocsin.model.batch import divided

if TYPE_CHECKING:
    from collections.abc import Mapping

LINKS = {"sid": pl.Int64, "input": pl.Int32, "source": pl.Int64}
"""Which series (`source`) is the input metric (`input`) of which series (`sid`)."""


def aggregated(
    spec: CalculatedSpec,
    runs: pl.DataFrame,
    links: pl.DataFrame,
    series: pl.DataFrame,
) -> pl.DataFrame:
    """Return the runs of an aggregate of datapoints.

    `runs` are those of the inputs; `series` has `sid`, `m`, `first`, `start` and
    `until` of the series that are wanted.
    """
    inputs = runs.join(
        links.select("source", target="sid"), left_on="sid", right_on="source"
    ).filter(pl.col("target").is_in(series.get_column("sid").implode()))
    inputs = inputs.with_columns(
        last=pl.col("e") + (pl.col("steps") - 1) * pl.col("every")
    )
    ends = _ends(spec, inputs, series)
    found = _over_windows(spec, inputs, ends)
    runs_out = ends.join(found, on=["sid", "e"], how="left", maintain_order="left")
    empty = 0.0 if spec.kind is not None and spec.kind.zero_when_empty else None
    shaped = runs_out.with_columns(
        pl.col("n").fill_null(0), pl.col("value").fill_null(pl.lit(empty, pl.Float64))
    )
    return as_runs(shaped, spec.every)


def _ends(
    spec: CalculatedSpec, inputs: pl.DataFrame, series: pl.DataFrame
) -> pl.DataFrame:
    """Return the window ends (`sid`, `e`) at which the value may change.

    It may change while a run enters the window or leaves it, and is the same between.
    """
    every = pl.lit(spec.every)
    spans = inputs.select(
        "target", low="e", high=pl.col("e") + spec.period + spec.every
    )
    gone = inputs.select(
        "target",
        low=pl.col("last"),
        high=pl.col("last") + spec.period + spec.every,
    )
    changes = pl.concat([spans, gone]).join(
        series.select("until", "start", "first", target="sid"), on="target"
    )
    start = pl.max_horizontal("start", "first")
    born = changes.select(
        "target",
        low=first_end(start, every),
        high=first_end(start, every),
        until="until",
    )
    ranges = changes.select(
        "target",
        low=pl.max_horizontal(
            first_end(pl.col("low") - 1, every), first_end(start, every)
        ),
        high=pl.min_horizontal("high", "until"),
        until="until",
    )
    ranges = pl.concat([ranges, born]).filter(
        (pl.col("low") <= pl.col("high")) & (pl.col("low") <= pl.col("until"))
    )
    points = ranges.select(
        sid="target", e=pl.int_ranges("low", pl.col("high") + 1, spec.every)
    ).explode("e")
    wanted = points.drop_nulls().unique()
    return wanted.join(series, on="sid").sort("sid", "e")


def _over_windows(
    spec: CalculatedSpec, inputs: pl.DataFrame, ends: pl.DataFrame
) -> pl.DataFrame:
    """Return `sid`, `e`, `n` and `value` for every window that holds a datapoint."""
    place = ends.select(pl.col("sid") * 2**41 + pl.col("e") + 2**40).to_series()
    base = pl.col("target") * 2**41 + 2**40
    low = inputs.select(base + pl.col("e")).to_series()
    high = inputs.select(base + pl.col("last") + spec.period).to_series()
    held = inputs.with_columns(
        low=place.search_sorted(low, side="left").cast(pl.Int64),
        high=place.search_sorted(high, side="left").cast(pl.Int64),
    )
    held = held.filter((pl.col("low") < pl.col("high")) & pl.col("value").is_not_null())
    held = held.with_columns(at=pl.int_ranges("low", "high")).explode("at")
    end = ends.get_column("e").gather(held.get_column("at"))
    held = held.with_columns(end.alias("end"))
    every = pl.col("every")
    begin = pl.max_horizontal(
        pl.col("e"),
        pl.col("e")
        + -((-(pl.col("end") - spec.period + 1 - pl.col("e"))) // every) * every,
    )
    points = (pl.min_horizontal("last", "end") - begin) // every + 1
    held = held.with_columns(points=points).filter(pl.col("points") > 0)
    return _aggregate(spec, held.with_columns(sid="target", e="end"))


def _aggregate(spec: CalculatedSpec, held: pl.DataFrame) -> pl.DataFrame:
    """Join the datapoints of each window; `points` is how many a row stands for."""
    by = ["sid", "e"]
    count = (pl.col("n") * pl.col("points")).sum().alias("n")
    if spec.kind is Kind.PERCENTILE:
        return _percentile(spec, held, count)
    most = MOST_SQUARED if spec.kind is Kind.STDDEV else MOST
    held = held.filter(pl.col("value").abs() <= most)
    times, value = pl.col("points").cast(pl.Int128), millionths(pl.col("value"))
    sums, weight = (value * times).sum(), pl.col("points").sum()
    total = divided(sums.cast(pl.Float64), MILLION)
    values = {
        Kind.COUNT: weight.cast(pl.Float64),
        Kind.RATE: divided(weight, spec.period),
        Kind.SUM: total,
        Kind.AVG: divided(total, weight),
        Kind.MIN: pl.col("value").min(),
        Kind.MAX: pl.col("value").max(),
        Kind.STDDEV: variance(weight, sums, (value.pow(2) * times).sum()).sqrt(),
        Kind.DISTINCT: pl.col("value").n_unique().cast(pl.Float64),
    }
    kind = spec.kind or Kind.AVG
    return held.group_by(by).agg(count, values[kind].alias("value"))


def _percentile(
    spec: CalculatedSpec, held: pl.DataFrame, count: pl.Expr
) -> pl.DataFrame:
    quantile = spec.quantile
    assert quantile is not None
    by = ["sid", "e"]
    counts = held.group_by(by).agg(count)
    spread = held.group_by(*by, b=bucket(pl.col("value"))).agg(pl.col("points").sum())
    spread = spread.sort("sid", "e", "b")
    upto = pl.col("points").cum_sum().over(by)
    total = pl.col("points").sum().over(by)
    rank = (total * quantile.num + quantile.den - 1) // quantile.den
    hit = spread.filter(upto >= pl.max_horizontal(rank, 1))
    found = hit.group_by(by).agg(pl.col("b").min())
    found = found.select(*by, value=middle(pl.col("b")))
    return counts.join(found, on=by)


def formula(
    spec: CalculatedSpec,
    inputs: Mapping[str, tuple[int, bool]],
    runs: pl.DataFrame,
    links: pl.DataFrame,
    series: pl.DataFrame,
) -> pl.DataFrame:
    """Return the runs of a formula over its inputs at the same end.

    `inputs` maps each name to its metric's number and to whether a missing key
    counts as 0. An input grouped by fewer fields is shared by all keys.
    """
    points = _moments(spec, runs, links, series)
    frame = points
    for name, (number, zero) in inputs.items():
        source = links.filter(pl.col("input") == number).select("sid", "source")
        frame = frame.join(source, on="sid", how="left", maintain_order="left")
        frame = _value_at(frame, runs.filter(pl.col("m") == number), name)
        if zero:
            frame = frame.with_columns(
                pl.when(pl.col(f"there:{name}"))
                .then(pl.col(value_of(name)))
                .otherwise(pl.lit(0.0))
                .alias(value_of(name))
            )
    assert spec.formula is not None
    value = spec.formula.cast(pl.Float64)
    for name, least in spec.min_samples:
        value = pl.when(pl.col(f"n:{name}").fill_null(0) >= least).then(value)
    counts = [pl.col(f"n:{name}").fill_null(0) for name in inputs]
    result = frame.with_columns(value=value, n=pl.max_horizontal(*counts))
    # Zero has one sign: runs join values that are equal, and words would tell the two apart.
    value = pl.when(pl.col("value") == 0).then(0.0).otherwise("value")
    finite = pl.when(pl.col("value").is_finite()).then(value)
    return as_runs(result.with_columns(value=finite).sort("sid", "e"), spec.every)


def _moments(
    spec: CalculatedSpec,
    runs: pl.DataFrame,
    links: pl.DataFrame,
    series: pl.DataFrame,
) -> pl.DataFrame:
    """Return every (`sid`, `e`) at which an input may change, on the formula's grid."""
    every = pl.lit(spec.every)
    changes = runs.join(
        links.select("source", target="sid"), left_on="sid", right_on="source"
    )
    start = first_end(pl.max_horizontal("start", "first"), every)
    moments = changes.select(sid="target", e="e").join(series, on="sid")
    grid = first_end(pl.col("e") - 1, every)
    moments = moments.with_columns(e=pl.max_horizontal(grid, start))
    born = series.with_columns(e=start)
    both = pl.concat([moments.select("sid", "e"), born.select("sid", "e")]).unique()
    wanted = both.join(series, on="sid").filter(pl.col("e") <= pl.col("until"))
    return wanted.sort("e", "sid")


def _value_at(frame: pl.DataFrame, runs: pl.DataFrame, name: str) -> pl.DataFrame:
    """Add the value and the count (`n:name`) of an input's series at each `e`."""
    last = pl.col("e") + (pl.col("steps") - 1) * pl.col("every")
    values = runs.select("e", last.alias("last"), "n", "value", source="sid").sort("e")
    met = frame.sort("e").join_asof(
        values, on="e", by="source", strategy="backward", check_sortedness=False
    )
    there = (pl.col("e") <= pl.col("last")).fill_null(value=False)
    return met.with_columns(
        pl.when(there).then(pl.col("value")).alias(value_of(name)),
        pl.when(there).then(pl.col("n")).alias(f"n:{name}"),
        there.alias(f"there:{name}"),
    ).drop("source", "last", "n", "value")


def as_runs(points: pl.DataFrame, every: int) -> pl.DataFrame:
    """Return change points (`sid`, `e`, sorted) as runs, each up to the next."""
    later = pl.col("e").shift(-1).over("sid")
    rest = (pl.col("until") - pl.col("e")) // every + 1
    steps = (
        pl.when(later.is_null()).then(rest).otherwise((later - pl.col("e")) // every)
    )
    step = pl.lit(every, dtype=pl.Int64)
    return points.with_columns(steps=steps, every=step).select(*RUNS)
