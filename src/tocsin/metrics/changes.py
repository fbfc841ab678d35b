"""Where windows change: their counts and sums at every end where a cell comes or goes.

Sums of windows that were judged can be carried on: then only the cells that come or
go after them are looked at, and a tick costs the same however long its windows are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from tocsin.metrics.cells import BASE, between
from tocsin.metrics.spec import Kind, first_end
from tocsin.model.batch import greatest, least

if TYPE_CHECKING:
    from tocsin.metrics.cells import Cells

SUMS = {"sid": pl.Int64, "n": pl.Int64, "s": pl.Int128, "q": pl.Int128}
"""What the windows of series that end at or last before a tick come to."""

_SUMMED = [k.value for k in (Kind.SUM, Kind.AVG, Kind.STDDEV, Kind.PLUGIN, Kind.SHARE)]
_CARRIED = [
    k.value
    for k in (Kind.COUNT, Kind.RATE, Kind.SUM, Kind.AVG, Kind.STDDEV, Kind.SHARE)
]
_NEVER = 2**61


def marked(series: pl.DataFrame, sums: pl.DataFrame | None) -> pl.DataFrame:
    """Add to series whether their sums are `carried`.

    That is where they are known, the value is made of them alone, and no value of
    another series is made of past ones of this.
    """
    if sums is None:
        return series.with_columns(carried=pl.lit(value=False))
    known = pl.col("sid").is_in(sums.get_column("sid").implode())
    alone = pl.col("kind").is_in(_CARRIED) & (pl.col("history") == 0)
    return series.with_columns(carried=known & alone)


def useful(cells: Cells, series: pl.DataFrame, known: int, count: int) -> Cells:
    """Return the cells known at a tick that matter to the windows of these series.

    Where sums are `carried`, those that come or go are enough. `count` is how many
    series there are in all.
    """
    every, period = pl.col("every"), pl.col("period")
    floor = pl.col("start") // every * every
    sums = pl.col("carried")
    edges = series.select(
        "sid",
        new=pl.when(sums).then(floor - pl.col("grain") + 1).otherwise(floor - period),
        low=floor - period,
        high=pl.when(sums)
        .then(pl.col("until") // every * every - period)
        .otherwise(-_NEVER),
    )
    never = pl.col("new", "low").fill_null(_NEVER), pl.col("high").fill_null(-_NEVER)
    edges = edges.with_columns(never)
    sids = pl.int_range(count, eager=True).alias("sid").to_frame()
    by_sid = sids.join(edges, on="sid", how="left", maintain_order="left").select(never)

    def kept(table: pl.DataFrame, wanted: pl.Expr) -> pl.DataFrame:
        if table.height == 0:
            return table
        times = table.select("p", "k").hstack(by_sid[table.get_column("sid")])
        return table.filter(times.select((pl.col("k") <= known) & wanted).to_series())

    low, high = pl.col("p") >= pl.col("low"), pl.col("p") < pl.col("high")
    near = cells.base
    if cells.ordered == near.height and edges.height:
        near = between(near, _spans(edges))
    return type(cells)(
        kept(near, (pl.col("p") >= pl.col("new")) | (low & high)),
        kept(cells.buckets, low),
        kept(cells.registers, low),
    )


def _spans(edges: pl.DataFrame) -> list[tuple[int, int]]:
    """Return the spans of time in which these edges want cells, in order and apart."""
    shapes = edges.select("low", "high", "new").unique().rows()
    wanted = {(new, _NEVER) for _, _, new in shapes}
    wanted |= {(low, high) for low, high, _ in shapes if low < high}
    spans: list[tuple[int, int]] = []
    for low, high in sorted(wanted):
        if spans and low <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(spans[-1][1], high))
        else:
            spans.append((low, high))
    return spans


def change_points(
    base: pl.DataFrame, series: pl.DataFrame, carried: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Return `n`, `s` and `q` of the window at every end where they may change.

    By series (`sid`) and end (`e`). `carried` are sums (`SUMS`) at `start`; of series
    that are marked as such, `base` needs only the cells that come or go.
    """
    sums = ["n"]
    if series.get_column("kind").is_in(_SUMMED).any():
        sums += ["s", "q"]
    parts = [_born(series, carried, sums), *_coming_and_going(base, series, sums)]
    together = pl.concat(parts)
    ends = together.get_column("e")
    first = least(ends) or 0
    size = (greatest(ends) or 0) - first + 1
    # A series and an end as one number: so they are grouped and sorted much faster.
    place = pl.col("sid") * size + (pl.col("e") - first)
    moves = together.group_by(place.alias("@")).agg(pl.col(sums).sum()).sort("@")
    sid, e = pl.col("@") // size, pl.col("@") % size + first
    points = moves.select(*sums, sid=sid, e=e)
    running = points.select("sid", "e", *(_running(pl.col(c)) for c in sums))
    if len(sums) > 1:
        return running
    nothing = pl.lit(None, dtype=pl.Int128)
    return running.with_columns(s=nothing, q=nothing)


def _begin(every: pl.Expr) -> pl.Expr:
    """Return the first end that is wanted, and at which there is a datapoint.

    Series of the past have cells before their first datapoint.
    """
    return first_end(pl.max_horizontal("start", "first"), every)


def _running(column: pl.Expr) -> pl.Expr:
    """Return the running sum of each series: of all, less what came before it."""
    first = pl.col("sid").ne_missing(pl.col("sid").shift(1))
    upto = column.cum_sum()
    return upto - pl.when(first).then(upto - column).forward_fill()


def _born(
    series: pl.DataFrame, carried: pl.DataFrame | None, sums: list[str]
) -> pl.DataFrame:
    """Return the first end of each series, with the sums that are carried there."""
    none = {c: pl.lit(0, dtype=BASE[c]) for c in sums}
    begin = _begin(pl.col("every"))
    born = series.select("sid", "until", "carried", e=begin)
    if carried is not None:
        born = born.join(carried.select("sid", *sums), on="sid", how="left")
        none = {
            c: pl.when("carried").then(c).otherwise(zero) for c, zero in none.items()
        }
    found = born.filter(pl.col("e") <= pl.col("until"))
    return found.select("sid", "e", **none)


def _coming_and_going(
    base: pl.DataFrame, series: pl.DataFrame, sums: list[str]
) -> list[pl.DataFrame]:
    """Return what each cell adds to its series where it comes, and takes as it goes."""
    every = pl.col("every")
    begin = _begin(every)
    enter = -((-(pl.col("p") + pl.col("grain"))) // every) * every
    # What had come by the start is among the sums that are carried.
    held = base.join(series, on="sid").select(
        "sid",
        *sums,
        "until",
        enter=pl.max_horizontal(enter, begin),
        leave=first_end(pl.col("p") + pl.col("period"), every),
        known=pl.col("carried") & (enter < begin),
    )
    inside = (pl.col("enter") < pl.col("leave")) | pl.col("known")
    held = held.filter(inside & (pl.col("enter") <= pl.col("until")))
    known = pl.col("known")
    comes = {c: pl.when(~known).then(c).otherwise(pl.lit(0, BASE[c])) for c in sums}
    goes = {c: pl.col(c) * pl.lit(-1, dtype=BASE[c]) for c in sums}
    gone = held.filter(pl.col("leave") <= pl.col("until"))
    return [
        held.select("sid", e="enter", **comes),
        gone.select("sid", e="leave", **goes),
    ]


def sums_after(points: pl.DataFrame, before: pl.DataFrame | None) -> pl.DataFrame:
    """Return the sums after some change points, those of other series as they were."""
    last = points.filter(pl.col("sid").ne_missing(pl.col("sid").shift(-1)))
    last = last.select(*SUMS).with_columns(pl.col("s", "q").fill_null(0))
    if before is None:
        return last
    rest = before.join(last.select("sid"), on="sid", how="anti")
    return pl.concat([rest, last]) if rest.height else last
