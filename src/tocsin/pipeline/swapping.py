"""Keys beyond a limit that have become great take the places of those that are small."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import polars as pl
from msgspec import Struct

from tocsin.metrics.cells import Cells, merge
from tocsin.metrics.rivals import STRETCH, swaps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tocsin.metrics.series import SeriesPlan, SeriesTable

_TIMES: Final = 3
"""So many times its limit a metric may name keys anew: bounds what is remembered."""


class Stands(Struct, frozen=True):
    """How alarms stand, and the cells that are still to take effect (`ShardState`)."""

    now: pl.DataFrame
    then: pl.DataFrame
    marks: tuple[tuple[int, pl.DataFrame], ...]
    late: pl.DataFrame


def swapped(
    cells: Cells, series: SeriesTable, plan: SeriesPlan, stands: Stands
) -> dict[str, Any]:
    """Return what of a shard's state is another after all swaps, by its name.

    Series of which any alarm fires stay.
    """
    if series.rivals.height == 0:
        return {}
    alarms = [stands.now, stands.then, *(mark for _, mark in stands.marks)]
    weights = _weights(cells, series, plan, alarms)
    taken = swaps(series.rivals, weights, _room(series, plan))
    if not taken:
        return {}
    table, moved = series.swapped(taken, plan)

    def left(rows: pl.DataFrame) -> pl.DataFrame:
        return rows.join(moved, on="sid", how="anti")

    return {
        "cells": merge([cells.map(lambda rows: renumbered(rows, moved))]),
        "series": table,
        "late": renumbered(stands.late, moved).unique(),
        "now": left(stands.now),
        "then": left(stands.then),
        "marks": tuple((at, left(rows)) for at, rows in stands.marks),
        "sums": None,
    }


def renumbered(rows: pl.DataFrame, moved: pl.DataFrame) -> pl.DataFrame:
    """Return rows of series that are others now under their new numbers."""
    found = rows.join(moved, on="sid", how="left", maintain_order="left")
    return found.with_columns(sid=pl.coalesce("now", "sid")).select(rows.columns)


def _room(series: SeriesTable, plan: SeriesPlan) -> dict[int, int]:
    """Return how many keys of each metric may still be named anew."""
    known = dict(series.table.group_by("m").len().iter_rows())
    return {m: (1 + _TIMES) * plan.limits[m] - known.get(m, 0) for m in series.limited}


def _weights(
    cells: Cells,
    series: SeriesTable,
    plan: SeriesPlan,
    alarms: Sequence[pl.DataFrame],
) -> pl.DataFrame:
    """Return the recent events of series that may give way."""
    kept = [rows.filter("firing").select("sid") for rows in alarms]
    others = pl.DataFrame(
        [(m, plan.other(m)) for m in series.limited],
        schema={"m": pl.Int32, "key": pl.String},
        orient="row",
    )
    expected = [(h.number, h.key) for hs in plan.heirs.values() for h in hs if h.key]
    named = pl.DataFrame(expected, schema=others.schema, orient="row")
    mine = series.table.filter(
        pl.col("m").is_in(list(series.limited))
        & ~pl.col("sid").is_in(list(series.retired))
    )
    mine = mine.join(pl.concat([others, named]), on=["m", "key"], how="anti")
    mine = mine.join(pl.concat(kept), on="sid", how="anti") if kept else mine
    newest = series.rivals.group_by("m").agg(since=pl.col("g").max() - 1)
    size = pl.col("m").replace_strict(
        plan.stretches, default=STRETCH, return_dtype=pl.Int64
    )
    mine = mine.join(newest, on="m").with_columns(since=pl.col("since") * size)
    recent = cells.base.select("sid", "p", "n").join(mine, on="sid")
    recent = recent.filter(pl.col("p") >= pl.col("since"))
    counts = recent.group_by("sid").agg(pl.col("n").sum())
    whole = mine.join(counts, on="sid", how="left")
    return whole.select("m", "sid", pl.col("n").fill_null(0))
