"""Kinds of alarms: each turns its own keys into metrics and an alarm on a threshold.

A kind is one file of this folder: the name of the file is that of the kind, and its
`KIND` is a shape of alarm (`tocsin.config.kind.KindPart`) that says what it is made of.
Or a plugin: an entry point of the group `tocsin.kinds`, or a dotted path, that leads to
such a shape. What comes out are ordinary metrics and alarms, so that every kind has
levels, `for`, overrides and all the rest, and the core knows nothing of kinds.
"""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

from tocsin.config.alarm_models import AlarmPart
from tocsin.config.problems import did_you_mean
from tocsin.model.discovery import KINDS, find, offered
from tocsin.model.errors import UsageError

if TYPE_CHECKING:
    from tocsin.config.document import Path
    from tocsin.config.kind import KindPart
    from tocsin.config.problems import Problems

PLAIN = "threshold"
"""The kind of alarms that are written with a metric and a threshold."""


def built_in() -> tuple[str, ...]:
    """Return the names of the kinds of this folder."""
    return tuple(sorted(module.name for module in iter_modules(__path__)))


def known() -> frozenset[str]:
    """Return the names of all kinds."""
    return frozenset({PLAIN, *built_in(), *offered(KINDS)})


def is_known(name: str) -> bool:
    """Return whether a name can be that of a kind: one that is known, or a path."""
    return "." in name or name in known()


def kind(name: str) -> type[KindPart]:
    """Return the shape of the alarms of a kind.

    Raises:
        UsageError: A plugin cannot be loaded, or is no shape of an alarm.
    """
    if name in built_in():
        found: type[KindPart] = import_module(f"{__name__}.{name}").KIND
        return found
    from tocsin.config.kind import KindPart  # noqa: PLC0415 - few are of a kind

    plugin: object = find(KINDS, name)
    if not isinstance(plugin, type) or not issubclass(plugin, KindPart):
        message = f"the kind {name!r} is no class made of KindPart or MeasuredPart"
        raise UsageError(message)
    return plugin


def shape(item: Any) -> type[AlarmPart]:  # noqa: ANN401
    """Return the shape of an alarm as it is written."""
    name = item.get("kind", PLAIN) if isinstance(item, dict) else PLAIN
    if name == PLAIN:
        return AlarmPart
    with suppress(UsageError):  # it is told of where the name is checked
        if isinstance(name, str) and is_known(name):
            return kind(name)
    from tocsin.config.kind import UnknownKind  # noqa: PLC0415 - few are of a kind

    return UnknownKind


def check_kind(item: Any, path: Path, problems: Problems) -> None:  # noqa: ANN401
    """Note an alarm of a kind that there is not, or that cannot be loaded."""
    name = item.get("kind", PLAIN) if isinstance(item, dict) else PLAIN
    if not isinstance(name, str) or name == PLAIN:
        return
    way = (*path, "kind")
    if not is_known(name):
        hint = did_you_mean(name, known(), what="one of")
        problems.expected(way, "a kind of alarm", name, hint)
        return
    try:
        kind(name)
    except UsageError as error:
        wanted = "a kind of alarm that can be loaded"
        problems.expected(way, wanted, name, str(error))
