"""The cells that came since they were last saved: what the next commit adds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct, field

from tocsin.metrics.cells import Cells, stack

if TYPE_CHECKING:
    import polars as pl

_MOST: Final = 256
"""Loose pieces that are kept apart: of many small logs, each piece costs more than
what is in it."""


class Journal(Struct):
    """Notes what each shard absorbs, in pieces that are numbered without gaps."""

    first: int = 0
    pieces: list[tuple[int, Cells]] = field(default_factory=list)
    _sealed: int = 0
    """How many of the pieces have numbers that somebody knows."""

    def seal(self) -> int:
        """Return the number of the next piece; those before it keep their numbers."""
        self._sealed = len(self.pieces)
        return self.first + self._sealed

    def note(self, shard: int, before: Cells, after: Cells) -> None:
        """Take note of what a shard absorbed: the rows it did not have before.

        Absorbing puts rows under those that are there, and changes none of them.
        """
        new = Cells(
            _added(before.base, after.base),
            _added(before.buckets, after.buckets),
            _added(before.registers, after.registers),
            _added(before.lines, after.lines),
        )
        if new.height:
            self.pieces.append((shard, new))
        if len(self.pieces) - self._sealed > _MOST:
            self._join()

    def of(self, shard: int) -> list[Cells]:
        """Return the pieces of a shard."""
        return [cells for number, cells in self.pieces if number == shard]

    def forget(self, end: int) -> None:
        """Let go of the pieces before a number: they are saved."""
        gone = max(0, end - self.first)
        self.pieces = self.pieces[gone:]
        self._sealed = max(0, self._sealed - gone)
        self.first = max(self.first, end)

    def _join(self) -> None:
        """Make one of the loose pieces of each shard."""
        loose = self.pieces[self._sealed :]
        del self.pieces[self._sealed :]
        for shard in sorted({number for number, _ in loose}):
            mine = stack([cells for number, cells in loose if number == shard])
            self.pieces.append((shard, mine.map(lambda table: table.rechunk())))


def _added(before: pl.DataFrame, after: pl.DataFrame) -> pl.DataFrame:
    assert after.height >= before.height
    return after.tail(after.height - before.height)
