"""Where objects of JSON lines keep the fields we know, and what first lines hold."""

import json
from collections.abc import Iterator, Mapping
from typing import TypeAlias

from tocsin.formats import access
from tocsin.formats.options import FormatOptions
from tocsin.model.message import Field, FieldType, MessageType

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
    aliases = {
        alias: ours for alias, ours in access.ALIASES.items() if alias not in fields
    }
    return MessageType("json", tuple(fields.values()), aliases, open=True)


def candidates(name: str, options: FormatOptions) -> tuple[str, ...]:
    """Return the names under which objects may hold one of our fields, best first."""
    if name == "time":
        if options.time_field:
            return (options.time_field,)
        return (*access.TIME_NAMES, *_ORIGINS["time"])
    others = (alias for alias, ours in access.ALIASES.items() if ours == name)
    return (name, *others, *_ORIGINS.get(name, ()))
