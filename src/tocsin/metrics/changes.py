"""Where windows change: their counts and sums at every end where a cell comes or goes.

Sums of windows that were judged can be carried on: then only the cells that come or
go after them are looked at, and a tick costs the same however long its windows are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from tocsin.metrics.cells import BASE, between
from tocsin.metrics.spec import Kind, first_end
from tocsin.model.batch import collected, greatest, least

if TYPE_CHECKING:
    from tocsin.metrics.cells import Cells

SUMS = {"sid": pl.Int64, "n": pl.Int64, "s": pl.Int128, "q": pl.Int128}
"""What the windows of series that end at or last before a tick come to."""

_SQUARED = {Kind.STDDEV.value, Kind.PLUGIN.value}
_SUMMED = _SQUARED | {Kind.SUM.value, Kind.AVG.value, Kind.SHARE.value}
_CARRIED = [
    k.value
    for k in (Kind.COUNT, Kind.RATE, Kind.SUM, Kind.AVG, Kind.STDDEV, Kind.SHARE)
]
SIMPLE = pl.col("kind").is_in(_CARRIED) & (pl.col("history") == 0)
"""Whether a metric's value is made of sums alone, and no other of past ones of it."""
_NEVER = 2**61
_BEGIN = first_end(pl.max_horizontal("start", "first"), pl.col("every"))


def marked(series: pl.DataFrame, sums: pl.DataFrame | None) -> pl.DataFrame:
    """Add to series what is `carried`: whether sums at `start` are, and they (`n0` ...).

    That is where they are known, and the metric is `simple` (`SIMPLE`). Add `begin`, too:
    the first end that is wanted, and at which there is a datapoint. Series of the past
    have cells before their first datapoint.
    """
    known = pl.DataFrame(schema=SUMS) if sums is None else sums
    known = known.rename({"n": "n0", "s": "s0", "q": "q0"})
    found = series.lazy().join(
        known.lazy(), on="sid", how="left", maintain_order="left"
    )
    carried = pl.col("simple") & pl.col("n0").is_not_null()
    return collected(found.with_columns(carried=carried, begin=_BEGIN))


def useful(cells: Cells, series: pl.DataFrame, known: int, count: int) -> Cells:
    """Return the cells known at a tick that matter to the windows of these series.

    Where sums are `carried`, those that come or go are enough. `count` is how many
    series there are in all.
    """
    edges = _edges(series)

    def at(edge: str, never: int) -> pl.Expr:
        of = pl.Series([never], dtype=pl.Int64).new_from_index(0, count)
        of.scatter(edges.get_column("sid"), edges.get_column(edge))
        return pl.lit(of).gather(pl.col("sid"))

    p, recent = pl.col("p"), pl.col("k") <= known
    new, low, high = at("new", _NEVER), at("low", _NEVER), at("high", -_NEVER)
    near = cells.base
    if cells.ordered == near.height and edges.height:
        near = between(near, _spans(edges))
    return type(cells)(
        near.filter(recent & ((p >= new) | ((p >= low) & (p < high)))),
        *(
            table.filter(recent & (p >= low)) if table.height else table
            for table in (cells.buckets, cells.registers)
        ),
    )


def _edges(series: pl.DataFrame) -> pl.DataFrame:
    """Return of each series which cells matter to it, by where their slices begin.

    Those since `new`, and from `low` up to `high`: if sums are carried, those that leave
    its windows. Those of the other tables matter from `low` on.
    """
    every, period = pl.col("every"), pl.col("period")
    floor = pl.col("start") // every * every
    sums = pl.when("carried")
    last = pl.col("until") // every * every - period
    return series.select(
        "sid",
        new=sums.then(floor - pl.col("grain") + 1).otherwise(floor - period),
        low=floor - period,
        high=sums.then(last).otherwise(-_NEVER),
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


def change_points(base: pl.DataFrame, series: pl.DataFrame) -> pl.DataFrame:
    """Return `n`, `s` and `q` of the window at every end where they may change.

    By series (`sid`) and end (`e`). Of series that are `marked` as carried, `base` needs
    only the cells that come or go.
    """
    sums = ["n"]
    kinds = set(series.get_column("kind").unique().to_list())
    sums += ["s"] if kinds & _SUMMED else []
    sums += ["q"] if kinds & _SQUARED else []
    first = least(series.get_column("start")) or 0
    size = (greatest(series.get_column("until")) or 0) - first + 1
    # A series and an end as one number: so they are sorted much faster.
    place, here = pl.col("sid") * size + (pl.col("e") - first), pl.col("@")
    parts = [_born(series, sums), *_coming_and_going(base, series, sums)]
    moves = pl.concat(parts).select(place.alias("@"), *sums).sort("@")
    upto = moves.select("@", **{c: _running(pl.col(c), here // size) for c in sums})
    points = upto.filter(here.ne_missing(here.shift(-1)))
    found = {c: c if c in sums else pl.lit(None, pl.Int128) for c in ("n", "s", "q")}
    return collected(points.select(sid=here // size, e=here % size + first, **found))


def _running(column: pl.Expr, sid: pl.Expr) -> pl.Expr:
    """Return the running sum of each series: of all, less what came before it."""
    upto = column.cum_sum()
    before = pl.when(sid != sid.shift(1)).then(upto - column)
    return upto - before.forward_fill().fill_null(0)


def _born(series: pl.DataFrame, sums: list[str]) -> pl.LazyFrame:
    """Return the first end of each series, with the sums that are carried there."""
    known = {
        c: pl.when("carried").then(f"{c}0").otherwise(pl.lit(0, BASE[c])) for c in sums
    }
    found = series.lazy().filter(pl.col("begin") <= pl.col("until"))
    return found.select("sid", e="begin", **known)


def _coming_and_going(
    base: pl.DataFrame, series: pl.DataFrame, sums: list[str]
) -> list[pl.LazyFrame]:
    """Return what each cell adds to its series where it comes, and takes as it goes."""
    every, begin = pl.col("every"), pl.col("begin")
    enter = -((-(pl.col("p") + pl.col("grain"))) // every) * every
    about = series.lazy().select(
        "sid", "grain", "period", "every", "until", "begin", "carried"
    )
    # What had come by the start is among the sums that are carried.
    moving = (
        base.lazy()
        .select("sid", "p", *sums)
        .join(about, on="sid")
        .select(
            "sid",
            *sums,
            "until",
            enter=pl.max_horizontal(enter, begin),
            leave=first_end(pl.col("p") + pl.col("period"), every),
            known=pl.col("carried") & (enter < begin),
        )
    )
    known = pl.col("known")
    inside = (pl.col("enter") < pl.col("leave")) | known
    held = collected(
        moving.filter(inside & (pl.col("enter") <= pl.col("until")))
    ).lazy()
    comes = {c: pl.when(~known).then(c).otherwise(pl.lit(0, BASE[c])) for c in sums}
    goes = {c: pl.col(c) * pl.lit(-1, dtype=BASE[c]) for c in sums}
    gone = held.filter(pl.col("leave") <= pl.col("until"))
    return [
        held.select("sid", e="enter", **comes),
        gone.select("sid", e="leave", **goes),
    ]


def sums_after(points: pl.DataFrame, before: pl.DataFrame | None) -> pl.DataFrame:
    """Return the sums after some change points, those of other series as they were."""
    last = points.lazy().filter(pl.col("sid").ne_missing(pl.col("sid").shift(-1)))
    sums = {c: pl.col(c).fill_null(0) for c in ("n", "s", "q")}
    after = collected(last.select("sid", **sums))
    if before is None:
        return after
    judged = after.get_column("sid").implode()
    return pl.concat([before.filter(~pl.col("sid").is_in(judged)), after])
