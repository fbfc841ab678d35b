"""What is looked up about addresses, user agents and paths: distinct texts in columns.

What was found of addresses and user agents is kept for the next block, up to a bound.
"""

from __future__ import annotations

from functools import lru_cache
from ipaddress import ip_address, ip_network
from socket import AF_INET, AF_INET6, inet_pton
from typing import TYPE_CHECKING, Any, NamedTuple

import polars as pl

from tocsin.formats.routes import routes
from tocsin.model.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from maxminddb.reader import Reader

    from tocsin.config.enrich_values import EnrichConfig

_KEPT = 65_536
"""Values of which it is kept what was found."""
_LONGEST_AGENT = 512
_MAPPED = bytes(10) + b"\xff\xff"
"""How an address of IPv6 begins that stands for one of IPv4."""
_VERSIONS = {4: 4, 16: 6}
INSTALL = "pip install 'tocsin[enrich]'"


class Place(NamedTuple):
    """Where an address belongs."""

    country: str | None = None
    asn: int | None = None
    as_name: str | None = None


class Agent(NamedTuple):
    """What a client says it is."""

    browser: str | None = None
    os: str | None = None
    bot: bool | None = None


def looks(config: EnrichConfig) -> Mapping[str, Callable[[pl.Series], pl.Series]]:
    """Return for each field how it is found out of distinct texts.

    Raises:
        UsageError: A library is not installed, or a database cannot be read.
    """
    made: dict[str, Callable[[pl.Series], pl.Series]] = {}
    if config.networks:
        made["network"] = _each(Networks(config.networks).find, pl.String)
    if config.databases:
        place = places(config.databases)
        made["country"] = _each(lambda text: place(text).country, pl.String)
        made["asn"] = _each(lambda text: place(text).asn, pl.Int64)
        made["as_name"] = _each(lambda text: place(text).as_name, pl.String)
    if config.user_agent:
        agent = agents()
        made["browser"] = _each(lambda text: agent(text).browser, pl.String)
        made["os"] = _each(lambda text: agent(text).os, pl.String)
        made["bot"] = _each(lambda text: agent(text).bot, pl.Boolean)
    if config.routes is not None:
        templates = config.routes
        made["route"] = lambda texts: routes(texts, templates)
    return made


def _each(
    look: Callable[[str], Any], kind: type[pl.DataType]
) -> Callable[[pl.Series], pl.Series]:
    return lambda texts: pl.Series(map(look, texts.to_list()), dtype=kind)


class Networks:
    """Named networks, of which the narrowest one counts."""

    def __init__(self, named: Iterable[tuple[str, str]]) -> None:
        self._names: dict[tuple[int, int], dict[int, str]] = {}
        for text, name in named:
            network = ip_network(text)
            shift = network.max_prefixlen - network.prefixlen
            names = self._names.setdefault((network.version, shift), {})
            names[int(network.network_address) >> shift] = name
        self._names = dict(sorted(self._names.items()))
        self.find = lru_cache(_KEPT)(self._find)

    def _find(self, text: str) -> str | None:
        address = address_in(text)
        if address is None:
            return None
        number = int.from_bytes(address)
        version = _VERSIONS[len(address)]
        for (of, shift), names in self._names.items():
            if of == version and (name := names.get(number >> shift)):
                return name
        return None


def address_in(text: str) -> bytes | None:
    """Return the bytes of an address, four also where one of IPv6 stands for them."""
    text = text.strip().strip("[]")
    try:
        if ":" not in text:
            return inet_pton(AF_INET, text)
        found = inet_pton(AF_INET6, text.partition("%")[0])
    except (OSError, ValueError):
        return None
    return found.removeprefix(_MAPPED)


def places(files: Iterable[Path]) -> Callable[[str], Place]:
    """Return what finds where an address belongs, by databases in MaxMind's format.

    Raises:
        UsageError: The library is not installed, or a file is no such database.
    """
    readers = [_database(file) for file in files]

    @lru_cache(_KEPT)
    def place(text: str) -> Place:
        address = address_in(text)
        if address is None:
            return Place()
        found, version = Place(), _VERSIONS[len(address)]
        for reader in readers:
            knows = version <= reader.metadata().ip_version
            known = _place(reader.get(ip_address(address)) if knows else None)
            found = Place(
                found.country or known.country,
                known.asn if found.asn is None else found.asn,
                found.as_name or known.as_name,
            )
        return found

    return place


def _database(file: Path) -> Reader:
    try:
        import maxminddb  # noqa: PLC0415 - an extra
    except ImportError:
        raise UsageError(f"{file}: needs the library maxminddb: {INSTALL}") from None
    try:
        return maxminddb.open_database(file)
    except (OSError, ValueError, maxminddb.InvalidDatabaseError) as error:
        raise UsageError(
            f"{file}: this is no database of MaxMind's format: {error}"
        ) from None


def _place(record: object) -> Place:
    """Return what a record says; the makers of databases use different names."""
    if not isinstance(record, dict):
        return Place()
    where = record.get("country") or record.get("registered_country")
    code = where.get("iso_code") if isinstance(where, dict) else where
    code = record.get("country_code") or code
    number = record.get("autonomous_system_number") or record.get("asn")
    digits = str(number or "").removeprefix("AS")
    name = record.get("autonomous_system_organization") or record.get("as_name")
    return Place(
        code if isinstance(code, str) else None,
        int(digits) if digits.isascii() and digits.isdigit() else None,
        name if isinstance(name, str) else None,
    )


def agents() -> Callable[[str], Agent]:
    """Return what tells the browser, the system, and whether it is a bot.

    Raises:
        UsageError: The library is not installed.
    """
    try:
        from ua_parser import parse  # noqa: PLC0415 - an extra
    except ImportError:
        raise UsageError(
            f"user_agent: needs the library ua-parser: {INSTALL}"
        ) from None

    @lru_cache(_KEPT)
    def agent(text: str) -> Agent:
        if text in {"", "-"}:
            return Agent()
        found = parse(text[:_LONGEST_AGENT])
        browser, system, device = found.user_agent, found.os, found.device
        return Agent(
            browser.family if browser else "Other",
            system.family if system else "Other",
            device is not None and device.family == "Spider",
        )

    return agent
