"""YAML, read strictly: YAML 1.2 scalars, no tags, no key twice, no bombs.

`no`, `on`, `1_000` and `012` stay text; anchors, aliases and `<<` work, bounded.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

from tocsin.config.document import (
    MAX_DEPTH,
    MAX_VALUES,
    Document,
    Path,
    Spot,
    show_path,
    syntax_error,
)
from tocsin.config.scalars import scalar
from tocsin.model.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_STRING = ("!", "tag:yaml.org,2002:str")


def read(text: str, name: str) -> Document:
    """Return the document. Raises ConfigError, with line and column, if it is not one."""
    reading = _Reading(name)
    try:
        data, spot = reading.document(yaml.parse(text, Loader=_Loader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        said = error.problem or error.context or "cannot be read"
        hint = _remedy(text, line, column, said)
        raise syntax_error(name, line, column, f"not YAML: {said}", hint) from None
    except yaml.YAMLError as error:
        said = str(error).splitlines()[0]
        raise syntax_error(name, 1, 1, f"not YAML: {said}") from None
    return Document(name, data, spot, tuple(reading.problems))


def _remedy(text: str, line: int, column: int, said: str) -> str:
    lines = text.splitlines()
    here = lines[line - 1] if line <= len(lines) else ""
    if here[column - 1 : column] == "\t":
        return "indent with spaces: YAML takes no tabs"
    if here[column - 1 : column] == ":":
        if re.search(r":\s", here[: column - 1]):
            return "put a text that holds ': ' in quotes"
        if "expected" not in said:
            return "indent keys alike, and end each with ': '"
    special = here[column - 1 : column] in ("@", "`", "%", "*", "&")
    return "put texts with signs such as @ and * in quotes" if special else ""


class _Reading:
    """One pass over the events of a document; anchored values are kept as they come."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.problems: list[Problem] = []
        self._anchors: dict[str, tuple[Any, Spot, int, int]] = {}
        self._values = 0
        self._deepest = 0

    def document(self, events: Iterator[Any]) -> tuple[Any, Spot]:
        self._events = events
        first = self._next_of(yaml.StreamStartEvent)
        if isinstance(self._next(), yaml.StreamEndEvent):
            return None, _spot(first)
        found = self._value(self._next(), ())
        self._next()
        more = self._next()
        if not isinstance(more, yaml.StreamEndEvent):
            raise self._refuse(more, "one document per file, found a second ('---')")
        return found

    def _next(self) -> Any:  # noqa: ANN401
        return next(self._events)

    def _next_of(self, kind: type) -> Any:  # noqa: ANN401
        event = self._next()
        assert isinstance(event, kind)
        return event

    def _refuse(self, event: Any, message: str, hint: str = "") -> Exception:  # noqa: ANN401
        mark = event.start_mark
        return syntax_error(self.name, mark.line + 1, mark.column + 1, message, hint)

    def _value(self, event: Any, path: Path) -> tuple[Any, Spot]:  # noqa: ANN401
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, path)
        self._count(event, 1, len(path))
        if event.tag is not None and event.tag not in _STRING:
            raise self._refuse(event, f"tags are not supported, found {event.tag!r}")
        return self._anchored(event, path) if event.anchor else self._node(event, path)

    def _anchored(self, event: Any, path: Path) -> tuple[Any, Spot]:  # noqa: ANN401
        values, deepest = self._values - 1, self._deepest
        self._deepest = len(path)
        data, spot = self._node(event, path)
        size, height = self._values - values, self._deepest - len(path)
        self._anchors[event.anchor] = (data, spot, size, height)
        self._deepest = max(deepest, self._deepest)
        return data, spot

    def _node(self, event: Any, path: Path) -> tuple[Any, Spot]:  # noqa: ANN401
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(event, path)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(event, path)
        plain = event.implicit[0]
        return (scalar(event.value) if plain else event.value), _spot(event)

    def _alias(self, event: Any, path: Path) -> tuple[Any, Spot]:  # noqa: ANN401
        if event.anchor not in self._anchors:
            raise self._refuse(
                event,
                f"no anchor '&{event.anchor}' before this alias",
                "an anchor must be complete before it is used",
            )
        data, spot, size, height = self._anchors[event.anchor]
        self._count(event, size, len(path) + height)
        # The members keep their places; the value itself stands where it is used.
        return data, Spot(*_at(event), spot.members)

    def _count(self, event: Any, size: int, depth: int) -> None:  # noqa: ANN401
        self._values += size
        self._deepest = max(self._deepest, depth)
        if self._values > MAX_VALUES:
            raise self._refuse(
                event,
                f"at most {MAX_VALUES} values in a document",
                "aliases count as often as they are used",
            )
        if depth > MAX_DEPTH:
            raise self._refuse(event, f"at most {MAX_DEPTH} levels of nesting")

    def _sequence(self, start: Any, path: Path) -> tuple[Any, Spot]:  # noqa: ANN401
        data: list[Any] = []
        spot = _spot(start)
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            value, where = self._value(event, (*path, len(data)))
            spot.members[len(data)] = Spot(*_at(event), where.members)
            data.append(value)
        return data, spot

    def _mapping(self, start: Any, path: Path) -> tuple[Any, Spot]:  # noqa: ANN401
        data: dict[str, Any] = {}
        spot = _spot(start)
        merged: list[tuple[Any, Spot]] = []
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            key = self._key(event)
            value, where = self._value(self._next(), (*path, key))
            if key == "<<" and event.implicit[0]:
                merged += self._merged(event, value, where)
                continue
            if key in data:
                self._twice(event, (*path, key), spot.members[key].line)
                continue
            data[key] = value
            spot.members[key] = Spot(*_at(event), where.members)
        for value, where in merged:
            _merge(data, spot, value, where)
        return data, spot

    def _key(self, event: Any) -> str:  # noqa: ANN401
        if isinstance(event, yaml.ScalarEvent) and not event.anchor:
            return str(event.value)
        raise self._refuse(event, "a key must be plain text")

    def _twice(self, event: Any, path: Path, first: int) -> None:  # noqa: ANN401
        place = f"{self.name}:{event.start_mark.line + 1}"
        message = f"given twice, first in line {first}"
        self.problems.append(Problem(place, show_path(path), message, "remove one"))

    def _merged(
        self,
        event: Any,  # noqa: ANN401
        value: Any,  # noqa: ANN401
        spot: Spot,
    ) -> list[tuple[Any, Spot]]:
        many = isinstance(value, list)
        found = [(v, spot.members[i]) for i, v in enumerate(value)] if many else []
        parts = found or [(value, spot)]
        if not all(isinstance(v, dict) for v, _ in parts):
            raise self._refuse(event, "'<<' takes a mapping or a list of mappings")
        return parts


def _merge(data: dict[str, Any], spot: Spot, more: dict[str, Any], where: Spot) -> None:
    for key, value in more.items():
        if key not in data:
            data[key] = value
            spot.members[key] = where.members[key]


def _at(event: Any) -> tuple[int, int]:  # noqa: ANN401
    return event.start_mark.line + 1, event.start_mark.column + 1


def _spot(event: Any) -> Spot:  # noqa: ANN401
    return Spot(*_at(event))
