"""What is found out about events: the part of a source, checked, and its fields."""

from __future__ import annotations

import re
from importlib.util import find_spec
from ipaddress import ip_network
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from tocsin.config.enrich_values import ADDRESS, AGENT, PATH, EnrichConfig
from tocsin.config.fields import Fields, UnknownFieldError

if TYPE_CHECKING:
    from pathlib import Path as FilePath

    from tocsin.config.document import Path
    from tocsin.config.problems import Problems
    from tocsin.config.source_models import EnrichPart

_INSTALL: Final = "pip install 'tocsin[enrich]'"
_MOST: Final = 100_000
_TEMPLATE: Final = re.compile(r"/(?:[^{}*?#\s]|\{[A-Za-z_][A-Za-z0-9_]*\})*\*?")
"""A path with names in braces for parts of it; at its end, `*` stands for anything."""


def build_enrich(
    part: EnrichPart | None,
    path: Path,
    fields: Fields,
    problems: Problems,
    base: FilePath,
) -> tuple[EnrichConfig | None, Fields]:
    """Return what is looked up for a source, and the fields of its events with that."""
    if part is None:
        return None, fields
    given = part.fields
    made = EnrichConfig(
        networks=_networks(part.networks, (*path, "networks"), problems, base),
        databases=_databases(part.databases, (*path, "databases"), problems, base),
        user_agent=_agent(part, (*path, "user_agent"), problems),
        routes=_routes(part.routes, (*path, "routes"), problems),
        address=(given and given.address) or ADDRESS,
        agent=(given and given.user_agent) or AGENT,
        path=(given and given.path) or PATH,
    )
    for origin in dict.fromkeys(origin for origin, _ in made.fields.values()):
        _check_origin(origin, path, fields, problems)
    for name in made.fields:
        _check_name(name, path, fields, problems)
    added = {name: kind for name, (_, kind) in made.fields.items()}
    return made, replace(fields, derived={**fields.derived, **added})


def _check_origin(origin: str, path: Path, fields: Fields, problems: Problems) -> None:
    """Note that there is no field of which others are to be found out."""
    try:
        fields.find(origin)
    except UnknownFieldError as error:
        named = origin not in {ADDRESS, AGENT, PATH}
        hint = "name the right one: fields: {address: ..., user_agent: ..., path: ...}"
        problems.add(path, f"expected {error}", error.hint if named else hint)


def _check_name(name: str, path: Path, fields: Fields, problems: Problems) -> None:
    """Note that a field is there already."""
    message = fields.message
    if name in fields.derived or (message is not None and message.find(name)):
        hint = "under formats, read it by another name"
        problems.add(path, f"there is a field '{name}' already", hint)


def _networks(
    name: str | None, path: Path, problems: Problems, base: FilePath
) -> tuple[tuple[str, str], ...]:
    """Return the networks in a file: one a line, then its name; `#` begins a comment."""
    if name is None:
        return ()
    try:
        lines = (base / name).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text in UTF-8"
        problems.expected(path, f"a file of networks ({reason})", name)
        return ()
    found: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        network, _, label = line.partition("#")[0].strip().partition(" ")
        if not network:
            continue
        try:
            found[str(ip_network(network.strip(","), strict=False))] = label.strip()
        except ValueError:
            label = ""
        if not label.strip():
            text = (
                f"{name}:{number}: expected a network and its name, got {line[:80]!r}"
            )
            problems.add(path, text, "write it so: 10.0.0.0/8 office")
            return ()
    if not found or len(found) > _MOST:
        problems.expected(path, f"1 to {_MOST} networks in the file", len(found))
    return tuple(found.items())


def _databases(
    names: tuple[str, ...], path: Path, problems: Problems, base: FilePath
) -> tuple[FilePath, ...]:
    if names and find_spec("maxminddb") is None:
        problems.add(path, "needs the library maxminddb", _INSTALL)
    for name in names:
        if not (base / name).is_file():
            problems.expected(path, "a file in MaxMind's format (.mmdb)", name)
    return tuple((base / name).absolute() for name in names)


def _agent(part: EnrichPart, path: Path, problems: Problems) -> bool:
    if part.user_agent and find_spec("ua_parser") is None:
        problems.add(path, "needs the library ua-parser", _INSTALL)
    return part.user_agent


def _routes(
    given: bool | tuple[str, ...] | None,  # noqa: FBT001 - as the user wrote it
    path: Path,
    problems: Problems,
) -> tuple[str, ...] | None:
    if given is None or isinstance(given, bool):
        return () if given else None
    for number, text in enumerate(given):
        if not _TEMPLATE.fullmatch(text):
            wanted = "a template of a path"
            hint = "such as /user/{name}/orders, or /static/* for all below"
            problems.expected((*path, number), wanted, text, hint)
    return given
