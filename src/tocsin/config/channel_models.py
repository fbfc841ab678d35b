"""The shape of channels in a document: one part for each type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, Union

from pydantic import ConfigDict, Field
from pydantic_core import PydanticCustomError

from tocsin.config.part import Part, Texts
from tocsin.config.types import (
    Checked,
    Flag,
    Name,
    Seconds,
    SecretText,
    Text,
    one_of,
)
from tocsin.config.values import SECOND
from tocsin.model.discovery import CHANNELS, offered

TLS = ("starttls", "implicit", "none")
PAYLOADS = ("tocsin", "alertmanager")
PROTOCOLS = ("udp", "tcp", "tls")
FACILITIES = (
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron",
    "authpriv", "ftp", "local0", "local1", "local2", "local3", "local4", "local5",
    "local6", "local7",
)  # fmt: skip

_MOST_PORTS = 65_535


def _port(value: Any) -> int:  # noqa: ANN401
    text = str(value)
    fine = not isinstance(value, bool | float) and text.isascii() and text.isdigit()
    if not fine or not 0 < int(text[:9]) <= _MOST_PORTS:
        context = {"wanted": f"a port from 1 to {_MOST_PORTS}", "hint": ""}
        raise PydanticCustomError("tocsin", "expected {wanted}", context)
    return int(text)


def _chats(value: Any) -> tuple[str, ...]:  # noqa: ANN401
    many = value if isinstance(value, list) else [value]
    if not many or any(
        isinstance(v, bool) or not isinstance(v, str | int) for v in many
    ):
        context = {"wanted": "a chat's number or @name, or a list of them", "hint": ""}
        raise PydanticCustomError("tocsin", "expected {wanted}", context)
    return tuple(map(str, many))


def _options(value: Any) -> dict[str, Any]:  # noqa: ANN401
    if not isinstance(value, dict):
        context = {"wanted": "a mapping", "hint": ""}
        raise PydanticCustomError("tocsin", "expected {wanted}", context)
    return value


_CHAT = {"type": ["string", "integer"]}

Port: TypeAlias = Annotated[
    int, Checked(_port, {"type": "integer", "minimum": 1, "maximum": _MOST_PORTS})
]
Chats: TypeAlias = Annotated[
    tuple[str, ...],
    Checked(_chats, {"anyOf": [_CHAT, {"type": "array", "items": _CHAT}]}),
]
Options: TypeAlias = Annotated[dict[str, Any], Checked(_options, {"type": "object"})]
Security: TypeAlias = Annotated[
    str, Checked(one_of(TLS, "a kind of TLS"), {"enum": list(TLS)})
]
Payload: TypeAlias = Annotated[
    str, Checked(one_of(PAYLOADS, "a payload"), {"enum": list(PAYLOADS)})
]
Protocol: TypeAlias = Annotated[
    str, Checked(one_of(PROTOCOLS, "a protocol"), {"enum": list(PROTOCOLS)})
]
Facility: TypeAlias = Annotated[
    str, Checked(one_of(FACILITIES, "a facility"), {"enum": list(FACILITIES)})
]


class TemplatesPart(Part):
    """What a channel says in place of its own words."""

    optional = frozenset({"subject", "text", "html", "json"})

    subject: Text | None = None
    text: Text | None = None
    html: Text | None = None
    json_: Text | None = Field(default=None, alias="json")


class ChannelPart(Part):
    """A way to people; which keys there are depends on its type."""

    optional = frozenset({"templates"})

    name: Name
    type: Name
    templates: TemplatesPart = TemplatesPart.model_construct()


class SitePart(ChannelPart):
    """A channel that posts to a site."""

    optional = frozenset({"templates", "allow", "timeout", "ca_file"})

    allow: Texts = ()
    timeout: Seconds = 15 * SECOND
    ca_file: Text = ""


class SmtpPart(Part):
    """A mail server."""

    host: Name
    port: Port | None = None
    tls: Security = "starttls"
    user: Text = ""
    password: SecretText | None = None
    ca_file: Text = ""
    timeout: Seconds = 15 * SECOND


class EmailPart(ChannelPart):
    """Mails."""

    from_: Text = Field(alias="from")
    to: Texts
    to_allow: Texts = ()
    charts: Flag = True
    smtp: SmtpPart


class WebhookPart(SitePart):
    """JSON to a program of yours."""

    url: SecretText
    secret: SecretText | None = None
    payload: Payload = "tocsin"
    headers: dict[str, SecretText] = Field(default_factory=dict)


class AlertmanagerPart(SitePart):
    """Alerts to an Alertmanager."""

    url: SecretText
    hold: Seconds = 86_400 * SECOND
    headers: dict[str, SecretText] = Field(default_factory=dict)


class SlackPart(SitePart):
    """An incoming webhook of Slack."""

    url: SecretText


class TeamsPart(SitePart):
    """A workflow of Teams."""

    url: SecretText


class PagerdutyPart(SitePart):
    """Events of PagerDuty."""

    routing_key: SecretText
    url: SecretText | None = None


class OpsgeniePart(SitePart):
    """Alerts of Opsgenie."""

    api_key: SecretText
    url: SecretText | None = None
    tags: Texts = ()


class TelegramPart(SitePart):
    """Messages of a bot of Telegram."""

    token: SecretText
    chats: Chats
    url: SecretText | None = None


class CommandPart(ChannelPart):
    """A program of yours."""

    argv: Texts
    timeout: Seconds = 15 * SECOND
    environment: dict[str, SecretText] = Field(default_factory=dict)


class FilePart(ChannelPart):
    """Lines of JSON in a file."""

    path: Text


class SyslogPart(ChannelPart):
    """Lines in the system's log."""

    address: Text = "/dev/log"
    host: Text = ""
    port: Port = 514
    protocol: Protocol = "udp"
    facility: Facility = "daemon"
    timeout: Seconds = 15 * SECOND
    ca_file: Text = ""


class ApprisePart(ChannelPart):
    """Services that the library Apprise knows."""

    urls: list[SecretText]


class PluginPart(Part):
    """A channel of a plugin."""

    name: Name
    type: Name
    options: Options = Field(default_factory=dict)


class UnknownPart(PluginPart):
    """A channel of a type that there is not: which keys it has is not known."""

    model_config = ConfigDict(extra="ignore")

    options: Any = None


CHANNEL_PARTS: dict[str, type[ChannelPart]] = {
    "alertmanager": AlertmanagerPart,
    "apprise": ApprisePart,
    "command": CommandPart,
    "email": EmailPart,
    "file": FilePart,
    "opsgenie": OpsgeniePart,
    "pagerduty": PagerdutyPart,
    "slack": SlackPart,
    "syslog": SyslogPart,
    "teams": TeamsPart,
    "telegram": TelegramPart,
    "webhook": WebhookPart,
}
"""The part of each built-in type."""

if TYPE_CHECKING:
    AnyChannel: TypeAlias = ChannelPart | PluginPart
else:
    AnyChannel = Union[(*CHANNEL_PARTS.values(), PluginPart)]


def part_of(item: Any) -> type[ChannelPart | PluginPart]:  # noqa: ANN401
    """Return the shape of a channel as it is written, by its type."""
    type_ = str(item.get("type")) if isinstance(item, dict) else ""
    plugin = "." in type_ or (type_ not in CHANNEL_PARTS and type_ in offered(CHANNELS))
    return CHANNEL_PARTS.get(type_, PluginPart if plugin else UnknownPart)
