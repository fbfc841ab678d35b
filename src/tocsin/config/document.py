"""A document as it was written: plain data, and the place of everything in it."""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import TYPE_CHECKING, Any, TypeAlias

from msgspec import Struct, field

from tocsin.model.errors import ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

Path: TypeAlias = tuple[str | int, ...]
"""The way to a value: keys and list indices from the top of the document."""

MAX_DEPTH = 64
MAX_VALUES = 100_000
MAX_CHARACTERS = 1_000_000

_PLAIN_KEY = re.compile(r"[A-Za-z_][\w-]*")


class Spot(Struct):
    """Where a value stands (line and column from 1), and the spots of its members.

    A member of a mapping stands where its key does.
    """

    line: int
    column: int
    members: dict[str | int, Spot] = field(default_factory=dict)


class Document(Struct, frozen=True):
    """Plain data (dicts, lists, scalars) and where each piece of it stands.

    `problems` are those that did not stop the reading, such as a key given twice.
    """

    name: str
    data: Any
    spot: Spot
    problems: tuple[Problem, ...] = ()
    origins: Mapping[Path, tuple[Document, Path]] = field(default_factory=dict)
    """Where the values at some paths come from, if that is another document."""

    def place(self, path: Path) -> str:
        """Return `file:line` of the value at `path`, or of the nearest one above it."""
        if (origin := self._origin(path)) is not None:
            return origin[0].place(origin[1])
        spot, _ = self._find(path)
        return f"{self.name}:{spot.line}" if spot.line else self.name

    def shown(self, path: Path) -> str:
        """Return the path as the user wrote its keys: `alarms[2].dataPointsAlarm`."""
        if (origin := self._origin(path)) is not None:
            return origin[0].shown(origin[1])
        return show_path(self._find(path)[1])

    def _origin(self, path: Path) -> tuple[Document, Path] | None:
        for length in range(min(len(path), 2), 0, -1):
            if path[:length] in self.origins:
                document, start = self.origins[path[:length]]
                return document, (*start, *path[length:])
        return None

    def _find(self, path: Path) -> tuple[Spot, Path]:
        spot, written = self.spot, list[str | int]()
        for at, key in enumerate(path):
            found = _written(spot, key)
            if found is None:
                return spot, (*written, *path[at:])
            written.append(found)
            spot = spot.members[found]
        return spot, tuple(written)


def show_path(path: Path) -> str:
    """Return a path as text, with keys quoted that are not plain words."""
    parts = [_step(key) for key in path]
    return "".join(parts).removeprefix(".")


def _step(key: str | int) -> str:
    if isinstance(key, int):
        return f"[{key}]"
    return f".{key}" if _PLAIN_KEY.fullmatch(key) else f"[{key!r}]"


def _written(spot: Spot, key: str | int) -> str | int | None:
    if key in spot.members:
        return key
    if isinstance(key, int):
        return None
    wanted = snake(key)
    names = (k for k in spot.members if isinstance(k, str))
    return next((k for k in names if snake(k) == wanted), None)


def snake(key: str) -> str:
    """Return `dataPointsAlarm` as `data_points_alarm`; other keys as they are."""
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", key).lower()


def syntax_error(
    name: str, line: int, column: int, message: str, hint: str = ""
) -> ConfigError:
    """Return the error that ends the reading of a document."""
    return ConfigError([Problem(f"{name}:{line}:{column}", "", message, hint)])


class Lines:
    """The lines of a text, to turn offsets into places."""

    def __init__(self, text: str) -> None:
        self._starts = [0, *(m.end() for m in re.finditer("\n", text))]

    def at(self, offset: int) -> tuple[int, int]:
        """Return the line and column, from 1, of an offset."""
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1
