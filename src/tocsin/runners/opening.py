"""A stream's codec: from the source's configuration and the stream's first lines."""

from __future__ import annotations

from difflib import get_close_matches
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from tocsin import formats
from tocsin.formats.options import FormatOptions, Joins
from tocsin.model.errors import SourceError, UsageError
from tocsin.model.instant import SECOND
from tocsin.model.message import FieldType
from tocsin.runners.clock import SystemClock
from tocsin.runners.deriving import deriving
from tocsin.runners.enriching import enriching

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tocsin.config.values import FormatConfig, MultilineConfig, SourceConfig
    from tocsin.model.batch import EventBatch
    from tocsin.model.protocols import Codec

AUTO = "auto"
_HEAD = 64 << 10
UNKNOWN = "unknown"
"""The name of the format of a stream that was not recognised."""


class FormatUnknownError(SourceError):
    """The format is to be found out, and no line fits any: `told` says what was tried."""

    told = ""


def options_of_format(
    form: FormatConfig, timezone: str = "UTC", reference: int | None = None
) -> FormatOptions:
    """Return what a configuration says of a format.

    `reference` is an instant (µs) by which the year of stamps without one is told.
    """
    return FormatOptions(
        timezone=timezone,
        columns=form.columns or (),
        header=form.header,
        delimiter=form.delimiter or "",
        time_field=form.time_field or "",
        time_format=form.time_format or "",
        fields=dict(form.fields),
        text=form.text,
        joins=_joins(form.multiline) if form.multiline else None,
        reference=reference,
    )


def _joins(said: MultilineConfig) -> Joins:
    return Joins(
        said.starts_with, said.continues_with, said.max_lines, said.max_bytes, said.wait
    )


def _written_at(path: Path) -> int:
    """Return when a file was last written to (µs); now, if there is none."""
    try:
        return path.stat().st_mtime_ns // 1000
    except (OSError, ValueError):
        return SystemClock().now()


def open_codec(
    source: SourceConfig, stream: str, head: bytes, path: Path | None = None
) -> tuple[Codec | None, str]:
    """Return the codec for a stream that begins with `head`, and a word about it.

    None when there is nothing yet to tell the format by: no line, or blank ones. `path`
    is the file it begins in, where that is not what the stream is called.

    Raises:
        FormatUnknownError: The format is to be found out, and no line fits any.
    """
    written = _written_at(path or Path(stream))
    options = options_of_format(source.format, source.timezone, written)
    if source.format.type == UNKNOWN:
        return unknown(), ""
    if source.format.type != AUTO:
        codec = formats.get_with(source.format.type, options).open(head)
        return _with_more(codec, source), ""
    found = formats.detect(head, options)
    if found.format:
        return _with_more(found.codec, source), f"{found}"
    if not found.total:
        return None, ""
    raise _refusal(stream, head, f"{found}")


_PACKED = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\0": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
}
"""Programs that compress, by the first bytes of what they write."""


def _refusal(stream: str, head: bytes, told: str) -> FormatUnknownError:
    packed = next((by for magic, by in _PACKED.items() if head.startswith(magic)), "")
    if packed:
        why = f"this is no text: it is compressed, by {packed}"
        hint = f"expand it first: {packed} -dc FILE | tocsin watch"
    elif b"\0" in head:
        why = "this is no text: there are zero bytes in it"
        hint = "UTF-16 has to be made UTF-8 first, for example with iconv"
    else:
        why = told
        hint = (
            "say which it is, with --format or `format:`; one of your own is described "
            "under `formats:`, by a pattern or by grok"
        )
    error = FormatUnknownError(f"{stream}: {why}\n  hint: {hint}")
    error.told = told
    return error


class Findings:
    """What the first lines of files were found to be: each is found out but once."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, bytes], tuple[str, str]] = {}

    def find(
        self, source: SourceConfig, stream: str, head: bytes
    ) -> tuple[Codec | None, str]:
        """Return what `open_codec` does, and remember it."""
        place = _place(source, head)
        if place in self._known:
            return self.recall(source, stream, head)
        try:
            codec, word = open_codec(source, stream, head)
        except FormatUnknownError as error:
            self._known[place] = "", error.told
            raise
        if codec is not None:
            self._known[place] = codec.format, word
        return codec, word

    def recall(
        self, source: SourceConfig, stream: str, head: bytes
    ) -> tuple[Codec | None, str]:
        """Return the same, without remembering it."""
        form, word = self._known.get(_place(source, head), (AUTO, ""))
        if form == AUTO:
            return open_codec(source, stream, head)
        if not form:
            raise _refusal(stream, head, word)
        return open_codec(fixed(source, form), stream, head)[0], word


def _place(source: SourceConfig, head: bytes) -> tuple[str, bytes]:
    return source.name, blake2b(head, digest_size=16).digest()


def _with_more(codec: Codec, source: SourceConfig) -> Codec:
    """Return a codec with the fields that its source adds: computed, then found out."""
    return enriching(deriving(codec, source.format.derive), source.enrich)


def renewed(codec: Codec, source: SourceConfig, stream: str, lines: bytes) -> Codec:
    """Return the codec for the first lines of a stream's next file.

    Another one only where formats have a header, and more lines fit the file's own.
    """
    if not getattr(codec, "headed", False):
        return codec
    head = lines[: lines.rfind(b"\n", 0, _HEAD) + 1] or lines[:_HEAD]
    own, _ = open_codec(fixed(source, codec.format), stream, head)
    return own if own is not None and _fit(own, head) > _fit(codec, head) else codec


def _fit(codec: Codec, head: bytes) -> int:
    return codec.parse(head, {}).tally.events


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
    return batch.reframed(batch.frame.with_columns(columns), aliases)


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


def patience(codec: Codec) -> float | None:
    """Return the seconds that a stream's last event is waited for; None: not at all."""
    found: int | None = getattr(codec, "patience", None)
    return None if found is None else found / SECOND


def leading(codec: Codec, block: bytes) -> int:
    """Return how many bytes of a block continue an event that began before it."""
    found = getattr(codec, "first_event", None)
    return int(found(block)) if found and block else 0


def with_oversized(batch: EventBatch, oversized: int) -> EventBatch:
    """Account for lines that were too long to be kept: they are parse errors."""
    if not oversized:
        return batch
    from tocsin.model.batch import Rejected, Tally  # noqa: PLC0415 - loads Polars

    more = Tally(lines=oversized, parse_errors=oversized)
    sample = Rejected("", lambda: "the line is longer than 1 MiB")
    return replace(batch, tally=batch.tally + more, rejected=(*batch.rejected, sample))


def fixed(source: SourceConfig, name: str) -> SourceConfig:
    """Return the configuration of a source whose format has been found out."""
    if source.format.type != AUTO:
        return source
    return replace(source, format=replace(source.format, type=name))
