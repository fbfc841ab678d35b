"""Plugins: found by entry point, or by dotted path from a local configuration.

A path such as `my_plugins.Busy` is looked for where Python looks, and in the folder of
the configuration, which comes last so that no file there can stand in for a module.
"""

from __future__ import annotations

import importlib
import sys
import traceback
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tocsin.model.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tocsin.model.protocols import RawLogConsumer

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
    return frozenset(point.name for point in metadata.entry_points(group=group))


def make_consumer(name: str, type_: str, options: Mapping[str, Any]) -> RawLogConsumer:
    """Return a raw log consumer, made with its options.

    Raises:
        UsageError: There is no such plugin, or it does not take these options.
    """
    kind = find(CONSUMERS, type_)
    lacks = [m for m in ("observe", "merge", "report") if not hasattr(kind, m)]
    if lacks:
        # Asked before it is called: a path may lead to anything.
        message = f"raw log consumer {name!r}: {type_} has no {lacks[0]}()"
        raise UsageError(message)
    try:
        made: RawLogConsumer = kind(**options)
        tuple(made.fields)
    except Exception as error:  # a plugin may raise anything
        reason = f"{type(error).__name__}: {error}"
        message = f"raw log consumer {name!r} cannot be made: {reason}"
        raise UsageError(message) from error
    return made


def find(group: str, name: str) -> Any:  # noqa: ANN401
    """Return what a plugin's name stands for: its class, or a function that makes it.

    Raises:
        UsageError: There is no such plugin, or it cannot be imported.
    """
    try:
        for point in metadata.entry_points(group=group, name=name):
            return point.load()
        module, _, attribute = name.replace(":", ".").rpartition(".")
        if not module:
            message = "no package offers it, and it is no dotted path"
            raise ImportError(message)  # noqa: TRY301
        return getattr(importlib.import_module(module), attribute)
    except Exception as error:  # a plugin may raise anything while it is imported
        kind = group.rpartition(".")[2].removesuffix("s")
        reason = (
            f"{type(error).__name__}: {error}"
            if not isinstance(error, (ImportError, AttributeError))
            else str(error)
        )
        message = f"the {kind} {name!r} cannot be loaded: {reason}"
        raise UsageError(message) from error
