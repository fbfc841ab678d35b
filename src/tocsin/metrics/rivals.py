"""Keys beyond a limit: which of those that share a series are worth one of their own.

Of the keys that find no room, counts are kept by the rule of Misra and Gries: of so many
keys at most; when there are more, all counts are lowered by that of the first that
is too many, and those that come to nothing go. So a count is never too high, and too low by
at most the events of all such keys divided by the capacity, however they came and were
put together. Counts are of a stretch of time and the one before it: of what is recent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Mapping

RIVALS: Final = {"m": pl.Int32, "key": pl.String, "g": pl.Int64, "n": pl.Int64}
"""A key that shares the series of the others: its events in a stretch `g` of time."""
_CLEARLY: Final = 4
STRETCH: Final = 600
"""Seconds of a stretch."""


def joined(known: pl.DataFrame, more: pl.DataFrame, room: int) -> pl.DataFrame:
    """Return the counts of two piles of rivals, of at most `room` keys a stretch.

    Stretches before the last but one of their metric are forgotten.
    """
    by = ["m", "key", "g"]
    rows = pl.concat([known, more]).group_by(by).agg(pl.col("n").sum())
    recent = pl.col("g") >= pl.col("g").max().over("m") - 1
    rows = rows.filter(recent).sort(
        "m", "g", "n", "key", descending=[False, False, True, False]
    )
    cell = ["m", "g"]
    first_too_many = pl.col("n").slice(room, 1).first().over(cell)
    many = pl.len().over(cell) > room
    lower = pl.when(many).then(first_too_many).otherwise(0)
    rows = rows.with_columns(n=pl.col("n") - lower)
    return rows.filter(pl.col("n") > 0).select(*RIVALS)


def swaps(
    rivals: pl.DataFrame, weights: pl.DataFrame, room: Mapping[int, int]
) -> list[tuple[int, str, int]]:
    """Return which keys take the place of which series: metric, key, and the series.

    `weights` are the events (`n`) of the series (`sid`) of metrics (`m`) that may give
    way. A key must have clearly more than the series whose place it takes, twice as
    many at least: the greatest take those of the least. `room` says how many keys may
    still be named anew.
    """
    found: list[tuple[int, str, int]] = []
    best = rivals.group_by("m", "key").agg(pl.col("n").sum())
    best = best.sort("m", "n", "key", descending=[False, True, False])
    least = weights.sort("m", "n", "sid")
    for (m,), mine in best.group_by("m", maintain_order=True):
        places = least.filter(pl.col("m") == m)
        pairs = zip(
            mine.select("key", "n").iter_rows(),
            places.select("sid", "n").iter_rows(),
            strict=False,
        )
        number = int(m)
        taken = [
            (number, key, sid)
            for (key, n), (sid, weight) in pairs
            if n > weight + max(weight, _CLEARLY)
        ]
        found += taken[: max(room.get(number, 0), 0)]
    return found
