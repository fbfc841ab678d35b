"""One JSON object a line: the face for programs. `schema.py` publishes its shape."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, TextIO

from tocsin.views.progress import ProgressBar

if TYPE_CHECKING:
    from collections.abc import Callable

    from tocsin.model.records import Record
    from tocsin.model.status import LiveStatus

_DEPTH = 32
"""Levels of nesting that a plugin's own data may have; deeper ones become text."""


class JsonlView:
    """Writes each record as soon as it is said, in ASCII, so in any encoding."""

    def __init__(
        self,
        stdout: TextIO,
        stderr: TextIO,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self._out = stdout
        self._bar = ProgressBar(stderr, clock, shared=stdout.isatty())

    def show(self, record: Record) -> None:
        """Write one line and flush it."""
        self._bar.pause()
        self._out.write(encode(record.as_json()) + "\n")
        self._out.flush()

    def progress(self, done: int, total: int, lines: int) -> None:
        """Move the bar on standard error."""
        self._bar.update(done, total, lines)

    def refresh(self, look: Callable[[], LiveStatus]) -> None:
        """Show nothing: programs read records."""

    def close(self) -> None:
        """Flush what is written."""
        self._bar.close()
        self._out.flush()


def encode(row: Mapping[str, Any]) -> str:
    """Return a published row as one line of strict JSON, in ASCII.

    Numbers that are not finite become null; half a surrogate pair, which no UTF-8
    can hold, becomes the text of its escape. Anything a plugin put in that JSON does
    not know becomes its text. Never raises for what a row holds.
    """
    try:
        text = _dump(row)
    except (TypeError, ValueError, RecursionError):
        return _dump(_strict(row, _DEPTH))
    # An escape of a surrogate is rare, so it is looked for in the result.
    return _dump(_strict(row, _DEPTH)) if r"\ud" in text else text


def _dump(row: object) -> str:
    return json.dumps(row, allow_nan=False, separators=(",", ":"))


def _strict(value: object, depth: int) -> Any:  # noqa: ANN401
    if depth <= 0:
        return "..."
    if isinstance(value, Mapping):
        return {_text(k): _strict(v, depth - 1) for k, v in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_strict(v, depth - 1) for v in value]
    return _scalar(value)


def _scalar(value: object) -> str | float | bool | None:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        return float(value) if math.isfinite(value) else None
    return _text(value)


def _text(value: object) -> str:
    return str(value).encode("utf-8", "backslashreplace").decode("utf-8")
