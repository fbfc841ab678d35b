"""Channels: what each type needs, secrets read from their files, addresses looked at."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tocsin.config.channel_models import (
    CHANNEL_PARTS,
    CommandPart,
    EmailPart,
    PluginPart,
    SyslogPart,
    UnknownPart,
)
from tocsin.config.channel_templates import check_address, check_templates
from tocsin.config.problems import did_you_mean
from tocsin.config.secret import Secret, read_secret
from tocsin.config.values import ChannelConfig
from tocsin.model.discovery import CHANNELS, find, look_in, make_channel, offered
from tocsin.model.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tocsin.config.channel_models import ChannelPart, SmtpPart
    from tocsin.config.document import Path
    from tocsin.config.problems import Problems
    from tocsin.config.sections import Section

_SECRETS = ("api_key", "password", "routing_key", "secret", "token", "url")
_MANY_SECRETS = ("environment", "headers")
_HEADER = re.compile(r"[A-Za-z0-9-]{1,100}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ADDRESS = re.compile(r"[^\s@<>\",;:]+@[A-Za-z0-9.-]+")
_NAMED = re.compile(r"(?:[^<>@]*<)?([^\s@<>]+@[^\s@<>]+)>?")


def build_channels(
    section: Section[ChannelPart | PluginPart],
    fields: Iterable[str],
    problems: Problems,
    base: FilePath | None,
) -> tuple[ChannelConfig, ...]:
    """Return the channels. `fields` are the keys and labels that alerts may have."""
    reading = _Channels(tuple(fields), problems, base or FilePath())
    return tuple(reading.one(part, path) for path, part in section.parts)


class _Channels:
    def __init__(
        self, fields: tuple[str, ...], problems: Problems, base: FilePath
    ) -> None:
        self.fields = fields
        self.problems = problems
        self.base = base

    def one(self, part: ChannelPart | PluginPart, path: Path) -> ChannelConfig:
        if isinstance(part, PluginPart):
            self._plugin(part, path)
            return ChannelConfig(name=part.name, type=part.type, options=part.options)
        templates = part.templates.model_dump(exclude_none=True, by_alias=True)
        check_templates(part.type, templates, self.fields, path, self.problems)
        self._own(part, path)
        options = self._options(part, path)
        options["templates"] = templates
        return ChannelConfig(name=part.name, type=part.type, options=options)

    def _own(self, part: ChannelPart, path: Path) -> None:
        if isinstance(part, EmailPart):
            self._email(part, path)
        elif (
            isinstance(part, SyslogPart)
            and part.host
            and "address" in part.model_fields_set
        ):
            self.problems.add((*path, "address"), "given beside 'host'", "remove one")
        elif isinstance(part, CommandPart) and not part.argv:
            self.problems.expected((*path, "argv"), "a program and its arguments", [])

    def _options(self, part: ChannelPart, path: Path) -> dict[str, Any]:
        options = dict[str, Any]()
        for name in type(part).model_fields:
            if name in {"name", "type", "templates"}:
                continue
            value = getattr(part, name)
            key = name.rstrip("_")  # `from` is a word of Python
            options[key] = self._option(name, value, (*path, key))
        if options.get("url", "") is None:
            del options["url"]  # the service's own
        elif "url" in options:
            self._url(options, (*path, "url"))
        return options

    def _option(self, name: str, value: Any, path: Path) -> Any:  # noqa: ANN401
        if name in _SECRETS:
            return None if value is None else self._secret(value, path)
        if name in _MANY_SECRETS:
            return self._many(name, value, path)
        if name == "urls":
            return tuple(self._secret(v, (*path, n)) for n, v in enumerate(value))
        if name == "smtp":
            return self._smtp(value, path)
        if name == "ca_file":
            return self._authorities(value, path) if value else ""
        return self.base / value if name == "path" else value

    def _smtp(self, part: SmtpPart, path: Path) -> dict[str, Any]:
        if part.password is not None and not part.user:
            self.problems.add(
                (*path, "password"), "given without 'user'", "add user: ..."
            )
        if part.password is not None and part.tls == "none" and not _is_here(part.host):
            hint = "use tls: starttls, or implicit"
            self.problems.add(
                (*path, "tls"), "a password would be sent in the clear", hint
            )
        names = type(part).model_fields
        return {
            name: self._option(name, getattr(part, name), (*path, name))
            for name in names
        }

    def _many(
        self, name: str, values: Mapping[str, str], path: Path
    ) -> dict[str, Secret]:
        fine = _HEADER if name == "headers" else _VARIABLE
        for key in values:
            if not fine.fullmatch(key):
                self.problems.add((*path, key), f"this is no name for {name}")
        return {k: self._secret(v, (*path, k)) for k, v in values.items()}

    def _secret(self, value: str, path: Path) -> Secret:
        if not value.startswith("file:"):
            return Secret(str(value))
        try:
            return read_secret(value, self.base)
        except (OSError, ValueError) as error:
            said = getattr(error, "strerror", None) or "it is not short UTF-8 text"
            self.problems.expected(path, f"a file that can be read ({said})", value)
            return Secret("")

    def _authorities(self, value: str, path: Path) -> str:
        file = self.base / value
        if not file.is_file():
            self.problems.expected(path, "a file of certificates", value)
        return str(file)

    def _url(self, options: Mapping[str, Any], path: Path) -> None:
        url = options["url"].reveal()
        if not url:
            return  # its file could not be read
        try:
            parts = urlsplit(url)
            host, _ = parts.hostname, parts.port
        except ValueError:
            host, parts = None, urlsplit("")
        plain = url.isascii() and url.isprintable() and " " not in url
        if parts.scheme not in {"http", "https"} or not host or not plain:
            wanted = "an address such as https://example.org/path"
            self.problems.expected(path, wanted, Secret(""))
        elif parts.username is not None or parts.password is not None:
            hint = "put it into headers: {Authorization: ...}, where there are any"
            self.problems.add(path, "a password in an address is not sent", hint)
        elif not _permitted(host, options.get("allow", ())):
            hint = f"if that is meant: allow: [{host}]"
            self.problems.add(
                path, f"{host} is no public address, and would be refused", hint
            )

    def _email(self, part: EmailPart, path: Path) -> None:
        self._address(part.from_, (*path, "from"))
        made = [address for address in part.to if "{" in address]
        for n, address in enumerate(part.to):
            way = (*path, "to", n)
            if address in made:
                check_address(address, self.fields, way, self.problems)
            else:
                self._address(address, way)
        if made and not part.to_allow:
            hint = 'a log line must not choose any address: to_allow: ["*@example.org"]'
            self.problems.add(path, "'to_allow' is missing", hint)
        if part.to_allow and not made:
            hint = "only addresses that labels make need it"
            self.problems.add((*path, "to_allow"), "it permits nothing here", hint)
        for n, pattern in enumerate(part.to_allow):
            if "@" not in pattern or pattern.rpartition("@")[2].strip("*?.") == "":
                wanted = "a pattern with its domain, such as *@example.org"
                self.problems.expected((*path, "to_allow", n), wanted, pattern)

    def _address(self, text: str, path: Path) -> None:
        match = _NAMED.fullmatch(text)
        fine = match and _ADDRESS.fullmatch(match[1]) and text.isprintable()
        if not fine or ("<" in text) != text.endswith(">"):
            wanted = "a mail address, such as Tocsin <tocsin@example.org>"
            self.problems.expected(path, wanted, text)

    def _plugin(self, part: PluginPart, path: Path) -> None:
        if isinstance(part, UnknownPart):
            known = {*CHANNEL_PARTS, *offered(CHANNELS)}
            hint = did_you_mean(part.type, known, what="types")
            self.problems.expected(
                (*path, "type"), "a type of channel", part.type, hint
            )
            return
        look_in(self.base)
        try:
            find(CHANNELS, part.type)
        except UsageError as error:
            hint = "it is looked for where Python looks, and beside the configuration"
            self.problems.add((*path, "type"), str(error), hint)
            return
        try:
            make_channel(part.name, part.type, part.options)
        except UsageError as error:
            self.problems.add(path, str(error), _OFFERED)


_OFFERED = (
    "a channel is made with its name and options, and has recipients(notification), "
    "preview(notification) and send(notification, recipients)"
)


def _permitted(host: str, allowed: Iterable[str]) -> bool:
    """Return whether a host that is written as an address may be asked."""
    if host in allowed:
        return True
    if host == "localhost":
        return False
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return True  # a name: what is behind it is looked at when it is asked
    return address.is_global or any(_holds(text, address) for text in allowed)


def _holds(text: str, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    try:
        return address in ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False


def _is_here(host: str) -> bool:
    return host in {"localhost", "127.0.0.1", "::1"}
