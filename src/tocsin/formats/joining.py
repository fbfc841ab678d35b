"""Lines that belong to the event of a line before them.

Whether a line begins an event depends on that line alone, so a block may be cut before
any line that does. A line that continues an event which is not there (it began before
the log did) is joined to nothing, and counted as joined all the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
from msgspec import Struct
from msgspec.structs import replace

from tocsin.formats import lines

if TYPE_CHECKING:
    from tocsin.formats.options import Joins


_FEW = 1 << 16


class Joined(Struct, frozen=True):
    """The texts of events, and the row of each one's first line.

    `lines` counts the lines that there were, `joined` those that continue others.
    """

    text: pl.Series
    rows: pl.Series
    lines: int
    joined: int = 0
    skipped: int = 0

    def without(self, regex: str) -> Joined:
        """Leave out texts that are neither events nor errors."""
        idle = self.text.str.contains(regex)
        if not idle.any():
            return self
        return replace(
            self,
            text=self.text.filter(~idle),
            rows=self.rows.filter(~idle),
            skipped=self.skipped + int(idle.sum()),
        )


def joined(text: pl.Series, joins: Joins | None) -> Joined:
    """Return the events of some lines, each as one text with newlines in it."""
    rows = pl.arange(text.len(), eager=True, dtype=pl.UInt32)
    if joins is None:
        return Joined(text, rows, text.len())
    first = _first(text, joins)
    if first.all():
        return Joined(text, rows, text.len())
    blank = text.str.contains(lines.BLANK) & ~first
    frame = pl.DataFrame({"text": text, "event": first.cum_sum(), "row": rows})
    kept = frame.filter(~blank & (frame["event"] > 0)).with_columns(
        pl.int_range(pl.len()).over("event").alias("place"),
        (pl.col("text").str.len_bytes() + 1).cum_sum().over("event").alias("size"),
    )
    small = (kept["place"] < joins.lines) & (kept["size"] <= joins.bytes)
    kept = kept.filter(small | (kept["place"] == 0))
    events = kept.group_by("event", maintain_order=True).agg(
        pl.col("text").str.join("\n"), pl.col("row").first()
    )
    skipped = int(blank.sum())
    more = text.len() - events.height - skipped
    return Joined(events["text"], events["row"], text.len(), more, skipped)


def _first(text: pl.Series, joins: Joins) -> pl.Series:
    """Return which lines begin an event."""
    if joins.starts:
        return text.str.contains(joins.starts)
    blank = text.str.contains(lines.BLANK)
    return ~text.str.contains(joins.continues) & ~blank


def leading(block: bytes, joins: Joins | None) -> int:
    """Return how many bytes of a block come before the first line that begins an event."""
    if joins is None:
        return 0
    # Mostly the first line does: there is no need to look at them all.
    few = block.find(b"\n", _FEW) + 1 or len(block)
    for part in (block[:few], block):
        rows = _first(lines.column(lines.clean(part)), joins).arg_true()
        if rows.len():
            return _offset(part, int(rows[0]))
    return len(block)


def _offset(block: bytes, row: int) -> int:
    start = 0
    for _ in range(row):
        start = block.find(b"\n", start) + 1
    return start
