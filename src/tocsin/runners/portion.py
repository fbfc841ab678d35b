"""How much is read at once: so much that what comes of it stays in bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from tocsin.model.protocols import Codec

MOST = 8 << 20
_FIRST = 1 << 20
_LEAST = 1 << 16
_CELLS = 32_000
"""Cells (`Cells.room`) that a portion may come to, about: a sparse log fills one for
every line, and with windows of a second takes memory to judge, not to read."""


class Portion(Struct):
    """Bytes to read at once: at most `most`, and less of lines that come to much.

    The more is read at once, the less a line costs. `fitting` are the bytes that come to
    as many cells as there may be.
    """

    most: int
    fitting: int = _FIRST

    @property
    def bytes(self) -> int:
        """How many bytes to read at once."""
        return min(self.most, self.fitting)

    def of(self, codec: Codec, *, far: bool = False) -> int:
        """Return how many bytes to read at once for a codec: more if it is sparing.

        And more still by a worker (`far`), which holds nothing else.
        """
        if not getattr(codec, "sparing", False):
            return self.bytes
        return min(self.most * (3 if far else 2), self.fitting)

    def learn(self, done: int, cells: int) -> None:
        """Mind how many cells the last so many bytes came to."""
        if done:
            self.fitting = max(_LEAST, done * _CELLS // max(cells, 1))
