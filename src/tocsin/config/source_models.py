"""The shape of a source in a document: a log in files, a command, or an open port."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, TypeAlias

from tocsin.config.alarm_models import as_it_is, reference
from tocsin.config.intake_values import MAX_BODY
from tocsin.config.part import Part, Texts
from tocsin.config.types import (
    Checked,
    Delay,
    Flag,
    Name,
    SecretText,
    Text,
    Timezone,
    one_of,
    refuse,
)
from tocsin.config.values import DEFAULT_PATH, SECOND

FRAMINGS = ("auto", "octets", "lines")
_MOST_BODY = 64 << 20


def _argv(value: Any) -> tuple[str, ...]:  # noqa: ANN401
    fine = isinstance(value, list) and value
    if not fine or not all(isinstance(v, str) and "\0" not in v for v in value):
        hint = "write [journalctl, -f, -o, json]: there is no shell that would split it"
        raise refuse("a program and its arguments, as a list of texts", hint)
    return tuple(map(str, value))


def _bytes(value: Any) -> int:  # noqa: ANN401
    text = str(value)
    fine = not isinstance(value, bool | float) and text.isascii() and text.isdigit()
    if not fine or not 0 < int(text[:9]) <= _MOST_BODY:
        raise refuse(f"a number of bytes from 1 to {_MOST_BODY}")
    return int(text)


def _routes(value: Any) -> bool | tuple[str, ...]:  # noqa: ANN401
    if isinstance(value, bool):
        return value
    if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
        raise refuse("true, or a list of templates", "write [/user/{name}]")
    return tuple(map(str, value))


_TEXT = {"type": "string", "minLength": 1}
_ARGUMENTS = {"type": "array", "items": {"type": "string"}, "minItems": 1}

NameOrFormat = Annotated[
    Any, Checked(as_it_is, {"anyOf": [_TEXT, reference("FormatPart")]})
]
Argv: TypeAlias = Annotated[tuple[str, ...], Checked(_argv, _ARGUMENTS)]
Framing: TypeAlias = Annotated[
    str, Checked(one_of(FRAMINGS, "a framing"), {"enum": list(FRAMINGS)})
]
Bytes: TypeAlias = Annotated[
    int, Checked(_bytes, {"type": "integer", "minimum": 1, "maximum": _MOST_BODY})
]


Routes: TypeAlias = Annotated[
    bool | tuple[str, ...],
    Checked(
        _routes,
        {
            "anyOf": [
                {"type": "boolean"},
                {"type": "array", "items": {"type": "string"}},
            ]
        },
    ),
]


class TlsPart(Part):
    """What a port that speaks TLS shows, and whom it lets in."""

    optional = frozenset({"client_ca"})

    certificate: Text
    key: Text
    client_ca: Text | None = None


class EnrichFieldsPart(Part):
    """Which fields are looked at."""

    optional = frozenset({"address", "user_agent", "path"})

    address: Name | None = None
    user_agent: Name | None = None
    path: Name | None = None


class EnrichPart(Part):
    """What is found out about events beyond what their lines say."""

    optional = frozenset({"networks", "databases", "user_agent", "routes", "fields"})

    networks: Text | None = None
    databases: Texts = ()
    user_agent: Flag = False
    routes: Routes | None = None
    fields: EnrichFieldsPart | None = None


class SourcePart(Part):
    """Where lines come from."""

    optional = frozenset(
        {
            "path", "framing", "tls", "token", "max_body", "enrich", "timezone",
            "lateness", "amend_for", "future_skew",
        }
    )  # fmt: skip
    with_it: ClassVar[dict[str, tuple[str, ...]]] = {
        "lateness": ("amend_for", "future_skew"),
        "amend_for": ("lateness", "future_skew"),
        "future_skew": ("lateness", "amend_for"),
    }

    name: Name
    path: Texts = (DEFAULT_PATH,)
    command: Argv | None = None
    listen: Text | None = None
    framing: Framing = "auto"
    tls: TlsPart | None = None
    token: SecretText | None = None
    max_body: Bytes = MAX_BODY
    format: NameOrFormat = "auto"
    enrich: EnrichPart | None = None
    timezone: Timezone = "UTC"
    lateness: Delay = 5 * SECOND
    amend_for: Delay = 300 * SECOND
    future_skew: Delay = 300 * SECOND

    @property
    def by_syslog(self) -> bool:
        """Whether its lines come as syslog messages do."""
        return (self.listen or "").partition(":")[0] in {"udp", "tcp", "tls"}
