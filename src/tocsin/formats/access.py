"""The one set of names of access-log fields, and the names they have elsewhere."""

from collections.abc import Iterable

from tocsin.model.message import Field, FieldType

FIELDS = (
    Field("remote_addr", FieldType.IP, "the client's address or host name"),
    Field("ident", FieldType.STRING, "the client's identity by RFC 931, mostly '-'"),
    Field("remote_user", FieldType.STRING, "the authenticated user, or '-'"),
    Field("time", FieldType.TIME, "when the request was answered"),
    Field("request", FieldType.STRING, "the request line, as it was logged"),
    Field("method", FieldType.STRING, "first word of the request; null if malformed"),
    Field("path", FieldType.STRING, "target of the request; null if malformed"),
    Field("section", FieldType.STRING, "the path up to its second '/', no query"),
    Field("protocol", FieldType.STRING, "such as HTTP/1.1; null where none is named"),
    Field("status", FieldType.INT, "the status of the answer"),
    Field("bytes", FieldType.BYTES, "size of the answer; '-' is 0"),
    Field("referer", FieldType.STRING, "the referring page, or '-'"),
    Field("user_agent", FieldType.STRING, "the client's program, or '-'"),
)
"""In the order of a combined log line."""

ALIASES = {
    "remotehost": "remote_addr",
    "remote_host": "remote_addr",
    "client_ip": "remote_addr",
    "clientip": "remote_addr",
    "rfc931": "ident",
    "authuser": "remote_user",
    "auth": "remote_user",
    "user": "remote_user",
    "date": "time",
    "timestamp": "time",
    "time_local": "time",
    "verb": "method",
    "request_method": "method",
    "uri": "path",
    "request_uri": "path",
    "server_protocol": "protocol",
    "response": "status",
    "body_bytes_sent": "bytes",
    "bytes_sent": "bytes",
    "size": "bytes",
    "referrer": "referer",
    "http_referer": "referer",
    "agent": "user_agent",
    "http_user_agent": "user_agent",
}
"""Names of other origins: the exercise's CSV, nginx variables, grok patterns."""

TIME_NAMES = (
    "time",
    "timestamp",
    "@timestamp",
    "ts",
    "date",
    "datetime",
    "time_local",
    "time_iso8601",
    "event_time",
    "eventTime",
    "asctime",
    "t",
    "@t",
    "msec",
    "epoch",
)
"""Fields that may hold the time of an event, the likeliest first."""

REQUEST_PARTS = ("method", "path", "section", "protocol")
"""Fields that can be made out of `request`; `section` also out of `path`."""


def fields(names: Iterable[str]) -> tuple[Field, ...]:
    """Return the access-log fields of those names, in the order given."""
    known = {f.name: f for f in FIELDS}
    return tuple(known[name] for name in names)
