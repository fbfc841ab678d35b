"""TOML: values by Python's own reader, places by a scan of the same text."""

from __future__ import annotations

import re
import tomllib

from tocsin.config.document import (
    MAX_DEPTH,
    Document,
    Lines,
    Spot,
    syntax_error,
)

_PLACE = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")
_BLANK = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_PLAIN = re.compile(r"[^\s,\]}#]+(?: [0-9][^\s,\]}#]*)?")
_STRINGS = (
    re.compile(r'"""(?:[^\\]|\\.)*?"{3,5}', re.DOTALL),
    re.compile(r"'''.*?'{3,5}", re.DOTALL),
    re.compile(r'"(?:[^"\\]|\\.)*"'),
    re.compile(r"'[^']*'"),
)


def read(text: str, name: str) -> Document:
    """Return the document. Raises ConfigError, with line and column, if it is not one."""
    text = text.replace("\r\n", "\n")
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _refused(text, name, str(error)) from None
    except RecursionError:
        message = f"at most {MAX_DEPTH} levels of nesting"
        raise syntax_error(name, 1, 1, message) from None
    return Document(name, data, _Scan(text, name).document())


def _refused(text: str, name: str, said: str) -> Exception:
    match = _PLACE.search(said)
    if match is None or match[1] is None:
        line, column = Lines(text).at(len(text))
    else:
        line, column = int(match[1]), int(match[2])
    reason = said[: match.start()] if match else said
    message = f"not TOML: {reason[:1].lower()}{reason[1:]}"
    return syntax_error(name, line, column, message)


class _Scan:
    """One pass over a text that is known to be TOML, noting where keys stand."""

    def __init__(self, text: str, name: str) -> None:
        self.text = text
        self.name = name
        self._depth = 0
        self._lines = Lines(text)
        self._at = 0
        self._root = Spot(1, 1)
        self._lists: set[int] = set()

    def document(self) -> Spot:
        table = self._root
        while self._skip(_BLANK) < len(self.text):
            if self.text[self._at] == "[":
                table = self._header()
            else:
                self._pair(table)
        return self._root

    def _skip(self, what: re.Pattern[str]) -> int:
        match = what.match(self.text, self._at)
        self._at = match.end() if match else self._at
        return self._at

    def _here(self) -> Spot:
        return Spot(*self._lines.at(self._at))

    def _header(self) -> Spot:
        start = self._here()
        many = self.text.startswith("[[", self._at)
        self._at += 2 if many else 1
        *above, last = self._key()
        self._at += 2 if many else 1
        table = self._root
        for name, _ in above:
            table = self._inside(table.members.setdefault(name, start))
        found = table.members.setdefault(last[0], Spot(start.line, start.column))
        if not many:
            return found
        self._lists.add(id(found))
        item = found.members[len(found.members)] = Spot(start.line, start.column)
        return item

    def _inside(self, spot: Spot) -> Spot:
        # A header below an array of tables speaks of the last table of the array.
        return spot.members[len(spot.members) - 1] if id(spot) in self._lists else spot

    def _pair(self, table: Spot) -> None:
        *above, (last, place) = self._key()
        for name, where in above:
            table = table.members.setdefault(name, where)
        self._at += 1  # the equals sign
        self._skip(_SPACE)
        place.members = self._value().members
        table.members[last] = place

    def _key(self) -> list[tuple[str, Spot]]:
        """Read a dotted key; leaves off at what follows it."""
        parts: list[tuple[str, Spot]] = []
        while True:
            self._skip(_SPACE)
            place, start = self._here(), self._at
            if self.text[start] in "\"'":
                written = self.text[start : self._string()]
                name = next(iter(tomllib.loads(f"{written} = 0")))
            else:
                name = self.text[start : self._skip(_BARE)]
            parts.append((name, place))
            self._skip(_SPACE)
            if self.text[self._at] != ".":
                return parts
            self._at += 1

    def _string(self) -> int:
        for kind in _STRINGS:
            match = kind.match(self.text, self._at)
            if match:
                self._at = match.end()
                break
        return self._at

    def _value(self) -> Spot:
        spot = self._here()
        first = self.text[self._at]
        self._depth += 1
        if self._depth > MAX_DEPTH:
            message = f"at most {MAX_DEPTH} levels of nesting"
            raise syntax_error(self.name, spot.line, spot.column, message)
        if first == "[":
            self._array(spot)
        elif first == "{":
            self._inline_table(spot)
        elif first in "\"'":
            self._string()
        else:
            self._skip(_PLAIN)
        self._depth -= 1
        return spot

    def _array(self, spot: Spot) -> None:
        self._at += 1
        while self._closes("]"):
            spot.members[len(spot.members)] = self._value()
        self._at += 1

    def _inline_table(self, spot: Spot) -> None:
        self._at += 1
        while self._closes("}"):
            self._pair(spot)
        self._at += 1

    def _closes(self, close: str) -> bool:
        """Skip to the next member; False when there is none."""
        self._skip(_BLANK)
        if self.text[self._at] == ",":
            self._at += 1
            self._skip(_BLANK)
        return self.text[self._at] != close
