"""Plugins: found by entry point, or by dotted path from a local configuration.

A path such as `my_plugins.Busy` is looked for where Python looks, and in the folder of
the configuration, which comes last so that no file there can stand in for a module.
"""

from __future__ import annotations

import importlib
import sys
from importlib import metadata
from typing import TYPE_CHECKING, Any

from tocsin.model.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

FORMATS = "tocsin.formats"
CONSUMERS = "tocsin.consumers"
AGGREGATES = "tocsin.aggregates"
CHANNELS = "tocsin.channels"


def look_in(folder: Path | None) -> None:
    """Let dotted paths be found in a folder, too."""
    if folder is not None and str(folder.resolve()) not in sys.path:
        sys.path.append(str(folder.resolve()))


def offered(group: str) -> frozenset[str]:
    """Return the names that installed packages offer."""
    return frozenset(point.name for point in metadata.entry_points(group=group))


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
