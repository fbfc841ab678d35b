"""Values that have not been seen for a while: which cells of a series count as new.

A cell is new if its series had none in so long a time before it. Of those that are not,
only few are needed to tell: the first and the last of every half of that time. So what
has to be remembered of a series does not grow with its events.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tocsin.metrics.cells import Cells
    from tocsin.metrics.spec import MetricSpec

_MEMORIES = {"m": pl.Int32, "memory": pl.Int64}


def memories(metrics: Mapping[int, MetricSpec]) -> pl.DataFrame:
    """Return the metrics (`m`) that count only what is new, and their `memory` (s)."""
    rows = [(n, spec.unseen_for) for n, spec in metrics.items() if spec.unseen_for]
    return pl.DataFrame(rows, schema=_MEMORIES, orient="row")


def unseen(cells: Cells, series: pl.DataFrame) -> Cells:
    """Return cells, of some series (`sid`, with their `memory`, s) only the new ones."""
    if series.height == 0 or cells.height == 0:
        return cells
    mine = cells.base.join(series.select("sid", "memory"), on="sid")
    seen = mine.select("sid", "p", "memory").unique().sort("sid", "p")
    same = pl.col("sid") == pl.col("sid").shift(1)
    near = pl.col("p") - pl.col("p").shift(1) <= pl.col("memory")
    old = seen.filter((same & near).fill_null(value=False))
    by = ["sid", "p"]
    return cells.map(lambda rows: rows.join(old, on=by, how="anti"))


def thinned(table: pl.DataFrame, series: pl.DataFrame, settled: int) -> pl.DataFrame:
    """Return cells, of some series (as in `unseen`) only those that are needed.

    What is new is the same with them as without, also once more cells come. Only cells
    known by `settled` (s) go: before that tick nothing is judged again.
    """
    if series.height == 0 or table.height == 0:
        return table
    mine = table.join(series.select("sid", "memory"), on="sid", maintain_order="left")
    mine = mine.filter(pl.col("k") <= settled)
    half = pl.col("p") // (pl.col("memory") // 2).clip(lower_bound=1)
    p, by = pl.col("p"), ["sid", half]
    inside = (p > p.min().over(by)) & (p < p.max().over(by))
    gone = mine.filter(inside).select("sid", "p", "k").unique()
    return table.join(gone, on=["sid", "p", "k"], how="anti", maintain_order="left")
