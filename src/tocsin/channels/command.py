"""`command`: a program of yours, with the notification as JSON on its standard input.

No shell is involved, and nothing of an alert is ever an argument.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
from contextlib import suppress
from tempfile import TemporaryFile
from threading import Event, Timer
from typing import IO, TYPE_CHECKING

from msgspec import Struct, field

from tocsin.channels.message import compose
from tocsin.channels.parcel import packed
from tocsin.channels.text import line
from tocsin.model.notification import Fate, Outcome
from tocsin.model.wire import to_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tocsin.model.notification import Notification
    from tocsin.model.secret import Secret

_KEPT = 2_000
_KEEP = ("HOME", "LANG", "LC_ALL", "PATH", "SYSTEMROOT", "TMPDIR", "TZ")
"""What a program is told of our environment, which may hold secrets."""

_TRY_AGAIN = 75
_USAGE, _LAST = 64, 78
"""Codes of sysexits.h: all between them but 75 say that another try is useless."""


class Command(Struct, frozen=True):
    """Runs a program, for at most `timeout` seconds.

    Exit code 0 is a delivery; 64 to 78 without 75 (as in sysexits.h) are refusals; any
    other is tried again.
    """

    name: str
    argv: tuple[str, ...]
    timeout: float = 15.0
    environment: Mapping[str, Secret] = field(default_factory=dict)
    templates: Mapping[str, str] = field(default_factory=dict)

    def recipients(self, notification: Notification) -> tuple[str, ...]:  # noqa: ARG002
        """Return the program's name."""
        return (line(self.argv[0], 200),)

    def preview(self, notification: Notification) -> str:
        """Return the command and what it would read."""
        return f"{json.dumps(self.argv)} <<\n{self._body(notification).decode()}"

    def send(
        self, notification: Notification, recipients: tuple[str, ...]
    ) -> tuple[Outcome, ...]:
        """Run it once."""
        body = self._body(notification)
        return tuple(self._run(body, who, notification.key) for who in recipients)

    def _body(self, notification: Notification) -> bytes:
        message = compose(notification, self.templates)
        told = {"title": message.subject, "text": message.text}
        return packed(to_json(notification) | told) + b"\n"

    def _run(self, body: bytes, recipient: str, key: str) -> Outcome:
        try:
            with TemporaryFile() as read:
                read.write(body)
                read.seek(0)
                code, said, over = self._ran(read, key)
        except (OSError, ValueError) as error:
            told = getattr(error, "strerror", None) or str(error)
            return Outcome(recipient, Fate.REFUSED, f"it cannot be run: {line(told)}")
        if over:
            return Outcome(
                recipient, Fate.RETRY, f"it did not end in {self.timeout:g} s"
            )
        told = f"exit code {code}{': ' if said else ''}{said}"
        return Outcome(recipient, _fate(code), told)

    def _ran(self, read: IO[bytes], key: str) -> tuple[int, str, bool]:
        """Return the exit code, the first of what was said, and if it was stopped."""
        over = Event()
        with subprocess.Popen(  # noqa: S603 - what is run is the configuration's choice
            self.argv,
            stdin=read,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=self._environment(key),
            start_new_session=True,
        ) as process:

            def stop() -> None:
                over.set()
                # Its children, too: one that holds the pipe would hold us.
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(process.pid, signal.SIGKILL)

            timer = Timer(self.timeout, stop)
            timer.daemon = True
            timer.start()
            try:
                said = _first(process.stdout)
                code = process.wait()
            finally:
                timer.cancel()
                timer.join()
        return code, line(said.decode("utf-8", "replace"), 200), over.is_set()

    def _environment(self, key: str) -> dict[str, str]:
        kept = {name: os.environ[name] for name in _KEEP if name in os.environ}
        own = {name: value.reveal() for name, value in self.environment.items()}
        return {**kept, **own, "TOCSIN_KEY": line(key)}


def _first(pipe: IO[bytes] | None) -> bytes:
    """Read to the end; return the beginning, and hold no more."""
    kept = b""
    while pipe is not None and (piece := os.read(pipe.fileno(), 65_536)):
        kept = (kept + piece)[:_KEPT]
    return kept


def _fate(code: int) -> Fate:
    if code == 0:
        return Fate.DELIVERED
    if _USAGE <= code <= _LAST and code != _TRY_AGAIN:
        return Fate.REFUSED
    return Fate.RETRY
