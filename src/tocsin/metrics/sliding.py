"""Look into windows that overlap, at a cost that does not grow with their length.

The other way is to look at each cell once for every window that holds it. It is as
exact, and cheaper where windows hardly overlap: `windows` chooses.

All take `table`, cells by `sid` and `p` (s), and `asked`, one row for each window: its
number `i`, `sid`, its end `e` and its `period` (s).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from tocsin.metrics.sketches import RANK_ROOM, estimates
from tocsin.model.batch import greatest
from tocsin.model.batch import least as lowest

if TYPE_CHECKING:
    from collections.abc import Iterator

_COARSE = 32
"""Buckets in a coarse one: a quantile is looked for among those first."""
_ASKED = 1_000_000
"""Counts looked up at once."""


def extremes(table: pl.DataFrame, asked: pl.DataFrame, *, least: bool) -> pl.DataFrame:
    """Return `i` and the least or greatest `x` (`found`) of windows that hold any.

    Time is cut into blocks as long as the window, so that a window is the end of one
    block and the beginning of the next (M. van Herk, 1992).
    """
    periods = asked.select("sid", "period").unique()
    best = pl.col("x").min() if least else pl.col("x").max()
    cells = table.group_by("sid", "p").agg(best).join(periods, on="sid")
    block = pl.col("p") // pl.col("period")
    cells = cells.with_columns(block=block).sort("sid", "p")
    x, by = pl.col("x"), ["sid", "block"]
    cells = cells.with_columns(
        upto=(x.cum_min() if least else x.cum_max()).over(by),
        since=(x.cum_min(reverse=True) if least else x.cum_max(reverse=True)).over(by),
    )
    low, high = _bounds(cells.get_column("sid"), cells.get_column("p"), asked)
    high = high - 1
    some = low <= high
    asked, low, high = asked.filter(some), low.filter(some), high.filter(some)
    sides = asked.select(
        "i",
        first=(pl.col("e") - pl.col("period")) // pl.col("period"),
        last=(pl.col("e") - 1) // pl.col("period"),
        since=cells.get_column("since").gather(low),
        upto=cells.get_column("upto").gather(high),
        begins=cells.get_column("block").gather(low),
        ends=cells.get_column("block").gather(high),
    )
    apart = pl.col("first") != pl.col("last")
    left = pl.when(apart & (pl.col("begins") == pl.col("first"))).then("since")
    right = pl.when(pl.col("ends") == pl.col("last")).then("upto")
    join = pl.min_horizontal if least else pl.max_horizontal
    return sides.select("i", found=join(left, right))


def quantiles(table: pl.DataFrame, asked: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Yield `i` and the bucket `b` of the quantile of windows that hold any number.

    `asked` has the quantile as `num` and `den`; ranks are whole numbers.
    """
    cells = table.with_columns(g=pl.col("b") // _COARSE)
    coarse, fine = _Counts(cells, "g"), _Counts(cells, "b")
    most = greatest(coarse.items.group_by("sid").len().get_column("len")) or 1
    size = max(_ASKED // max(most, _COARSE), 1)
    for begin in range(0, asked.height, size):
        found = coarse.of(asked.slice(begin, size), ["sid"])
        total = pl.col("n").sum().over("i")
        rank = (total * pl.col("num") + pl.col("den") - 1) // pl.col("den")
        found = found.with_columns(rank=pl.max_horizontal(rank, 1))
        group = _reached(found).with_columns(rank=pl.col("rank") - pl.col("below"))
        near = fine.of(group.drop("n", "below"), ["sid", "g"])
        yield _reached(near).select("i", "b")


class _Counts:
    """How many events each item of a series had by a time, for any time."""

    def __init__(self, cells: pl.DataFrame, name: str) -> None:
        self.name = name
        names = dict.fromkeys(["sid", "g", name])
        items = cells.select(*names).unique().sort(*names)
        self.items = items.with_row_index("item").with_columns(
            pl.col("item").cast(pl.Int64)
        )
        held = cells.join(self.items, on=list(names)).sort("item", "p")
        self._item, self._p = held.get_column("item"), held.get_column("p")
        upto = held.get_column("n").cum_sum()
        self._upto = pl.concat([pl.Series("n", [0], dtype=pl.Int64), upto])

    def of(self, asked: pl.DataFrame, by: list[str]) -> pl.DataFrame:
        """Return the items of each window in order, and how many events of each."""
        found = asked.join(self.items, on=by).sort("i", self.name)
        low, high = _bounds(
            self._item, self._p, found.select("e", "period", sid="item")
        )
        counts = self._upto.gather(high) - self._upto.gather(low)
        return found.drop("item").with_columns(n=counts)


def _reached(counts: pl.DataFrame) -> pl.DataFrame:
    """Return the first item of each window that brings the count up to its rank."""
    below = (pl.col("n").cum_sum() - pl.col("n")).over("i")
    counts = counts.with_columns(below=below)
    return counts.filter(
        (pl.col("below") < pl.col("rank"))
        & (pl.col("below") + pl.col("n") >= pl.col("rank"))
    )


def cardinalities(table: pl.DataFrame, asked: pl.DataFrame) -> pl.DataFrame:
    """Return `i` and the distinct count (`found`) of windows that hold any.

    `table` holds packed registers, `x`; `asked` are all windows at which a cell comes
    or goes, by series and time. How many registers are at each rank changes only
    where a register does.
    """
    cells = table.with_columns(r=pl.col("x") // RANK_ROOM)
    items = cells.select("sid", "r").unique().with_row_index("item")
    items = items.with_columns(pl.col("item").cast(pl.Int64))
    held = cells.join(items, on=["sid", "r"]).select(
        "sid", "item", "p", x=(pl.col("x") % RANK_ROOM).cast(pl.Int64)
    )
    changes = _changes(held, asked)
    spans = changes.select("e", "period", "i", sid="item")
    best = extremes(held.select("p", "x", sid="item"), spans, least=False)
    seen = changes.join(best, on="i", how="left", maintain_order="left")
    seen = seen.select("item", "at", now=pl.col("found").fill_null(0))
    before = pl.col("now").shift(1).over("item").fill_null(0)
    seen = seen.with_columns(was=before).filter(pl.col("now") != pl.col("was"))
    moves = pl.concat(
        [
            seen.select("at", rank="now", by=pl.lit(1, dtype=pl.Int64)),
            seen.select("at", rank="was", by=pl.lit(-1, dtype=pl.Int64)),
        ]
    )
    moves = moves.group_by("rank", "at").agg(pl.col("by").sum())
    ranks = _running(moves.filter(pl.col("rank") > 0), asked)
    found = pl.DataFrame(
        {"i": asked.get_column("i"), "found": estimates(ranks, asked.height)}
    )
    return found.filter(pl.Series(sum(ranks.values(), start=_zeros(asked))) > 0)


def _changes(held: pl.DataFrame, asked: pl.DataFrame) -> pl.DataFrame:
    """Return each register (`item`) at each window (`at`, a row) where it may change."""
    at = asked.select("sid", "e", "period").with_row_index("at")
    cells = held.select("sid", "item", "p").unique()
    low, high = _positions(cells, asked)
    edges = [cells.select("item", at=at_) for at_ in (low, high)]
    both = pl.concat(edges).filter(pl.col("at") < asked.height).unique()
    at = at.with_columns(pl.col("at").cast(pl.Int64))
    owner = held.select("item", "sid").unique()
    both = both.join(owner, on="item").join(at, on=["at", "sid"])
    both = both.sort("item", "at")
    return both.with_row_index("i").with_columns(pl.col("i").cast(pl.Int64))


def _positions(cells: pl.DataFrame, asked: pl.DataFrame) -> tuple[pl.Series, pl.Series]:
    """Return the first window that holds each cell, and the first after it that does not."""
    periods = asked.select("sid", "period").unique()
    period = cells.join(periods, on="sid", how="left", maintain_order="left")
    sid, p = cells.get_column("sid"), cells.get_column("p")
    gone = p + period.get_column("period")
    low, wide = _scale([p, gone, asked.get_column("e")])
    place = asked.get_column("sid") * wide + (asked.get_column("e") - low)
    enter = place.search_sorted(sid * wide + (p - low), side="right")
    leave = place.search_sorted(sid * wide + (gone - low), side="right")
    return enter.cast(pl.Int64), leave.cast(pl.Int64)


def _running(moves: pl.DataFrame, asked: pl.DataFrame) -> dict[int, pl.Series]:
    """Return how many registers are at each rank, in each window."""
    sid = asked.get_column("sid")
    first = (sid != sid.shift(1)).fill_null(value=True)
    start = pl.int_range(sid.len(), eager=True).filter(first)
    owner = first.cast(pl.Int64).cum_sum() - 1
    ranks: dict[int, pl.Series] = {}
    for (rank,), part in moves.partition_by("rank", as_dict=True).items():
        steps = pl.zeros(asked.height, dtype=pl.Int64, eager=True)
        steps = steps.scatter(part.get_column("at"), part.get_column("by"))
        sums = steps.cum_sum()
        before = (sums - steps).gather(start).gather(owner)
        ranks[int(rank)] = (sums - before).cast(pl.Float64)
    return ranks


def _zeros(asked: pl.DataFrame) -> pl.Series:
    return pl.zeros(asked.height, dtype=pl.Float64, eager=True)


def _scale(times: list[pl.Series]) -> tuple[int, int]:
    """Return the least of some times, and a number greater than their distance."""
    low = min(found for t in times if (found := lowest(t)) is not None)
    high = max(found for t in times if (found := greatest(t)) is not None)
    return low, high - low + 1


def _bounds(
    sid: pl.Series, p: pl.Series, asked: pl.DataFrame
) -> tuple[pl.Series, pl.Series]:
    """Return where the cells of each window begin and end among cells in order."""
    end = asked.get_column("e")
    begin = end - asked.get_column("period")
    if not end.len() or not p.len():
        nothing = pl.zeros(end.len(), dtype=pl.Int64, eager=True)
        return nothing, nothing
    least, wide = _scale([p, begin, end])
    place = sid * wide + (p - least)
    of = asked.get_column("sid") * wide - least
    low = place.search_sorted(of + begin, side="left")
    high = place.search_sorted(of + end, side="left")
    return low.cast(pl.Int64), high.cast(pl.Int64)
