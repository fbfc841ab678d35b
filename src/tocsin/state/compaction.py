"""Compaction: segments become fewer, and what nobody needs any more goes.

Eight neighbours of one level become one of the next, so that every row is written anew
a few times in all, however long a run is. What to do is found without doing it: the
answer is a change, which is saved with the next commit.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Final, NamedTuple

from msgspec import Struct

from tocsin.model.state import Change, Segment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tocsin.model.protocols import Store
    from tocsin.model.state import SegmentNote

FANOUT: Final = 8
"""Segments of one level that become one."""
MOST_ROWS: Final = 200_000
"""Rows that are compacted in one commit, unless a single step needs more."""


class Merged(NamedTuple):
    """What some segments have become."""

    start: int
    end: int
    rows: int
    body: bytes


class Rule(Struct, frozen=True):
    """How the segments of a table are kept.

    `merge` takes the bodies of neighbours, in order, and whether they are the oldest of
    their table; None is nothing. Rows of time before `floor` are not needed any more.
    Segments are left as they are where one would be of more than `most_rows`: None for
    tables whose rows take each other's place, so that they do not grow; or of a longer
    time than `most_time` (s), for they go as a whole.
    """

    merge: Callable[[Sequence[bytes], bool], Merged | None]
    floor: int | None = None
    most_rows: int | None = MOST_ROWS
    most_time: int | None = None


def upkeep(
    store: Store, rule: Callable[[str], Rule | None], budget: int = MOST_ROWS
) -> Change:
    """Return what to drop and what to compact, by the rule of each table.

    At most about `budget` rows are compacted; the rest is left for the next time.
    """
    gone, kept = _sorted_out(store.catalogue(), rule)
    change = Change(gone_segments=gone)
    left = budget
    for found, notes in sorted(kept, key=lambda item: -len(item[1])):
        step = _step(notes, found)
        rows = sum(note.rows for note in step)
        if step and (rows <= left or left == budget):
            change += _compacted(store, found, step, oldest=step[0] is notes[0])
            left -= rows
    return change


def _sorted_out(
    notes: Iterable[SegmentNote], rule: Callable[[str], Rule | None]
) -> tuple[tuple[int, ...], list[tuple[Rule, list[SegmentNote]]]]:
    """Return the segments that nobody needs, and the others of tables with a rule."""
    rules: dict[str, Rule | None] = {}
    kept: dict[str, list[SegmentNote]] = {}
    gone: list[int] = []
    for note in notes:
        if note.table not in rules:
            rules[note.table] = rule(note.table)
        found = rules[note.table]
        if found is None:
            continue
        if found.floor is not None and note.end <= found.floor:
            gone.append(note.id)
        else:
            kept.setdefault(note.table, []).append(note)
    known = [(r, kept[t]) for t, r in rules.items() if r is not None and t in kept]
    return tuple(gone), known


def _step(notes: Sequence[SegmentNote], rule: Rule) -> Sequence[SegmentNote]:
    """Return neighbours that are to become one; none if there is nothing to do."""
    for _, group in groupby(reversed(notes), key=lambda note: note.level):
        step = list(group)[::-1][:FANOUT]
        if len(step) == FANOUT and _fits(step, rule):
            return step
    return ()


def _fits(step: Sequence[SegmentNote], rule: Rule) -> bool:
    """Whether the segment that these would become is not too large."""
    few = rule.most_rows is None or sum(n.rows for n in step) <= rule.most_rows
    time = max(n.end for n in step) - min(n.start for n in step)
    return few and (rule.most_time is None or time <= rule.most_time)


def _compacted(
    store: Store, rule: Rule, step: Sequence[SegmentNote], *, oldest: bool
) -> Change:
    """Return the change that puts one segment in the place of these."""
    gone = tuple(note.id for note in step)
    merged = rule.merge(store.bodies(gone), oldest)
    if merged is None:
        return Change(gone_segments=gone)
    newest = step[-1]
    segment = Segment(newest.table, *merged, level=newest.level + 1, id=newest.id)
    return Change(gone_segments=gone, segments=(segment,))
