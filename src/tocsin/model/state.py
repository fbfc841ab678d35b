"""What a state store keeps: rows and bytes, and the changes that are saved together.

A store knows nothing of metrics or alarms. It keeps small documents that are written
anew, segments that are only added (tables in columns, piece by piece), and rows that
people and channels ask for. Instants are in microseconds, times of segments in seconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from msgspec import Struct, field

if TYPE_CHECKING:
    from collections.abc import Mapping

Json: TypeAlias = "Mapping[str, Any]"
"""An object of JSON: texts for keys."""


class Position(Struct, frozen=True):
    """Where reading of a stream goes on: `bookmark` is the source's own, as JSON.

    `lines` and `bytes` are what was read so far, for people.
    """

    stream: str
    source: str
    bookmark: Json
    lines: int = 0
    bytes: int = 0


class Segment(Struct, frozen=True):
    """Some rows of a table, as the bytes of an Arrow stream.

    They are of time in `[start, end)`. `level` is how often they have been compacted;
    `id` is given by the store, but for a compacted one, which takes the place (and the
    id) of the newest that it replaces: segments are read in the order of their ids.
    """

    table: str
    start: int
    end: int
    rows: int
    body: bytes
    level: int = 0
    id: int | None = None


class SegmentNote(Struct, frozen=True):
    """A segment without its body (of `size` bytes)."""

    id: int
    table: str
    start: int
    end: int
    rows: int
    level: int
    size: int


class IncidentRow(Struct, frozen=True):
    """One incident as it stands: `key` is JSON; `closed` None while it is open.

    `body` is what else is to be known of it, such as who acknowledged it.
    """

    id: int
    alarm: str
    key: str
    status: str
    opened: int
    closed: int | None = None
    body: Json = field(default_factory=dict)


class IncidentEntry(Struct, frozen=True):
    """One thing that became of an incident; `number`, from 1, is given by the store."""

    incident: int
    event: str
    at: int
    body: Json = field(default_factory=dict)
    number: int = 0


class Outgoing(Struct, frozen=True):
    """One notification to one channel, until it is delivered or given up.

    `key` stays the same over all attempts. `place` orders the notifications of an
    incident; `due` is when to try next, `deadline` when to give up; `outcome` maps each
    recipient to what became of it.
    """

    key: str
    incident: int
    channel: str
    place: int
    body: bytes
    status: str = "waiting"
    due: int = 0
    deadline: int | None = None
    attempts: int = 0
    outcome: Json = field(default_factory=dict)


DONE = ("delivered", "dead", "withheld")
"""States of a notification that nothing more will happen to."""


class Change(Struct, frozen=True):
    """What one commit changes: all of it is saved, or nothing.

    Rows of the same name, stream, id or key take the place of the old. `ended_before`
    and `sent_before` clean up: incidents closed, and notifications done and due,
    before these instants. `plan` is the fingerprint of the plan it was made under.
    """

    positions: tuple[Position, ...] = ()
    gone_positions: tuple[str, ...] = ()
    documents: Mapping[str, bytes] = field(default_factory=dict)
    gone_documents: tuple[str, ...] = ()
    segments: tuple[Segment, ...] = ()
    gone_segments: tuple[int, ...] = ()
    incidents: tuple[IncidentRow, ...] = ()
    entries: tuple[IncidentEntry, ...] = ()
    outbox: tuple[Outgoing, ...] = ()
    ended_before: int | None = None
    sent_before: int | None = None
    plan: str | None = None

    def __add__(self, other: Change) -> Change:
        """Return both changes in one; where they speak of the same row, `other`."""
        return Change(
            positions=self.positions + other.positions,
            gone_positions=self.gone_positions + other.gone_positions,
            documents={**self.documents, **other.documents},
            gone_documents=self.gone_documents + other.gone_documents,
            segments=self.segments + other.segments,
            gone_segments=self.gone_segments + other.gone_segments,
            incidents=self.incidents + other.incidents,
            entries=self.entries + other.entries,
            outbox=self.outbox + other.outbox,
            ended_before=_later(self.ended_before, other.ended_before),
            sent_before=_later(self.sent_before, other.sent_before),
            plan=self.plan if other.plan is None else other.plan,
        )


def _later(a: int | None, b: int | None) -> int | None:
    return b if a is None else a if b is None else max(a, b)


class About(Struct, frozen=True):
    """What a store says of itself. `commits` counts the commits since it was made."""

    schema: int
    program: str
    created: int
    commits: int
    plan: str = ""
