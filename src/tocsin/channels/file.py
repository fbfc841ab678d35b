"""`file`: a line of JSON at the end of a file, safely on the disk."""

from __future__ import annotations

import fcntl
import json
import os
import stat
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING

from tocsin.channels.message import compose
from tocsin.channels.text import line
from tocsin.model.notification import Fate, Outcome
from tocsin.model.wire import to_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tocsin.model.notification import Notification

_MODE = 0o640


@dataclass(frozen=True, slots=True)
class File:
    """Appends to a file, which several programs may share; a line is whole or not there."""

    name: str
    path: Path
    templates: Mapping[str, str] = field(default_factory=dict)
    _turn: Lock = field(default_factory=Lock, init=False, repr=False, compare=False)
    """Our own threads wait for each other; only of other programs one is not waited for."""

    def recipients(self, notification: Notification) -> tuple[str, ...]:  # noqa: ARG002
        """Return the file."""
        return (line(str(self.path), 200),)

    def preview(self, notification: Notification) -> str:
        """Return the line."""
        return self._line(notification).decode().rstrip("\n")

    def send(
        self, notification: Notification, recipients: tuple[str, ...]
    ) -> tuple[Outcome, ...]:
        """Append one line and wait until the disk has it."""
        told = self._line(notification)
        return tuple(self._append(told, who) for who in recipients)

    def _append(self, told: bytes, recipient: str) -> Outcome:
        try:
            with self._turn, _opened(self.path) as fd:
                if not stat.S_ISREG(os.fstat(fd).st_mode):
                    return Outcome(recipient, Fate.REFUSED, "it is no regular file")
                _write(fd, told)
        except OSError as error:
            said = error.strerror or type(error).__name__
            return Outcome(recipient, Fate.RETRY, said)
        return Outcome(recipient, Fate.DELIVERED, f"{len(told)} bytes")

    def _line(self, notification: Notification) -> bytes:
        data = to_json(notification)
        if self.templates:
            data["text"] = compose(notification, self.templates).text
        return json.dumps(data, separators=(",", ":")).encode() + b"\n"


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    # Without O_NONBLOCK a pipe that nobody reads would hold us for ever.
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC
    fd = os.open(path, flags, _MODE)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield fd
    finally:
        os.close(fd)


def _write(fd: int, told: bytes) -> None:
    end = os.fstat(fd).st_size
    try:
        rest = told
        while rest:
            rest = rest[os.write(fd, rest) :]
        os.fsync(fd)
    except OSError:
        os.ftruncate(fd, end)  # half a line would spoil the next one
        raise
