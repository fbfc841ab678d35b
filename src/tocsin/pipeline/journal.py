"""The cells that came since they were last saved: what the next commit adds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tocsin.metrics.cells import Cells

if TYPE_CHECKING:
    import polars as pl


@dataclass(slots=True)
class Journal:
    """Notes what each shard absorbs, in pieces that are numbered without gaps."""

    first: int = 0
    pieces: list[tuple[int, Cells]] = field(default_factory=list)

    @property
    def end(self) -> int:
        """The number of the next piece."""
        return self.first + len(self.pieces)

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

    def of(self, shard: int) -> list[Cells]:
        """Return the pieces of a shard."""
        return [cells for number, cells in self.pieces if number == shard]

    def forget(self, end: int) -> None:
        """Let go of the pieces before a number: they are saved."""
        self.pieces = self.pieces[max(0, end - self.first) :]
        self.first = max(self.first, end)


def _added(before: pl.DataFrame, after: pl.DataFrame) -> pl.DataFrame:
    assert after.height >= before.height
    return after.tail(after.height - before.height)
