"""Lives of a run whose logs are read by worker processes: these are killed, or it is.

Only for Linux, where the workers of a process can be found.
"""

from __future__ import annotations

import json
import os
import select
import signal
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tests.torture.lives import Nursery, Order

from tocsin.model.errors import SourceError
from tocsin.runners.clock import SystemClock
from tocsin.views.door import Door

if TYPE_CHECKING:
    import random

FINDABLE: Final = Path(f"/proc/self/task/{os.getpid()}/children").exists()
"""Whether the workers of a process can be found here."""
WORKERS: Final = 2
PATIENCE: Final = 1800
"""Looks, ten a second, by which all that is written must have been read."""
LOOKS: Final = 3
"""How often, in a row, all must have been read: it may be told half of a turn."""


def workers(run: int) -> list[int]:
    """Return the processes that read files for a run."""
    children = Path(f"/proc/{run}/task/{run}/children").read_text(encoding="ascii")
    return [pid for pid in map(int, children.split()) if b"spawn_main" in words(pid)]


def words(pid: int) -> bytes:
    """Return the command of a process; nothing when it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def kill(pid: int) -> None:
    """Kill a process; one that has ended is as dead."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def pause(seconds: float) -> None:
    select.select([], [], [], seconds)


class Lives:
    """Lives of a run with workers, over so many logs in a folder."""

    def __init__(self, nursery: Nursery, folder: Path, logs: int) -> None:
        self._nursery = nursery
        self._folder = folder
        self._logs = logs
        self.killed = 0
        self.begin()

    def begin(self) -> None:
        order = Order(
            str(self._folder), ends=False, workers=WORKERS, listens="127.0.0.1:0"
        )
        self.run = self._nursery.begin(order)

    def kill_one(self, chance: random.Random) -> None:
        """Kill a worker, once there is one; or, now and then, the run."""
        found, looks = workers(self.run), 0
        while not found:
            pause(0.1)
            found, looks = workers(self.run), looks + 1
            assert looks < PATIENCE, "nobody reads"
        if chance.random() < 0.15:
            kill(self.run)
            assert self._nursery.end() == -signal.SIGKILL
            self.begin()
        else:
            self.killed += 1
            kill(chance.choice(found))

    def end(self) -> None:
        """End in peace once all is read that is written by now."""
        while not self._read_all():
            self._stop()  # a log is set aside until the next start
            self.begin()
        self._stop()

    def _stop(self) -> None:
        os.kill(self.run, signal.SIGTERM)
        assert self._nursery.end() == 0, (self._folder / "errors.txt").read_text()

    def _read_all(self) -> bool:
        """Wait until all is read; False when a log is set aside before.

        A process that reads may stand still for any time: only what it has seen after
        all was written counts.
        """
        clock = SystemClock()
        began, in_a_row = clock.monotonic(), 0
        for _ in range(PATIENCE):
            asked = clock.monotonic()
            report = self._report()
            streams = report.get("streams", ())
            if any("set aside" in (s["trouble"] or "") for s in streams):
                return False
            agos = (s["looked_ago"] for s in streams)
            read = sum(ago is not None and asked - ago > began for ago in agos)
            in_a_row = in_a_row + 1 if read == self._logs else 0
            if in_a_row == LOOKS:
                return True
            pause(0.1)
        raise AssertionError(report)

    def _report(self) -> dict[str, Any]:
        """Return what it says of itself; nothing while it does not."""
        try:
            url = Door.of(self._folder / "state").url + "/readyz"
            answer = urllib.request.urlopen(url, timeout=60)  # noqa: S310 - it is our own
        except urllib.error.HTTPError as error:
            answer = error  # not ready: it says why
        except (OSError, SourceError):
            return {}
        with answer:
            found: dict[str, Any] = json.load(answer)
        return found
