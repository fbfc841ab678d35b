"""Where windows change: their counts and sums at every end where a cell comes or goes.

Sums of windows that were judged can be carried on: then only the cells that come or
go after them are looked at, and a tick costs the same however long its windows are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from tocsin.metrics.cells import BASE
from tocsin.metrics.spec import Kind, first_end
from tocsin.model.batch import least

if TYPE_CHECKING:
    from tocsin.metrics.cells import Cells

SUMS = {"sid": pl.Int64, "n": pl.Int64, "s": pl.Int128, "q": pl.Int128}
"""What the windows of series that end at or last before a tick come to."""

_SUMMED = [k.value for k in (Kind.SUM, Kind.AVG, Kind.STDDEV, Kind.PLUGIN)]
_CARRIED = [
    k.value for k in (Kind.COUNT, Kind.RATE, Kind.SUM, Kind.AVG, Kind.STDDEV)
]  # fmt: skip
_NEVER = 2**61
_FEW_SHAPES = 8


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
    at = edges.get_column("sid")

    def edge(name: str, missing: int) -> pl.Series:
        values = edges.get_column(name).fill_null(missing)
        return pl.repeat(missing, count, dtype=pl.Int64, eager=True).scatter(at, values)

    new, low, high = edge("new", _NEVER), edge("low", _NEVER), edge("high", -_NEVER)

    def needed(table: pl.DataFrame, begin: pl.Series) -> pl.Series:
        sid, p = table.get_column("sid"), table.get_column("p")
        return (table.get_column("k") <= known) & (p >= begin.gather(sid))

    near = _near(edges)

    def base(table: pl.DataFrame) -> pl.DataFrame:
        table = table.filter(near & (pl.col("k") <= known))
        kept = needed(table, new)
        goes = table.get_column("p") < high.gather(table.get_column("sid"))
        return table.filter(kept | (needed(table, low) & goes))

    def contents(table: pl.DataFrame) -> pl.DataFrame:
        return table.filter(needed(table, low)) if table.height else table

    return type(cells)(
        base(cells.base) if cells.base.height else cells.base,
        contents(cells.buckets),
        contents(cells.registers),
    )


def _near(edges: pl.DataFrame) -> pl.Expr:
    """Return a quick test that all cells pass which any series needs, and most others fail."""
    shapes = edges.select("new", "low", "high").unique()
    if shapes.height > _FEW_SHAPES:
        return pl.col("p") >= least(edges.get_column("low"))
    tests = [
        (pl.col("p") >= new) | ((pl.col("p") >= low) & (pl.col("p") < high))
        for new, low, high in shapes.iter_rows()
    ]
    return pl.any_horizontal(tests)


def change_points(
    base: pl.DataFrame, series: pl.DataFrame, carried: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Return `n`, `s` and `q` of the window at every end where they may change.

    By series (`sid`) and end (`e`). `carried` are sums (`SUMS`) at `start`; of series
    that are marked as such, `base` needs only the cells that come or go.
    """
    sums = {"n": BASE["n"]}
    if series.get_column("kind").is_in(_SUMMED).any():
        sums |= {"s": BASE["s"], "q": BASE["q"]}
    every = pl.col("every")
    begin = _begin(every)
    parts = _coming_and_going(base, series, list(sums))
    born = series.select("sid", e=begin)
    if carried is not None:
        mine = series.filter("carried").select("sid", e=begin)
        parts.append(carried.select("sid", *sums).join(mine, on="sid"))
    together = pl.concat([*parts, born], how="diagonal")
    moves = (
        together.group_by("sid", "e")
        .agg(pl.col(c).sum() for c in sums)
        .sort("sid", "e")
    )
    ends = series.select("sid", "until")
    running = moves.select("sid", "e", *(_running(pl.col(c)) for c in sums))
    if "s" not in sums:
        nothing = pl.lit(None, dtype=pl.Int128)
        running = running.with_columns(s=nothing, q=nothing)
    inside = running.join(ends, on="sid", maintain_order="left")
    inside = inside.filter(pl.col("e") <= pl.col("until"))
    return inside.select("sid", "e", "n", "s", "q")


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
    return [
        held.filter(~pl.col("known")).select("sid", *sums, e="enter"),
        held.select(
            "sid", *(pl.col(c) * pl.lit(-1, dtype=BASE[c]) for c in sums), e="leave"
        ),
    ]


def sums_after(points: pl.DataFrame, before: pl.DataFrame | None) -> pl.DataFrame:
    """Return the sums after some change points, those of other series as they were."""
    last = points.filter(pl.col("sid").ne_missing(pl.col("sid").shift(-1)))
    last = last.select(*SUMS).with_columns(pl.col("s", "q").fill_null(0))
    if before is None:
        return last
    rest = before.join(last.select("sid"), on="sid", how="anti")
    return pl.concat([rest, last]) if rest.height else last
