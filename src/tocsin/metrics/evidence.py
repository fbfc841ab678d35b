"""Evidence: of the lines that a metric counts, the few that show what it counted.

Lines are in the order of (time, stream, place in the stream). Of each series, slice of
time and tick the first is kept, and the last few; of all keys of a metric together no
more than `room`. What is kept of two piles is what is kept of both together, however
they were cut and joined: for a line that is left out has enough others beside it in
any larger pile. So evidence is exact, and needs no more memory than its bounds say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl
from msgspec import Struct

from tocsin.model.batch import greatest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tocsin.metrics.spec import MetricSpec

MOST: Final = 20
"""Lines that a transition may be shown with."""
LONGEST: Final = 1_000
"""Characters of a line that are kept."""
ROW: Final = "#"
"""The column with the place of a row among the events of its batch."""
LINES: Final = {
    "sid": pl.Int64,
    "p": pl.Int64,
    "k": pl.Int64,
    "t": pl.Int64,
    "stream": pl.String,
    "at": pl.Int64,
    "text": pl.String,
}
"""A line (`text`) of a series and slice, its time (µs) and place in its stream."""
SHAPES: Final = {"m": pl.Int32} | dict.fromkeys(
    ("span", "most", "room", "fronts"), pl.Int64
)
"""What is kept of a metric: `most` lines of each key and `room` of all in a slice, in
windows of `span` seconds, and `fronts` keys' first lines of a bin of them."""

_ORDER: Final = ["t", "stream", "at"]
_A_SECOND: Final = 50
_IN_ALL: Final = 20_000
_ON_DISK: Final = 200_000
_BINS: Final = 60


def room(grain: int, span: int, most: int) -> int:
    """Return how many lines of all keys are kept of a slice of `grain` seconds.

    A single key has always room for its own.
    """
    share = _ON_DISK * grain // max(span, 1)
    return max(most + 1, min(_IN_ALL, _A_SECOND * grain, share))


def shapes(metrics: Mapping[int, MetricSpec]) -> pl.DataFrame:
    """Return what is kept of the metrics that keep lines, a row of `SHAPES` for each."""
    rows = [
        (n, s.span, s.lines, room(s.grain, s.span, s.lines), _IN_ALL // _BINS)
        for n, s in metrics.items()
        if s.lines
    ]
    return pl.DataFrame(rows, schema=SHAPES, orient="row")


def reduced(lines: pl.DataFrame, most: int = MOST) -> pl.DataFrame:
    """Return what is kept of lines by series, slice and tick: one, and the last `most`."""
    if lines.height <= 1:
        return lines
    cell = ["sid", "p", "k"]
    ordered = lines.sort(*cell, *_ORDER)
    first = pl.col("at").cum_count().over(cell) == 1
    last = pl.col("at").cum_count(reverse=True).over(cell) <= most
    return ordered.filter(first | last)


def capped(lines: pl.DataFrame, rooms: pl.DataFrame) -> pl.DataFrame:
    """Return reduced lines without those for which their metric has no room.

    `rooms` have `sid`, `m`, `room` and `most`. The latest are kept of those that are
    among the last of their keys, the earliest of those that are the first.
    """
    known = lines.join(rooms, on="sid")
    cell, keys = ["m", "p", "k"], ["m", "p", "k", "sid"]
    full = known.group_by(cell).agg(n=pl.len(), room=pl.col("room").first())
    if not (full.get_column("n") > full.get_column("room")).any():
        return known.select(*LINES)
    known = known.sort(*cell, *_ORDER)
    known = known.with_columns(
        back=pl.col("at").cum_count(reverse=True).over(keys) <= pl.col("most"),
        front=pl.col("at").cum_count().over(keys) == 1,
    )
    known = known.with_columns(
        late=pl.col("back").cum_sum(reverse=True).over(cell),
        early=pl.col("front").cum_sum().over(cell),
    )
    back = pl.col("back") & (pl.col("late") <= pl.col("room"))
    front = pl.col("front") & (pl.col("early") <= pl.col("room"))
    return known.filter(back | front).select(*LINES)


def settled(lines: pl.DataFrame, shapes: pl.DataFrame, tick: int) -> pl.DataFrame:
    """Return lines without those that no window after a settled tick (s) can show.

    Of the time before it each series needs its last lines, and the first of each bin.
    `shapes` have `sid` and the columns of `SHAPES`.
    """
    new = lines.filter(pl.col("p") >= tick)
    old = lines.filter(pl.col("p") < tick)
    if old.height == 0:
        return lines
    # Most are older than any window: they need not be put in order.
    old = old.filter(pl.col("p") >= tick - (greatest(shapes.get_column("span")) or 0))
    old = capped(reduced(old), shapes).join(shapes, on="sid")
    old = _fronted(old.filter(pl.col("p") >= tick - pl.col("span")), tick)
    back = pl.col("at").cum_count(reverse=True).over("sid") <= pl.col("most")
    return pl.concat([old.filter(back | pl.col("front")).select(*LINES), new])


def _fronted(lines: pl.DataFrame, tick: int) -> pl.DataFrame:
    """Return lines in order, with `front`: whether one may be the first of a window.

    That is the first of a series in each bin (`bin`) that has ended by `tick`, of so
    many series as there is room for, and every line of a bin that has not.
    """
    size = pl.max_horizontal(-(-pl.col("span") // _BINS), 1)
    lines = lines.with_columns(bin=pl.col("p") // size * size, size=size)
    lines = lines.sort(*_ORDER)
    first = pl.col("at").cum_count().over("sid", "bin") == 1
    lines = lines.with_columns(front=first)
    place = pl.col("front").cum_sum().over("m", "bin")
    fits = pl.col("front") & (place <= pl.col("fronts"))
    return lines.with_columns(front=fits | (pl.col("bin") + pl.col("size") > tick))


class Look(Struct, frozen=True):
    """A look at the window of a metric that ends at `end` (s), at the tick `known`.

    `wanted` is how many lines of a series are to be shown.
    """

    end: int
    known: int
    span: int
    wanted: int


def chosen(
    lines: pl.DataFrame, shapes: pl.DataFrame, look: Look, sids: Sequence[int]
) -> dict[int, tuple[str, ...]]:
    """Return the lines of some series of one metric in order: the first, and the last.

    `lines` are those of all its series, `shapes` as in `settled`. The first is that of
    the first whole bin of the window (a sixtieth of it).
    """
    seen = lines.filter(
        (pl.col("p") < look.end)
        & (pl.col("p") >= look.end - look.span)
        & (pl.col("k") <= look.known)
    )
    if seen.height == 0:
        return {}
    seen = capped(reduced(seen), shapes).join(shapes, on="sid")
    seen = _fronted(seen, look.end)
    mine = seen.filter(pl.col("sid").is_in(list(sids)))
    inside = pl.col("front") & (pl.col("bin") >= look.end - look.span)
    found = mine.select("sid", "text", inside=inside)
    groups = found.partition_by("sid", as_dict=True, include_key=False)
    return {
        int(sid): _shown(g["text"].to_list(), g["inside"].to_list(), look.wanted)
        for (sid,), g in groups.items()
    }


def _shown(texts: list[str], fronts: list[bool], wanted: int) -> tuple[str, ...]:
    """Return the last texts, and before them the first that may be."""
    tail = texts[-wanted:]
    first = fronts.index(True) if True in fronts else len(texts)
    if wanted == 1 or first >= len(texts) - len(tail):
        return tuple(tail)
    return (texts[first], *tail[1:])
