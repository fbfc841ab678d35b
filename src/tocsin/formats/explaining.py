"""What became of one line, and why: for people who wonder."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct, field

from tocsin.formats import BUILT_IN, get_with

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tocsin.formats.options import FormatOptions
    from tocsin.model.protocols import Codec

_COLUMN = re.compile(r" at column ([0-9]+)")
_MOST = 200
"""Fields that are looked for."""


class Explained(Struct, frozen=True):
    """What a line came to: `event`, `joined`, `skipped` or `refused`.

    `fields` are those of an event, without the empty ones; `reason` says why a line was
    refused, and `column` (from 1; 0 if it cannot be said) where.
    """

    fate: str
    fields: Mapping[str, object] = field(default_factory=dict)
    reason: str = ""
    column: int = 0


def explain(codec: Codec, line: bytes) -> Explained:
    """Return what a codec makes of one line."""
    begins = getattr(codec, "first_event", None)
    if begins is not None and line.strip() and begins(line + b"\n"):
        return Explained("joined")
    names = dict.fromkeys(list(_names(codec, line))[:_MOST])
    batch = codec.parse(line + b"\n", names)
    if batch.tally.events:
        row = batch.frame.row(0, named=True)
        return Explained("event", {k: v for k, v in row.items() if v is not None})
    if not batch.tally.parse_errors:
        return Explained("skipped")
    said = batch.rejected
    reason = said[0].reason if said else f"{codec.format} does not say why"
    found = _COLUMN.search(reason)
    return Explained("refused", reason=reason, column=int(found[1]) if found else 0)


def _names(codec: Codec, line: bytes) -> Iterator[str]:
    """Yield the fields that a line may have: those declared, and those it shows."""
    yield from (f.name for f in codec.message)
    if not codec.message.open:
        return
    aliases = codec.message.aliases
    from tocsin.formats.paths import look  # noqa: PLC0415 (a rare need)

    found = [".".join(path) for path in look(line)]
    if not found:
        found = re.findall(r'(?:^| )([^= "]+)=', line.decode(errors="replace"))
    yield from (name for name in found if name not in aliases)


def takers(line: bytes, options: FormatOptions) -> tuple[str, ...]:
    """Return the built-in formats that would take a line, the most specific first."""
    return tuple(
        name
        for name in BUILT_IN
        if name != "auto" and _takes(get_with(name, options).open(line), line)
    )


def _takes(codec: Codec, line: bytes) -> bool:
    return codec.parse(line + b"\n", {}).tally.events == 1
