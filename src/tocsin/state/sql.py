"""A store in tables of SQL: plain words that every database knows.

What a database has of its own (how it is opened, how a transaction begins, what its
errors mean) is its `Backend`; SQLite's is in `sqlite.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeVar

from tocsin.model.errors import StateFull, StateUnwritable
from tocsin.model.state import DONE, About, Segment, SegmentNote
from tocsin.state.rows import (
    DOCUMENTS,
    ENTRIES,
    INCIDENTS,
    OUTBOX,
    POSITIONS,
    Kind,
    Row,
    opened,
    seal,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from contextlib import AbstractContextManager

    from tocsin.model.errors import StateDamaged
    from tocsin.model.state import (
        Change,
        IncidentEntry,
        IncidentRow,
        Outgoing,
        Position,
    )

T = TypeVar("T")
Placed: TypeAlias = "list[tuple[Segment, SegmentNote]]"
"""Segments on their way in, each with its note."""
_AT_ONCE = 500
"""Values in one statement: fewer than any database allows."""
_NOTE = "id, name, begins, ends, row_count, level, size, body_checksum"


class Backend(Protocol):
    """One connection to one database, with `?` for values."""

    def execute(self, sql: str, values: Sequence[Any] = ()) -> Sequence[Row]:
        """Carry out a statement; return its rows. Raises StateError."""
        ...

    def executemany(self, sql: str, rows: Iterable[Row]) -> None:
        """Carry out a statement for each row. Raises StateError."""
        ...

    def transaction(self) -> AbstractContextManager[None]:
        """Return a block whose statements are committed together, or none of them.

        Leaving it raises StateUnwritable when nothing, or perhaps nothing, was saved.
        """
        ...

    def damaged(self, what: str) -> StateDamaged:
        """Return the error that names the place of damage, and what to do."""
        ...

    def close(self) -> None:
        """Let go of the database. Idempotent."""
        ...


class SqlStore:
    """A store in a database of SQL. Offers `model.protocols.Store`."""

    def __init__(self, backend: Backend) -> None:
        """Take over a database that is of this version's schema."""
        self.backend = backend
        self._commits = int(self._meta()["commits"])
        self._notes = self._catalogue()

    def about(self) -> About:
        """Return what the store says of itself."""
        meta = self._meta()
        return About(
            schema=int(meta["schema"]),
            program=meta["program"],
            created=int(meta["created"]),
            commits=int(meta["commits"]),
            plan=meta.get("plan", ""),
        )

    def commit(self, change: Change) -> int:
        """Save all of a change, durably; return how many commits there are now."""
        number = self._commits + 1
        placed = _placed(change.segments, max(self._notes, default=0))
        try:
            with self.backend.transaction():
                self._write(change, placed, number)
        except StateUnwritable as error:
            if isinstance(error, StateFull) or self._saved() != number:
                raise
        self._commits = number
        for gone in change.gone_segments:
            self._notes.pop(gone, None)
        self._notes |= {note.id: note for _, note in placed}
        return number

    def positions(self) -> Mapping[str, Position]:
        """Return where each stream stands, by its name."""
        return {p.stream: p for p in self._read(POSITIONS, "ORDER BY stream")}

    def documents(self, prefix: str = "") -> Mapping[str, bytes]:
        """Return the documents whose name begins with a prefix."""
        where = "WHERE substr(name, 1, ?) = ? ORDER BY name"
        return dict(self._read(DOCUMENTS, where, (len(prefix), prefix)))

    def catalogue(self, prefix: str = "") -> Sequence[SegmentNote]:
        """Return the segments of tables whose name begins with a prefix, by id."""
        notes = sorted(self._notes.items())
        return [note for _, note in notes if note.table.startswith(prefix)]

    def bodies(self, ids: Iterable[int]) -> Sequence[bytes]:
        """Return the bodies of segments, in the order asked for."""
        wanted = list(ids)
        found: dict[int, bytes] = {}
        for some in _batches(wanted):
            rows = self.backend.execute(
                "SELECT id, name, body_checksum, body FROM segments"  # noqa: S608
                f" WHERE id IN ({_marks(some)})",
                some,
            )
            for number, name, checksum, body in rows:
                if seal((body,)) != checksum:
                    raise self.backend.damaged(f"segment {number} of {name}")
                found[number] = bytes(body)
        missing = next((i for i in wanted if i not in found), None)
        if missing is not None:
            raise self.backend.damaged(f"segment {missing}, which is gone")
        return [found[i] for i in wanted]

    def incidents(
        self, statuses: Collection[str] = (), most: int | None = None
    ) -> Sequence[IncidentRow]:
        """Return incidents (of some statuses, at most so many), newest first."""
        where, values = _of(statuses)
        end = " ORDER BY id DESC" + ("" if most is None else " LIMIT ?")
        limit: list[int] = [] if most is None else [most]
        return self._read(INCIDENTS, where + end, [*values, *limit])

    def incident(self, number: int) -> IncidentRow | None:
        """Return the incident of this number; None if there is none."""
        return next(iter(self._read(INCIDENTS, "WHERE id = ?", (number,))), None)

    def history(self, incident: int) -> Sequence[IncidentEntry]:
        """Return what became of an incident, in order."""
        return self._read(ENTRIES, "WHERE incident = ? ORDER BY number", (incident,))

    def outbox(
        self, statuses: Collection[str] = (), due: int | None = None
    ) -> Sequence[Outgoing]:
        """Return notifications (of some statuses, due by then) by incident and place."""
        where, named = _of(statuses)
        values: list[str | int] = [*named]
        if due is not None:
            where += (" AND " if where else "WHERE ") + "due <= ?"
            values.append(due)
        return self._read(OUTBOX, where + " ORDER BY incident, place, id", values)

    def close(self) -> None:
        """Let go of the database. Idempotent."""
        self.backend.close()

    def verify(self) -> int:
        """Read everything; return how many rows there are. Raises StateDamaged."""
        kinds: tuple[Kind[Any], ...] = (
            POSITIONS, DOCUMENTS, INCIDENTS, ENTRIES, OUTBOX,
        )  # fmt: skip
        count = sum(len(self._read(kind, "")) for kind in kinds)
        notes = self._catalogue()
        for some in _batches(list(notes), 16):
            self.bodies(some)
        return count + len(notes)

    def _catalogue(self) -> dict[int, SegmentNote]:
        rows = self.backend.execute(f"SELECT {_NOTE}, checksum FROM segments")  # noqa: S608
        notes = [SegmentNote(*self._opened(row, "segments")[:-1]) for row in rows]
        return {note.id: note for note in notes}

    def _saved(self) -> int | None:
        """Return how many commits the database has; None if it cannot be asked."""
        try:
            return int(self._meta()["commits"])
        except StateUnwritable:
            return None

    def _meta(self) -> dict[str, str]:
        rows = self.backend.execute("SELECT name, value, checksum FROM meta")
        found: dict[str, str] = dict(self._opened(row, "meta") for row in rows)
        missing = {"schema", "program", "created", "commits"} - found.keys()
        if missing:
            raise self.backend.damaged(f"meta: it lacks {', '.join(sorted(missing))}")
        return found

    def _opened(self, row: Row, what: str) -> Row:
        if seal(row[:-1]) != row[-1]:
            raise self.backend.damaged(f"a row of {what}")
        return opened(row, what)

    def _read(self, kind: Kind[T], rest: str, values: Sequence[Any] = ()) -> list[T]:
        columns = ", ".join(kind.columns)
        rows = self.backend.execute(
            f"SELECT {columns}, checksum FROM {kind.table} {rest}",  # noqa: S608
            values,
        )
        return [kind.back(self._opened(row, kind.table)) for row in rows]

    def _write(self, change: Change, placed: Placed, number: int) -> None:
        self._drop("positions", "stream", change.gone_positions)
        self._put(POSITIONS, change.positions)
        self._drop("documents", "name", change.gone_documents)
        self._put(DOCUMENTS, change.documents.items())
        self._drop("segments", "id", change.gone_segments)
        self._put_segments(placed)
        self._put(INCIDENTS, change.incidents)
        self._put_entries(change.entries)
        self._put(OUTBOX, change.outbox)
        self._clean(change)
        put_meta(self.backend, {"commits": str(number)})
        if change.plan is not None:
            put_meta(self.backend, {"plan": change.plan})

    def _put(self, kind: Kind[T], things: Iterable[T]) -> None:
        rows = [kind.sealed(thing) for thing in things]
        if rows:
            columns = (*kind.columns, "checksum")
            self.backend.executemany(upsert(kind.table, columns, kind.key), rows)

    def _put_segments(self, placed: Placed) -> None:
        columns = (*_NOTE.split(", "), "checksum", "body")
        rows = []
        for segment, note in placed:
            row = (
                note.id, note.table, note.start, note.end, note.rows, note.level,
                note.size, seal((segment.body,)),
            )  # fmt: skip
            rows.append((*row, seal(row), segment.body))
        if rows:
            self.backend.executemany(upsert("segments", columns, ("id",)), rows)

    def _put_entries(self, entries: Sequence[IncidentEntry]) -> None:
        counts: dict[int, int] = {}
        rows = []
        for entry in entries:
            if entry.incident not in counts:
                counts[entry.incident] = self._last_entry(entry.incident)
            counts[entry.incident] += 1
            row = (*ENTRIES.out(entry)[:-1], counts[entry.incident])
            rows.append((*row, seal(row)))
        if rows:
            columns = (*ENTRIES.columns, "checksum")
            self.backend.executemany(upsert(ENTRIES.table, columns, ENTRIES.key), rows)

    def _last_entry(self, incident: int) -> int:
        found = self.backend.execute(
            "SELECT MAX(number) FROM incident_events WHERE incident = ?", (incident,)
        )
        return found[0][0] or 0

    def _drop(self, table: str, column: str, keys: Sequence[str | int]) -> None:
        for some in _batches(list(keys)):
            self.backend.execute(
                f"DELETE FROM {table} WHERE {column} IN ({_marks(some)})",  # noqa: S608
                some,
            )

    def _clean(self, change: Change) -> None:
        if change.ended_before is not None:
            ended = "closed IS NOT NULL AND closed < ?"
            self.backend.execute(
                "DELETE FROM incident_events WHERE incident IN"  # noqa: S608
                f" (SELECT id FROM incidents WHERE {ended})",
                (change.ended_before,),
            )
            self.backend.execute(
                f"DELETE FROM incidents WHERE {ended}",  # noqa: S608
                (change.ended_before,),
            )
        if change.sent_before is not None:
            self.backend.execute(
                f"DELETE FROM outbox WHERE status IN ({_marks(DONE)}) AND due < ?",  # noqa: S608
                (*DONE, change.sent_before),
            )


def _placed(segments: Sequence[Segment], newest: int) -> Placed:
    """Return segments with their notes: those without an id go after all others."""
    newest = max([newest, *(s.id for s in segments if s.id is not None)])
    placed = []
    for s in segments:
        newest += s.id is None
        number = newest if s.id is None else s.id
        note = SegmentNote(
            number, s.table, s.start, s.end, s.rows, s.level, len(s.body)
        )
        placed.append((s, note))
    return placed


def put_meta(backend: Backend, values: Mapping[str, str]) -> None:
    """Write down what the store says of itself, inside a transaction."""
    rows = [(name, value, seal((name, value))) for name, value in values.items()]
    columns = ("name", "value", "checksum")
    backend.executemany(upsert("meta", columns, ("name",)), rows)


def upsert(table: str, columns: Sequence[str], key: Sequence[str]) -> str:
    """Return the statement that puts a row in the place of the one with its key."""
    rest = [f"{c} = excluded.{c}" for c in columns if c not in key]
    return (
        f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({_marks(columns)})"  # noqa: S608
        f" ON CONFLICT ({', '.join(key)}) DO UPDATE SET {', '.join(rest)}"
    )


def _of(statuses: Collection[str]) -> tuple[str, tuple[str, ...]]:
    if not statuses:
        return "", ()
    return f"WHERE status IN ({_marks(statuses)})", tuple(statuses)


def _marks(values: Collection[Any]) -> str:
    return ", ".join("?" * len(values))


def _batches(values: list[T], size: int = _AT_ONCE) -> Iterable[list[T]]:
    return (values[i : i + size] for i in range(0, len(values), size))
