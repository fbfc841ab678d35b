"""Lines to events: one module per format, each carrying its own sample lines.

Comes in: blocks of whole lines, as bytes. Goes out: `EventBatch`, columns typed by the
format's message type, with an account of every line. Refuses: to keep memory from one
block to the next, to raise for what a line holds, and to load Polars before a stream
is opened. A new format is one module with a class and one line in `BUILT_IN`; other
packages offer theirs by an entry point of the group `tocsin.formats` (`foreign`).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from tocsin.formats.options import FormatError, FormatOptions
from tocsin.model.errors import UsageError
from tocsin.model.message import Field, FieldType, MessageType

if TYPE_CHECKING:
    from tocsin.formats.auto import Detection
    from tocsin.model.protocols import Format

__all__ = [
    "BUILT_IN",
    "GROUP",
    "WRITTEN",
    "FormatError",
    "FormatOptions",
    "NoFormatError",
    "about_written",
    "detect",
    "get",
    "get_with",
    "message_of",
    "message_type",
    "names",
]

BUILT_IN = {
    "docker": "tocsin.formats.docker:Docker",
    "journald": "tocsin.formats.journald:Journald",
    "json": "tocsin.formats.json:Json",
    "combined": "tocsin.formats.combined:Combined",
    "common": "tocsin.formats.common:Common",
    "alb": "tocsin.formats.alb:ALB",
    "elb": "tocsin.formats.elb:ELB",
    "w3c": "tocsin.formats.w3c:W3c",
    "haproxy": "tocsin.formats.haproxy:HAPROXY",
    "nginx_error": "tocsin.formats.nginx_error:NGINX_ERROR",
    "apache_error": "tocsin.formats.apache_error:APACHE_ERROR",
    "cri": "tocsin.formats.cri:CRI",
    "postgres": "tocsin.formats.postgres:POSTGRES",
    "log4j": "tocsin.formats.log4j:LOG4J",
    "python": "tocsin.formats.python:PYTHON",
    "syslog": "tocsin.formats.syslog:SYSLOG",
    "csv": "tocsin.formats.csv:Csv",
    "logfmt": "tocsin.formats.logfmt:Logfmt",
    "auto": "tocsin.formats.auto:Auto",
}
"""Name to the class that makes the format from its options, the most specific first."""

WRITTEN = {
    "pattern": "tocsin.formats.written:Pattern",
    "log_format": "tocsin.formats.written:LogFormat",
    "regex": "tocsin.formats.written:Regex",
    "grok": "tocsin.formats.written:Grok",
}
"""Formats that a user writes, by the key of the configuration they are written under."""

_WRITTEN_BY = {
    "apache": ("combined", "common", "apache_error"),
    "httpd": ("combined", "common", "apache_error"),
    "iis": ("w3c",),
    "nginx": ("combined", "nginx_error"),
}
"""Programs, and the formats of the logs that they write: none is called like them."""

GROUP = "tocsin.formats"
"""The entry point group of formats from elsewhere."""


class NoFormatError(UsageError, LookupError):
    """There is no format of a name; `hint` says which ones may have been meant."""

    def __init__(self, message: str, hint: str = "") -> None:
        self.hint = hint
        super().__init__(f"{message}\n  hint: {hint}" if hint else message)


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
    """Return a format by name, with options that are already put together.

    The name is one of ours, or of a package, or a dotted path of a local configuration.
    """
    options.check()
    own = _own(name)
    made: Format | None = own(options) if own else _foreign(name, options)
    if made is not None:
        return made
    known = ", ".join(BUILT_IN)
    message = f"there is no format '{name}'; the built-in ones are {known}"
    raise NoFormatError(message, _meant(name))


def _meant(name: str) -> str:
    """Return a hint that names the formats that may have been meant."""
    from difflib import get_close_matches  # noqa: PLC0415 (a rare need)

    near = _WRITTEN_BY.get(name.lower()) or get_close_matches(name, BUILT_IN, n=1)
    return f"did you mean {' or '.join(map(repr, near))}?" if near else ""


def about_written(name: str) -> str:
    """Return a line about one of the ways to write a format."""
    about: str = _own(name).about
    return about


def message_type(name: str, options: FormatOptions | None = None) -> MessageType:
    """Return what is known of a format's fields before a stream is opened.

    Never loads Polars for a built-in format. Raises `UsageError` as `get` does.
    """
    return message_of(get_with(name, options or FormatOptions()))


def message_of(made: Format) -> MessageType:
    """Return what a format says of its fields; of one that says nothing, anything goes."""
    message = getattr(made, "message", None)
    if message is None:
        return MessageType(made.name, (Field("time", FieldType.TIME),), open=True)
    said: MessageType = message()
    return said


def detect(head: bytes, options: FormatOptions | None = None) -> Detection:
    """Return the format of a stream by its first lines, the codec, and what was tried."""
    from tocsin.formats import auto  # noqa: PLC0415 (it needs what is defined here)

    return auto.detect(head, options)


def _own(name: str) -> Any:  # noqa: ANN401
    """Return the class of a format of ours; None if there is none of that name."""
    module, _, attribute = (BUILT_IN.get(name) or WRITTEN.get(name, "")).partition(":")
    return getattr(import_module(module), attribute) if module else None


def _foreign(name: str, options: FormatOptions) -> Format | None:
    """Return the format of a package, or at a dotted path; None if neither is meant."""
    from tocsin.model.discovery import offered  # noqa: PLC0415 (slow, seldom needed)

    if "." not in name and ":" not in name and name not in offered(GROUP):
        return None
    from tocsin.formats.foreign import foreign  # noqa: PLC0415

    return foreign(name, options)
