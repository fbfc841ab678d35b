"""A store in memory: for runs that need not outlive their process, and for tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from tocsin.model.errors import StateUnwritable
from tocsin.model.state import (
    DONE,
    About,
    Change,
    IncidentEntry,
    IncidentRow,
    Outgoing,
    Position,
    Segment,
    SegmentNote,
)
from tocsin.state.migrations import SCHEMA

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence


class MemoryStore:
    """Keeps what is committed for as long as it lives. Offers `model.protocols.Store`."""

    def __init__(self, *, program: str = "", now: int = 0) -> None:
        self._about = About(SCHEMA, program, now, 0)
        self._positions: dict[str, Position] = {}
        self._documents: dict[str, bytes] = {}
        self._segments: dict[int, Segment] = {}
        self._next = 1
        self._incidents: dict[int, IncidentRow] = {}
        self._history: dict[int, list[IncidentEntry]] = {}
        self._outbox: dict[str, Outgoing] = {}
        self._closed = False

    def about(self) -> About:
        """Return what the store says of itself."""
        return self._about

    def commit(self, change: Change) -> int:
        """Save all of a change; return how many commits there are now."""
        if self._closed:
            raise StateUnwritable("the state is closed")
        for stream in change.gone_positions:
            self._positions.pop(stream, None)
        self._positions |= {p.stream: p for p in change.positions}
        for name in change.gone_documents:
            self._documents.pop(name, None)
        self._documents |= change.documents
        self._keep_segments(change)
        self._keep_incidents(change)
        self._outbox |= {o.key: o for o in change.outbox}
        self._clean(change)
        plan = self._about.plan if change.plan is None else change.plan
        self._about = replace(self._about, commits=self._about.commits + 1, plan=plan)
        return self._about.commits

    def positions(self) -> Mapping[str, Position]:
        """Return where each stream stands, by its name."""
        return dict(self._positions)

    def documents(self, prefix: str = "") -> Mapping[str, bytes]:
        """Return the documents whose name begins with a prefix."""
        return {n: d for n, d in self._documents.items() if n.startswith(prefix)}

    def catalogue(self, prefix: str = "") -> Sequence[SegmentNote]:
        """Return the segments of tables whose name begins with a prefix, by id."""
        return [
            SegmentNote(i, s.table, s.start, s.end, s.rows, s.level, len(s.body))
            for i, s in sorted(self._segments.items())
            if s.table.startswith(prefix)
        ]

    def bodies(self, ids: Iterable[int]) -> Sequence[bytes]:
        """Return the bodies of segments, in the order asked for."""
        return [self._segments[i].body for i in ids]

    def incidents(
        self, statuses: Collection[str] = (), most: int | None = None
    ) -> Sequence[IncidentRow]:
        """Return incidents (of some statuses, at most so many), newest first."""
        found = [i for i in self._incidents.values() if _is_of(i.status, statuses)]
        return sorted(found, key=lambda i: -i.id)[:most]

    def incident(self, number: int) -> IncidentRow | None:
        """Return the incident of this number; None if there is none."""
        return self._incidents.get(number)

    def history(self, incident: int) -> Sequence[IncidentEntry]:
        """Return what became of an incident, in order."""
        return list(self._history.get(incident, ()))

    def outbox(
        self, statuses: Collection[str] = (), due: int | None = None
    ) -> Sequence[Outgoing]:
        """Return notifications (of some statuses, due by then) by incident and place."""
        found = [
            o
            for o in self._outbox.values()
            if _is_of(o.status, statuses) and (due is None or o.due <= due)
        ]
        return sorted(found, key=lambda o: (o.incident, o.place, o.key))

    def close(self) -> None:
        """Take no more commits."""
        self._closed = True

    def _keep_segments(self, change: Change) -> None:
        for number in change.gone_segments:
            self._segments.pop(number, None)
        given = [s.id for s in change.segments if s.id is not None]
        self._next = max([self._next, *(number + 1 for number in given)])
        for segment in change.segments:
            number = self._next if segment.id is None else segment.id
            self._segments[number] = replace(segment, id=number)
            self._next = max(self._next, number + 1)

    def _keep_incidents(self, change: Change) -> None:
        self._incidents |= {i.id: i for i in change.incidents}
        for entry in change.entries:
            history = self._history.setdefault(entry.incident, [])
            history.append(replace(entry, number=len(history) + 1))

    def _clean(self, change: Change) -> None:
        ended, sent = change.ended_before, change.sent_before
        for number, incident in list(self._incidents.items()):
            over = incident.closed
            if over is not None and ended is not None and over < ended:
                del self._incidents[number]
                self._history.pop(number, None)
        for key, o in list(self._outbox.items()):
            if sent is not None and o.status in DONE and o.due < sent:
                del self._outbox[key]


def _is_of(status: str, statuses: Collection[str]) -> bool:
    return not statuses or status in statuses
