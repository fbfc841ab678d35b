"""Incidents that change their level: one incident, told of by level, corrected with the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.incidents.scripts import match
from tests.laws import law

from tocsin.incidents.alerts import AlarmNotes, happenings
from tocsin.incidents.draft import NotifySpec, State
from tocsin.incidents.ledger import Change, Ledger, amend, incident_of, record, row_of
from tocsin.incidents.notify import step
from tocsin.incidents.routes import Route
from tocsin.model.instant import SECOND
from tocsin.model.records import IncidentEvent, Transition

if TYPE_CHECKING:
    from tocsin.model.notification import Alert

HERE = ("alarm", "{}")
LEVELS = {"w": "warning", "c": "critical", ".": ""}


def marks(text: str) -> list[Change]:
    """Return the transitions in a text such as `w1 c4 .9`."""
    found = ((LEVELS[word[0]], int(word[1:])) for word in text.split())
    return [Change(HERE, at, bool(level), level) for level, at in found]


def words(events: object) -> list[str]:
    return [f"#{e.incident.id} {e.what} {e.at}" for e in events]  # type: ignore[attr-defined]


RECORDED = {
    "up and down is one incident": (
        "w1 c4 w6 .9",
        ["#1 opened 1", "#1 escalated 4", "#1 eased 6", "#1 resolved 9"],
    ),
    "the next is another": (
        "c1 .2 w5 .6", ["#1 opened 1", "#1 resolved 2", "#2 opened 5", "#2 resolved 6"],
    ),
    "the same level again is no news": ("w1 w3 .5", ["#1 opened 1", "#1 resolved 5"]),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), RECORDED.values(), ids=RECORDED)
def test_what_becomes_of_an_incident(text: str, expected: list[str]) -> None:
    _, events = record(Ledger(), marks(text))
    assert words(events) == expected


CORRECTED = {
    "it escalated earlier": ("w1 c5 .9", "w1 c3 .9", ["#1 escalated 3"]),
    "it never escalated": ("w1 c5", "w1", ["#1 eased 1"]),
    "it escalated after all": ("w1 .9", "w1 c5 .9", ["#1 escalated 5"]),
    "it was worse from the start": ("w1 .9", "c1 .9", ["#1 corrected 1", "#1 escalated 1"]),
    "what follows is said again": ("w1 c5 w7", "w1 c4 w7", ["#1 escalated 4", "#1 eased 7"]),
    "it never was": ("w1 c5 .9", "", ["#1 withdrawn 1"]),
}  # fmt: skip


@pytest.mark.parametrize(("old", "new", "expected"), CORRECTED.values(), ids=CORRECTED)
def test_late_lines_correct_levels(old: str, new: str, expected: list[str]) -> None:
    ledger, _ = record(Ledger(), marks(old))
    before, after = set(marks(old)), set(marks(new))
    _, events = amend(ledger, after - before, before - after)
    assert words(events) == expected


COURSES = st.lists(st.sampled_from("wc."), max_size=8)


def course(signs: list[str]) -> list[Change]:
    """Return transitions at one second after another, without those that change nothing."""
    found, last = [], "."
    for at, sign in enumerate(signs, 1):
        if sign != last:
            found.append(f"{sign}{at}")
        last = sign
    return marks(" ".join(found))


@law(200)
@given(COURSES, COURSES)
def test_a_corrected_ledger_has_the_incidents_of_what_was_right_all_along(
    old: list[str], new: list[str]
) -> None:
    ledger, _ = record(Ledger(), course(old))
    before, after = set(course(old)), set(course(new))
    amended, _ = amend(ledger, after - before, before - after)
    right, _ = record(Ledger(), course(new))

    def bare(known: Ledger) -> list[list[object]]:
        return [row_of(i)[1:] for i in known.recent.get(HERE, ())]

    assert bare(amended) == bare(right)
    for incident in amended.recent.get(HERE, ()):
        assert incident_of(row_of(incident)) == incident


def test_an_incident_without_levels_is_saved_as_ever() -> None:
    ledger, _ = record(Ledger(), [Change(HERE, 1, firing=True)])
    (incident,) = ledger.recent[HERE]
    assert row_of(incident) == [1, 1, None]
    assert incident_of([1, 1, None]) == incident


NOTES = {"alarm": AlarmNotes(name="alarm", level="critical")}


def moved(at: int, level: str, event: str, state: str = "firing") -> list[object]:
    """Return the records of one change of an alarm."""
    change = Transition(
        "x", "alarm", {}, level, "firing", state, at * SECOND, 7.0, 7, 5.0, "why"
    )
    said = IncidentEvent(1, event, "alarm", {}, at * SECOND, event, level=level)
    return [change, said]


def test_who_is_told_by_level_is_told_when_it_escalates() -> None:
    routes = (
        Route(id="worst", match=match('level="critical"'), channels=("pager",)),
        Route(id="rest", channels=("mail",)),
    )
    spec, state = NotifySpec(routes=routes), State()
    known: dict[int, Alert] = {}
    told: list[tuple[str, str]] = []
    script = [(10, "warning", "opened"), (200, "critical", "escalated")]
    for at, level, what in script:
        (found,) = happenings(moved(at, level, what), NOTES, known)  # type: ignore[arg-type]
        known[1] = found.alert
        for now, events in ((at, [found]), (at + 100, [])):
            state, sent, _ = step(spec, state, events, now)
            told += [(n.channel, n.alerts[0].level) for n in sent]
    assert told[0] == ("mail", "warning")
    assert ("pager", "critical") in told


def test_no_data_opens_an_incident_of_its_level() -> None:
    records = moved(10, "warning", "opened", "no_data")
    (found,) = happenings(records, NOTES, {})  # type: ignore[arg-type]
    assert (found.alert.level, found.alert.reason) == ("warning", "why")
