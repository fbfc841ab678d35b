"""What a metric sums: values as numbers that can be added exactly, in any order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from tocsin.metrics.cells import MILLION, MOST
from tocsin.metrics.spec import Kind

if TYPE_CHECKING:
    from tocsin.metrics.spec import MetricSpec

SQUARED = {Kind.STDDEV, Kind.PLUGIN}
_SAFE = 2**62


def value_expr(spec: MetricSpec) -> pl.Expr:
    """Return what is aggregated; null of a metric that counts."""
    return pl.lit(None) if spec.value is None else spec.value


def value_name(spec: MetricSpec) -> str:
    """Return a name that equal values share, so that they are summed once."""
    if spec.value is None:
        return ""
    kind = "q:" if spec.kind in SQUARED else "v:"
    return kind + spec.value.meta.serialize().hex()


def numbers_of(rows: pl.DataFrame, value: pl.Expr, most: float) -> pl.Series:
    """Return the values as whole numbers or floats; null beyond `most` either way."""
    numbers = rows.select(value).to_series()
    if not numbers.dtype.is_integer():
        floats = numbers.cast(pl.Float64, strict=False)
        return floats.set(~(floats.abs() <= most).fill_null(value=True), None)
    whole = numbers.cast(pl.Int64, strict=False)
    if most == MOST:
        return whole
    return whole.set((whole.abs() > int(most)).fill_null(value=False), None)


def fits(numbers: pl.Series) -> bool:
    """Return whether a sum of all these, scaled if floats, is sure to fit in 64 bits."""
    largest = max(abs(float(numbers.max() or 0)), abs(float(numbers.min() or 0)))  # type: ignore[arg-type]
    scale = MILLION if numbers.dtype == pl.Float64 else 1
    return largest * scale * max(len(numbers), 1) < _SAFE
