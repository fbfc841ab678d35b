"""The state of a stream as JSON that refers to tables by number, and back."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import polars as pl
from msgspec import Struct, field
from msgspec.structs import asdict, astuple

from tocsin.metrics.lateness import StreamClock
from tocsin.model.batch import Tally
from tocsin.model.records import Loss
from tocsin.pipeline.streams import StreamState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_COUNTS = (
    "tick", "idle", "ended", "counted", "late", "future", "amended", "lost",
    "format", "first", "last", "misfits",
)  # fmt: skip


class Tables(Struct):
    """Tables on their way out, one after the other."""

    body: bytes = b""
    sizes: list[int] = field(default_factory=list)

    def add(self, table: pl.DataFrame) -> int:
        """Take in a table; return its number."""
        file = io.BytesIO()
        table.write_ipc_stream(file, compression="zstd")
        self.body += file.getvalue()
        self.sizes.append(file.tell())
        return len(self.sizes) - 1


def tables_in(body: bytes, sizes: Sequence[int]) -> list[pl.DataFrame]:
    """Return the tables that `Tables` took in, by their sizes."""
    tables, at = [], 0
    for size in sizes:
        tables.append(pl.read_ipc_stream(io.BytesIO(body[at : at + size])))
        at += size
    return tables


def stream_row(state: StreamState, tables: Tables) -> dict[str, Any]:
    """Return a stream's state as JSON that refers to tables by number."""
    held = state.clock.held
    return {name: getattr(state, name) for name in _COUNTS} | {
        "source": state.source,
        "newest": state.clock.newest,
        "held": None if held is None else tables.add(held),
        "tally": asdict(state.tally),
        "samples": state.samples,
        "losses": [astuple(loss) for loss in state.losses],
    }


def stream_of(row: Mapping[str, Any], tables: list[pl.DataFrame]) -> StreamState:
    """Return the stream's state that `stream_row` made this of."""
    held = None if row["held"] is None else tables[row["held"]]
    return StreamState(
        source=row["source"],
        clock=StreamClock(row["newest"], held),
        tally=Tally(**row["tally"]),
        samples=tuple((text, reason) for text, reason in row["samples"]),
        losses=tuple(Loss(*loss) for loss in row.get("losses", ())),
        **{name: row[name] for name in _COUNTS},
    )
