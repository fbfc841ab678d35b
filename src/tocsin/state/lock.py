"""The state folder, and the lock by which it belongs to one process.

The lock is `flock` on a file beside the state, which also says who holds it and that
there has been a state here: so that a state that is gone is not taken for a first start.
"""

from __future__ import annotations

import fcntl
import os
import stat
import weakref
from typing import TYPE_CHECKING, Final

from tocsin.model.errors import StateError, StateLocked

if TYPE_CHECKING:
    from pathlib import Path

_MADE: Final = "made"
_OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH


class Lock:
    """Holds a lock file until it is closed, or the process ends in any way.

    A child that is forked does not hold it: its parent's end frees it.
    """

    def __init__(self, path: Path) -> None:
        """Take the lock. Raises StateLocked, naming who holds it."""
        self.path = path
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            self._fd = os.open(path, flags, 0o600)
        except OSError as error:
            reason = f"{path}: the lock file cannot be opened: {error.strerror}"
            raise StateError(reason) from error
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise self._refusal() from error
        self.made = _MADE in self._lines()
        """Whether there has been a state here."""
        self._write()
        _close_in_children(self)

    def mark_made(self) -> None:
        """Say, for all times, that there is a state here."""
        if not self.made:
            self.made = True
            self._write()

    def close(self) -> None:
        """Give up the lock, even if a child has not let go of it yet. Idempotent."""
        if self._fd >= 0:
            fcntl.flock(self._fd, fcntl.LOCK_UN)
        self.drop()

    def drop(self) -> None:
        """Close the file, without giving up what another process holds by it."""
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = -1

    def _refusal(self) -> StateLocked:
        first = next(iter(self._lines()), "")
        pid = int(first) if first.isdigit() else None
        self.drop()
        who = "another process" if pid is None else f"process {pid}"
        return StateLocked(
            f"{self.path.parent}: the state is held by {who}\n"
            "  hint: end it first, or give this one another folder",
            pid,
        )

    def _lines(self) -> list[str]:
        return os.pread(self._fd, 256, 0).decode(errors="replace").split("\n")

    def _write(self) -> None:
        # A pid alone is overwritten in place, so that a full disk cannot stop a start.
        content = f"{os.getpid()}\n{_MADE if self.made else ''}\n".encode()
        try:
            os.pwrite(self._fd, content, 0)
            os.ftruncate(self._fd, len(content))
            os.fsync(self._fd)
        except OSError as error:
            reason = f"{self.path}: the lock file cannot be written: {error.strerror}"
            self.close()
            raise StateError(reason) from error


def _close_in_children(lock: Lock) -> None:
    """Let forked children drop their share of the lock."""
    known = weakref.ref(lock)

    def forget() -> None:
        held = known()
        if held is not None:
            held.drop()

    os.register_at_fork(after_in_child=forget)


def make_private(folder: Path) -> None:
    """Make a folder that only we can read; take an old one only if it is safe.

    Raises:
        StateError: It cannot be made, is no folder, or others may write to it.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.stat()
    except OSError as error:
        reason = f"{folder}: the state folder cannot be made: {error.strerror}"
        raise StateError(reason) from error
    if found.st_uid not in {os.geteuid(), 0}:
        raise StateError(
            f"{folder}: the state folder belongs to another user ({found.st_uid})\n"
            "  hint: run as that user, or choose another folder"
        )
    if found.st_mode & _OTHERS_WRITE:
        mode = stat.S_IMODE(found.st_mode)
        raise StateError(
            f"{folder}: others may write to the state folder (mode {mode:04o})\n"
            f"  hint: chmod 700 {folder}"
        )
