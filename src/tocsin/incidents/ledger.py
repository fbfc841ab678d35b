"""The ledger: which incidents there are, and how corrections change them.

An incident is the time from a transition to firing until the next to ok. When late
rows change transitions, new intervals are matched with the old ones in order: one that
overlaps an old one keeps its id, an old one without a partner is withdrawn, a new one
without a partner is opened. An id is never opened twice.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Place = tuple[str, str]
"""An alarm's name and a group key as JSON."""


class Change(NamedTuple):
    """A transition of an alarm for a key at a tick (s): to firing, or to ok."""

    place: Place
    at: int
    firing: bool


@dataclass(frozen=True, slots=True)
class Incident:
    """One incident: opened and, once over, closed at a tick (s)."""

    id: int
    opened: int
    closed: int | None = None


class Event(NamedTuple):
    """What became of an incident: opened, resolved, reopened, corrected, withdrawn.

    `at` (s) is when the incident began or, for resolved, ended; `was` what the
    corrected time had been.
    """

    what: str
    place: Place
    incident: Incident
    at: int
    amended: bool = False
    was: Incident | None = None


@dataclass(frozen=True, slots=True)
class Ledger:
    """The incidents that may still change, and the next id."""

    next_id: int = 1
    recent: Mapping[Place, tuple[Incident, ...]] = field(default_factory=dict)

    @property
    def open(self) -> int:
        """How many incidents are not over."""
        return sum(i.closed is None for group in self.recent.values() for i in group)


def record(ledger: Ledger, changes: Iterable[Change]) -> tuple[Ledger, list[Event]]:
    """Take in transitions, in order of time; return what became of the incidents."""
    recent = dict(ledger.recent)
    next_id = ledger.next_id
    events: list[Event] = []
    for change in sorted(changes, key=lambda c: (c.at, c.place, c.firing)):
        known = recent.get(change.place, ())
        if change.firing:
            begun = Incident(next_id, change.at)
            next_id += 1
            recent[change.place] = (*known, begun)
            events.append(Event("opened", change.place, begun, change.at))
        elif known and known[-1].closed is None:
            over = replace(known[-1], closed=change.at)
            recent[change.place] = (*known[:-1], over)
            events.append(Event("resolved", change.place, over, change.at))
    return Ledger(next_id, recent), events


def amend(
    ledger: Ledger, made: Iterable[Change], withdrawn: Iterable[Change]
) -> tuple[Ledger, list[Event]]:
    """Take in transitions that late rows made or unmade."""
    added, removed = set(made), set(withdrawn)
    recent = dict(ledger.recent)
    next_id = ledger.next_id
    events: list[Event] = []
    for place in sorted({c.place for c in added | removed}):
        old = recent.get(place, ())
        marks = {(i.opened, True) for i in old}
        marks |= {(i.closed, False) for i in old if i.closed is not None}
        marks -= {(c.at, c.firing) for c in removed if c.place == place}
        marks |= {(c.at, c.firing) for c in added if c.place == place}
        now, next_id, said = _match(old, _intervals(marks), next_id)
        recent[place] = now
        events += [e._replace(place=place) for e in said]
    return Ledger(next_id, recent), events


def forget(ledger: Ledger, settled: int) -> Ledger:
    """Let go of the incidents that were over before time that can still change (s)."""
    recent = {
        place: kept
        for place, group in ledger.recent.items()
        if (kept := tuple(i for i in group if i.closed is None or i.closed > settled))
    }
    return Ledger(ledger.next_id, recent)


def _intervals(marks: set[tuple[int, bool]]) -> list[tuple[int, int | None]]:
    """Return the times from firing to ok that these transitions make."""
    found: list[tuple[int, int | None]] = []
    for at, firing in sorted(marks):
        if firing:
            found.append((at, None))
        elif found and found[-1][1] is None:
            found[-1] = (found[-1][0], at)
    return found


def _match(
    old: tuple[Incident, ...], intervals: list[tuple[int, int | None]], next_id: int
) -> tuple[tuple[Incident, ...], int, list[Event]]:
    """Give each interval an id: that of the first unused incident it overlaps."""
    unused = list(old)
    now: list[Incident] = []
    events: list[Event] = []
    for begin, end in intervals:
        partner = next((i for i in unused if _overlap(i, begin, end)), None)
        if partner is None:
            begun = Incident(next_id, begin, end)
            next_id += 1
            events += _news(begun)
        else:
            unused.remove(partner)
            begun = Incident(partner.id, begin, end)
            events += _differences(partner, begun)
        now.append(begun)
    gone = [Event("withdrawn", ("", ""), i, i.opened, amended=True) for i in unused]
    return tuple(now), next_id, gone + events


def _overlap(incident: Incident, begin: int, end: int | None) -> bool:
    before = end is None or incident.opened < end
    after = incident.closed is None or begin < incident.closed
    return before and after


def _news(begun: Incident) -> list[Event]:
    opened = Event("opened", ("", ""), begun, begun.opened, amended=True)
    if begun.closed is None:
        return [opened]
    return [opened, Event("resolved", ("", ""), begun, begun.closed, amended=True)]


def _differences(was: Incident, now: Incident) -> list[Event]:
    """Say how an incident changed."""
    events = []
    if was.opened != now.opened:
        events.append(Event("corrected", ("", ""), now, now.opened, True, was))  # noqa: FBT003
    if was.closed == now.closed:
        return events
    if was.closed is None:
        assert now.closed is not None
        what, at = "resolved", now.closed
    elif now.closed is None:
        what, at = "reopened", now.opened
    else:
        what, at = "corrected", now.closed
    return [*events, Event(what, ("", ""), now, at, True, was)]  # noqa: FBT003
