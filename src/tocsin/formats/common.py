"""The Common Log Format of NCSA, Apache and nginx; whatever follows it is `rest`."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from tocsin.formats import access
from tocsin.formats.options import FormatOptions
from tocsin.model.message import Field, MessageType
from tocsin.model.protocols import Codec

SAMPLES: Mapping[bytes, Mapping[str, Any] | None] = {
    b'127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "GET /apache_pb.gif HTTP/1.0" 200 2326': {
        "remote_addr": "127.0.0.1",
        "remote_user": "frank",
        "time": "2000-10-10T20:55:36Z",
        "method": "GET",
        "path": "/apache_pb.gif",
        "section": "/apache_pb.gif",
        "protocol": "HTTP/1.0",
        "status": 200,
        "bytes": 2326,
    },
    b'::1 - - [07/Feb/2019:21:11:01 +0000] "GET /pages/create?draft=1 HTTP/1.1" 304 -': {
        "remote_addr": "::1",
        "path": "/pages/create?draft=1",
        "section": "/pages",
        "status": 304,
        "bytes": 0,
    },
    b'10.0.0.1 - - [07/Feb/2019:21:11:01 +0000] "GET / HTTP/1.1" 200 5 0.012': {
        "section": "/",
        "rest": "0.012",
    },
    b'10.0.0.1 - - [07/Feb/2019:21:11:01 +0000] "-" 408 -': {
        "request": "-",
        "method": None,
        "section": None,
        "status": 408,
    },
    b'10.0.0.1 - - [31/Feb/2019:21:11:01 +0000] "GET / HTTP/1.1" 200 5': None,
    b'10.0.0.1 - - [07/Feb/2019:21:11:01 +0000] "GET / HTTP/1.1" ok 5': None,
}

_NAMES = (
    "remote_addr", "ident", "remote_user", "time", "request", "method", "path",
    "section", "protocol", "status", "bytes",
)  # fmt: skip
REST = Field("rest", about="what follows the known fields; null if nothing does")


class Common(Struct, frozen=True):
    """`host ident user [time] "request" status bytes`, then anything."""

    options: FormatOptions = field(default_factory=FormatOptions)
    name: str = "common"
    about: str = 'access logs: host ident user [time] "request" status bytes'
    samples: Mapping[bytes, Mapping[str, Any] | None] = field(
        default_factory=lambda: SAMPLES
    )

    def message(self) -> MessageType:
        """Return the message type, the same for every stream."""
        return MessageType(
            self.name, (*access.fields(_NAMES), REST), aliases=dict(access.ALIASES)
        )

    def open(self, head: bytes) -> Codec:  # noqa: ARG002 - the protocol has it
        """Return the codec: it needs no head, all logs of the format are alike."""
        from tocsin.formats import clf  # noqa: PLC0415 (loads Polars)
        from tocsin.formats.instants import Clock  # noqa: PLC0415

        clock = Clock(self.options.time_format or "clf", self.options.timezone)
        return clf.ClfCodec(self.name, self.message(), clock, agents=False)
