"""Run one whole process and say what it cost."""

import contextlib
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

KIBIBYTE = 1 if sys.platform == "darwin" else 1024
"""The unit of `ru_maxrss`: bytes on macOS, KiB elsewhere."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one run of a process, with its children, cost.

    `wall` and `cpu` (user and system) are seconds. `peak` is the peak RSS in bytes of
    its largest process; `tree` the highest sum of PSS of it and its children that was
    sampled, or 0 where the machine cannot tell.
    """

    wall: float
    cpu: float
    peak: int
    tree: int
    output: str


class FailedError(Exception):
    """The process exited with an error; the text is the end of what it said."""


@contextmanager
def pinned(cores: int) -> Iterator[None]:
    """Let this thread, and what it starts, use only so many cores."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(allowed)[-cores:])
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


def children(pid: int) -> list[int]:
    """Return the ids of a process and all below it (Linux only)."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            found += children(int(child))
    return found


def tree_pss(pid: int) -> int:
    """Return the memory of a process and its children, shared pages counted once."""
    total = 0
    try:
        for each in children(pid):
            for line in Path(f"/proc/{each}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1]) * 1024
    except OSError:  # it ended while we looked, or this machine has no /proc
        return 0
    return total


def largest_rss(pid: int) -> int:
    """Return the greatest peak RSS of a process and its children until now.

    What the system says of an ended process (`ru_maxrss`) counts the moment before it
    was loaded as well, when it was as large as who began it.
    """
    largest = 0
    with contextlib.suppress(OSError):
        for each in children(pid):
            status = Path(f"/proc/{each}/status").read_text(encoding="utf-8")
            _, _, peak = status.partition("VmHWM:")
            largest = max(largest, int((peak.split() or "0")[0]) * 1024)
    return largest


class Sampler(threading.Thread):
    """Looks at the memory of a process tree five times a second until told to stop.

    `highest` is the most that all of it had together, `largest` that one process had.
    """

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid = pid
        self.highest = self.largest = 0
        self.done = threading.Event()

    def run(self) -> None:
        """Sample until `done`."""
        while not self.done.wait(0.2):
            self.highest = max(self.highest, tree_pss(self.pid))
            self.largest = max(self.largest, largest_rss(self.pid))


def _wait(process: subprocess.Popen[bytes]) -> tuple[int, resource.struct_rusage, int]:
    """Return exit code, what the process used, and the peak of its tree."""
    sampler = Sampler(process.pid)
    sampler.start()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    sampler.done.set()
    sampler.join()
    return process.returncode, usage, sampler.highest


def run(command: Sequence[str], cores: int, **environment: str) -> Cost:
    """Run a command on so many cores, nothing on its standard input.

    Raises:
        FailedError: It exited with another code than 0.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        with pinned(cores):
            begin = time.perf_counter()
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env=os.environ | environment,
            )
        code, usage, tree = _wait(process)
        wall = time.perf_counter() - begin
        out.seek(0)
        err.seek(0)
        if code:
            raise FailedError(
                f"exit {code}: " + err.read().decode(errors="replace")[-400:]
            )
        said = out.read().decode(errors="replace")
    cpu = usage.ru_utime + usage.ru_stime
    return Cost(wall, cpu, usage.ru_maxrss * KIBIBYTE, tree, said)
