"""The alarms as they stand, ready to be drawn: what rings first, and how near it is."""

import math

from msgspec import Struct

from tocsin.model.records import Key
from tocsin.model.status import AlarmStatus
from tocsin.views.glyphs import Glyphs
from tocsin.views.model import AlarmKey, Incident, Screen, alarm_key

_SCALE = 1.5
"""A gauge ends at this many times its threshold, so its mark never moves."""


class Standing(Struct, frozen=True):
    """One alarm for one key as it stands; `threshold` is None if nothing told it."""

    name: str
    key: Key
    firing: bool
    incident: Incident | None
    value: float | None
    count: int
    threshold: float | None
    operator: str = ">"
    state: str = ""


def standings(screen: Screen) -> list[Standing]:
    """Return all alarms that are known to stand somewhere, firing ones first."""
    unfinished = {alarm_key(i.alarm, i.key): i for i in screen.unfinished()}
    rows = [_measured(alarm, unfinished) for alarm in screen.status.alarms]
    rows += [_told(screen, incident) for incident in unfinished.values()]
    return sorted(rows, key=lambda row: not row.firing)


def gauge(row: Standing, width: int, glyphs: Glyphs) -> str:
    """Return the value as a bar with a mark at the threshold; blank if unknown."""
    if row.threshold is None or row.threshold <= 0 or width < len("###|#"):
        return " " * width
    cells = [glyphs.track] * width
    part = _part(row.value, row.threshold)
    full = round(min(part, 1) * width)
    cells[:full] = [glyphs.bar] * full
    cells[round(width / _SCALE)] = glyphs.mark
    if part > 1:
        cells[-1] = glyphs.over
    return "".join(cells)


def _part(value: float | None, threshold: float) -> float:
    """Return how much of its gauge a value fills; above 1 it does not fit."""
    part = (value or 0) / threshold / _SCALE
    return 0 if math.isnan(part) else max(part, 0)


def _measured(alarm: AlarmStatus, unfinished: dict[AlarmKey, Incident]) -> Standing:
    incident = unfinished.pop(alarm_key(alarm.name, alarm.key), None)
    firing = alarm.firing or incident is not None
    return Standing(
        alarm.name,
        alarm.key,
        firing,
        incident,
        alarm.value,
        alarm.count,
        alarm.threshold,
        alarm.operator,
        alarm.state,
    )


def _told(screen: Screen, incident: Incident) -> Standing:
    change = screen.standing(incident.alarm, incident.key)
    return Standing(
        incident.alarm,
        incident.key,
        firing=True,
        incident=incident,
        value=change.value if change else None,
        count=change.count if change else 0,
        threshold=change.threshold if change else None,
    )
