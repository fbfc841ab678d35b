"""Opening a state folder: the lock, the checks, the schema, and what is refused."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from tocsin.model.errors import StateError, StateMissing
from tocsin.state.lock import Lock, make_private
from tocsin.state.migrations import SCHEMA, statements
from tocsin.state.sql import SqlStore, put_meta
from tocsin.state.sqlite import Sqlite, create, damage

if TYPE_CHECKING:
    from pathlib import Path

FILE: Final = "state.db"
LOCK: Final = "state.lock"


class FolderStore(SqlStore):
    """The state of a folder: a SQLite file, and the lock that makes it ours."""

    def __init__(self, backend: Sqlite, lock: Lock) -> None:
        super().__init__(backend)
        self.sqlite = backend
        self._lock = lock

    @property
    def path(self) -> Path:
        """The file that holds the state."""
        return self.sqlite.path

    def close(self) -> None:
        """Let go of the file and of the folder. Idempotent."""
        super().close()
        self._lock.close()


def open_folder(
    folder: Path, *, program: str, now: int, make: bool = True
) -> FolderStore:
    """Open the state in a folder, brought up to our schema; `make` one if there is none.

    `now` (µs) is when a new one is made, `program` the version that makes or migrates.

    Raises:
        StateLocked: Another process has it open.
        StateMissing: There is none, and none is to be made; or there has been one.
        StateDamaged: It is not what was written.
        StateError: It is of a newer schema, or the folder is not safe.
        StateUnwritable: It cannot be made or migrated.
    """
    if not make and not (folder / FILE).exists() and not (folder / LOCK).exists():
        raise StateMissing(f"{folder}: there is no state here")
    make_private(folder)
    lock = Lock(folder / LOCK)
    try:
        path = folder / FILE
        if not path.exists():
            _refuse_loss(path, lock, make=make)
            create(path, statements(0, Sqlite.blob), SCHEMA)
        return _opened(path, lock, program, now)
    except BaseException:
        lock.close()
        raise


def open_file(path: Path) -> Sqlite:
    """Open a file of our schema or an older one, checked for torn pages.

    Raises:
        StateDamaged: It is damaged, or none of ours.
        StateError: It is of a newer schema.
    """
    if path.is_symlink() or not path.is_file():
        raise StateMissing(f"{path}: there is no such file")
    if path.stat().st_size == 0:
        raise damage(path, "it is empty")
    backend = Sqlite(path)
    try:
        refuse_newer(path, backend.version())
        backend.check()
    except BaseException:
        backend.close()
        raise
    return backend


def refuse_newer(path: Path, version: int) -> None:
    """Raise StateError for a schema that this program does not know."""
    if version > SCHEMA:
        raise StateError(
            f"{path}: the state is of schema {version}, this program knows up to"
            f" {SCHEMA}\n  hint: use the version that wrote it, or a newer one"
        )


def migrate(backend: Sqlite, program: str) -> None:
    """Bring a file up to our schema, in one transaction."""
    version = backend.version()
    if version == SCHEMA:
        return
    with backend.transaction():
        for statement in statements(version, Sqlite.blob):
            backend.execute(statement)
        put_meta(backend, {"schema": str(SCHEMA), "program": program})
        backend.execute(f"PRAGMA user_version={SCHEMA}")


def _refuse_loss(path: Path, lock: Lock, *, make: bool) -> None:
    if lock.made:
        raise StateMissing(
            f"{path}: the saved state is missing, and there has been one\n"
            "  hint: tocsin state restore BACKUP; or remove"
            f" {lock.path.name} to begin anew, which reads the logs again"
        )
    if not make:
        raise StateMissing(f"{path}: there is no state here")


def _opened(path: Path, lock: Lock, program: str, now: int) -> FolderStore:
    backend = open_file(path)
    try:
        _make_first(backend, program, now)
        migrate(backend, program)
        backend.checkpoint()
        store = FolderStore(backend, lock)
        lock.mark_made()
    except BaseException:
        backend.close()
        raise
    return store


def _make_first(backend: Sqlite, program: str, now: int) -> None:
    """Write down when and by whom a new file was made."""
    if backend.execute("SELECT COUNT(*) FROM meta")[0][0]:
        return
    values = {"program": program, "created": str(now), "commits": "0"}
    with backend.transaction():
        put_meta(backend, values | {"schema": str(backend.version())})


def size(path: Path) -> int:
    """Return the bytes of a state file and its log."""
    files = (path, path.with_name(path.name + "-wal"))
    return sum(os.stat(file).st_size for file in files if file.exists())  # noqa: PTH116
