"""The ledger: incidents keep their ids through every correction."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.laws import law

from tocsin.incidents.ledger import (
    Change,
    Event,
    Incident,
    Ledger,
    amend,
    forget,
    record,
)

HERE = ("alarm", "{}")
Interval = tuple[int, int | None]


def marks(intervals: list[Interval]) -> list[Change]:
    """Return the transitions that make these intervals."""
    begun = [Change(HERE, begin, firing=True) for begin, _ in intervals]
    return begun + [
        Change(HERE, end, firing=False) for _, end in intervals if end is not None
    ]


def corrected(old: list[Interval], new: list[Interval]) -> list[str]:
    """Return the events by which late lines make one history another, as words."""
    ledger, _ = record(Ledger(), marks(old))
    before, after = set(marks(old)), set(marks(new))
    _, events = amend(ledger, after - before, before - after)
    return [f"#{e.incident.id} {e.what} {e.at}" for e in events]


CASES: dict[str, tuple[list[Interval], list[Interval], list[str]]] = {
    "nothing changes": ([(1, 5)], [(1, 5)], []),
    "it began earlier": ([(3, 5)], [(1, 5)], ["#1 corrected 1"]),
    "it ended later": ([(3, 5)], [(3, 9)], ["#1 corrected 9"]),
    "it is not over": ([(3, 5)], [(3, None)], ["#1 reopened 3"]),
    "it is over already": ([(3, None)], [(3, 6)], ["#1 resolved 6"]),
    "it never was": ([(3, 5)], [], ["#1 withdrawn 3"]),
    "there was one more": (
        [(9, None)], [(1, 3), (9, None)], ["#2 opened 1", "#2 resolved 3"],
    ),
    "two were one": (
        [(1, 3), (5, 8)], [(1, 8)], ["#2 withdrawn 5", "#1 corrected 8"],
    ),
    "one was two: the first keeps the id": (
        [(1, 9)], [(1, 3), (6, 9)], ["#1 corrected 3", "#2 opened 6", "#2 resolved 9"],
    ),
    "it moved away: another one": (
        [(1, 3)], [(5, 7)], ["#1 withdrawn 1", "#2 opened 5", "#2 resolved 7"],
    ),
    "touching is no overlap": (
        [(1, 3)], [(3, 7)], ["#1 withdrawn 1", "#2 opened 3", "#2 resolved 7"],
    ),
    "both ends moved": ([(2, 5)], [(1, 6)], ["#1 corrected 1", "#1 corrected 6"]),
}  # fmt: skip


@pytest.mark.parametrize(("old", "new", "expected"), CASES.values(), ids=CASES)
def test_a_correction(
    old: list[Interval], new: list[Interval], expected: list[str]
) -> None:
    assert corrected(old, new) == expected


def test_ids_count_up_over_all_alarms_in_order_of_time() -> None:
    there = ("other", "{}")
    changes = [
        Change(there, 5, firing=True),
        Change(HERE, 7, firing=True),
        Change(there, 6, firing=False),
    ]
    ledger, events = record(Ledger(), changes)
    assert [(e.incident.id, e.what, e.place[0]) for e in events] == [
        (1, "opened", "other"),
        (1, "resolved", "other"),
        (2, "opened", "alarm"),
    ]
    assert ledger.open == 1


def test_what_is_settled_and_over_is_forgotten_and_what_is_open_never() -> None:
    ledger, _ = record(Ledger(), marks([(1, 3), (5, 8), (9, None)]))
    assert [i.id for i in forget(ledger, 3).recent[HERE]] == [2, 3]
    assert [i.id for i in forget(ledger, 100).recent[HERE]] == [3]
    assert forget(ledger, 100).next_id == ledger.next_id


@st.composite
def histories(draw: st.DrawFn) -> list[Interval]:
    """Intervals of one alarm that may stand together."""
    at = sorted(draw(st.sets(st.integers(0, 12), max_size=7)))
    ends: list[int | None] = [*at[1::2], *([None] if len(at) % 2 else [])]
    return list(zip(at[::2], ends, strict=True))


@law(150)
@given(st.lists(histories(), min_size=1, max_size=5))
def test_replaying_the_events_gives_the_last_history_and_no_id_is_opened_twice(
    wanted: list[list[Interval]],
) -> None:
    ledger, events = record(Ledger(), marks(wanted[0]))
    known: dict[int, Incident] = {}
    opened: list[int] = []
    replay(known, opened, events)
    for old, new in itertools.pairwise(wanted):
        before, after = set(marks(old)), set(marks(new))
        ledger, events = amend(ledger, after - before, before - after)
        replay(known, opened, events)
        assert sorted((i.opened, i.closed) for i in known.values()) == new
        assert sorted(ledger.recent.get(HERE, ()), key=lambda i: i.id) == sorted(
            known.values(), key=lambda i: i.id
        )
    assert len(opened) == len(set(opened))


def replay(known: dict[int, Incident], opened: list[int], events: list[Event]) -> None:
    """Apply events one by one, each only as its word says."""
    for event in events:
        number = event.incident.id
        match event.what:
            case "opened":
                opened.append(number)
                known[number] = Incident(number, event.at)
            case "resolved":
                assert known[number].closed is None
                known[number] = replace(known[number], closed=event.at)
            case "reopened":
                assert known[number].closed is not None
                known[number] = replace(known[number], closed=None)
            case "withdrawn":
                del known[number]
            case _:
                assert event.what == "corrected"
                assert event.was is not None
                began = event.at == event.incident.opened != known[number].opened
                change = {"opened" if began else "closed": event.at}
                known[number] = replace(known[number], **change)
