"""What keeps an alert quiet: silences, downtimes, and alarms that explain others."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct

from tocsin.incidents.reasons import Reason
from tocsin.incidents.schedule import inside
from tocsin.model.matchers import Matchers, matches, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tocsin.model.notification import Alert
    from tocsin.model.schedule import Schedule


class Silence(Struct, frozen=True, kw_only=True):
    """A mute by a person, with an end: in force from `start` until before `end` (s)."""

    match: Matchers
    start: int
    end: int
    author: str
    comment: str = ""
    id: str = ""

    def __str__(self) -> str:
        comment = f": {self.comment}" if self.comment else ""
        return f"{self.id} by {self.author}{comment}"


class Downtime(Struct, frozen=True, kw_only=True):
    """Work that was planned: from `start` until before `end` (s), or by a schedule."""

    name: str
    match: Matchers
    start: int | None = None
    end: int | None = None
    schedule: Schedule | None = None
    comment: str = ""

    def covers(self, at: int) -> bool:
        """Return whether the work is going on at an instant."""
        begun = self.start is None or self.start <= at
        over = self.end is not None and at >= self.end
        planned = self.schedule is None or inside(self.schedule, at)
        return begun and not over and planned


class Inhibition(Struct, frozen=True, kw_only=True):
    """While a `source` rings, `target`s with the same labels `equal` are not told."""

    source: Matchers
    target: Matchers
    equal: tuple[str, ...] = ()


class Hold(NamedTuple):
    """Why an alert is kept quiet, and by what."""

    reason: Reason
    detail: str = ""


def named(silence: Silence) -> Silence:
    """Return a silence with its id: a hash of what it says, so it is made once."""
    what = [str(m) for m in silence.match]
    said = [what, silence.start, silence.end, silence.author, silence.comment]
    digest = hashlib.sha256(json.dumps(said).encode()).hexdigest()[:8]
    return Silence(
        match=silence.match,
        start=silence.start,
        end=silence.end,
        author=silence.author,
        comment=silence.comment,
        id=silence.id or digest,
    )


def by_people(
    silences: Iterable[Silence],
    downtimes: Iterable[Downtime],
    labels: Mapping[str, str],
    at: int,
) -> Hold | None:
    """Return the silence or downtime that keeps an alert quiet at an instant."""
    for downtime in downtimes:
        if downtime.covers(at) and matches(downtime.match, labels):
            return Hold(Reason.DOWNTIME, downtime.name)
    for silence in silences:
        if silence.start <= at < silence.end and matches(silence.match, labels):
            return Hold(Reason.SILENCED, str(silence))
    return None


def by_schedule(
    active: Sequence[Schedule], mute: Sequence[Schedule], at: int
) -> Hold | None:
    """Return the schedule that keeps a route quiet at an instant."""
    for schedule in mute:
        if inside(schedule, at):
            return Hold(Reason.MUTED, schedule.name)
    if active and not any(inside(schedule, at) for schedule in active):
        return Hold(Reason.INACTIVE, ", ".join(s.name for s in active))
    return None


class Sources:
    """The alerts that ring and may explain others, by rule and equal labels.

    An alert that a rule takes for source and target both is not explained by another
    of its kind: else two that ring together would hide each other.
    """

    def __init__(self, rules: Sequence[Inhibition], firing: Iterable[Alert]) -> None:
        self.rules = rules
        self._found: dict[tuple[int, tuple[str, ...]], list[tuple[Alert, bool]]]
        self._found = defaultdict(list)
        alerts = list(firing) if rules else []
        for number, rule in enumerate(rules):
            for alert in alerts:
                if matches(rule.source, alert.labels):
                    both = matches(rule.target, alert.labels)
                    place = (number, _equal(rule, alert))
                    self._found[place].append((alert, both))

    def explain(self, alert: Alert) -> Hold | None:
        """Return the alert that explains this one, if one does."""
        for number, rule in enumerate(self.rules):
            if not matches(rule.target, alert.labels):
                continue
            mine = matches(rule.source, alert.labels)
            for source, both in self._found.get((number, _equal(rule, alert)), ()):
                if source.incident != alert.incident and not (mine and both):
                    detail = f"{source.alarm} #{source.incident}"
                    return Hold(Reason.INHIBITED, f"{detail} {shown(rule.source)}")
        return None


def _equal(rule: Inhibition, alert: Alert) -> tuple[str, ...]:
    return tuple(alert.labels.get(label, "") for label in rule.equal)
