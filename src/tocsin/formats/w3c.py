"""The extended log format of the W3C, as IIS writes it: `#Fields:` names the columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from tocsin.formats.options import FormatOptions
from tocsin.formats.plan import TIME, Capture, Plan, message_of
from tocsin.model.message import Field, FieldType, MessageType

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tocsin.model.protocols import Codec

_HEADER = (
    b"#Fields: date time c-ip cs-username cs-method cs-uri-stem cs-uri-query sc-status"
)
SAMPLES: Mapping[bytes, Mapping[str, Any] | None] = {
    b"#Software: Microsoft Internet Information Services 10.0\n"
    + _HEADER
    + b" sc-bytes time-taken\n"
    + b"2019-02-07 21:11:01 10.0.0.1 - GET /a/b.aspx x=1 200 1234 15": {
        "time": "2019-02-07T21:11:01Z",
        "remote_addr": "10.0.0.1",
        "remote_user": "-",
        "method": "GET",
        "path": "/a/b.aspx",
        "section": "/a",
        "cs-uri-query": "x=1",
        "status": 200,
        "bytes": 1234,
        "time-taken": 0.015,
    },
    _HEADER + b"\n2019-02-07 21:11:01 10.0.0.1 - GET /a/b.aspx - 404": {
        "sc-status": 404,
        "cs-uri-query": "-",
    },
    _HEADER + b"\n2019-02-07 21:11:01 10.0.0.1 - GET /a/b.aspx - ": None,
    _HEADER + b"\n2019-02-07 10.0.0.1 - GET /a/b.aspx - 404": None,
    b"2019-02-07 21:11:01 10.0.0.1 - GET /a/b.aspx - 404": None,
}
_OURS = {
    "c-ip": "remote_addr", "cs-username": "remote_user", "cs-method": "method",
    "cs-uri-stem": "path", "cs-uri": "path", "cs-version": "protocol",
    "sc-status": "status", "sc-bytes": "bytes", "cs(User-Agent)": "user_agent",
    "cs(Referer)": "referer", "cs-host": "host", "cs(Host)": "host",
}  # fmt: skip
_TYPES = {
    "c-ip": FieldType.IP, "s-ip": FieldType.IP, "sc-status": FieldType.INT,
    "sc-substatus": FieldType.INT, "sc-win32-status": FieldType.INT,
    "s-port": FieldType.INT, "c-port": FieldType.INT, "sc-bytes": FieldType.BYTES,
    "cs-bytes": FieldType.BYTES, "time-taken": FieldType.DURATION,
}  # fmt: skip
_STAMPS = {
    "date": "[0-9]{4}-[0-9]{2}-[0-9]{2}",
    "time": "[0-9]{2}:[0-9]{2}:[0-9]{2}[.0-9]*",
}
_VALUE = r'(?:"[^"]*"|[^ "]+)'
_NUMBER = "[0-9]+|-"


class W3c(Struct, frozen=True):
    """The columns are those that `#Fields:` first names; other `#` lines are skipped."""

    options: FormatOptions = field(default_factory=FormatOptions)
    name: str = "w3c"
    about: str = (
        "the extended format of the W3C, as IIS writes it, by its #Fields: line"
    )
    samples: Mapping[bytes, Mapping[str, Any] | None] = field(
        default_factory=lambda: SAMPLES
    )

    def plan(self, columns: tuple[str, ...] = ()) -> Plan:
        """Return how lines of those columns are read."""
        parts: list[str] = []
        captures: list[Capture] = []
        names: dict[str, str] = {}
        for number, column in enumerate(columns):
            group = f"f{number}"
            ours = _OURS.get(column, column)
            if ours in names.values() or column in ("date", "time"):
                ours = f"{column}_text" if column in ("date", "time") else column
            names[group] = ours
            kind = self.options.fields.get(column, self.options.fields.get(ours))
            kind = kind or _TYPES.get(column, FieldType.STRING)
            captures.append(Capture(ours, kind, "ms" * (column == "time-taken")))
            is_number = column in ("sc-status", "time-taken", "sc-bytes")
            shape = _STAMPS.get(column, _NUMBER if is_number else _VALUE)
            parts.append(f"(?P<{group}>{shape})")
        stamp = tuple(f"{n}_text" for n in ("date", "time") if n in columns)
        aliases = {c: _OURS[c] for c in columns if c in _OURS}
        found = "^" + " ".join(parts) + "$" if len(stamp) > 1 else "^(?P<none>$)x"
        names = {**names, **aliases}
        return Plan(
            (found,), tuple(captures), stamp or (TIME,), "iso", names, "^#", headed=True
        )

    def message(self) -> MessageType:
        """Return the fields that logs mostly have; a stream's header says which."""
        made = message_of(self.name, self.plan(("date", "time", *_OURS)))
        fields = [f for f in made.fields if f.name != "protocol"]
        fields.append(Field("protocol", FieldType.STRING, "such as HTTP/1.1"))
        return MessageType(self.name, tuple(fields), made.aliases, open=True)

    def open(self, head: bytes) -> Codec:
        """Return the codec for a stream by its `#Fields:` line."""
        from tocsin.formats.extracting import codec  # noqa: PLC0415 (loads Polars)

        plan = self.plan(_columns(head))
        return codec(self.name, plan, message_of(self.name, plan), self.options, head)


def _columns(head: bytes) -> tuple[str, ...]:
    """Return the columns by the first `#Fields:` line."""
    for line in head.split(b"\n"):
        if line.lstrip(b"\xef\xbb\xbf").startswith(b"#Fields:"):
            names = line.decode(errors="replace").partition(":")[2].split()
            return tuple(dict.fromkeys(names))
    return ()
