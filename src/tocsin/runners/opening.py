"""A stream's codec: from the source's configuration and the stream's first lines."""

from __future__ import annotations

from dataclasses import replace
from difflib import get_close_matches
from typing import TYPE_CHECKING

from tocsin import formats
from tocsin.formats.options import FormatOptions
from tocsin.model.errors import SourceError, UsageError
from tocsin.model.message import FieldType

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tocsin.config.values import SourceConfig
    from tocsin.model.batch import EventBatch
    from tocsin.model.protocols import Codec

AUTO = "auto"
UNKNOWN = "unknown"
"""The name of the format of a stream that was not recognised."""


class FormatUnknownError(SourceError):
    """The format is to be found out, and no line fits any."""


def options_of(source: SourceConfig) -> FormatOptions:
    """Return what a source's configuration says of its format."""
    form = source.format
    return FormatOptions(
        timezone=source.timezone,
        columns=form.columns or (),
        header=form.header,
        delimiter=form.delimiter or "",
        time_field=form.time_field or "",
        time_format=form.time_format or "",
        fields=dict(form.fields),
    )


def open_codec(
    source: SourceConfig, stream: str, head: bytes
) -> tuple[Codec | None, str]:
    """Return the codec for a stream that begins with `head`, and a word about it.

    None when there is nothing yet to tell the format by: no line, or blank ones.

    Raises:
        FormatUnknownError: The format is to be found out, and no line fits any.
    """
    options = options_of(source)
    if source.format.type == UNKNOWN:
        return unknown(), ""
    if source.format.type != AUTO:
        return formats.get_with(source.format.type, options).open(head), ""
    found = formats.detect(head, options)
    if found.format:
        return found.codec, f"{found}"
    if not found.total:
        return None, ""
    if b"\0" in head:
        message = f"{stream}: this is no text: there are zero bytes in it"
        hint = "UTF-16 has to be made UTF-8 first, for example with iconv"
    else:
        message = f"{stream}: {found}"
        hint = "say which it is, with --format or `format:`"
    raise FormatUnknownError(f"{message}\n  hint: {hint}")


def unknown() -> Codec:
    """Return the codec of a stream whose format is not known: it refuses every line."""
    from tocsin.formats.auto import Unknown  # noqa: PLC0415 - a rare need

    return Unknown()


def check_fields(codec: Codec, stream: str, wanted: Iterable[str]) -> None:
    """Refuse a stream whose events cannot have a field that a metric reads.

    Raises:
        UsageError: Naming the field, and the one that may have been meant.
    """
    message = codec.message
    if message.open or codec.format == UNKNOWN:
        return
    for name in sorted(wanted):
        if message.find(name) is None:
            known = [f.name for f in message]
            close = get_close_matches(name, known, n=1)
            hint = f"did you mean {close[0]!r}? " if close else ""
            text = f"{stream}: {codec.format} lines have no field {name!r}"
            raise UsageError(f"{text}\n  hint: {hint}there are {', '.join(known)}")


def parse(
    codec: Codec, block: bytes, fields: Mapping[str, FieldType | None]
) -> EventBatch:
    """Return the events of a block with its fields by the names they are asked for.

    A field may be asked for by an alias: by the name that its origin gives it. A type
    that is asked for is that of texts and of fields that have none of their own.
    """
    names = {name: codec.message.canonical(name) for name in fields}
    batch = codec.parse(block, _kinds(codec, names, fields))
    aliases = {name: own for name, own in names.items() if name != own}
    if not aliases:
        return batch
    columns = [batch.frame.get_column(own).alias(name) for name, own in aliases.items()]
    return replace(batch, frame=batch.frame.with_columns(columns))


def _kinds(
    codec: Codec, names: Mapping[str, str], fields: Mapping[str, FieldType | None]
) -> dict[str, FieldType | None]:
    """Return the type to ask for of every field, by its own name."""
    kinds: dict[str, FieldType | None] = {}
    for name, kind in fields.items():
        own = names[name]
        known = codec.message.find(own)
        asked = kind if known is None or known.type is FieldType.STRING else None
        # By two names and as two types: it is read as text, which is both.
        kinds[own] = asked if kinds.get(own, asked) is asked else None
    return kinds


def with_oversized(batch: EventBatch, oversized: int) -> EventBatch:
    """Account for lines that were too long to be kept: they are parse errors."""
    if not oversized:
        return batch
    from tocsin.model.batch import Rejected, Tally  # noqa: PLC0415 - loads Polars

    more = Tally(lines=oversized, parse_errors=oversized)
    sample = Rejected("", "the line is longer than 1 MiB")
    return replace(batch, tally=batch.tally + more, rejected=(*batch.rejected, sample))


def fixed(source: SourceConfig, name: str) -> SourceConfig:
    """Return the configuration of a source whose format has been found out."""
    if source.format.type != AUTO:
        return source
    return replace(source, format=replace(source.format, type=name))
