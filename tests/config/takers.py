"""A raw log consumer that takes any options."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl


class Taker:
    """Counts events, and remembers what it was made with."""

    fields: tuple[str, ...] = ()

    def __init__(self, **options: object) -> None:
        self.options = options

    def observe(self, events: pl.DataFrame) -> int:
        return events.height

    def merge(self, left: int, right: int) -> int:
        return left + right

    def report(self, partial: int, start: int, end: int) -> str:
        return f"{partial} in {end - start}"
