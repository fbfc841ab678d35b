"""What every store must do. A new one joins by one line in `STORES`."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from hypothesis import strategies as st
from msgspec.structs import replace
from tests.structs import structs

from tocsin.model.state import (
    DONE,
    Change,
    IncidentEntry,
    IncidentRow,
    Outgoing,
    Position,
    Segment,
)
from tocsin.state.memory import MemoryStore
from tocsin.state.opening import open_folder

if TYPE_CHECKING:
    from tocsin.model.protocols import Store

Reopen: TypeAlias = "Callable[[], Store]"
"""Opens a store, closing the one it gave before: what was committed is there."""


@contextmanager
def memory() -> Iterator[Reopen]:
    store = MemoryStore(program="1.0", now=7)
    yield lambda: store


@contextmanager
def sqlite() -> Iterator[Reopen]:
    held: list[Store] = []

    def reopen() -> Store:
        while held:
            held.pop().close()
        held.append(open_folder(folder, program="1.0", now=7))
        return held[0]

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "state"
        yield reopen
        while held:
            held.pop().close()


Kept: TypeAlias = Callable[[], AbstractContextManager[Reopen]]
"""Makes an empty store, and takes it away again."""

STORES: dict[str, Kept] = {
    "memory": memory,
    "sqlite": sqlite,
}

NAMES = st.sampled_from(["a", "b", "a/b", "a%", "ü\n", "_"])
"""Few, so that they meet again; some mean something to SQL."""
STATUSES = st.sampled_from(["open", "resolved", "waiting", *DONE])
TIMES = st.integers(-(2**40), 2**40)
JSON: st.SearchStrategy[Any] = st.dictionaries(
    NAMES, st.none() | st.integers() | st.text(max_size=3) | st.lists(NAMES), max_size=2
)
BODIES = st.binary(max_size=20)


def few(thing: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(thing, max_size=3).map(tuple)


CHANGES: st.SearchStrategy[Change] = structs(
    Change,
    positions=few(structs(Position, NAMES, NAMES, JSON, TIMES, TIMES)),
    gone_positions=few(NAMES),
    documents=st.dictionaries(NAMES, BODIES, max_size=3),
    gone_documents=few(NAMES),
    segments=few(structs(Segment, NAMES, TIMES, TIMES, TIMES, BODIES)),
    gone_segments=few(st.integers(1, 12)),
    incidents=few(
        structs(
            IncidentRow, st.integers(1, 4), NAMES, NAMES, STATUSES, TIMES,
            st.none() | TIMES, JSON,
        )
    ),
    entries=few(structs(IncidentEntry, st.integers(1, 4), NAMES, TIMES, JSON)),
    outbox=few(
        structs(
            Outgoing, NAMES, st.integers(1, 3), NAMES, st.integers(0, 3), BODIES,
            STATUSES, TIMES, st.none() | TIMES, st.integers(0, 9), JSON,
        )
    ),
    ended_before=st.none() | TIMES,
    sent_before=st.none() | TIMES,
    plan=st.none() | NAMES,
)  # fmt: skip


@dataclass
class Model:
    """A store as its contract reads, in the plainest words."""

    positions: dict[str, Position] = field(default_factory=dict)
    documents: dict[str, bytes] = field(default_factory=dict)
    segments: dict[int, Segment] = field(default_factory=dict)
    incidents: dict[int, IncidentRow] = field(default_factory=dict)
    entries: list[IncidentEntry] = field(default_factory=list)
    outbox: dict[str, Outgoing] = field(default_factory=dict)
    plan: str = ""
    commits: int = 0

    def commit(self, change: Change, ids: Sequence[int]) -> None:
        """Take in a change, whose segments were given these ids."""
        without(self.positions, change.gone_positions)
        self.positions.update({p.stream: p for p in change.positions})
        without(self.documents, change.gone_documents)
        self.documents.update(change.documents)
        without(self.segments, change.gone_segments)
        self.segments.update(zip(ids, change.segments, strict=True))
        self.incidents.update({i.id: i for i in change.incidents})
        for entry in change.entries:
            last = [e.number for e in self.entries if e.incident == entry.incident]
            self.entries.append(replace(entry, number=max(last, default=0) + 1))
        self.outbox.update({o.key: o for o in change.outbox})
        self.clean(change)
        self.plan = self.plan if change.plan is None else change.plan
        self.commits += 1

    def clean(self, change: Change) -> None:
        """Forget what is over."""
        end, sent = change.ended_before, change.sent_before
        for i in list(self.incidents.values()):
            if end is not None and i.closed is not None and i.closed < end:
                del self.incidents[i.id]
                self.entries = [e for e in self.entries if e.incident != i.id]
        for o in list(self.outbox.values()):
            if sent is not None and o.status in DONE and o.due < sent:
                del self.outbox[o.key]


def without(rows: dict[Any, Any], gone: Sequence[Any]) -> None:
    """Take rows away, if they are there."""
    for key in gone:
        rows.pop(key, None)


def check(store: Store, model: Model) -> None:
    """Hold all that a store says against the model."""
    about = store.about()
    assert (about.program, about.created) == ("1.0", 7)
    assert (about.plan, about.commits) == (model.plan, model.commits)
    assert store.positions() == model.positions
    for prefix in ("", "a", "a/", "%"):
        mine = {n: b for n, b in model.documents.items() if n.startswith(prefix)}
        assert store.documents(prefix) == mine
    check_segments(store, model)
    check_incidents(store, model)
    for statuses in ((), ("waiting",), ("dead", "open")):
        for due in (None, 0):
            found = [
                o
                for o in model.outbox.values()
                if (o.status in statuses or not statuses)
                and (due is None or o.due <= due)
            ]
            ordered = sorted(found, key=lambda o: (o.incident, o.place, o.key))
            assert list(store.outbox(statuses, due)) == ordered


def check_segments(store: Store, model: Model) -> None:
    """Hold the segments against the model."""
    for prefix in ("", "a", "a/"):
        mine = {i: s for i, s in model.segments.items() if s.table.startswith(prefix)}
        notes = store.catalogue(prefix)
        assert [n.id for n in notes] == sorted(mine)
        for note in notes:
            s = mine[note.id]
            assert (note.table, note.start, note.end) == (s.table, s.start, s.end)
            assert (note.rows, note.level, note.size) == (s.rows, s.level, len(s.body))
    ids = sorted(model.segments, reverse=True)
    assert list(store.bodies(ids)) == [model.segments[i].body for i in ids]


def check_incidents(store: Store, model: Model) -> None:
    """Hold incidents and their history against the model."""
    for statuses in ((), ("open",), ("resolved", "dead")):
        found = [
            i
            for i in sorted(model.incidents.values(), key=lambda i: -i.id)
            if i.status in statuses or not statuses
        ]
        assert list(store.incidents(statuses)) == found
        assert list(store.incidents(statuses, most=1)) == found[:1]
    for number in range(1, 5):
        assert store.incident(number) == model.incidents.get(number)
        mine = [e for e in model.entries if e.incident == number]
        assert list(store.history(number)) == mine
