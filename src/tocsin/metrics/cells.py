"""Cells: mergeable partials of (metric, key, slice of time), exact in any order.

A cell is a row. `p` is the start of its slice (s), `k` the first tick that may use it.
Three tables hold all kinds of metric:

* `base`: `n` events, `s` their sum in millionths, `q` the sum of squares in millionths
  (both 128-bit), `lo` and `hi`;
* `buckets`: `n` events in histogram bucket `b`;
* `registers`: HyperLogLog register `r` at `rank`.

Between processes a series is (`m`, `key`): the number of the metric in the plan and
its group key as JSON. In the state it is `sid`, a number of the series table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import polars as pl

BY_NAME = {"m": pl.Int32, "key": pl.String}
BY_NUMBER = {"sid": pl.Int64}
_WHEN = {"p": pl.Int64, "k": pl.Int64}
BASE = {
    "n": pl.Int64,
    "s": pl.Int128,
    "q": pl.Int128,
    "lo": pl.Float64,
    "hi": pl.Float64,
}
_BUCKETS = {"b": pl.Int64, "n": pl.Int64}
_REGISTERS = {"r": pl.Int64, "rank": pl.Int64}

MILLION = 1_000_000
"""Sums are whole numbers of millionths: exact under any order of addition."""


@dataclass(frozen=True, slots=True)
class Cells:
    """The three tables of cells, with their series by name or by number."""

    base: pl.DataFrame
    buckets: pl.DataFrame
    registers: pl.DataFrame

    @classmethod
    def empty(cls, series: dict[str, type[pl.DataType]]) -> Cells:
        """Return tables without rows; `series` is `BY_NAME` or `BY_NUMBER`."""
        return cls(
            pl.DataFrame(schema=series | _WHEN | BASE),
            pl.DataFrame(schema=series | _WHEN | _BUCKETS),
            pl.DataFrame(schema=series | _WHEN | _REGISTERS),
        )

    def map(self, change: Callable[[pl.DataFrame], pl.DataFrame]) -> Cells:
        """Return the same change made to each table."""
        return Cells(
            *(
                change(table) if table.height else table
                for table in (self.base, self.buckets, self.registers)
            )
        )

    @property
    def height(self) -> int:
        """How many rows there are in all."""
        return self.base.height + self.buckets.height + self.registers.height


def merge(parts: Iterable[Cells]) -> Cells:
    """Join cells: rows of the same series, slice and tick become one.

    The result is the same for any order and grouping of the parts, but for the
    order of its rows.
    """
    parts = list(parts)
    first = parts[0]
    series = [c for c in ("m", "key", "sid") if c in first.base.columns]
    where = [*series, "p", "k"]
    return Cells(
        _join([p.base for p in parts], where, [joined(pl.col(c), c) for c in BASE]),
        _join([p.buckets for p in parts], [*where, "b"], [pl.col("n").sum()]),
        _join([p.registers for p in parts], [*where, "r"], [pl.col("rank").max()]),
    )


def joined(column: pl.Expr, name: str) -> pl.Expr:
    """Return how values of the `base` column called `name` become one."""
    match name:
        case "lo":
            return column.min()
        case "hi":
            return column.max()
        case _:
            return column.sum()


def stack(parts: Sequence[Cells]) -> Cells:
    """Put cells under one another, unmerged."""
    return Cells(
        pl.concat([p.base for p in parts]),
        pl.concat([p.buckets for p in parts]),
        pl.concat([p.registers for p in parts]),
    )


def _join(
    tables: list[pl.DataFrame], where: list[str], sums: list[pl.Expr]
) -> pl.DataFrame:
    filled = [t for t in tables if t.height]
    if not filled:
        return tables[0]
    together = filled[0] if len(filled) == 1 else pl.concat(filled)
    return together.group_by(where).agg(sums)
