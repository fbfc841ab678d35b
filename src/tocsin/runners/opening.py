"""A stream's codec: from the source's configuration and the stream's first lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tocsin import formats
from tocsin.formats.options import FormatOptions
from tocsin.model.errors import SourceError

if TYPE_CHECKING:
    from tocsin.config.values import SourceConfig
    from tocsin.model.protocols import Codec

AUTO = "auto"


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


def open_codec(source: SourceConfig, stream: str, head: bytes) -> tuple[Codec, str]:
    """Return the codec for a stream that begins with `head`, and a word about it.

    Raises:
        SourceError: The format is to be found out, and no line fits any.
    """
    options = options_of(source)
    if source.format.type != AUTO:
        return formats.get_with(source.format.type, options).open(head), ""
    found = formats.detect(head, options)
    if not found.format:
        message = f"{stream}: {found}\n  hint: say which it is, with --format or `format:`"
        raise SourceError(message)
    return found.codec, f"{found}"


def fixed(source: SourceConfig, name: str) -> SourceConfig:
    """Return the configuration of a source whose format has been found out."""
    from dataclasses import replace  # noqa: PLC0415 - a rare need

    return replace(source, format=replace(source.format, type=name))
