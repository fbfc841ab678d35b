"""How each kind of row is written down, and sealed so that damage shows."""

from __future__ import annotations

import json
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final, Generic, TypeAlias, TypeVar

from msgspec import Struct

from tocsin.model.errors import StateDamaged
from tocsin.model.state import IncidentEntry, IncidentRow, Outgoing, Position

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")
Cell: TypeAlias = "str | int | bytes | None"
Row: TypeAlias = "tuple[Any, ...]"


def seal(values: Sequence[Cell]) -> str:
    """Return the checksum of some values, each with its type and length."""
    digest = blake2b(digest_size=16)
    for value in values:
        body = value if isinstance(value, bytes) else str(value).encode()
        digest.update(f"{type(value).__name__}{len(body)}:".encode())
        digest.update(body)
    return digest.hexdigest()


def opened(row: Row, what: str) -> Row:
    """Return a row without its seal, which is last.

    Raises:
        StateDamaged: The seal does not fit.
    """
    if not row or seal(row[:-1]) != row[-1]:
        raise StateDamaged(f"a row of {what} is damaged: its checksum does not fit")
    return row[:-1]


class Kind(Struct, Generic[T], frozen=True):
    """One kind of row: its table, columns and key, and the way there and back."""

    table: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    out: Callable[[T], Row]
    back: Callable[[Row], T]

    def sealed(self, thing: T) -> Row:
        """Return the row of a thing, with its seal."""
        row = self.out(thing)
        return (*row, seal(row))

    def read(self, row: Row) -> T:
        """Return the thing of a sealed row. Raises StateDamaged."""
        return self.back(opened(row, self.table))


def text(body: Any) -> str:  # noqa: ANN401
    """Return a value as JSON."""
    return json.dumps(body, separators=(",", ":"), sort_keys=True)


POSITIONS: Final = Kind(
    "positions",
    ("stream", "source", "bookmark", "line_count", "byte_count"),
    ("stream",),
    lambda p: (p.stream, p.source, text(p.bookmark), p.lines, p.bytes),
    lambda r: Position(r[0], r[1], json.loads(r[2]), r[3], r[4]),
)
DOCUMENTS: Final[Kind[tuple[str, bytes]]] = Kind(
    "documents",
    ("name", "body"),
    ("name",),
    lambda d: d,
    lambda r: (r[0], bytes(r[1])),
)
INCIDENTS: Final = Kind(
    "incidents",
    ("id", "alarm", "place", "status", "opened", "closed", "body"),
    ("id",),
    lambda i: (i.id, i.alarm, i.key, i.status, i.opened, i.closed, text(i.body)),
    lambda r: IncidentRow(r[0], r[1], r[2], r[3], r[4], r[5], json.loads(r[6])),
)
ENTRIES: Final = Kind(
    "incident_events",
    ("incident", "event", "at", "body", "number"),
    ("incident", "number"),
    lambda e: (e.incident, e.event, e.at, text(e.body), e.number),
    lambda r: IncidentEntry(r[0], r[1], r[2], json.loads(r[3]), r[4]),
)
OUTBOX: Final = Kind(
    "outbox",
    (
        "id", "incident", "channel", "place", "body", "status", "due", "deadline",
        "attempts", "outcome",
    ),
    ("id",),
    lambda o: (
        o.key, o.incident, o.channel, o.place, o.body, o.status, o.due, o.deadline,
        o.attempts, text(o.outcome),
    ),
    lambda r: Outgoing(
        r[0], r[1], r[2], r[3], bytes(r[4]), r[5], r[6], r[7], r[8], json.loads(r[9]),
    ),
)  # fmt: skip
