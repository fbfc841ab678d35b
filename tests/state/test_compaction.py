"""However segments are compacted and dropped, what is read is the same."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st
from tests.laws import law

from tocsin.model.state import Change, Segment
from tocsin.state.compaction import FANOUT, Merged, Rule, upkeep
from tocsin.state.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Sequence

Rows = list[list[int]]


def segment(table: str, rows: Rows) -> Segment:
    """Rows of key, time and value as a segment."""
    return Segment(table, *merged(rows))


def merged(rows: Rows) -> Merged:
    times = [time for _, time, _ in rows]
    start, end = min(times, default=0), max(times, default=0) + 1
    return Merged(start, end, len(rows), json.dumps(rows).encode())


def rule(table: str, floor: int) -> Rule | None:
    """Sums by key and time, or the last row of each key; other tables are let be."""
    if table == "sums":
        return Rule(lambda bodies, _: summed(bodies, floor), floor)
    return Rule(latest, most_rows=None) if table == "latest" else None


def rows_of(bodies: Sequence[bytes]) -> Rows:
    return [row for body in bodies for row in json.loads(body)]


def summed(bodies: Sequence[bytes], floor: int) -> Merged | None:
    sums: dict[tuple[int, int], int] = {}
    for key, time, value in rows_of(bodies):
        if time >= floor:
            sums[key, time] = sums.get((key, time), 0) + value
    rows = [[*place, value] for place, value in sums.items()]
    return merged(rows) if rows else None


def latest(bodies: Sequence[bytes], _: object) -> Merged | None:
    found = {key: [key, time, value] for key, time, value in rows_of(bodies)}
    return merged(list(found.values()))


ROWS = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 4), st.integers(1, 9)).map(list),
    min_size=1,
    max_size=3,
)
COMMITS = st.lists(
    st.tuples(st.sampled_from(["sums", "latest", "other"]), ROWS, st.integers(0, 2)),
    max_size=120,
)


@law(100)
@given(COMMITS, st.integers(1, 50))
def test_any_commits_and_compactions_read_the_same(
    commits: list[tuple[str, Rows, int]], budget: int
) -> None:
    store, plain, now = MemoryStore(), {"sums": [], "latest": [], "other": []}, 0  # type: ignore[var-annotated]
    for table, rows, ahead in commits:
        now += ahead
        moved = [[key, time + now, value] for key, time, value in rows]
        plain[table] += moved
        keep = upkeep(store, lambda name, floor=now - 6: rule(name, floor), budget)  # type: ignore[misc]
        store.commit(keep + Change(segments=(segment(table, moved),)))
    floor = now - 6
    bodies = {
        table: store.bodies(n.id for n in store.catalogue(table)) for table in plain
    }
    whole = summed([json.dumps(plain["sums"]).encode()], floor)
    kept = summed(bodies["sums"], floor)
    assert sorted(rows_of([kept.body] if kept else [])) == sorted(
        rows_of([whole.body] if whole else [])
    )
    last = {key: [key, time, value] for key, time, value in plain["latest"]}
    assert {row[0]: row for row in rows_of(bodies["latest"])} == last
    assert rows_of(bodies["other"]) == plain["other"]


def test_segments_grow_in_number_with_the_logarithm_of_commits() -> None:
    store = MemoryStore()
    for n in range(1000):
        keep = upkeep(store, lambda name: rule(name, 0))
        rows = [[n % 5, n, 1]]
        store.commit(keep + Change(segments=(segment("latest", rows),)))
    levels = [note.level for note in store.catalogue()]
    assert levels == sorted(levels, reverse=True)
    assert len(levels) < 4 * FANOUT
    assert sum(note.rows for note in store.catalogue()) < 200


def test_a_commit_compacts_no_more_than_its_budget_but_goes_on() -> None:
    store = MemoryStore()
    tables = [f"sums{i}" for i in range(6)]
    for n in range(FANOUT):
        parts = tuple(segment(t, [[0, n, 1], [1, n, 1]]) for t in tables)
        store.commit(Change(segments=parts))
    steps = []
    while (keep := upkeep(store, lambda _: rule("sums", 0), budget=40)) != Change():
        steps.append(len(keep.segments))
        store.commit(keep)
    assert steps == [2, 2, 2]
    assert [n.rows for n in store.catalogue()] == [16] * 6
