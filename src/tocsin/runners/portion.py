"""How much is read at once: so much that what comes of it stays in bounds."""

from __future__ import annotations

from dataclasses import dataclass, field

MOST = 8 << 20
_FIRST = 1 << 20
_LEAST = 1 << 16
_CELLS = 100_000
"""Cells that a portion may come to, about: a sparse log fills one for every line."""


@dataclass(slots=True)
class Portion:
    """Bytes to read at once: at most `most`, and less of lines that come to much."""

    most: int
    bytes: int = field(init=False)

    def __post_init__(self) -> None:
        self.bytes = min(self.most, _FIRST)

    def learn(self, done: int, cells: int) -> None:
        """Mind how many cells the last so many bytes came to."""
        if done:
            fitting = max(_LEAST, done * _CELLS // max(cells, 1))
            self.bytes = min(self.most, fitting)
