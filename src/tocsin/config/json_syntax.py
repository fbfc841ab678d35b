"""JSON, read with the place of every key: strict RFC 8259, no key twice."""

from __future__ import annotations

import re
from json import JSONDecodeError, decoder
from typing import TYPE_CHECKING, Any

from tocsin.config.document import (
    MAX_DEPTH,
    Document,
    Lines,
    Path,
    Spot,
    show_path,
    syntax_error,
)
from tocsin.model.errors import ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Callable

_SPACE = re.compile(r"[ \t\r\n]*")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_WORD = re.compile(r"[A-Za-z]+")
_WORDS = {"true": True, "false": False, "null": None}
_LONGEST_INT = 300
_scan_string: Callable[[str, int], tuple[str, int]] = vars(decoder)["scanstring"]
"""Reads a string from behind its first quote; gives it and the offset behind it."""


def read(text: str, name: str) -> Document:
    """Return the document. Raises ConfigError, with line and column, if it is not one."""
    reading = _Reading(text, name)
    data, spot = reading.document()
    return Document(name, data, spot, tuple(reading.problems))


class _Reading:
    """One pass over the text; `_at` is the offset of what is read next."""

    def __init__(self, text: str, name: str) -> None:
        self.text = text
        self._lines = Lines(text)
        self.name = name
        self.problems: list[Problem] = []
        self._at = 0

    def document(self) -> tuple[Any, Spot]:
        found = self._value(())
        if self._peek():
            raise self._refuse("the end of the document")
        return found

    def _peek(self) -> str:
        match = _SPACE.match(self.text, self._at)
        assert match is not None
        self._at = match.end()
        return self.text[self._at : self._at + 1]

    def _refuse(self, wanted: str, hint: str = "") -> ConfigError:
        found = self.text[self._at : self._at + 1]
        line, column = self._lines.at(self._at)
        seen = repr(found) if found else "the end"
        message = f"not JSON: expected {wanted}, got {seen}"
        return syntax_error(self.name, line, column, message, hint)

    def _spot(self) -> Spot:
        return Spot(*self._lines.at(self._at))

    def _value(self, path: Path) -> tuple[Any, Spot]:
        first = self._peek()
        if len(path) > MAX_DEPTH:
            raise self._refuse(f"at most {MAX_DEPTH} levels of nesting")
        if first == "{":
            return self._object(path)
        if first == "[":
            return self._array(path)
        spot = self._spot()
        if first == '"':
            return self._string(), spot
        return (self._word() if first.isalpha() else self._number()), spot

    def _string(self) -> str:
        try:
            value, self._at = _scan_string(self.text, self._at + 1)
        except JSONDecodeError as error:
            line, column = self._lines.at(error.pos)
            said = (
                f"not JSON: {error.msg[0].lower()}{error.msg[1:].removesuffix(' at')}"
            )
            raise syntax_error(self.name, line, column, said) from None
        if any("\ud800" <= c <= "\udfff" for c in value):
            raise self._refuse("whole characters", "a \\u escape is half of a pair")
        return str(value)

    def _word(self) -> bool | None:
        match = _WORD.match(self.text, self._at)
        if match is None or match[0] not in _WORDS:
            raise self._refuse("a value", "text is written with double quotes")
        self._at = match.end()
        return _WORDS[match[0]]

    def _number(self) -> int | float:
        match = _NUMBER.match(self.text, self._at)
        if match is None:
            quote = self.text[self._at : self._at + 1] == "'"
            hint = "text is written with double quotes" if quote else ""
            raise self._refuse("a value", hint)
        whole = match[1] is None and match[2] is None
        if len(match[0]) > _LONGEST_INT:
            raise self._refuse(f"a number of at most {_LONGEST_INT} digits")
        self._at = match.end()
        return int(match[0]) if whole else float(match[0])

    def _array(self, path: Path) -> tuple[Any, Spot]:
        data: list[Any] = []
        spot = self._spot()
        self._at += 1
        if self._peek() == "]":
            self._at += 1
            return data, spot
        while True:
            value, where = self._value((*path, len(data)))
            spot.members[len(data)] = where
            data.append(value)
            if self._ends("]"):
                return data, spot

    def _object(self, path: Path) -> tuple[Any, Spot]:
        data: dict[str, Any] = {}
        spot = self._spot()
        self._at += 1
        if self._peek() == "}":
            self._at += 1
            return data, spot
        while True:
            self._member(data, spot, path)
            if self._ends("}"):
                return data, spot

    def _member(self, data: dict[str, Any], spot: Spot, path: Path) -> None:
        if self._peek() != '"':
            raise self._refuse("a key in double quotes")
        here = self._spot()
        key = self._string()
        if self._peek() != ":":
            raise self._refuse("':' after the key")
        self._at += 1
        value, where = self._value((*path, key))
        if key in data:
            message = f"given twice, first in line {spot.members[key].line}"
            place = f"{self.name}:{here.line}"
            shown = show_path((*path, key))
            self.problems.append(Problem(place, shown, message, "remove one"))
            return
        data[key] = value
        spot.members[key] = Spot(here.line, here.column, where.members)

    def _ends(self, close: str) -> bool:
        found = self._peek()
        if found not in (",", close) or not found:
            raise self._refuse(f"',' or '{close}'")
        self._at += 1
        if found == "," and self._peek() == close:
            raise self._refuse("a value", "remove the comma before it")
        return found == close
