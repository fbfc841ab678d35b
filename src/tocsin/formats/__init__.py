"""Lines to events: one module per format, each carrying its own sample lines.

Comes in: blocks of whole lines, as bytes. Goes out: `EventBatch`, columns typed by the
format's message type, with an account of every line. Refuses: to keep memory from one
block to the next, to raise for what a line holds, and to load Polars before a stream
is opened. A new format is one module with a class and one line in `BUILT_IN`; other
packages offer theirs by an entry point of the group `tocsin.formats`.
"""

from __future__ import annotations

from importlib import import_module, metadata
from typing import TYPE_CHECKING, Any

from tocsin.formats.options import FormatOptions
from tocsin.model.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tocsin.formats.auto import Detection
    from tocsin.model.message import MessageType
    from tocsin.model.protocols import Format

__all__ = ["BUILT_IN", "GROUP", "FormatOptions", "detect", "get", "get_with", "message_type", "names"]

BUILT_IN = {
    "json": "tocsin.formats.json:Json",
    "combined": "tocsin.formats.combined:Combined",
    "common": "tocsin.formats.common:Common",
    "csv": "tocsin.formats.csv:Csv",
    "auto": "tocsin.formats.auto:Auto",
}
"""Name to the class that makes the format from its options, the most specific first."""

GROUP = "tocsin.formats"
"""The entry point group of formats from elsewhere."""


def names() -> tuple[str, ...]:
    """Return the names of the built-in formats, without loading any."""
    return tuple(BUILT_IN)


def get(name: str, **options: Any) -> Format:  # noqa: ANN401
    """Return a format by name, with the options of `FormatOptions`.

    Raises:
        UsageError: There is no format of that name, or an option cannot work.
    """
    return get_with(name, FormatOptions(**options))


def get_with(name: str, options: FormatOptions) -> Format:
    """Return a format by name, with options that are already put together."""
    made: Format = _factory(name)(options)
    return made


def message_type(name: str, options: FormatOptions | None = None) -> MessageType:
    """Return what is known of a format's fields before a stream is opened.

    Never loads Polars. Raises `UsageError` as `get` does.
    """
    made: MessageType = _factory(name)(options or FormatOptions()).message()
    return made


def detect(head: bytes, options: FormatOptions | None = None) -> Detection:
    """Return the format of a stream by its first lines, the codec, and what was tried."""
    from tocsin.formats import auto  # noqa: PLC0415 (it needs what is defined here)

    return auto.detect(head, options)


def _factory(name: str) -> Callable[[FormatOptions], Any]:
    if name in BUILT_IN:
        module, _, attribute = BUILT_IN[name].partition(":")
        made: Callable[[FormatOptions], Any] = getattr(import_module(module), attribute)
        return made
    for point in metadata.entry_points(group=GROUP, name=name):
        loaded: Callable[[FormatOptions], Any] = point.load()
        return loaded
    known = ", ".join(sorted(BUILT_IN))
    raise UsageError(f"there is no format '{name}'; the built-in ones are {known}")
