"""What raw log consumers make of events, as JSON and back: plain values and frames.

It goes from process to process and into the saved state, so whatever a plugin may
return has to come back as it went: a tuple as a tuple, a count as a count.
"""

from __future__ import annotations

import base64
import io
from collections import Counter
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

PLAIN = "neither a plain value nor a frame"
"""What is wrong with a value that cannot be kept."""

_ATOMS = frozenset({type(None), bool, int, float, str})
_MARK = "$"
"""Begins the one key of a mapping that stands for what JSON has not."""
_MICROS = timedelta(microseconds=1)


def unplain(value: object) -> str:
    """Return what of a value cannot be kept, in words; nothing if all of it can."""
    kind = type(value)
    if kind in _ATOMS or kind in _ALONE:
        return ""
    if kind is dict or kind is Counter:
        return _first_unplain([*value, *value.values()])  # type: ignore[misc,attr-defined]
    if kind in _SEQUENCES:
        return _first_unplain(value)  # type: ignore[arg-type]
    return f"{kind.__module__}.{kind.__qualname__} is {PLAIN}"


def _first_unplain(values: Iterable[object]) -> str:
    # Most often all is plain: looked at by type, that takes next to no time.
    odd = (value for value in values if type(value) not in _ATOMS)
    return next(filter(None, map(unplain, odd)), "")


def packed(value: Any) -> Any:  # noqa: ANN401
    """Return a plain value or a frame as JSON has it.

    Raises:
        TypeError: It is something else.
    """
    kind = type(value)
    if kind in _ATOMS:
        return value
    if kind is dict and all(type(k) is str and k[:1] != _MARK for k in value):
        return {key: packed(held) for key, held in value.items()}
    if kind is list:
        return [packed(held) for held in value]
    pack = _PACKED.get(kind)
    if pack is None:
        raise TypeError(unplain(value))
    return {f"{_MARK}{kind.__name__}": pack(value)}


def unpacked(value: Any) -> Any:  # noqa: ANN401
    """Return what `packed` made this of."""
    if isinstance(value, list):
        return [unpacked(held) for held in value]
    if not isinstance(value, dict):
        return value
    name = next(iter(value), "")
    if len(value) == 1 and name[:1] == _MARK:
        return _UNPACKED[name[1:]](value[name])
    return {key: unpacked(held) for key, held in value.items()}


def _pairs(value: Any) -> list[Any]:  # noqa: ANN401
    return [[packed(key), packed(held)] for key, held in value.items()]


def _of_pairs(pairs: list[Any]) -> dict[Any, Any]:
    return {unpacked(key): unpacked(held) for key, held in pairs}


def _each(value: Any) -> list[Any]:  # noqa: ANN401
    return [packed(held) for held in value]


def _frame(value: pl.DataFrame) -> str:
    body = io.BytesIO()
    value.write_ipc(body)
    return _text(body.getvalue())


def _of_frame(text: str) -> pl.DataFrame:
    return pl.read_ipc(io.BytesIO(base64.b64decode(text)))


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()


_PACKED: dict[type, Callable[[Any], Any]] = {
    dict: _pairs,
    Counter: _pairs,
    tuple: _each,
    set: _each,
    frozenset: _each,
    bytes: _text,
    datetime: datetime.isoformat,
    date: date.isoformat,
    timedelta: lambda value: value // _MICROS,
    pl.DataFrame: _frame,
    pl.Series: lambda value: _frame(value.to_frame()),
}
_UNPACKED: dict[str, Callable[[Any], Any]] = {
    "dict": _of_pairs,
    "Counter": lambda pairs: Counter(_of_pairs(pairs)),
    "tuple": lambda values: tuple(map(unpacked, values)),
    "set": lambda values: set(map(unpacked, values)),
    "frozenset": lambda values: frozenset(map(unpacked, values)),
    "bytes": base64.b64decode,
    "datetime": datetime.fromisoformat,
    "date": date.fromisoformat,
    "timedelta": lambda micros: micros * _MICROS,
    "DataFrame": _of_frame,
    "Series": lambda text: _of_frame(text).to_series(),
}
_SEQUENCES = frozenset({list, tuple, set, frozenset})
_ALONE = frozenset({bytes, datetime, date, timedelta, pl.DataFrame, pl.Series})
