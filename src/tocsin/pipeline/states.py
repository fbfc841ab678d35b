"""The state of alarms as series, 0 or 1: what alarms over alarms are made of.

The state of an alarm at an end depends on all it has heard. So where series are judged
again from some tick on, those that hang together through the state of an alarm are
judged from the same tick on, from which that state is known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from tocsin.alarms import levels
from tocsin.alarms.rules import CODES
from tocsin.metrics.calculate import as_runs
from tocsin.metrics.spec import CalculatedSpec, first_end

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tocsin.alarms.rules import Rules
    from tocsin.pipeline.plan import Shard

_POINTS = ("sid", "e", "value", "n")
_TOGETHER = {"sid": pl.Int64, "group": pl.Int64}


def heard(shard: Shard) -> dict[str, int]:
    """Return the numbers of the alarms whose state is a metric, by that metric's name."""
    numbers = {alarm.name: n for n, alarm in enumerate(shard.alarms)}
    return {s.name: numbers[s.alarm] for s in shard.calculated.values() if s.alarm}


def state_runs(
    rules: Rules,
    states: tuple[pl.DataFrame, pl.DataFrame],
    said: pl.DataFrame,
    views: tuple[CalculatedSpec, pl.DataFrame, pl.DataFrame],
) -> pl.DataFrame:
    """Return the runs of series that are the state of an alarm.

    `rules` are those of the alarm; `states` how they stood before, and the value of
    each standing (`rings`); `said` its transitions; `views` the spec of the series,
    those that are wanted (`sid`, `start`, `first`, `until`), and their links.
    """
    before, worth = states
    spec, mine, links = views
    at = first_end(pl.max_horizontal("start", "first"), pl.lit(spec.every))
    mine = mine.join(links.select("sid", "source"), on="sid").with_columns(begin=at)
    stood = levels.standings(rules, before).select(source="sid", now="now")
    first = mine.join(stood, on="source", how="left").select(
        "sid", pl.col("begin").alias("e"), pl.col("now").fill_null(0)
    )
    later = mine.join(said.select("e", "now", source="sid"), on="source")
    later = later.filter(pl.col("e").is_between(pl.col("begin"), pl.col("until")))
    points = pl.concat([first, later.select(first.columns)])
    points = points.unique(["sid", "e"], keep="last", maintain_order=True)
    points = points.join(worth, on="now", how="left").sort("sid", "e")
    points = points.with_columns(n=pl.col("value").cast(pl.Int64)).select(_POINTS)
    ends = mine.select("sid", "m", "until").filter(pl.col("until").is_not_null())
    points = points.join(ends, on="sid", maintain_order="left")
    return as_runs(points.filter(pl.col("e") <= pl.col("until")), spec.every)


def rings(*, quiet: bool) -> pl.DataFrame:
    """Return which states of an alarm (`now`) are 1: those that are an incident."""
    values = [(c, float(c > CODES["no_data"] - (not quiet))) for c in CODES.values()]
    schema = {"now": pl.Int8, "value": pl.Float64}
    return pl.DataFrame(values, schema=schema, orient="row")


def groups(shard: Shard, table: pl.DataFrame, links: pl.DataFrame) -> pl.DataFrame:
    """Return which series (`sid`) hang together through the state of an alarm."""
    metrics = dict(table.select("sid", "m").iter_rows())
    parents: dict[int, int] = {}

    def root(sid: int) -> int:
        while parents.setdefault(sid, sid) != sid:
            parents[sid] = sid = parents[parents[sid]]
        return sid

    bound = _bound(shard)
    for sid, source in links.select("sid", "source").iter_rows():
        if (metrics[sid], metrics[source]) in bound:
            parents[root(sid)] = root(source)
    rows = [(sid, root(sid)) for sid in sorted(parents)]
    return pl.DataFrame(rows, schema=_TOGETHER, orient="row")


def _bound(shard: Shard) -> set[tuple[int, int]]:
    """Return the pairs of a metric and its input that are judged together."""
    return set(_pairs(shard))


def _pairs(shard: Shard) -> Iterator[tuple[int, int]]:
    told: set[int] = set()
    for number, spec in shard.calculated.items():
        inputs = [shard.number(name) for name in spec.inputs]
        if spec.alarm:
            told.add(number)
            yield number, inputs[0]
        elif told & set(inputs):
            told.add(number)
            yield from ((number, i) for i in inputs if i in told)


def together(found: pl.DataFrame, groups: pl.DataFrame) -> pl.DataFrame:
    """Return what is touched (`amend.TOUCHED`), with all that hangs together with it."""
    alone = found.join(groups, on="sid", how="anti")
    grouped = found.join(groups, on="sid").group_by("group", "tick")
    spread = (
        grouped.agg(pl.col("floor").min())
        .join(groups, on="group")
        .select(found.columns)
    )
    return pl.concat([alone, spread]).sort("sid", "tick")
