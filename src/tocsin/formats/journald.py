"""The journal of systemd, as `journalctl -o json` prints it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct, field
from msgspec.structs import replace

from tocsin.formats.options import FormatOptions
from tocsin.model.message import Field, FieldType, MessageType

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tocsin.model.protocols import Codec

_TIME = "__REALTIME_TIMESTAMP"
SAMPLES: Mapping[bytes, Mapping[str, Any] | None] = {
    b'{"__REALTIME_TIMESTAMP":"1549573861123456","PRIORITY":"6","_HOSTNAME":"web1",'
    b'"SYSLOG_IDENTIFIER":"sshd","_PID":"1291","_SYSTEMD_UNIT":"ssh.service",'
    b'"MESSAGE":"Server listening on :: port 22."}': {
        "time": "2019-02-07T21:11:01.123456Z",
        "severity": 6,
        "host": "web1",
        "program": "sshd",
        "pid": "1291",
        "unit": "ssh.service",
        "message": "Server listening on :: port 22.",
        "_PID": "1291",
    },
    b'{"__REALTIME_TIMESTAMP":"1549573861123456","MESSAGE":null,"_TRANSPORT":"audit"}': {
        "message": None,
        "_TRANSPORT": "audit",
    },
    b'{"time":"2019-02-07T21:11:01Z","MESSAGE":"not from the journal"}': None,
}
_FIELDS = {
    "MESSAGE": ("message", FieldType.STRING, "what was said"),
    "PRIORITY": ("severity", FieldType.INT, "from 0, an emergency, to 7, debugging"),
    "_HOSTNAME": ("host", FieldType.STRING, "the machine that spoke"),
    "SYSLOG_IDENTIFIER": ("program", FieldType.STRING, "the program that spoke"),
    "_PID": ("pid", FieldType.STRING, "its process"),
    "_SYSTEMD_UNIT": ("unit", FieldType.STRING, "its unit"),
}


class Journald(Struct, frozen=True):
    """One entry a line; every field of the journal can be asked for by its name."""

    options: FormatOptions = field(default_factory=FormatOptions)
    name: str = "journald"
    about: str = "the journal of systemd: journalctl -o json"
    samples: Mapping[bytes, Mapping[str, Any] | None] = field(
        default_factory=lambda: SAMPLES
    )

    def message(self) -> MessageType:
        """Return the message type: the journal's fields by its names, and by ours."""
        fields = {"time": Field("time", FieldType.TIME, "when it was said")}
        for name, (_, kind, about) in _FIELDS.items():
            fields[name] = Field(name, kind, about)
        for name, kind in self.options.fields.items():
            fields[name] = Field(name, kind)
        aliases = {ours: name for name, (ours, _, _) in _FIELDS.items()}
        return MessageType(self.name, tuple(fields.values()), aliases, open=True)

    def open(self, head: bytes) -> Codec:
        """Return the codec for a stream by the fields of its first lines."""
        from tocsin.formats.ndjson import codec  # noqa: PLC0415 (loads Polars)
        from tocsin.formats.paths import look  # noqa: PLC0415

        options = replace(
            self.options,
            time_field=self.options.time_field or _TIME,
            time_format=self.options.time_format or "us",
        )
        return codec(self.name, self.message(), look(head), options)
