"""How much is read at once: so much that what comes of it stays in bounds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tocsin.model.protocols import Codec

MOST = 8 << 20
_FIRST = 1 << 20
_LEAST = 1 << 16
_CELLS = 100_000
"""Cells that a portion may come to, about: a sparse log fills one for every line."""


@dataclass(slots=True)
class Portion:
    """Bytes to read at once: at most `most`, and less of lines that come to much.

    The more is read at once, the less a line costs.
    """

    most: int
    bytes: int = field(init=False)

    def __post_init__(self) -> None:
        self.bytes = min(self.most, _FIRST)

    def of(self, codec: Codec) -> int:
        """Return how many bytes to read at once for a codec: more if it is sparing."""
        return self.bytes * 2 if getattr(codec, "sparing", False) else self.bytes

    def learn(self, done: int, cells: int) -> None:
        """Mind how many cells the last so many bytes came to."""
        if done:
            fitting = max(_LEAST, done * _CELLS // max(cells, 1))
            self.bytes = min(self.most, fitting)
