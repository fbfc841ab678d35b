"""Aggregates of plugins: found, made, and tried before a line is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from tocsin.model.discovery import AGGREGATES, FAILURES, blamed, find
from tocsin.model.errors import UsageError
from tocsin.model.protocols import Window

if TYPE_CHECKING:
    from tocsin.model.protocols import Aggregate

_WINDOW = Window(*(pl.col(name) for name in Window._fields))
_SAMPLE = [1.0, 2.0, 3.0]
_NEAR = 1e-9


def compile_aggregate(type_name: str, value: pl.Expr | None) -> tuple[pl.Expr, pl.Expr]:
    """Return what is summed of each value, and the value of a window over its contents.

    Both are tried on a small frame, so that a plugin that cannot work is refused
    before a line is read.

    Raises:
        UsageError: The plugin cannot be found, or gives no number.
    """
    kind = find(AGGREGATES, type_name)
    try:
        made: Aggregate = kind() if isinstance(kind, type) else kind
        _try_values(made)
        result = made.result(_WINDOW)
        _tried("result", result, {name: [0.0, 1.0] for name in Window._fields})
        return made.prepare(pl.col("x") if value is None else value), result
    except (*FAILURES, pl.exceptions.PanicException) as error:
        reason = blamed(error, kind)
        message = f"the aggregate {type_name!r} cannot work: {reason}"
        raise UsageError(message) from error


def _try_values(made: Aggregate) -> None:
    """Refuse an aggregate that does not take each value by itself."""
    prepared = made.prepare(pl.col("x"))
    together = _tried("prepare", prepared, {"x": _SAMPLE}).to_list()
    alone = [_tried("prepare", prepared, {"x": [x]}).item() for x in _SAMPLE]
    if not all(map(_is_near, together, alone)):
        message = (
            f"prepare() has to take each value by itself: of {_SAMPLE} together "
            f"it made {together}, one by one {alone}"
        )
        raise TypeError(message)


def _is_near(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    # Not a number, and infinities, are as they are; what was divided may be rounded.
    return repr(one) == repr(other) or abs(one - other) <= _NEAR * abs(one)


def _tried(method: str, made: object, columns: dict[str, Any]) -> pl.Series:
    if not isinstance(made, pl.Expr):
        message = f"{method}() returned {made!r}, not an expression of Polars"
        raise TypeError(message)
    found = pl.DataFrame(columns).with_columns(found=made).get_column("found")
    if not found.dtype.is_numeric():
        message = f"{method}() has to give numbers, and gives {found.dtype}"
        raise TypeError(message)
    return found
