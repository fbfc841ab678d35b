"""Kills by the kernel, with strace: at the n-th of some system calls of a process.

The process must have stopped itself before (`stops` in its order).
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOOKS = 3000


@contextmanager
def killed_at(pid: int, calls: str, number: int, log: Path) -> Iterator[None]:
    """Let a stopped process go on until the n-th of these calls, which it never makes.

    In each of its threads they are counted for themselves. The test is skipped, and
    says why, where nothing can be traced.
    """
    strace = shutil.which("strace")
    if strace is None:
        os.kill(pid, signal.SIGKILL)
        pytest.skip("strace is not installed: no kill by the kernel at a system call")
    tracer = subprocess.Popen(
        [strace, "-f", "-qq", "-o", str(log), "-e", f"trace={calls}",
         "-e", f"inject={calls}:signal=SIGKILL:when={number}", "-p", str(pid)],
        stderr=subprocess.PIPE,
    )  # fmt: skip
    for _ in range(_LOOKS):
        if _traced(pid) or tracer.poll() is not None:
            break
        select.select([], [], [], 0.01)
    if not _traced(pid):
        os.kill(pid, signal.SIGKILL)
        tracer.kill()
        _, said = tracer.communicate()
        pytest.skip(f"strace may not trace here: {said!r}")
    os.kill(pid, signal.SIGCONT)
    yield
    tracer.communicate()


def _traced(pid: int) -> bool:
    """Whether a process is stopped, and somebody else will let it go on."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    words = dict(row.partition(":\t")[::2] for row in status.splitlines())
    return words["TracerPid"] != "0" and words["State"][0] in "tT"
