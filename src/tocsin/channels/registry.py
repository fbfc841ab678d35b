"""Channels by the type that a configuration names: built in, or a plugin's."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from tocsin.model.discovery import make_channel
from tocsin.model.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tocsin.channels.email import Email
    from tocsin.model.protocols import Channel

BUILT_IN = {
    "alertmanager": "Alertmanager",
    "apprise": "Apprise",
    "command": "Command",
    "email": "Email",
    "file": "File",
    "opsgenie": "Opsgenie",
    "pagerduty": "PagerDuty",
    "slack": "Slack",
    "syslog": "Syslog",
    "teams": "Teams",
    "telegram": "Telegram",
    "webhook": "Webhook",
}
"""The class of each type; it stands in the module of that name."""

_SITE = ("allow", "timeout", "ca_file")
_ON_SITES = {
    "alertmanager", "opsgenie", "pagerduty", "slack", "teams", "telegram", "webhook",
}  # fmt: skip
_MICROS = 1_000_000


def make(
    name: str, type_: str, options: Mapping[str, Any], now: Callable[[], float]
) -> Channel:
    """Return a channel with its options, as a checked configuration has them.

    Durations are in microseconds; `now` is the wall clock in seconds. A plugin is
    called with `name` and the options.

    Raises:
        UsageError: There is no such channel, or it does not take these options.
    """
    try:
        if type_ not in BUILT_IN:
            return make_channel(name, type_, options)
        return _built_in(name, type_, dict(options), now)
    except UsageError:
        raise
    except Exception as error:  # a plugin may raise anything
        reason = f"{type(error).__name__}: {error}"
        message = f"channel {name!r} cannot be made: {reason}"
        raise UsageError(message) from error


def _built_in(
    name: str, type_: str, options: dict[str, Any], now: Callable[[], float]
) -> Channel:
    from tocsin.channels.http import Site  # noqa: PLC0415 - only who sends pays for it

    if type_ == "email":
        return _email(name, options)
    if "timeout" in options:
        options["timeout"] /= _MICROS
    if type_ in _ON_SITES:
        site = {key: options.pop(key) for key in _SITE if key in options}
        options["site"] = Site(**site)
    elif type_ == "syslog":
        from tocsin.channels.smtp import EVERYWHERE  # noqa: PLC0415

        site = {key: options.pop(key) for key in _SITE if key in options}
        options["site"] = Site(**{**site, "allow": EVERYWHERE})
    if type_ == "webhook":
        options["now"] = now
    made: Channel = getattr(import_module(f"tocsin.channels.{type_}"), BUILT_IN[type_])(
        name=name, **options
    )
    return made


def _email(name: str, options: dict[str, Any]) -> Email:
    from tocsin.channels.email import Email  # noqa: PLC0415
    from tocsin.channels.http import Site  # noqa: PLC0415
    from tocsin.channels.smtp import EVERYWHERE, PORTS, Server  # noqa: PLC0415

    smtp = dict(options.pop("smtp"))
    seconds = smtp.pop("timeout") / _MICROS
    site = Site(allow=EVERYWHERE, timeout=seconds, ca_file=smtp.pop("ca_file"))
    port = smtp.pop("port") or PORTS[smtp["tls"]]
    server = Server(site=site, port=port, **smtp)
    return Email(name=name, server=server, sender=options.pop("from"), **options)
