"""What a codec owes of each block: the columns asked for, and an account that adds up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
from msgspec.structs import replace

from tocsin.formats import typed
from tocsin.model.batch import TIME, EventBatch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tocsin.model.message import FieldType, MessageType


def checked(
    batch: object,
    block: bytes,
    message: MessageType,
    fields: Mapping[str, FieldType | None],
) -> EventBatch:
    """Return a batch of a plugin, its texts as the types that were asked for.

    Raises:
        TypeError: It lacks something of what it owes: what, in words.
    """
    if not isinstance(batch, EventBatch):
        raise TypeError(_NO_BATCH.format(type(batch).__name__))
    kinds = {"time": TIME} | {
        name: typed.DTYPES[kind] for name, kind in typed.wanted(message, fields).items()
    }
    frame = batch.frame
    texts = (n for n in kinds if n != "time" and frame.schema.get(n) == pl.String)
    casts = [pl.col(n).cast(kinds[n], strict=False) for n in texts]
    # What its lines never have may be asked for all the same: it is null.
    none = (n for n in kinds if n not in frame.columns and message.find(n) is None)
    nulls = [pl.lit(None, kinds[n]).alias(n) for n in none]
    made = replace(batch, frame=frame.with_columns(*casts, *nulls))
    lacks = _columns(made.frame, kinds) or _account(made, block)
    if lacks:
        raise TypeError(lacks)
    return made


_NO_BATCH = "it returned a {}, not an EventBatch"


def _columns(frame: pl.DataFrame, kinds: Mapping[str, pl.DataType]) -> str:
    for name, kind in kinds.items():
        if name not in frame.columns:
            return f"its frame has no column {name!r}, which was asked for"
        if frame.schema[name] != kind:
            return f"the column {name!r} is {frame.schema[name]}, not {kind}"
    nulls = frame.get_column("time").null_count()
    return f"{nulls} of its events have no time" if nulls else ""


def _account(batch: EventBatch, block: bytes) -> str:
    tally = batch.tally
    if tally.events != batch.frame.height:
        return f"its frame has {batch.frame.height} rows for {tally.events} events"
    lines = block.count(b"\n") + (block[-1:] not in (b"", b"\n"))
    sums = tally.events + tally.joined + tally.skipped + tally.parse_errors
    if (tally.lines, sums) != (lines, lines):
        return f"it accounts for {sums} of {tally.lines} lines, of a block of {lines}"
    return ""
