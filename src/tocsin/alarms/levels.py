"""What rules come to: the level of their alarm is the highest of those that fire."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from tocsin.alarms.rules import CODES, Kind

if TYPE_CHECKING:
    from tocsin.alarms.rules import Rules

TRANSITIONS = {
    "alarm": pl.Int32,
    "rule": pl.Int32,
    "sid": pl.Int64,
    "e": pl.Int64,
    "was": pl.Int8,
    "now": pl.Int8,
    "firing": pl.Boolean,
    "value": pl.Float64,
    "n": pl.Int64,
    "symbol": pl.Int8,
}
"""How an alarm changed for a series, from `was` to `now` (`rules.CODES`), and by which
of its rules: that of the worse of the two. `symbol` is what it heard."""

NOTHING_SAID = pl.DataFrame(schema=TRANSITIONS)
_BY = ["of", "sid"]
_TOLD = ("firing", "value", "n", "symbol")
_BREACH, _CALM = 1, 0
"""Symbols of points (see `threshold`)."""


def moves(rules: Rules, state: pl.DataFrame, changed: pl.DataFrame) -> pl.DataFrame:
    """Return how alarms change when rules change, which stood as in `state` before.

    `changed` has a rule's number `alarm`, `sid`, `said`, `firing`, `value`,
    `n` and `symbol`.
    """
    if changed.height == 0:
        return NOTHING_SAID
    ranks = rules.table.select("alarm", "of", "code")
    events = changed.select("sid", *_TOLD, rule="alarm", e="said")
    events = events.join(ranks, left_on="rule", right_on="alarm")
    events = events.filter(pl.col("code") > 0)
    if rules.several:
        events = _highest(events, _weights(ranks, state))
    else:
        code, well = pl.col("code"), pl.lit(0, dtype=pl.Int8)
        events = events.with_columns(
            was=pl.when("firing").then(well).otherwise(code),
            now=pl.when("firing").then(code).otherwise(well),
        )
    return events.select(
        pl.col("of").alias("alarm"), "rule", "sid", "e", "was", "now",
        firing=pl.col("now") > 0, value="value", n="n", symbol="symbol",
    )  # fmt: skip


def standings(rules: Rules, state: pl.DataFrame) -> pl.DataFrame:
    """Return how alarms stand (`of`, `sid`, `now`), where they do not stand well."""
    known = _weights(rules.table.select("alarm", "of", "code"), state)
    now = _code(pl.col("mask"))
    return known.select(*_BY, now=now).filter(pl.col("now") > 0)


def states(rules: Rules, state: pl.DataFrame) -> pl.DataFrame:
    """Return how alarms stand (`of`, `sid`, `now`), and whether on the way to another.

    `pending` says that a level counts breaches and does not fire yet, `recovering`
    that all that fire count calm points.
    """
    table = rules.table.filter(pl.col("code") > 0)
    known = state.join(table.select("alarm", "of", "code", "kind"), on="alarm")
    level = pl.col("kind") == Kind.LEVEL.value
    waits = level & ~pl.col("firing") & (pl.col("symbol") == _BREACH)
    calm = pl.col("firing") & (pl.col("symbol") == _CALM)
    ways = known.group_by(_BY).agg(
        pending=waits.any(), recovering=(calm | ~pl.col("firing")).all() & calm.any()
    )
    stands = standings(rules, state)
    return ways.join(stands, on=_BY, how="left").with_columns(
        pl.col("now").fill_null(0)
    )


def _weights(ranks: pl.DataFrame, state: pl.DataFrame) -> pl.DataFrame:
    """Return which rules fire: a bit for each, in `mask`."""
    firing = state.filter("firing").join(ranks, on="alarm")
    firing = firing.filter(pl.col("code") > 0)
    return firing.group_by(_BY).agg(mask=_bit().sum())


def _bit() -> pl.Expr:
    return pl.lit(2, dtype=pl.Int64).pow(pl.col("code").cast(pl.Int64))


def _code(mask: pl.Expr) -> pl.Expr:
    """Return the number of the highest bit that is set."""
    found = pl.lit(0, dtype=pl.Int8)
    for code in sorted(CODES.values())[1:]:
        found = pl.when(mask >= 2**code).then(pl.lit(code, pl.Int8)).otherwise(found)
    return found


def _highest(events: pl.DataFrame, before: pl.DataFrame) -> pl.DataFrame:
    """Return the events that change the highest level, with what it `was` and is `now`."""
    events = events.join(before, on=_BY, how="left").sort(*_BY, "e", "code")
    turned = pl.when("firing").then(_bit()).otherwise(-_bit())
    upto = turned.cum_sum().over(_BY)
    events = events.with_columns(after=pl.col("mask").fill_null(0) + upto)
    events = events.with_columns(before=pl.col("after") - turned)
    at = [*_BY, "e"]
    events = events.with_columns(
        was=_code(pl.col("before").first().over(at)),
        now=_code(pl.col("after").last().over(at)),
    )
    worse = pl.max_horizontal("was", "now")
    return events.filter((pl.col("was") != pl.col("now")) & (pl.col("code") == worse))
