"""What is not there: points without a value, keys that have been silent for long."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from tocsin.alarms.rules import Kind

if TYPE_CHECKING:
    from tocsin.alarms.rules import Rules

BREACH, CALM, GONE, FORGOTTEN = 1, 0, 3, 4
"""The symbols that are told apart here (see `threshold`)."""


def symbols(points: pl.LazyFrame) -> pl.LazyFrame:
    """Return what each run says to the rules of silence."""
    symbol = pl.when(pl.col("n") == 0).then(BREACH).otherwise(CALM)
    return points.with_columns(symbol=symbol.cast(pl.Int8))


def split(rules: Rules, points: pl.LazyFrame, mute: pl.DataFrame) -> pl.LazyFrame:
    """Cut runs where their key is forgotten; mark (`mute`) what comes after that.

    `mute` is the trace of the rules of silence over the same runs.
    """
    silent = pl.col("symbol") == BREACH
    begun = pl.when(silent & pl.col("firing_before")).then("e")
    since = begun.when(silent & pl.col("firing")).then("said")
    cuts = mute.join(rules.table.select("alarm", "of"), on="alarm")
    cuts = cuts.select("of", "sid", "e", since=since).drop_nulls("since")
    points = points.join(cuts.lazy(), on=["of", "sid", "e"], how="left")
    points = points.with_columns(since=pl.when("expires").then("since"))
    heard = (pl.col("since") - pl.col("e")) // pl.col("every")
    before = points.with_columns(
        steps=pl.coalesce(heard, "steps"), mute=pl.lit(value=False)
    )
    after = points.drop_nulls("since").with_columns(
        e="since", steps=pl.col("steps") - heard, mute=pl.lit(value=True)
    )
    both = pl.concat([before, after]).drop("since")
    return both.filter(pl.col("steps") > 0)


def speaks(rules: Rules) -> pl.Expr:
    """Whether a point without a value says something to its rule."""
    kind = pl.col("kind") == Kind.NO_DATA.value
    if rules.absent:
        kind |= pl.col("need_gone") > 0
    return kind | pl.col("mute") if rules.silent else kind


def symbol(rules: Rules, level: pl.Expr) -> pl.Expr:
    """Return what a run says, where `level` is what its value says to a level."""
    missing = pl.col("value").is_null()
    absent = pl.when(missing).then(BREACH).otherwise(CALM)
    known = pl.when(pl.col("kind") == Kind.NO_DATA.value).then(absent)
    found = known.when(missing).then(GONE).otherwise(level)
    return pl.when("mute").then(FORGOTTEN).otherwise(found) if rules.silent else found


def need(rules: Rules) -> pl.Expr:
    """Return how many points in a row end it that are not there; else null."""
    once = pl.when(pl.col("symbol") == FORGOTTEN).then(1)
    if not rules.absent:
        return once
    return once.when(pl.col("symbol") == GONE).then("need_gone")


def once_heard(points: pl.LazyFrame) -> pl.LazyFrame:
    """Leave out points without a value of series that have had none so far.

    `points` are in order, and hold what each rule remembers as `symbol0`.
    """
    absent = pl.col("kind") == Kind.NO_DATA.value
    had = (pl.col("symbol") == CALM).cum_max().over("alarm", "sid")
    seen = had | pl.col("symbol0").is_not_null()
    return points.filter(~absent | seen)
