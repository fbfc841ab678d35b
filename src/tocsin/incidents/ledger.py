"""The ledger: which incidents there are, and how corrections change them.

An incident is the time from a transition to firing until the next to ok. When late
rows change transitions, new intervals are matched with the old ones in order: one that
overlaps an old one keeps its id, an old one without a partner is withdrawn, a new one
without a partner is opened. An id is never opened twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec import Struct, field
from msgspec.structs import replace

from tocsin.model.levels import gravity

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

Place = tuple[str, str]
"""An alarm's name and a group key as JSON."""


class Change(NamedTuple):
    """A transition of an alarm for a key at a tick (s): to firing, or to ok.

    `level` is told of alarms that have several: such an alarm may fire when it does.
    """

    place: Place
    at: int
    firing: bool
    level: str = ""


class Incident(Struct, frozen=True):
    """One incident: opened and, once over, closed at a tick (s).

    `levels` are those it came to, each with since when, if its alarm has several.
    """

    id: int
    opened: int
    closed: int | None = None
    levels: tuple[tuple[int, str], ...] = ()

    @property
    def changes(self) -> tuple[tuple[int, str], ...]:
        """The levels it came to one after the other, each other than the one before."""
        pairs = zip(((0, ""), *self.levels), self.levels, strict=False)
        return tuple(now for was, now in pairs if was[1] != now[1])

    def level_at(self, tick: int) -> str:
        """Return its level at a tick; nothing if its alarm has but one."""
        found = self.levels[0][1] if self.levels else ""
        for at, level in self.levels:
            found = level if at <= tick else found
        return found


def incident_of(row: Sequence[Any]) -> Incident:
    """Return an incident that was saved by `row_of`."""
    number, opened, closed, *more = row
    levels = tuple((at, level) for at, level in (more[0] if more else ()))
    return Incident(number, opened, closed, levels)


def row_of(incident: Incident) -> list[Any]:
    """Return an incident as JSON: without levels if its alarm has but one."""
    row = [incident.id, incident.opened, incident.closed]
    return [*row, [list(pair) for pair in incident.levels]] if incident.levels else row


class Event(NamedTuple):
    """What became of an incident: opened, resolved, reopened, corrected, withdrawn.

    Or it escalated to a worse level, or eased to a better one. `at` (s) is when the
    incident began or, for resolved, ended; `was` what the corrected time had been.
    """

    what: str
    place: Place
    incident: Incident
    at: int
    amended: bool = False
    was: Incident | None = None


class Ledger(Struct, frozen=True):
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
        here = ((change.at, change.level),) if change.level else ()
        if change.firing and known and known[-1].closed is None:
            moved = replace(known[-1], levels=(*known[-1].levels, *here))
            recent[change.place] = (*known[:-1], moved)
            events += _moved(known[-1], moved, change)
        elif change.firing:
            begun = Incident(next_id, change.at, None, here)
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
        marks = {mark for i in old for mark in _marks(i)}
        marks -= {(c.at, c.firing, c.level) for c in removed if c.place == place}
        marks |= {(c.at, c.firing, c.level) for c in added if c.place == place}
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


def _moved(was: Incident, now: Incident, change: Change) -> list[Event]:
    """Say that an incident came to another level, if it did."""
    before = was.level_at(change.at)
    if before == change.level:
        return []
    return [Event(_direction(before, change.level), change.place, now, change.at)]


def _direction(was: str, now: str) -> str:
    return "escalated" if gravity(now) > gravity(was) else "eased"


Mark = tuple[int, bool, str]


def _marks(incident: Incident) -> Iterator[Mark]:
    """Yield the transitions that an incident is made of."""
    if not incident.levels:
        yield incident.opened, True, ""
    for at, level in incident.levels:
        yield at, True, level
    if incident.closed is not None:
        yield incident.closed, False, ""


def _intervals(marks: set[Mark]) -> list[Incident]:
    """Return the times from firing to ok that these transitions make, without ids."""
    found: list[Incident] = []
    for at, firing, level in sorted(marks):
        here = ((at, level),) if level else ()
        last = found[-1] if found and found[-1].closed is None else None
        if firing and last is not None:
            found[-1] = replace(last, levels=(*last.levels, *here))
        elif firing:
            found.append(Incident(0, at, None, here))
        elif last is not None:
            found[-1] = replace(last, closed=at)
    return found


def _match(
    old: tuple[Incident, ...], intervals: list[Incident], next_id: int
) -> tuple[tuple[Incident, ...], int, list[Event]]:
    """Give each interval an id: that of the first unused incident it overlaps."""
    unused = list(old)
    now: list[Incident] = []
    events: list[Event] = []
    for one in intervals:
        partner = next((i for i in unused if _overlap(i, one.opened, one.closed)), None)
        if partner is None:
            begun = replace(one, id=next_id)
            next_id += 1
            events += _news(begun)
        else:
            unused.remove(partner)
            begun = replace(one, id=partner.id)
            events += _differences(partner, begun)
        now.append(begun)
    gone = [Event("withdrawn", ("", ""), i, i.opened, amended=True) for i in unused]
    return tuple(now), next_id, gone + events


def _overlap(incident: Incident, begin: int, end: int | None) -> bool:
    before = end is None or incident.opened < end
    after = incident.closed is None or begin < incident.closed
    return before and after


def _news(begun: Incident) -> list[Event]:
    said = [Event("opened", ("", ""), begun, begun.opened, amended=True)]
    said += _steps(begun, ())
    if begun.closed is None:
        return said
    return [*said, Event("resolved", ("", ""), begun, begun.closed, amended=True)]


def _steps(now: Incident, known: Collection[tuple[int, str]]) -> list[Event]:
    """Say to which levels an incident came, from the first on that is not `known`."""
    pairs = list(zip(now.changes, now.changes[1:], strict=False))
    new = (i for i, (_, mark) in enumerate(pairs) if mark not in known)
    return [_step(was[1], mark, now) for was, mark in pairs[next(new, len(pairs)) :]]


def _step(before: str, mark: tuple[int, str], now: Incident) -> Event:
    at, level = mark
    return Event(_direction(before, level), ("", ""), now, at, amended=True)


def _differences(was: Incident, now: Incident) -> list[Event]:
    """Say how an incident changed."""
    events = []
    if was.opened != now.opened or was.level_at(was.opened) != now.level_at(now.opened):
        events.append(Event("corrected", ("", ""), now, now.opened, True, was))  # noqa: FBT003
    steps = _steps(now, was.changes)
    if not steps and was.levels and was.levels[-1][1] != now.levels[-1][1]:
        steps = [_step(was.levels[-1][1], now.changes[-1], now)]
    end = _end(was, now)
    return [*events, *steps, *([] if end is None else [end])]


def _end(was: Incident, now: Incident) -> Event | None:
    """Say how the end of an incident changed, if it did."""
    if was.closed == now.closed:
        return None
    if was.closed is None:
        assert now.closed is not None
        what, at = "resolved", now.closed
    elif now.closed is None:
        what, at = "reopened", now.opened
    else:
        what, at = "corrected", now.closed
    return Event(what, ("", ""), now, at, True, was)  # noqa: FBT003
