"""What a store holds, in numbers that fit on a page."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tocsin.model.protocols import Store
    from tocsin.model.state import About, IncidentRow, Position


class TableSize(Struct, frozen=True):
    """How much of one table there is, and of what time (s)."""

    segments: int
    rows: int
    bytes: int
    start: int
    end: int


class Contents(Struct, frozen=True):
    """A summary of a store. `open` are the incidents that are not over, newest first."""

    about: About
    positions: Mapping[str, Position]
    documents: int
    document_bytes: int
    tables: Mapping[str, TableSize]
    incidents: Mapping[str, int]
    open: Sequence[IncidentRow]
    outbox: Mapping[str, int]


def contents(store: Store) -> Contents:
    """Return what a store holds. Raises StateDamaged."""
    documents = store.documents()
    return Contents(
        about=store.about(),
        positions=store.positions(),
        documents=len(documents),
        document_bytes=sum(len(body) for body in documents.values()),
        tables=_tables(store),
        incidents=dict(Counter(i.status for i in store.incidents())),
        open=store.incidents(["open"]),
        outbox=dict(Counter(o.status for o in store.outbox())),
    )


def _tables(store: Store) -> dict[str, TableSize]:
    found: dict[str, TableSize] = {}
    for note in store.catalogue():
        old = found.get(note.table, TableSize(0, 0, 0, note.start, note.end))
        found[note.table] = TableSize(
            old.segments + 1,
            old.rows + note.rows,
            old.bytes + note.size,
            min(old.start, note.start),
            max(old.end, note.end),
        )
    return dict(sorted(found.items()))
