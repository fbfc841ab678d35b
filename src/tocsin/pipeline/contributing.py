"""Who made the difference: counts by a field in a window, and in the one before it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from tocsin.metrics.cells import MILLION
from tocsin.metrics.series import OTHER
from tocsin.metrics.spec import Kind, MetricSpec
from tocsin.model.records import Contributor

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tocsin.metrics.cells import Cells

TOP: Final = 3
"""Values of a field that are named: those that made the greatest difference."""

Times = tuple[int, int, int]
"""The end of a window (s), the tick of what is known, and how long the window is (s)."""
Part = tuple[object, ...]
"""The values of a key's fields."""


def contributors(
    cells: Cells, series: pl.DataFrame, spec: MetricSpec, field: str, times: Times
) -> dict[Part, tuple[Contributor, ...]]:
    """Return the values of a field that made the difference, by the rest of the key.

    `spec` counts by the key and the field. Where more came than before, those are named
    of which more came; where less came, those of which less did.
    """
    found: dict[Part, list[Contributor]] = {}
    for key, now, before in _counts(cells, series, spec, times):
        rest = tuple(key.get(name) for name in spec.group_by if name != field)
        value = key.get(field)
        if value != OTHER:
            shown = "" if value is None else str(value)
            found.setdefault(rest, []).append(Contributor(field, shown, now, before))
    return {rest: _top(mine) for rest, mine in found.items()}


def _counts(
    cells: Cells, series: pl.DataFrame, spec: MetricSpec, times: Times
) -> Iterator[tuple[Mapping[str, Any], float, float]]:
    """Yield each key, what came of it in the window, and in the one before."""
    end, known, span = times
    inside = (pl.col("p") < end) & (pl.col("p") >= end - 2 * span)
    held = cells.base.filter(inside & (pl.col("k") <= known))
    held = held.join(series.select("sid", "key"), on="sid")
    total = spec.kind is Kind.SUM
    amount = pl.col("s" if total else "n")
    late = pl.col("p") >= end - span
    sums = held.group_by("key").agg(
        now=amount.filter(late).sum(), before=amount.filter(~late).sum()
    )
    scale = MILLION if total else 1
    for key, now, before in sums.iter_rows():
        yield json.loads(key), (now or 0) / scale, (before or 0) / scale


def _top(mine: Sequence[Contributor]) -> tuple[Contributor, ...]:
    """Return those that made most of the difference, the greatest first."""
    whole = sum(one.difference for one in mine)
    sign = -1 if whole < 0 else 1
    ranked = sorted(mine, key=lambda c: (-sign * c.difference, -c.now, c.value))
    return tuple(one for one in ranked[:TOP] if sign * one.difference > 0)
