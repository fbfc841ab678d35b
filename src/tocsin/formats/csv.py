"""Comma-separated values, one event a line, with a header line or columns named by you."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from tocsin.formats.layout import Layout, look, message_of
from tocsin.formats.options import FormatOptions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tocsin.model.message import MessageType
    from tocsin.model.protocols import Codec

_HEADER = b'"remotehost","rfc931","authuser","date","request","status","bytes"\n'
SAMPLES: Mapping[bytes, Mapping[str, Any] | None] = {
    _HEADER + b'"10.0.0.2","-","apache",1549573860,"GET /api/user HTTP/1.0",200,1234': {
        "remote_addr": "10.0.0.2",
        "ident": "-",
        "remote_user": "apache",
        "time": "2019-02-07T21:11:00Z",
        "request": "GET /api/user HTTP/1.0",
        "method": "GET",
        "section": "/api",
        "status": 200,
        "bytes": 1234,
    },
    b'time;level;took;message\n2019-02-07 21:11:00,250;WARN;0.25;"said ""no""; left"': {
        "time": "2019-02-07T21:11:00.250000Z",
        "level": "WARN",
        "took": "0.25",
        "message": 'said "no"; left',
    },
    _HEADER
    + b'"10.0.0.2","-","apache",1549573860,"GET /api/user HTTP/1.0",ok,12': None,
    _HEADER + b'"10.0.0.2","-","apache",1549573860,"GET /api/user HTTP/1.0",200': None,
    _HEADER + b'"10.0.0.2","-","apache",soon,"GET /api/user HTTP/1.0",200,1234': None,
}
"""Each sample is a header line and one line."""


class Csv(Struct, frozen=True):
    """One event a line; a quoted value holds delimiters and `""`, never a newline."""

    options: FormatOptions = field(default_factory=FormatOptions)
    name: str = "csv"
    about: str = "values separated by , ; tab or |, with a header line or named columns"
    samples: Mapping[bytes, Mapping[str, Any] | None] = field(
        default_factory=lambda: SAMPLES
    )

    def message(self) -> MessageType:
        """Return what the options alone say: columns, and declared types.

        Without named columns the header decides, so the type is open.
        """
        layout = Layout(",", self.options.columns, b"")
        return message_of(layout, self.options, is_open=not self.options.columns)

    def open(self, head: bytes) -> Codec:
        """Return the codec for a stream by its header line."""
        from tocsin.formats.separated import codec  # noqa: PLC0415 (loads Polars)

        layout = look(head, self.options)
        message = message_of(layout, self.options)
        return codec(self.name, layout, message, self.options)
