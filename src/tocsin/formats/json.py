"""JSON lines: one object a line, nested objects by dotted path."""

# ruff: noqa: A005 (a format's module is named as the user writes the format)

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from tocsin.formats import access
from tocsin.formats.options import FormatOptions
from tocsin.model.message import Field, FieldType, MessageType

if TYPE_CHECKING:
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
        "ok": False,
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

Path: TypeAlias = tuple[str, ...]

_ORIGINS = {
    "remote_addr": ("request.remote_ip", "ClientHost", "source.ip", "client.ip"),
    "method": ("request.method", "RequestMethod", "http.request.method"),
    "path": ("request.uri", "RequestPath", "url.path", "url.original"),
    "protocol": ("request.proto", "RequestProtocol"),
    "status": ("DownstreamStatus", "http.response.status_code", "status_code"),
    "bytes": ("DownstreamContentSize", "http.response.body.bytes"),
    "user_agent": ("user_agent.original", "request_User-Agent"),
    "time": ("StartUTC",),
}
"""Where Caddy, Traefik and the Elastic Common Schema keep access-log fields."""

_SEEN = 100
_DEEP = 8
_MANY = 1000


@dataclass(frozen=True, slots=True)
class Json:
    """One JSON object a line; a dotted name is a path, or a key with dots in it."""

    options: FormatOptions = field(default_factory=FormatOptions)
    name: str = "json"
    about: str = "JSON lines; a dotted name is a path into nested objects"
    samples: Mapping[bytes, Mapping[str, Any] | None] = field(
        default_factory=lambda: SAMPLES
    )

    def message(self) -> MessageType:
        """Return the open type: access-log fields where an event has them, declared ones."""
        return message_of({}, self.options)

    def open(self, head: bytes) -> Codec:
        """Return the codec for a stream by the fields of its first lines."""
        from tocsin.formats.ndjson import codec  # noqa: PLC0415 (loads Polars)

        seen = look(head)
        return codec(self.name, message_of(seen, self.options), tuple(seen), self.options)


def look(head: bytes) -> dict[Path, FieldType]:
    """Return the paths of the first lines' fields, in order, and what they seem to be."""
    seen: dict[Path, FieldType] = {}
    for line in head.split(b"\n")[:_SEEN]:
        for path, value in _leaves(_loaded(line), ()):
            kind = _kind(value)
            old = seen.get(path, kind)
            seen[path] = _both(old, kind)
            if len(seen) >= _MANY:
                return seen
    return seen


def _loaded(line: bytes) -> object:
    try:
        return json.loads(line.decode(errors="replace"))
    except (ValueError, RecursionError):
        return None


def _leaves(value: object, path: Path) -> Iterator[tuple[Path, object]]:
    if isinstance(value, dict) and len(path) < _DEEP:
        for key, inner in value.items():
            yield from _leaves(inner, (*path, key))
    elif path and value is not None:
        yield path, value


def _kind(value: object) -> FieldType:
    for python, kind in ((bool, "bool"), (int, "int"), (float, "float")):
        if isinstance(value, python):
            return FieldType(kind)
    return FieldType.STRING


def _both(one: FieldType, two: FieldType) -> FieldType:
    if one is two:
        return one
    numbers = {FieldType.INT, FieldType.FLOAT}
    return FieldType.FLOAT if {one, two} <= numbers else FieldType.STRING


def message_of(seen: Mapping[Path, FieldType], options: FormatOptions) -> MessageType:
    """Return the message type: access-log fields, those declared, those seen."""
    fields = {f.name: f for f in access.FIELDS}
    for path, kind in seen.items():
        name = ".".join(path)
        if name not in access.ALIASES:
            fields.setdefault(name, Field(name, kind))
    for name, declared in options.fields.items():
        ours = access.ALIASES.get(name, name)
        fields[ours] = Field(ours, declared)
    fields["time"] = Field("time", FieldType.TIME, "when it happened")
    aliases = {alias: ours for alias, ours in access.ALIASES.items() if alias not in fields}
    return MessageType("json", tuple(fields.values()), aliases, open=True)


def candidates(name: str, options: FormatOptions) -> tuple[str, ...]:
    """Return the names under which objects may hold one of our fields, best first."""
    if name == "time":
        if options.time_field:
            return (options.time_field,)
        return (*access.TIME_NAMES, *_ORIGINS["time"])
    others = (alias for alias, ours in access.ALIASES.items() if ours == name)
    return (name, *others, *_ORIGINS.get(name, ()))
