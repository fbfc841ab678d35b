"""A plugin's aggregate, compiled: what is summed, and how sums become a number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from tocsin.metrics.windows import CONTENTS
from tocsin.model.discovery import AGGREGATES, find
from tocsin.model.errors import UsageError
from tocsin.model.protocols import Window

if TYPE_CHECKING:
    from tocsin.model.protocols import Aggregate


def compile_aggregate(
    metric: str, type_name: str, value: pl.Expr | None
) -> tuple[pl.Expr, pl.Expr]:
    """Return what is summed of each value, and the value of a window over `CONTENTS`.

    Both are tried on a small frame, so that a plugin that cannot work is refused
    before a line is read.

    Raises:
        UsageError: The plugin cannot be found, or gives no number.
    """
    kind = find(AGGREGATES, type_name)
    try:
        made: Aggregate = kind() if isinstance(kind, type) else kind
        prepared = made.prepare(pl.col("x") if value is None else value)
        result = made.result(Window(*(pl.col(name) for name in CONTENTS)))
        _try(made.prepare(pl.col("x")), {"x": [1.0, 2.0]})
        _try(result, {name: [0.0, 1.0] for name in CONTENTS})
    except Exception as error:  # a plugin may raise anything
        message = f"metric {metric!r}: the aggregate {type_name!r} cannot work: {error}"
        raise UsageError(message) from error
    return prepared, result


def _try(expression: pl.Expr, columns: dict[str, Any]) -> None:
    frame = pl.DataFrame(columns)
    found = frame.with_columns(found=expression).get_column("found")
    if not found.dtype.is_numeric():
        message = f"expected numbers, got {found.dtype}"
        raise TypeError(message)
