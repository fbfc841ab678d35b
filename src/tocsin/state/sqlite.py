"""SQLite: all that it has of its own, and nothing that other databases share.

Write-ahead log, `synchronous=FULL`, and one connection that locks everyone else out:
SQLite 3.7.0 to 3.51.2 can damage a database when two connections reset its log at the
same time, which one connection cannot do.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from tocsin.model.errors import (
    StateDamaged,
    StateError,
    StateFull,
    StateLocked,
    StateUnwritable,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from tocsin.state.rows import Row

APPLICATION: Final = 0x546F6353
"""What stands in the header of our files: "TocS"."""
_PRAGMAS: Final = (
    "locking_mode=EXCLUSIVE",
    "journal_mode=WAL",
    "synchronous=FULL",
    "cell_size_check=ON",
    "trusted_schema=OFF",
    "temp_store=MEMORY",
    "journal_size_limit=16777216",
)
_NO_ROOM: Final = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}
_PRIMARY: Final = 0xFF
_DAMAGE: Final = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_HELD: Final = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_WRITE: Final = {
    sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_NOMEM,
}  # fmt: skip
_PROBE_BYTES: Final = 1 << 16


class Sqlite:
    """The one connection to a file of ours. Offers `state.sql.Backend`.

    After an error of the disk nothing that it holds is believed: it is opened again.
    """

    blob: Final = "BLOB"

    def __init__(self, path: Path) -> None:
        """Open a file that is there. Raises StateError."""
        self.path = path
        self._db: sqlite3.Connection | None = None
        self._closed = False
        self._connected()

    def execute(self, sql: str, values: Sequence[Any] = ()) -> Sequence[Row]:
        """Carry out a statement; return its rows."""
        with self._errors():
            return self._connected().execute(sql, values).fetchall()

    def executemany(self, sql: str, rows: Iterable[Row]) -> None:
        """Carry out a statement for each row."""
        with self._errors():
            self._connected().executemany(sql, rows)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Return a block whose statements are committed together, or none of them."""
        self.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.execute("COMMIT")
        except BaseException:
            self._roll_back()
            raise

    def damaged(self, what: str) -> StateDamaged:
        """Return the error that names the place of damage, and what to do."""
        return damage(self.path, what)

    def version(self) -> int:
        """Return the schema version in the file's header; refuse other programs' files."""
        if self._number("application_id") != APPLICATION:
            raise damage(self.path, "its header is not that of a state of Tocsin")
        return self._number("user_version")

    def check(self) -> None:
        """Look for torn and lost pages and indexes. Raises StateDamaged."""
        told = [row[0] for row in self.execute("PRAGMA integrity_check(3)")]
        if told != ["ok"]:
            raise damage(self.path, "; ".join(str(line) for line in told))

    def checkpoint(self) -> None:
        """Bring everything that is committed into the main file."""
        self.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def copy_to(self, target: Path) -> None:
        """Write a consistent copy to a file that is not there yet; sync it."""
        source = self._connected()
        try:
            copy = sqlite3.connect(target, isolation_level=None)
            try:
                source.backup(copy)
                # A copy is one file: whoever reads it needs no log beside it.
                copy.execute("PRAGMA journal_mode=DELETE").fetchall()
            finally:
                copy.close()
            sync(target)
        except (OSError, sqlite3.Error) as error:
            raise StateUnwritable(f"{target}: cannot be written: {error}") from error

    def close(self) -> None:
        """Let go of the file for good. Idempotent."""
        self._closed = True
        self._disconnect()

    def _disconnect(self) -> None:
        if self._db is not None:
            with contextlib.suppress(sqlite3.Error):
                self._db.close()
        self._db = None

    def _number(self, pragma: str) -> int:
        return int(self.execute(f"PRAGMA {pragma}")[0][0])

    def _connected(self) -> sqlite3.Connection:
        if self._closed:
            raise StateUnwritable(f"{self.path}: the state is closed")
        if self._db is None:
            with self._errors():
                self._db = _connect(self.path)
        return self._db

    def _roll_back(self) -> None:
        if self._db is not None and self._db.in_transaction:
            with contextlib.suppress(sqlite3.Error):
                self._db.execute("ROLLBACK")
            if self._db.in_transaction:
                self._disconnect()

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        """Say SQLite's errors in our words."""
        try:
            yield
        except sqlite3.ProgrammingError:
            raise
        except sqlite3.DatabaseError as error:
            ours = self._translated(error)
            if not isinstance(ours, StateFull):
                self._disconnect()
            raise ours from error
        except UnicodeDecodeError as error:
            # A damaged file may hold, or SQLite's message about it quote, anything.
            self._disconnect()
            raise damage(self.path, "it holds text that is none") from error

    def _translated(self, error: sqlite3.DatabaseError) -> StateError:
        # Errors that Python makes itself have no code.
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & _PRIMARY
        if code in _DAMAGE:
            return damage(self.path, str(error))
        if code in _HELD:
            return StateLocked(f"{self.path}: another process has it open")
        if code in {sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY}:
            return self._full(str(error))
        if code in _WRITE:
            reason = _why(self.path.parent)
            if reason is not None:
                return self._full(reason)
            return StateUnwritable(f"{self.path}: cannot be written: {error}")
        return damage(self.path, str(error))

    def _full(self, reason: str) -> StateFull:
        return StateFull(
            f"{self.path}: cannot be written: {reason}\n"
            "  hint: make room on that disk; the work goes on by itself"
        )


def damage(path: Path, what: str) -> StateDamaged:
    """Return the error that names a damaged file, and what to do."""
    return StateDamaged(
        f"{path}: the saved state is damaged: {what}\n"
        "  hint: tocsin state restore BACKUP; or move the folder away to begin anew,"
        " which reads the logs again"
    )


def create(path: Path, statements: Sequence[str], version: int) -> None:
    """Make a file of a schema and sync it. A crash leaves no file behind, or all of it."""
    new = path.with_name(path.name + ".new")
    for leftover in (new, new.with_name(new.name + "-journal")):
        leftover.unlink(missing_ok=True)
    try:
        os.close(os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        _fill(new, statements, version)
        sync(new)
        new.replace(path)
        sync(path.parent)
    except (OSError, sqlite3.Error) as error:
        raise StateUnwritable(f"{path}: cannot be made: {error}") from error


def sync(path: Path) -> None:
    """Make sure that a file, or the names in a folder, are on the disk."""
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _fill(path: Path, statements: Sequence[str], version: int) -> None:
    db = sqlite3.connect(path, isolation_level=None)
    try:
        db.execute("BEGIN IMMEDIATE")
        for statement in statements:
            db.execute(statement)
        db.execute(f"PRAGMA application_id={APPLICATION}")
        db.execute(f"PRAGMA user_version={version}")
        db.execute("COMMIT")
    finally:
        db.close()


def _connect(path: Path) -> sqlite3.Connection:
    # Without mode=rw a file that is gone would be made anew, empty.
    db = sqlite3.connect(
        f"file:{quote(str(path.absolute()))}?mode=rw",
        uri=True,
        isolation_level=None,
        timeout=0,
        check_same_thread=False,
    )
    try:
        for pragma in _PRAGMAS:
            db.execute(f"PRAGMA {pragma}").fetchall()
    except BaseException:
        db.close()
        raise
    return db


def _why(folder: Path) -> str | None:
    """Return why there is no room in a folder; None if there is."""
    probe = folder / "state.probe"
    try:
        fd = os.open(probe, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
        try:
            os.write(fd, bytes(_PROBE_BYTES))
            os.fsync(fd)
        finally:
            os.close(fd)
            probe.unlink()
    except OSError as error:
        return os.strerror(error.errno) if error.errno in _NO_ROOM else None
    return None
