"""A log that is written at 20,000 lines a second, while the real logrotate turns it over.

Started as a program it is the writer: numbered lines, until it is told to end (SIGTERM).
It opens its log anew on SIGHUP, as a server does, and says so; in the end it says how many
lines it has written.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.program import ROOT, environment

from tocsin.runners.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Iterator

RATE: Final = 20_000
"""Lines a second, by the wall."""
DENSITY: Final = 1_000
"""Lines of one second, by the log's own time: it passes twenty times as fast."""
STRETCH: Final = 12_000
"""Lines after which it gets loud, or calm again."""
LAST: Final = 3
"""Lines after all others."""
T0: Final = 1_700_000_000
_AT_ONCE: Final = 20
_BEHIND: Final = 0.5
"""Seconds of writing that are made up for."""
CONFIG: Final = """
version: 1
sources: [{name: log, path: logs/a.log*, format: json, lateness: 30s}]
metrics:
  - {name: lines, source: log, type: COUNT, period: 1s}
  - {name: total, source: log, type: SUM, field: n, period: 1s}
  - {name: errors, source: log, type: COUNT, period: 10s, every: 1s, where: "status >= 500",
     group_by: [part]}
alarms:
  - {name: "errors in {part}", metric: errors, threshold: 100, recovery_threshold: 50}
"""


def line(number: int) -> bytes:
    """Return a line; one that is torn apart is none."""
    stamp = datetime.fromtimestamp(T0 + number // DENSITY, UTC).isoformat()
    status = 503 if number // STRETCH % 2 and number % 5 == 0 else 200
    row = f'{{"time":"{stamp}","n":{number},"status":{status},"part":"p{number % 3}"}}'
    return row.encode() + b"\n"


def last(total: int) -> bytes:
    """Return the lines, long after all others, by which what rang is over.

    Several: one line that is far ahead is not believed alone.
    """
    later = T0 + total // DENSITY + 300
    stamps = [datetime.fromtimestamp(later + n, UTC).isoformat() for n in range(LAST)]
    rows = [f'{{"time":"{t}","n":{total},"status":200,"part":"p0"}}\n' for t in stamps]
    return "".join(rows).encode()


def began(folder: Path) -> Path:
    """Put the rules and a log with its first second into a folder; return the log."""
    (folder / "tocsin.yaml").write_text(CONFIG, encoding="utf-8")
    log = folder / "logs" / "a.log"
    log.parent.mkdir()
    log.write_bytes(b"".join(map(line, range(DENSITY))))
    return log


class Writer:
    """The process that writes."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self.pid = process.pid

    def answer(self) -> int:
        """Wait until it has opened its log anew, or ended; return the lines until then."""
        assert self._process.stdout is not None
        return int(self._process.stdout.readline())

    def end(self) -> int:
        """End it; return how many lines it has written."""
        self._process.terminate()
        return self.answer()

    @contextmanager
    def silent(self) -> Iterator[None]:
        """Have it write nothing for a while."""
        os.kill(self.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, self.pid, os.WSTOPPED)
        yield
        os.kill(self.pid, signal.SIGCONT)


@contextmanager
def writing(log: Path) -> Iterator[Writer]:
    words = [sys.executable, "-m", "tests.torture.turning", str(log)]
    with subprocess.Popen(
        words, cwd=ROOT, env=environment(), stdout=subprocess.PIPE
    ) as process:
        writer = Writer(process)
        assert writer.answer() == DENSITY
        try:
            yield writer
        finally:
            process.kill()


def _write(path: Path) -> int:
    """Write until it is told to end; return how many lines that were."""
    told: list[int] = []
    for number in (signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, lambda number, _: told.append(number))
    clock = SystemClock()
    out, due, done = path.open("ab", buffering=0), clock.monotonic(), DENSITY
    print(done, flush=True)  # noqa: T201 - this is how it answers
    while signal.SIGTERM not in told:
        if signal.SIGHUP in told:
            told.remove(signal.SIGHUP)
            out.close()
            out = path.open("ab", buffering=0)
            print(done, flush=True)  # noqa: T201
        out.write(b"".join(map(line, range(done, done + _AT_ONCE))))
        done += _AT_ONCE
        # What a busy machine delays is made up for, but not without bounds.
        due = max(due + _AT_ONCE / RATE, clock.monotonic() - _BEHIND)
        clock.wait(max(0.0, due - clock.monotonic()))
    out.close()
    return done


if __name__ == "__main__":
    print(_write(Path(sys.argv[1])))  # noqa: T201
