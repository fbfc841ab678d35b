"""Backups: a consistent copy in one file, and putting one in the place of a state."""

from __future__ import annotations

import os
import sqlite3
from typing import TYPE_CHECKING

from tocsin.model.errors import SourceError, StateDamaged, StateError, StateUnwritable
from tocsin.state.lock import Lock, make_private
from tocsin.state.opening import FILE, LOCK, open_file
from tocsin.state.sql import SqlStore
from tocsin.state.sqlite import Sqlite, sync

if TYPE_CHECKING:
    from pathlib import Path

    from tocsin.model.state import About
    from tocsin.state.opening import FolderStore


def backup(store: FolderStore, target: Path) -> int:
    """Write a copy of all that is committed to a new file; return its bytes.

    The file appears when it is whole and has been read back. A running program may
    call it between two commits.

    Raises:
        StateUnwritable: It cannot be written, or is there already.
    """
    if target.exists():
        raise StateUnwritable(f"{target}: is there already\n  hint: name a new file")
    part = target.with_name(target.name + ".part")
    try:
        part.unlink(missing_ok=True)
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        store.sqlite.copy_to(part)
        verify(part)
        part.replace(target)
        sync(target.parent)
    except OSError as error:
        reason = f"{target}: cannot be written: {error.strerror}"
        raise StateUnwritable(reason) from error
    finally:
        part.unlink(missing_ok=True)
    return target.stat().st_size


def verify(path: Path) -> About:
    """Read every row of a state file; return what it says of itself.

    The file is not changed, not even brought up to our schema.

    Raises:
        StateMissing: There is none.
        StateDamaged: It is damaged, or no state of ours.
        StateError: It is of a newer schema.
    """
    backend = open_file(path)
    try:
        store = SqlStore(backend)
        store.verify()
        return store.about()
    finally:
        backend.close()


def restore(folder: Path, source: Path) -> About:
    """Put a backup in the place of a folder's state; return what it says of itself.

    The backup is copied and read whole before anything is touched. What was there is
    kept beside it as `state.db.replaced`.

    Raises:
        SourceError: There is no such backup.
        StateLocked: Another process has the state open.
        StateDamaged: The backup is not what was written; nothing has been changed.
    """
    if not source.is_file():
        raise SourceError(f"{source}: there is no such file")
    make_private(folder)
    lock = Lock(folder / LOCK)
    try:
        new = folder / (FILE + ".restoring")
        _copy(source, new)
        about = verify(new)
        _replace(folder / FILE, new)
        lock.mark_made()
    except StateDamaged as error:
        why = f"{error}".partition("\n")[0].removeprefix(f"{new}: ")
        message = (
            f"{source}: {why}\n  hint: take another backup: the state is as it was"
        )
        raise StateDamaged(message) from error
    except OSError as error:
        raise StateUnwritable(f"{folder}: cannot be written: {error}") from error
    finally:
        (folder / (FILE + ".restoring")).unlink(missing_ok=True)
        lock.close()
    return about


def _copy(source: Path, target: Path) -> None:
    target.unlink(missing_ok=True)
    fd = os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with source.open("rb") as old, os.fdopen(fd, "wb") as new:
        while block := old.read(1 << 20):
            new.write(block)
    sync(target)


def _replace(path: Path, new: Path) -> None:
    """Let a file take the name of the state; keep the old one.

    A state that can be read is replaced in one step. Of one that cannot, the main file
    goes first: should we die then, a state is missing, and that is noticed.
    """
    kept = path.with_name(path.name + ".replaced")
    kept_log = path.with_name(path.name + ".replaced-wal")
    log = path.with_name(path.name + "-wal")
    for old in (kept, kept_log):
        old.unlink(missing_ok=True)
    if path.exists():
        if _folded(path) and not log.exists():
            os.link(path, kept)
        else:
            path.replace(kept)
    if log.exists():
        log.replace(kept_log)
    new.replace(path)
    sync(path.parent)


def _folded(path: Path) -> bool:
    """Bring the log of an old state into its file; return whether that worked."""
    try:
        backend = Sqlite(path)
    except StateError:
        return False
    try:
        backend.checkpoint()
    except (StateDamaged, StateUnwritable, sqlite3.Error):
        return False
    finally:
        backend.close()
    return True
