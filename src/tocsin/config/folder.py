"""A configuration in several files of a folder: one document, read in order of names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tocsin.config.document import Document, Path, Spot, snake
from tocsin.model.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path as FilePath

SUFFIXES = (".yaml", ".yml", ".json", ".toml")


def files_of(path: FilePath) -> list[FilePath]:
    """Return the files of a configuration: itself, or those of a folder by name.

    Hidden ones, and what is neither YAML nor JSON nor TOML by its suffix, are none.
    """
    if not path.is_dir():
        return [path]
    found = (file for file in path.iterdir() if file.suffix.lower() in SUFFIXES)
    return sorted(f for f in found if not f.name.startswith(".") and f.is_file())


def joined(name: str, documents: Sequence[Document]) -> Document:
    """Return several documents as one, in which everything keeps its place.

    Lists of the same key are put one after the other; any other key may be given once.
    """
    made = _Joined()
    for document in documents:
        made.add(document)
    problems = [p for document in documents for p in document.problems]
    return Document(
        name, made.data, Spot(0, 0), (*problems, *made.problems), made.origins
    )


class _Joined:
    def __init__(self) -> None:
        self.data: dict[str, Any] = {}
        self.origins: dict[Path, tuple[Document, Path]] = {}
        self.problems: list[Problem] = []
        self._keys: dict[str, str] = {}

    def add(self, document: Document) -> None:
        if document.data is None:
            return
        if not isinstance(document.data, dict):
            text = "expected a mapping such as 'metrics: [...]'"
            self.problems.append(Problem(document.place(()), "", text))
            return
        for key, value in document.data.items():
            if key != "$schema" and not key.startswith("x-"):
                self._add(document, key, value)

    def _add(self, document: Document, key: str, value: Any) -> None:  # noqa: ANN401
        known = self._keys.get(snake(key))
        if known is None:
            self._keys[snake(key)] = key
            self.origins[key,] = (document, (key,))
            # Copied, so that what other files add is not added to the document.
            self.data[key] = [*value] if isinstance(value, list) else value
            first = 0
        elif isinstance(value, list) and isinstance(self.data[known], list):
            first = len(self.data[known])
            self.data[known] += value
        else:
            self._twice(document, key, known)
            return
        for i in range(len(value)) if isinstance(value, list) else ():
            place = (known or key, first + i)
            self.origins[place] = (document, (key, i))

    def _twice(self, document: Document, key: str, known: str) -> None:
        """Note a key that was given before, unless both say the same."""
        if document.data[key] == self.data[known] and not isinstance(
            self.data[known], dict
        ):
            return
        there, way = self.origins[known,]
        text = f"given twice: it is at {there.place(way)} already"
        shown = document.shown((key,))
        self.problems.append(Problem(document.place((key,)), shown, text))
