"""The memory of notifications as JSON, versioned, and back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tocsin.incidents.draft import Standing, State, place_of
from tocsin.incidents.flapping import Flap
from tocsin.incidents.groups import Group, Said
from tocsin.incidents.meter import Meter
from tocsin.incidents.mute import Silence
from tocsin.incidents.reasons import Reason
from tocsin.model.errors import StateError
from tocsin.model.matchers import Matcher, Operator
from tocsin.model.notification import Alert

if TYPE_CHECKING:
    from collections.abc import Mapping

VERSION = 1


def to_json(state: State) -> bytes:
    """Return a state as bytes of JSON, the same for the same state."""
    plain = {
        "version": VERSION,
        "now": state.now,
        "ways": state.ways,
        "alerts": [_standing(s) for s in state.alerts.values()],
        "groups": {name: _group(g) for name, g in state.groups.items()},
        "meters": {name: _meter(m) for name, m in state.meters.items()},
        "flaps": {p: [f.times, f.heard, f.since] for p, f in state.flaps.items()},
        "silences": [silence_as_json(s) for s in state.silences.values()],
    }
    return json.dumps(plain, ensure_ascii=False, separators=(",", ":")).encode()


def from_json(body: bytes) -> State:
    """Return the state in bytes of JSON.

    Raises:
        StateError: They are no such state, or one of another version.
    """
    try:
        plain = json.loads(body)
        version = plain["version"]
    except (ValueError, KeyError, TypeError):
        raise StateError("the saved notifications are not readable") from None
    if version != VERSION:
        raise StateError(
            f"the saved notifications are of version {version}, not {VERSION}: they"
            " were written by another version of Tocsin"
        )
    return _state(plain)


def silence_as_json(silence: Silence) -> dict[str, Any]:
    """Return a silence as plain data."""
    match = [[m.label, m.operator.value, m.value] for m in silence.match]
    return {
        "id": silence.id,
        "match": match,
        "start": silence.start,
        "end": silence.end,
        "author": silence.author,
        "comment": silence.comment,
    }


def silence_from_json(plain: Mapping[str, Any]) -> Silence:
    """Return the silence in plain data."""
    match = tuple(Matcher(name, Operator(op), v) for name, op, v in plain["match"])
    return Silence(**{**plain, "match": match})


def alert_as_json(alert: Alert) -> dict[str, Any]:
    """Return an alert as plain data, without what is empty."""
    found = {name: getattr(alert, name) for name in Alert.__struct_fields__}
    found["key"] = dict(alert.key)
    found["labels"] = dict(alert.labels)
    found["evidence"] = list(alert.evidence)
    found["contributors"] = list(alert.contributors)
    return {name: v for name, v in found.items() if v or v == 0 or name in _ALWAYS}


_ALWAYS = {"key"}


def alert_from_json(plain: Mapping[str, Any]) -> Alert:
    """Return the alert in plain data."""
    evidence = tuple(plain.get("evidence", ()))
    series = tuple((at, value) for at, value in plain.get("series", ()))
    named = tuple(plain.get("contributors", ()))
    lists = {"evidence": evidence, "series": series, "contributors": named}
    return Alert(**{**plain, **lists})


def _state(plain: Mapping[str, Any]) -> State:
    standings = [_to_standing(row) for row in plain["alerts"]]
    silences = [silence_from_json(row) for row in plain["silences"]]
    return State(
        now=plain["now"],
        ways=plain["ways"],
        alerts={s.alert.incident: s for s in standings},
        groups={name: _to_group(row) for name, row in plain["groups"].items()},
        meters={name: _to_meter(row) for name, row in plain["meters"].items()},
        flaps={
            place: Flap(tuple(times), heard, since)
            for place, (times, heard, since) in plain["flaps"].items()
        },
        silences={s.id: s for s in silences},
    )


def _standing(one: Standing) -> list[Any]:
    return [alert_as_json(one.alert), one.seen, one.late, list(one.groups)]


def _to_standing(row: list[Any]) -> Standing:
    alert = alert_from_json(row[0])
    return Standing(alert, row[1], row[2], tuple(row[3]), place_of(alert))


def _group(group: Group) -> dict[str, Any]:
    members = [
        [incident, s.status, s.level, s.at, s.repeats, s.held]
        for incident, s in group.members.items()
    ]
    plain = {name: getattr(group, name) for name in Group.__struct_fields__}
    return plain | {"members": members}


def _to_group(plain: dict[str, Any]) -> Group:
    members = {incident: Said(*said) for incident, *said in plain["members"]}
    return Group(**{**plain, "members": members})


def _meter(meter: Meter) -> dict[str, Any]:
    plain = {name: getattr(meter, name) for name in Meter.__struct_fields__}
    held = [[incident, reason.value] for incident, reason in meter.held.items()]
    return plain | {"held": held}


def _to_meter(plain: dict[str, Any]) -> Meter:
    held = {incident: Reason(reason) for incident, reason in plain["held"]}
    return Meter(**{**plain, "held": held, "sent": tuple(plain["sent"])})
