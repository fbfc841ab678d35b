"""The letters to the user: place, wish, found, remedy; all of a document together."""

from __future__ import annotations

import json
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from tocsin.config.secret import Secret, Substituted
from tocsin.model.errors import ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tocsin.config.document import Document, Path

_LONGEST = 80


class Problems:
    """Collects the problems of one document, each at its place, once."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.flawed: dict[Path, set[str]] = {}
        """The keys that are wrong, or missing, in each part that has such keys."""
        self._found: dict[Problem, None] = dict.fromkeys(document.problems)
        self._done: set[Path] = set()

    def __len__(self) -> int:
        return len(self._found)

    def add(self, path: Path, message: str, hint: str = "") -> None:
        """Note what is wrong with the value at `path`."""
        if path in self._done:
            return
        place = self.document.place(path)
        shown = self.document.shown(path)
        self._found.setdefault(Problem(place, shown, message, hint))

    def leave(self, path: Path) -> None:
        """Note no more of the value at `path`, or the list it is in: all is said of it."""
        self._done.add(path[:-1] if path and isinstance(path[-1], int) else path)
        self._done.add(path)

    def expected(self, path: Path, wanted: str, got: Any, hint: str = "") -> None:  # noqa: ANN401
        """Note that `wanted` was expected where `got` is."""
        self.add(path, f"expected {wanted}, got {show(got)}", hint)

    def miss(self, path: Path, key: str, hint: str) -> None:
        """Note that the part at `path` lacks a key, unless that was told of already.

        It was if the key is there and wrong, or one that is much like it.
        """
        if not get_close_matches(key, self.flawed.get(path, ())):
            self.add(path, f"'{key}' is missing", hint)

    def raise_any(self) -> None:
        """Raise ConfigError with all problems, in the order of files and lines, if any."""
        if self._found:
            raise ConfigError(sorted(self._found, key=_line))


def _line(problem: Problem) -> tuple[str, int]:
    file, _, number = problem.place.rpartition(":")
    return (file, int(number)) if number.isdigit() else (problem.place, 0)


def show(value: Any) -> str:  # noqa: ANN401
    """Return a value as a problem shows it: short, and never a secret."""
    if isinstance(value, Substituted):
        return _short(repr(value.written))
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool | int | float):
        return _short(json.dumps(value))
    return str(value) if isinstance(value, Secret) else _short(repr(value))


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def did_you_mean(found: str, known: Iterable[str], *, what: str = "") -> str:
    """Return a hint that names the nearest of the known names; else the names."""
    names = sorted(set(known))
    if found[::-1] in names and not found.isalnum():
        return f"did you mean '{found[::-1]}'?"  # a sign the wrong way round: =>
    folded = {name.lower(): name for name in reversed(names)}
    near = get_close_matches(found.lower(), folded, n=1, cutoff=0.6)
    if near:
        return f"did you mean '{folded[near[0]]}'?"
    if not names or not what:
        return ""
    more = ", ..." if len(names) > 12 else ""  # noqa: PLR2004
    return f"{what}: {', '.join(names[:12])}{more}"
