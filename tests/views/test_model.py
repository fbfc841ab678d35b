"""The view model remembers what a face needs, and no more than it may."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tocsin.model.instant import SECOND
from tocsin.model.records import IncidentEvent, Notice
from tocsin.views.model import EVENTS, INCIDENTS, NOTICES, PERIODS, Screen

if TYPE_CHECKING:
    from tests.views.conftest import Feed


def event(number: int, what: str, at: int = 0) -> IncidentEvent:
    return IncidentEvent(number, what, "a", {"k": number}, at, f"{what} {number}")


def screen_of(*events: IncidentEvent) -> Screen:
    screen = Screen()
    for one in events:
        screen.step(one)
    return screen


COURSES = {
    "opened, it is unfinished": ("opened 1", (1, None)),
    "resolved, it has ended": ("opened 1, resolved 5", (1, 5)),
    "reopened, it goes on from where it began": (
        "opened 1, resolved 5, reopened 1",
        (1, None),
    ),
    "withdrawn, it has ended": ("opened 1, withdrawn 9", (1, 9)),
    "its start is corrected while it lasts": ("opened 9, corrected 7", (7, None)),
    "its start is corrected after it ended": (
        "opened 100, resolved 200, corrected 99",
        (99, 200),
    ),
    "its end is corrected": ("opened 100, resolved 200, corrected 203", (100, 203)),
    "its start may not have been seen": ("resolved 5", (None, 5)),
    "its unseen end is corrected": ("resolved 5, corrected 6", (None, 6)),
}


@pytest.mark.parametrize(("course", "expected"), COURSES.values(), ids=COURSES)
def test_an_incident_is_as_it_was_last_heard_of(
    course: str, expected: tuple[int | None, int | None]
) -> None:
    steps = [step.split() for step in course.split(", ")]
    screen = screen_of(*(event(1, what, int(at)) for what, at in steps))
    (incident,) = screen.incidents()
    assert (incident.opened, incident.closed) == expected
    assert len(screen.unfinished()) == (expected[1] is None)
    assert incident.withdrawn == ("withdrawn" in course)
    assert incident.amended == ("corrected" in course)
    assert [e.event for e in screen.history] == [what for what, _ in steps][::-1]


EVENT_LISTS = st.lists(
    st.tuples(st.integers(1, 6), st.sampled_from(["opened", "resolved", "reopened"]))
)


@given(EVENT_LISTS)
def test_what_is_unfinished_is_what_was_opened_and_not_ended(
    events: list[tuple[int, str]],
) -> None:
    screen = screen_of(*(event(number, what) for number, what in events))
    last = dict(events)
    assert {i.id for i in screen.unfinished()} == {
        number for number, what in last.items() if what != "resolved"
    }
    assert screen.forgotten == 0


def test_many_incidents_are_forgotten_but_counted() -> None:
    screen = screen_of(*(event(n, "opened") for n in range(1, 1001)))
    for n in range(1, 401):
        screen.step(event(n, "resolved"))
    assert len(screen.unfinished()) + screen.forgotten == 600
    assert len(screen.incidents()) == INCIDENTS
    assert screen.incidents()[0].id == 1000
    assert screen.events == 1400
    assert len(screen.history) == EVENTS


def test_an_ended_incident_is_forgotten_before_an_unfinished_one() -> None:
    screen = screen_of(event(1, "opened"))
    for n in range(2, 1000):
        screen.step(event(n, "opened"))
        screen.step(event(n, "resolved"))
    assert [i.id for i in screen.unfinished()] == [1]


def test_a_correction_of_a_forgotten_incident_raises_no_ghost() -> None:
    screen = screen_of(event(7, "corrected"))
    assert screen.unfinished() == []
    assert len(screen.history) == 1


def test_hits_are_remembered_by_period_and_silence_is_zero(feed: Feed) -> None:
    screen = Screen()
    assert screen.hits() == []
    for i in (0, 1, 4):
        start = feed.stats.start + i * 10 * SECOND
        screen.step(
            replace(feed.stats, start=start, end=start + 10 * SECOND, hits=i + 5)
        )
    assert screen.hits() == [5, 6, 0, 0, 9]
    screen.step(replace(feed.stats, hits=55, amended=True))
    assert screen.hits() == [55, 6, 0, 0, 9]
    assert screen.stats is not None
    assert screen.stats.hits == 9  # an older period does not come back on the screen


def test_a_silence_of_years_costs_nothing(feed: Feed) -> None:
    screen = Screen()
    screen.step(replace(feed.stats, start=0, end=10 * SECOND))
    screen.step(feed.stats)
    assert screen.hits() == [0] * (PERIODS - 1) + [120]


def test_memory_is_bounded(feed: Feed) -> None:
    screen = Screen()
    for i in range(5000):
        at = feed.stats.start + i * 10 * SECOND
        screen.step(replace(feed.stats, start=at, end=at + 10 * SECOND))
        screen.step(replace(feed.rings, key={"k": i}))
        screen.step(replace(feed.report, consumer=str(i)))
        screen.step(Notice(str(i)))
    assert len(screen.hits()) == len(screen._periods) == PERIODS
    assert len(screen._standing) == INCIDENTS
    assert len(screen.reports) == EVENTS
    assert len(screen.notices) == NOTICES
    assert screen.standing("High traffic", {"k": 4999}) is not None
    assert screen.standing("High traffic", {"k": 0}) is None
