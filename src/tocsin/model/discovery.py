"""Plugins: found by entry point, or by dotted path from a local configuration.

A path such as `my_plugins.Busy` is looked for where Python looks, and in the folder of
the configuration, which comes last so that no file there can stand in for a module.
"""

from __future__ import annotations

import importlib
import inspect
import sys
import traceback
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tocsin.model.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tocsin.model.protocols import Channel, RawLogConsumer

FORMATS = "tocsin.formats"
CONSUMERS = "tocsin.consumers"
AGGREGATES = "tocsin.aggregates"
CHANNELS = "tocsin.channels"
KINDS = "tocsin.kinds"

FAILURES = (Exception, SystemExit)
"""What a plugin may raise: anything, and it must not end us by itself."""


def blamed(error: BaseException, plugin: object) -> str:
    """Return what a plugin raised, and the last line of its own file on the way."""
    said = " ".join(f"{error}".split())
    said = f"{type(error).__name__}: {said}" if said else type(error).__name__
    kind = plugin if isinstance(plugin, type) else type(plugin)
    own = getattr(sys.modules.get(kind.__module__), "__file__", None)
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == own]
    return f"{said} ({Path(own).name}, line {lines[-1]})" if own and lines else said


def look_in(folder: Path | None) -> None:
    """Let dotted paths be found in a folder, too."""
    if folder is not None and str(folder.resolve()) not in sys.path:
        sys.path.append(str(folder.resolve()))


def offered(group: str) -> frozenset[str]:
    """Return the names that installed packages offer."""
    from importlib import metadata  # noqa: PLC0415 - most runs ask for no plugin

    return frozenset(point.name for point in metadata.entry_points(group=group))


def make_consumer(name: str, type_: str, options: Mapping[str, Any]) -> RawLogConsumer:
    """Return a raw log consumer, made with its options.

    Raises:
        UsageError: There is no such plugin, or it does not take these options.
    """
    called = f"raw log consumer {name!r}"
    offers = {"observe": 1, "merge": 2, "report": 3}
    made: RawLogConsumer = _made(called, CONSUMERS, type_, options, offers)
    try:
        fields: object = made.fields
        if isinstance(fields, str) or not all(isinstance(f, str) for f in made.fields):
            raise TypeError(_NO_NAMES.format(fields))
    except FAILURES as error:
        raise _unmade(called, error, made) from error
    return made


def make_channel(name: str, type_: str, options: Mapping[str, Any]) -> Channel:
    """Return a channel of a plugin, made with its name and its options.

    Raises:
        UsageError: There is no such plugin, or it does not take these options.
    """
    offers = {"recipients": 1, "preview": 1, "send": 2}
    called = f"channel {name!r}"
    made: Channel = _made(called, CHANNELS, type_, {"name": name, **options}, offers)
    return made


_NO_NAMES = "fields are names of fields, such as fields = ('path',), not {!r}"


def _made(
    called: str,
    group: str,
    type_: str,
    options: Mapping[str, Any],
    offers: Mapping[str, int],
) -> Any:  # noqa: ANN401
    """Return a plugin that offers methods, each of so many arguments."""
    kind = find(group, type_)
    lacks = [method for method in offers if not hasattr(kind, method)]
    if lacks:
        # Asked before it is called: a path may lead to anything.
        message = f"{called}: {type_} has no {lacks[0]}()"
        raise UsageError(message)
    try:
        made = kind(**options)
    except FAILURES as error:
        raise _unmade(called, error, kind) from error
    for method, count in offers.items():
        _check_taken(f"{called}: {type_}.{method}()", getattr(made, method), count)
    return made


def _unmade(called: str, error: BaseException, plugin: object) -> UsageError:
    return UsageError(f"{called} cannot be made: {blamed(error, plugin)}")


def _check_taken(called: str, method: Any, count: int) -> None:  # noqa: ANN401
    """Refuse a method that cannot be called with so many arguments."""
    try:
        inspect.signature(method).bind(*range(count))
    except TypeError as error:
        arguments = "one argument" if count == 1 else f"{count} arguments"
        message = f"{called} cannot be called with {arguments}: {error}"
        raise UsageError(message) from error
    except ValueError:  # nobody can say what it takes
        return


def find(group: str, name: str) -> Any:  # noqa: ANN401
    """Return what a plugin's name stands for: its class, or a function that makes it.

    Raises:
        UsageError: There is no such plugin, or it cannot be imported.
    """
    from importlib import metadata  # noqa: PLC0415 - as above

    try:
        for point in metadata.entry_points(group=group, name=name):
            return point.load()
        module, _, attribute = name.replace(":", ".").rpartition(".")
        if not module:
            message = "no package offers it, and it is no dotted path"
            raise ImportError(message)
        return getattr(importlib.import_module(module), attribute)
    except FAILURES as error:  # a plugin may raise anything while it is imported
        kind = group.rpartition(".")[2].removesuffix("s")
        reason = (
            f"{type(error).__name__}: {error}"
            if not isinstance(error, (ImportError, AttributeError))
            else f"{error}{_near(error)}"
        )
        message = f"the {kind} {name!r} cannot be loaded: {reason}"
        raise UsageError(message) from error


def _near(error: BaseException) -> str:
    """Return what may have been meant by a name that a module does not have."""
    known = [n for n in dir(getattr(error, "obj", None)) if not n.startswith("_")]
    near = get_close_matches(getattr(error, "name", None) or "", known, n=1)
    return f"; did you mean {near[0]!r}?" if near else ""
