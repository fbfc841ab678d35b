"""JSON lines: one object a line, nested objects by dotted path."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from tocsin.formats.options import FormatOptions
from tocsin.formats.paths import look, message_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tocsin.model.message import MessageType
    from tocsin.model.protocols import Codec

SAMPLES: Mapping[bytes, Mapping[str, Any] | None] = {
    b'{"time":"2019-02-07T21:11:00.25Z","remote_addr":"10.0.0.2",'
    b'"request":"GET /api/user HTTP/1.0","status":200,"body_bytes_sent":1234}': {
        "time": "2019-02-07T21:11:00.250000Z",
        "remote_addr": "10.0.0.2",
        "method": "GET",
        "section": "/api",
        "status": 200,
        "bytes": 1234,
    },
    b'{"ts":1549573860123,"level":"error","http":{"route":{"name":"pay"}},"ok":false}': {
        "time": "2019-02-07T21:11:00.123000Z",
        "level": "error",
        "http.route.name": "pay",
        "ok": "false",
        "absent": None,
    },
    b'{"@timestamp":"2019-02-07 21:11:00,5","http.status":"503","message":"\\u00e9"}': {
        "time": "2019-02-07T21:11:00.500000Z",
        "http.status": "503",
        "message": "é",
    },
    b'{"time":"2019-02-07T21:11:00Z","status":200': None,
    b'{"status":200}': None,
    b'["2019-02-07T21:11:00Z"]': None,
}


class Json(Struct, frozen=True):
    """One JSON object a line; a dotted name is a path, or a key with dots in it."""

    options: FormatOptions = field(default_factory=FormatOptions)
    name: str = "json"
    about: str = "JSON lines; a dotted name is a path into nested objects"
    samples: Mapping[bytes, Mapping[str, Any] | None] = field(
        default_factory=lambda: SAMPLES
    )

    def message(self) -> MessageType:
        """Return the open type: access-log fields where an event has them, declared ones."""
        return message_of(self.options)

    def open(self, head: bytes) -> Codec:
        """Return the codec for a stream by the fields of its first lines."""
        from tocsin.formats.ndjson import codec  # noqa: PLC0415 (loads Polars)

        return codec(self.name, self.message(), look(head), self.options)
