"""The combined log format of Apache and nginx; whatever follows it is `rest`."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from tocsin.formats import access
from tocsin.formats.common import REST
from tocsin.formats.options import FormatOptions
from tocsin.model.message import MessageType
from tocsin.model.protocols import Codec

SAMPLES: Mapping[bytes, Mapping[str, Any] | None] = {
    b'83.149.9.216 - - [17/May/2015:10:05:03 +0000] "GET /blog/geekery/x.html?y=1 HTTP/1.1"'
    b' 200 203023 "http://semicomplete.com/" "Mozilla/5.0 (X11; Linux x86_64)"': {
        "remote_addr": "83.149.9.216",
        "remote_user": "-",
        "time": "2015-05-17T10:05:03Z",
        "method": "GET",
        "path": "/blog/geekery/x.html?y=1",
        "section": "/blog",
        "protocol": "HTTP/1.1",
        "status": 200,
        "bytes": 203023,
        "referer": "http://semicomplete.com/",
        "user_agent": "Mozilla/5.0 (X11; Linux x86_64)",
        "rest": None,
    },
    b'10.0.0.1 - ann lee [07/Feb/2019:22:11:01 +0100] "GET /say\\"hi\\" HTTP/1.1" 200 5 "-" "-"': {
        "remote_user": "ann lee",
        "time": "2019-02-07T21:11:01Z",
        "path": '/say\\"hi\\"',
        "section": '/say\\"hi\\"',
    },
    b'10.0.0.1 - - [07/Feb/2019:21:11:01 +0000] "GET / HTTP/2.0" 200 5 "-" "curl/7.1" 0.004 "-"': {
        "user_agent": "curl/7.1",
        "rest": '0.004 "-"',
    },
    b'10.0.0.1 - - [07/Feb/2019:21:11:01 +0000] "GET / HTTP/1.1" 200 5': None,
    b'10.0.0.1 - - [07/Feb/2019:21:11:01 +0000] "GET / HTTP/1.1" 200 5 "-" "curl': {
        "status": 200,
        "referer": None,
        "user_agent": None,
        "rest": '"-" "curl',
    },
}

_NAMES = (
    "remote_addr", "ident", "remote_user", "time", "request", "method", "path",
    "section", "protocol", "status", "bytes", "referer", "user_agent",
)  # fmt: skip


class Combined(Struct, frozen=True):
    """The common format, then `"referer" "user agent"`, then anything."""

    options: FormatOptions = field(default_factory=FormatOptions)
    name: str = "combined"
    about: str = (
        'access logs: host ident user [time] "request" status bytes "referer" "agent"'
    )
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
        return clf.ClfCodec(self.name, self.message(), clock, agents=True)
