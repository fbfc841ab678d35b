"""From the records of a run to what happened: alerts as people are told of them."""

from __future__ import annotations

from tocsin.incidents.alerts import AlarmNotes, happenings
from tocsin.incidents.history import entries, note
from tocsin.incidents.reasons import Reason, Withheld
from tocsin.model.instant import SECOND
from tocsin.model.notification import Alert, Kind, Notification
from tocsin.model.records import IncidentEvent, Record, Transition

NOTES = {
    "Errors on {section}": AlarmNotes(
        name="Errors on {section}",
        labels={"team": "web"},
        runbook="https://wiki.example.org",
        metric="errors",
    ),
    "Slow": AlarmNotes(name="Slow", level="warning", threshold=3.0),
}
KEY = {"section": "/api"}


def transition(at: int, to: str, *, withdrawn: bool = False) -> Transition:
    return Transition(
        id="x",
        alarm="Errors on {section}",
        key=KEY,
        level="critical",
        from_state="ok",
        to_state=to,
        at=at * SECOND,
        value=7.0,
        count=70,
        threshold=5.0,
        reason=f"was {to}",
        withdrawn=withdrawn,
    )


def event(what: str, at: int, *, amended: bool = False) -> IncidentEvent:
    return IncidentEvent(
        4, what, "Errors on /api", KEY, at * SECOND, f"it {what}", amended
    )


def test_an_alarm_that_opens_carries_all_that_is_known_of_it() -> None:
    (found,) = happenings([transition(60, "firing"), event("opened", 60)], NOTES, {})

    assert found.at == 60
    assert found.alert == Alert(
        incident=4,
        alarm="Errors on /api",
        key=KEY,
        status="firing",
        level="critical",
        opened=60,
        value=7.0,
        count=70,
        threshold=5.0,
        labels={
            "key.section": "/api",
            "section": "/api",
            "team": "web",
            "alarm": "Errors on {section}",
            "level": "critical",
        },
        text="it opened",
        reason="was firing",
        runbook="https://wiki.example.org",
        metric="errors",
    )


def test_a_recovery_keeps_when_it_opened() -> None:
    (opened,) = happenings([transition(60, "firing"), event("opened", 60)], NOTES, {})
    known = {4: opened.alert}
    (over,) = happenings([transition(90, "ok"), event("resolved", 90)], NOTES, known)

    assert (over.alert.status, over.alert.opened, over.alert.closed) == (
        "resolved",
        60,
        90,
    )
    assert over.alert.reason == "was ok"


def test_what_opens_and_ends_in_one_step_happens_in_order() -> None:
    records: list[Record] = [
        transition(60, "firing"), event("opened", 60),
        transition(90, "ok"), event("resolved", 90),
    ]  # fmt: skip
    first, second = happenings(records, NOTES, {})

    assert (first.event, second.event) == ("opened", "resolved")
    assert (second.alert.opened, second.alert.closed) == (60, 90)


def test_corrections_move_one_end_or_the_other() -> None:
    alert = happenings([event("opened", 60), event("resolved", 90)], NOTES, {})[
        -1
    ].alert
    known = {4: alert}
    (begun,) = happenings(
        [transition(50, "firing"), event("corrected", 50, amended=True)], NOTES, known
    )
    (ended,) = happenings(
        [transition(99, "ok"), event("corrected", 99, amended=True)], NOTES, known
    )

    assert (begun.alert.opened, begun.alert.closed) == (50, 90)
    assert (ended.alert.opened, ended.alert.closed) == (60, 99)
    assert ended.alert.amended


def test_a_reopened_incident_changed_when_it_had_seemed_to_be_over() -> None:
    alert = happenings([event("opened", 60), event("resolved", 9000)], NOTES, {})[
        -1
    ].alert
    (found,) = happenings([event("reopened", 60, amended=True)], NOTES, {4: alert})

    assert found.at == 9000
    assert (found.alert.status, found.alert.closed) == ("firing", None)


def test_a_withdrawn_transition_explains_nothing() -> None:
    records: list[Record] = [
        transition(60, "firing", withdrawn=True),
        event("withdrawn", 60),
    ]
    (found,) = happenings(records, NOTES, {})

    assert found.alert.status == "withdrawn"
    assert found.alert.reason == ""
    assert found.alert.labels["team"] == "web"  # found by its title


def test_an_alarm_that_the_configuration_no_longer_has_is_known_by_its_title() -> None:
    (found,) = happenings([event("opened", 60)], {}, {})

    assert found.alert.labels["alarm"] == "Errors on /api"


def test_a_field_named_like_a_label_of_ours_is_still_there() -> None:
    odd = IncidentEvent(1, "opened", "Slow", {"level": "DEBUG", "n": None}, SECOND, "")
    (found,) = happenings([odd], NOTES, {})

    assert found.alert.labels["level"] == "warning"
    assert found.alert.labels["key.level"] == "DEBUG"
    assert found.alert.labels["n"] == ""


def test_the_history_says_what_was_told_and_what_was_not() -> None:
    alert = Alert(4, "Slow", {}, "firing", "critical", 60)
    sent = Notification("k", "mail", "t", Kind.FIRING, (alert,), 90, Reason.NEW.told)
    kept = Withheld(5, Reason.SILENCED, 90, route="/", detail="s1 by ada")
    told, held = entries([sent], [kept])

    assert (told.incident, told.event, told.at) == (4, "notified", 90 * SECOND)
    assert told.body["channel"] == "mail"
    assert told.body["why"] == "it rings (new)"
    assert held.body == {
        "reason": "silenced",
        "words": "somebody silenced it",
        "route": "/",
        "detail": "s1 by ada",
    }
    assert note(4, "ada", "disk", 9).body == {"by": "ada", "text": "disk"}


def test_every_reason_has_words() -> None:
    words = [reason.words for reason in Reason]

    assert len(set(words)) == len(words)
    assert all(words)
