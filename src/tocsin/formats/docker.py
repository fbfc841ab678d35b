"""Container logs as Docker keeps them: JSON with `log`, `stream` and `time`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct, field
from msgspec.structs import replace

from tocsin.formats.options import FormatOptions
from tocsin.model.message import Field, FieldType, MessageType

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tocsin.model.protocols import Codec

SAMPLES: Mapping[bytes, Mapping[str, Any] | None] = {
    b'{"log":"listening on :80\\n","stream":"stdout","time":"2019-02-07T21:11:01.123456789Z"}': {
        "time": "2019-02-07T21:11:01.123456Z",
        "stream": "stdout",
        "message": "listening on :80\n",
    },
    b'{"log":"","stream":"stderr","attrs":{"tag":"web"},"time":"2019-02-07T21:11:01Z"}': {
        "stream": "stderr",
        "attrs.tag": "web",
    },
    b'{"message":"another program\'s","time":"2019-02-07T21:11:01Z"}': None,
}
_NEEDED = frozenset({"log", "stream"})


class Docker(Struct, frozen=True):
    """What the json-file driver writes; a line may be a part of what was said."""

    options: FormatOptions = field(default_factory=FormatOptions)
    name: str = "docker"
    about: str = "container logs of Docker: JSON with log, stream and time"
    samples: Mapping[bytes, Mapping[str, Any] | None] = field(
        default_factory=lambda: SAMPLES
    )

    def message(self) -> MessageType:
        """Return the message type; attributes are known from the lines alone."""
        fields = {
            "time": Field("time", FieldType.TIME, "when it was said"),
            "log": Field("log", about="what was said, with its newline"),
            "stream": Field("stream", about="stdout or stderr"),
        }
        for name, kind in self.options.fields.items():
            fields[name] = Field(name, kind)
        aliases = {"message": "log", "msg": "log"}
        return MessageType(self.name, tuple(fields.values()), aliases, open=True)

    def open(self, head: bytes) -> Codec:
        """Return the codec for a stream by the fields of its first lines."""
        from tocsin.formats.ndjson import codec  # noqa: PLC0415 (loads Polars)
        from tocsin.formats.paths import look  # noqa: PLC0415

        options = replace(self.options, time_field=self.options.time_field or "time")
        made = codec(self.name, self.message(), look(head), options)
        return replace(made, required=_NEEDED)
