"""The tables that are saved in segments: their names, their bytes, and how they join.

`shard/0/base/120` holds cells of shard 0 that are needed for 120 s,
`shard/0/base/memory-60/120` of those only what tells what is new; the tables of
series, births, alarms and incidents of a shard have no such time. `history/0` holds
datapoints as they were said, `history/60` those of a minute.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Final

import polars as pl

from tocsin.metrics.cells import Cells, merge, of_registers
from tocsin.metrics.unseen import thinned
from tocsin.model.batch import greatest, least
from tocsin.model.state import Segment
from tocsin.state.compaction import Merged, Rule

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

KINDS: Final = ("base", "buckets", "registers", "lines")
"""The tables of cells."""
MEMORY: Final = "memory-"
"""What a table of cells is named by that is kept only to tell what is new."""
LEDGER: Final = {"alarm": pl.String, "key": pl.String, "incidents": pl.String}
"""The incidents of a place as JSON; null where there are none any more."""
_TIME: Final = {
    "base": "p",
    "buckets": "p",
    "registers": "p",
    "lines": "p",
    "history": "e",
}
_KEYS: Final = {
    "now": ["alarm", "sid"],
    "then": ["alarm", "sid"],
    "ledger": ["alarm", "key"],
}


def encode(frame: pl.DataFrame) -> bytes:
    """Return a table as a compressed Arrow stream."""
    file = io.BytesIO()
    frame.write_ipc_stream(file, compression="zstd")
    return file.getvalue()


def decode(body: bytes) -> pl.DataFrame:
    """Return the table that `encode` made this of."""
    return pl.read_ipc_stream(io.BytesIO(body))


def segment(table: str, frame: pl.DataFrame) -> Segment:
    """Return rows as a segment of a table."""
    rows = _flat(table, frame)
    start, end = _span(table, rows)
    return Segment(table, start, end, rows.height, encode(rows))


def _flat(table: str, frame: pl.DataFrame) -> pl.DataFrame:
    """Return a table as it is saved: a row for each register."""
    return frame.explode("x") if _kind(table) == "registers" else frame


def rule(
    table: str, floors: Mapping[str, int], spans: Mapping[str, int] | None = None
) -> Rule | None:
    """Return how a table is kept; None if it is none of ours.

    `floors` says before which time (s) the rows of a table are not needed, `spans` of
    how much time at most a segment may be.
    """
    kind = _kind(table)
    if kind in KINDS:
        floor = floors.get(table)
        return Rule(
            _joining(table, lambda parts: _kept_cells(table, parts, floor)), floor
        )
    if kind in _KEYS:
        return Rule(_latest(table, kind), most_rows=None)
    if kind == "births":
        return Rule(
            _joining(table, lambda parts: pl.concat(parts).unique()), most_rows=None
        )
    if kind == "series":
        return Rule(_joining(table, pl.concat))
    if kind == "history":
        span = (spans or {}).get(table)
        return Rule(_joining(table, _last_words), floors.get(table), most_time=span)
    return None


def joined_cells(
    kind: str, parts: Sequence[pl.DataFrame], floor: int | None
) -> pl.DataFrame:
    """Return saved cells of one kind as one table, without those before a floor."""
    rows = pl.concat(parts)
    if floor is not None:
        rows = rows.filter(pl.col("p") >= floor)
    return joined_rows(kind, of_registers(rows) if kind == "registers" else rows)


def joined_rows(kind: str, rows: pl.DataFrame) -> pl.DataFrame:
    """Return cells of one kind as one table."""
    empty = Cells.empty()
    alone = {name: getattr(empty, name) for name in KINDS} | {kind: rows}
    joined: pl.DataFrame = getattr(merge([Cells(**alone)]), kind)
    order = ["t", "stream", "at"] if kind == "lines" else []
    return joined.sort("sid", "p", "k", *order)


def _kept_cells(
    table: str, parts: Sequence[pl.DataFrame], floor: int | None
) -> pl.DataFrame:
    """Return the cells of a table as one, without those that nobody needs."""
    rows = joined_cells(_kind(table), parts, floor)
    *_, apart, reach = table.split("/")
    if floor is None or not apart.startswith(MEMORY) or _kind(table) == "lines":
        return rows
    memory = int(apart.removeprefix(MEMORY))
    series = rows.select("sid", memory=pl.lit(memory, dtype=pl.Int64)).unique()
    return thinned(rows, series, floor + int(reach))


def latest(kind: str, parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Return the last row of each key, of parts in order."""
    return pl.concat(parts).unique(_KEYS[kind], keep="last", maintain_order=True)


def _last_words(parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Return datapoints in the order in which they were said, without what was undone."""
    rows = pl.concat(parts)
    by = [c for c in ("metric", "key", "e", "steps", "every") if c in rows.columns]
    return rows.unique(by, keep="last", maintain_order=True)


def _kind(table: str) -> str:
    parts = table.split("/")
    return parts[2] if parts[0] == "shard" else parts[0]


def _span(table: str, frame: pl.DataFrame) -> tuple[int, int]:
    time = _TIME.get(_kind(table))
    if time is None or frame.height == 0:
        return 0, 0
    if "steps" in frame.columns:  # a run of datapoints: the last is the end
        last = pl.col(time) + (pl.col("steps") - 1) * pl.col("every")
        ends = frame.select(last).to_series()
        return least(frame.get_column(time)) or 0, (greatest(ends) or 0) + 1
    column = frame.get_column(time)
    return least(column) or 0, (greatest(column) or 0) + 1


def _joining(
    table: str, join: Callable[[list[pl.DataFrame]], pl.DataFrame]
) -> Callable[[Sequence[bytes], bool], Merged | None]:
    def merged(bodies: Sequence[bytes], oldest: bool) -> Merged | None:  # noqa: ARG001, FBT001
        return _merged(table, join([decode(body) for body in bodies]))

    return merged


def _latest(table: str, kind: str) -> Callable[[Sequence[bytes], bool], Merged | None]:
    def merged(bodies: Sequence[bytes], oldest: bool) -> Merged | None:  # noqa: FBT001
        rows = latest(kind, [decode(body) for body in bodies])
        if oldest and kind == "ledger":
            # Nothing older is left that a row without incidents would take away.
            rows = rows.drop_nulls("incidents")
        return _merged(table, rows)

    return merged


def _merged(table: str, rows: pl.DataFrame) -> Merged | None:
    if rows.height == 0:
        return None
    rows = _flat(table, rows)
    return Merged(*_span(table, rows), rows.height, encode(rows))
