"""Where objects of JSON lines keep the fields we know, and what first lines hold."""

import json
from collections.abc import Iterator
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


def look(head: bytes) -> tuple[Path, ...]:
    """Return the paths of the first lines' fields, in their order."""
    seen: dict[Path, None] = {}
    for line in head.split(b"\n")[:_SEEN]:
        for path in _leaves(_loaded(line), ()):
            seen[path] = None
            if len(seen) >= _MANY:
                return tuple(seen)
    return tuple(seen)


def _loaded(line: bytes) -> object:
    try:
        return json.loads(line.decode(errors="replace"))
    except (ValueError, RecursionError):
        return None


def _leaves(value: object, path: Path) -> Iterator[Path]:
    if isinstance(value, dict) and len(path) < _DEEP:
        for key, inner in value.items():
            yield from _leaves(inner, (*path, key))
    elif path and value is not None:
        yield path


def message_of(options: FormatOptions) -> MessageType:
    """Return the message type: access-log fields and those declared.

    What else an object holds has no type of its own: first lines do not know what
    later ones bring. It is text, or what it is asked for as.
    """
    fields = {f.name: f for f in access.FIELDS}
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
