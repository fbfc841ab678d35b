"""From what a run says to what is told: the alerts that events of incidents are about."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field
from msgspec.structs import replace

from tocsin.model.instant import SECOND
from tocsin.model.naming import titled
from tocsin.model.notification import Alert
from tocsin.model.records import IncidentEvent, Transition

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tocsin.model.records import Key, Record

_STATUS = {
    "opened": "firing",
    "reopened": "firing",
    "resolved": "resolved",
    "withdrawn": "withdrawn",
}


class AlarmNotes(Struct, frozen=True, kw_only=True):
    """What the configuration says of an alarm beside its condition."""

    name: str
    level: str = "critical"
    threshold: float | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    runbook: str = ""
    metric: str = ""


class Happening(Struct, frozen=True):
    """Something became of an incident: how it stands now, as an alert.

    `event` is one of opened, resolved, reopened, corrected, withdrawn, or any other
    that changes the alert, such as its level; `at` (s) is when that was, by the log.
    """

    event: str
    alert: Alert
    at: int


class Acknowledged(Struct, frozen=True):
    """Somebody works on an incident, since `at` (s)."""

    incident: int
    by: str
    at: int
    note: str = ""


def labels_of(alarm: AlarmNotes, level: str, key: Mapping[str, str]) -> dict[str, str]:
    """Return the labels that routes and silences match.

    They are the fields of the key, the labels of the alarm, `alarm` and `level`; one
    that is named like an earlier one takes its place. Each field of the key is there
    as `key.NAME`, too.
    """
    known = {"alarm": alarm.name, "level": level}
    fields = {f"key.{name}": value for name, value in key.items()}
    return {**fields, **key, **alarm.labels, **known}


def happenings(
    records: Iterable[Record],
    alarms: Mapping[str, AlarmNotes],
    known: Mapping[int, Alert],
) -> list[Happening]:
    """Return what became of incidents, from the records of one step of a run.

    `known` are the alerts of incidents that were told of before, by their ids.
    """
    seen: dict[int, Alert] = {}
    transitions: dict[tuple[str, int, str], list[Transition]] = {}
    found: list[Happening] = []
    for record in records:
        if isinstance(record, Transition) and not record.withdrawn:
            place = (_text(record.key), record.at, record.to_state)
            transitions.setdefault(place, []).append(record)
        elif isinstance(record, IncidentEvent):
            before = seen.get(record.id) or known.get(record.id)
            transition = _transition(record, transitions)
            alert = _alert(record, transition, before, alarms)
            seen[record.id] = alert
            found.append(Happening(record.event, alert, _moment(record, before)))
    return found


def _moment(event: IncidentEvent, before: Alert | None) -> int:
    """Return when a change was: a reopened incident, when it had seemed to be over."""
    at = event.at // SECOND
    if event.event == "reopened" and before is not None and before.closed is not None:
        return max(at, before.closed)
    return at


def _transition(
    event: IncidentEvent, known: dict[tuple[str, int, str], list[Transition]]
) -> Transition | None:
    """Return the transition that an event comes from, if it was said with it."""
    rings = ("firing", "no_data")
    over = ("ok", *rings)  # with no_data: show, that is no incident
    states = {"resolved": over, "corrected": over}
    for state in states.get(event.event, rings):
        for one in known.get((_text(event.key), event.at, state), ()):
            if titled(one.alarm, one.key) == event.alarm:
                return one
    return None


def _alert(
    event: IncidentEvent,
    transition: Transition | None,
    before: Alert | None,
    alarms: Mapping[str, AlarmNotes],
) -> Alert:
    alert = before or _first(event, transition, alarms)
    status = _STATUS.get(event.event, alert.status)
    at = event.at // SECOND
    if status == "firing":
        alert = replace(alert, closed=None)
    elif event.event in {"resolved", "withdrawn"}:
        alert = replace(alert, closed=at)
    if event.event == "corrected" and transition is not None:
        firing = transition.to_state == "firing"
        alert = replace(alert, opened=at) if firing else replace(alert, closed=at)
    if transition is not None:
        alert = _explained(alert, transition)
    if event.level:
        labels = {**alert.labels, "level": event.level}
        alert = replace(alert, level=event.level, labels=labels)
    return replace(alert, status=status, text=event.message, amended=event.amended)


def _first(
    event: IncidentEvent,
    transition: Transition | None,
    alarms: Mapping[str, AlarmNotes],
) -> Alert:
    alarm = _alarm(event, transition, alarms)
    key = {name: _shown(value) for name, value in event.key.items()}
    level = alarm.level if transition is None else transition.level
    return Alert(
        incident=event.id,
        alarm=event.alarm,
        key=key,
        status="firing",
        level=level,
        opened=event.at // SECOND,
        threshold=alarm.threshold,
        labels=labels_of(alarm, level, key),
        runbook=alarm.runbook,
        metric=alarm.metric,
    )


def _alarm(
    event: IncidentEvent,
    transition: Transition | None,
    alarms: Mapping[str, AlarmNotes],
) -> AlarmNotes:
    if transition is not None:
        return alarms.get(transition.alarm, AlarmNotes(name=transition.alarm))
    for alarm in alarms.values():
        if titled(alarm.name, event.key) == event.alarm:
            return alarm
    return AlarmNotes(name=event.alarm)


def _explained(alert: Alert, by: Transition) -> Alert:
    return replace(
        alert,
        value=by.value,
        count=by.count,
        threshold=by.threshold,
        reason=by.reason,
        level=by.level,
        labels={**alert.labels, "level": by.level},
        **({} if by.to_state == "ok" else _supported(by)),
    )


def _supported(by: Transition) -> dict[str, Any]:
    """Return what an alert is supported by: a recovery leaves it as it was."""
    return {
        "evidence": by.evidence,
        "contributors": tuple(str(one) for one in by.contributors),
    }


def _shown(value: str | float | bool | None) -> str:  # noqa: FBT001
    return "" if value is None else str(value)


def _text(key: Key) -> str:
    return json.dumps(dict(key), sort_keys=True, ensure_ascii=False)
