"""logfmt: `key=value` pairs, as Go and Heroku programs write them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from tocsin.formats.options import FormatOptions
from tocsin.formats.paths import message_of
from tocsin.model.message import MessageType

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tocsin.model.protocols import Codec

SAMPLES: Mapping[bytes, Mapping[str, Any] | None] = {
    b'time=2019-02-07T21:11:01Z level=info msg="said \\"no\\"; a=b" status=503 took=12ms': {
        "time": "2019-02-07T21:11:01Z",
        "level": "info",
        "msg": 'said "no"; a=b',
        "status": 503,
        "took": "12ms",
        "a": None,
    },
    b"ts=1549573861.5 caller=main.go:7 done path=/a/b": {
        "time": "2019-02-07T21:11:01.500000Z",
        "caller": "main.go:7",
        "path": "/a/b",
        "section": "/a",
        "done": None,
    },
    b"level=info msg=timeless": None,
    b'time=2019-02-07T21:11:01Z msg="no end': None,
}


class Logfmt(Struct, frozen=True):
    """Pairs in any order; a value in quotes holds blanks and escaped quotes."""

    options: FormatOptions = field(default_factory=FormatOptions)
    name: str = "logfmt"
    about: str = 'logfmt: key=value key="quoted value", in any order'
    samples: Mapping[bytes, Mapping[str, Any] | None] = field(
        default_factory=lambda: SAMPLES
    )

    def message(self) -> MessageType:
        """Return the open type: access-log fields where a line has them, declared ones."""
        known = message_of(self.options)
        return MessageType(self.name, known.fields, known.aliases, open=True)

    def open(self, head: bytes) -> Codec:
        """Return the codec for a stream by the keys of its first lines."""
        from tocsin.formats.pairs import codec  # noqa: PLC0415 (loads Polars)

        return codec(self.name, self.message(), head, self.options)
