"""The view model: what a face needs to remember of a run, in bounded memory."""

from collections import deque
from typing import TypeAlias, TypeVar

from msgspec import Struct, field
from msgspec.structs import replace

from tocsin.model.naming import titled
from tocsin.model.records import (
    ConsumerReport,
    IncidentEvent,
    Key,
    Notice,
    Record,
    Stats,
    Summary,
    Transition,
)
from tocsin.model.status import LiveStatus

PERIODS = 240
"""Report periods that the sparkline remembers."""
EVENTS = 100
"""Sentences about incidents that the history remembers."""
INCIDENTS = 200
"""Incidents that are remembered, and alarm states: the newest are kept."""
NOTICES = 50
"""Words about the run itself that are remembered."""

_K = TypeVar("_K")
_V = TypeVar("_V")

AlarmKey: TypeAlias = tuple[str, tuple[tuple[str, object], ...]]


def alarm_key(alarm: str, key: Key) -> AlarmKey:
    """Return what one alarm for one key is remembered by.

    An alarm that is named for its key may be told of by its name (`Errors on {host}`)
    or by its title (`Errors on web1`): both are the same.
    """
    return titled(alarm, key), tuple(sorted(key.items()))


class Incident(Struct, frozen=True):
    """One incident as it was last heard of; `closed` is None while unfinished.

    `opened` is None where the run did not see it open.
    """

    id: int
    alarm: str
    key: Key
    opened: int | None
    closed: int | None = None
    withdrawn: bool = False
    amended: bool = False


class Screen(Struct):
    """All that any face shows, kept up by `step` from the records in their order.

    `history` holds what became of incidents, newest first. Counts stay exact when
    details are forgotten: `forgotten` says how many unfinished incidents are no
    longer listed, `events` how many events of incidents there were. `periods` says
    whether statistics of periods will come.
    """

    periods: bool = True
    stats: Stats | None = None
    status: LiveStatus = field(default_factory=LiveStatus)
    summary: Summary | None = None
    history: deque[IncidentEvent] = field(default_factory=lambda: deque(maxlen=EVENTS))
    notices: deque[Notice] = field(default_factory=lambda: deque(maxlen=NOTICES))
    reports: dict[str, ConsumerReport] = field(default_factory=dict)
    events: int = 0
    forgotten: int = 0
    _periods: dict[int, int] = field(default_factory=dict)
    _incidents: dict[int, Incident] = field(default_factory=dict)
    _standing: dict[AlarmKey, Transition] = field(default_factory=dict)

    def step(self, record: Record) -> None:
        """Take the next record; datapoints leave no trace."""
        match record:
            case Stats():
                self._take_stats(record)
            case IncidentEvent():
                self._take_event(record)
            case Transition():
                standing = alarm_key(record.alarm, record.key)
                _remember(self._standing, standing, record, INCIDENTS)
            case ConsumerReport():
                _remember(self.reports, record.consumer, record, EVENTS)
            case Notice():
                self.notices.append(record)
            case Summary():
                self.summary = record
            case _:
                pass

    def hits(self) -> list[int]:
        """Return the hits of the periods up to the last, a silent one as 0."""
        if self.stats is None:
            return []
        every = max(self.stats.end - self.stats.start, 1)
        first = min(self._periods)
        count = min((self.stats.start - first) // every + 1, PERIODS)
        starts = (self.stats.start - every * i for i in range(count - 1, -1, -1))
        return [self._periods.get(start, 0) for start in starts]

    def unfinished(self) -> list[Incident]:
        """Return the incidents that have not ended, oldest first."""
        return [i for i in self._incidents.values() if i.closed is None]

    def incidents(self) -> list[Incident]:
        """Return all remembered incidents, newest first."""
        return sorted(self._incidents.values(), key=lambda i: i.id, reverse=True)

    def standing(self, alarm: str, key: Key) -> Transition | None:
        """Return the last change of state of an alarm for a key, if remembered."""
        return self._standing.get(alarm_key(alarm, key))

    def _take_stats(self, stats: Stats) -> None:
        _remember(self._periods, stats.start, stats.hits, PERIODS)
        if self.stats is None or stats.start >= self.stats.start:
            self.stats = stats

    def _take_event(self, event: IncidentEvent) -> None:
        self.history.appendleft(event)
        self.events += 1
        known = self._incidents.pop(event.id, None)
        if known is None and event.event == "corrected":
            return  # of an incident that is forgotten: whether it has ended is too
        if known is None and event.event in ("resolved", "withdrawn"):
            self.forgotten = max(self.forgotten - 1, 0)
        self._incidents[event.id] = _after(known, event)
        self._forget()

    def _forget(self) -> None:
        """Keep the newest; an ended incident is forgotten before an unfinished one."""
        if len(self._incidents) <= INCIDENTS:
            return
        oldest = next(iter(self._incidents.values()))
        gone = next(
            (i for i in self._incidents.values() if i.closed is not None), oldest
        )
        self._incidents.pop(gone.id)
        self.forgotten += gone.closed is None


def _after(known: Incident | None, event: IncidentEvent) -> Incident:
    """Return an incident as it stands after `event`."""
    if known is None:
        known = Incident(event.id, event.alarm, event.key, None)
    now = replace(known, amended=known.amended or event.amended)
    match event.event:
        case "opened":
            return replace(now, opened=event.at, closed=None)
        case "reopened":
            return replace(now, opened=event.at, closed=None, withdrawn=False)
        case "resolved":
            return replace(now, closed=event.at)
        case "withdrawn":
            return replace(now, closed=event.at, withdrawn=True)
        case _:
            return _corrected(now, event.at)


def _corrected(incident: Incident, at: int) -> Incident:
    """Return an incident after late lines moved its nearer end to `at`."""
    opened, closed = incident.opened, incident.closed
    if closed is not None and (opened is None or at - opened > closed - at):
        return replace(incident, closed=at, amended=True)
    return replace(incident, opened=at, amended=True)


def _remember(memory: dict[_K, _V], key: _K, value: _V, limit: int) -> None:
    """Keep `value` as the newest of at most `limit`, forgetting the oldest."""
    memory.pop(key, None)
    memory[key] = value
    if len(memory) > limit:
        del memory[next(iter(memory))]
