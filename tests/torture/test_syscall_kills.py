"""`tocsin run` is killed by the kernel at a system call, with no door of ours.

At every one that writes, syncs, renames, makes or removes; it is tried over a story that
is told already, with all its rotations.
"""

from __future__ import annotations

import shutil
import signal
from typing import TYPE_CHECKING

import pytest
from tests.torture.judging import Told, assert_as_if_undisturbed
from tests.torture.lives import Nursery, Order
from tests.torture.story import Story
from tests.torture.tracing import killed_at

if TYPE_CHECKING:
    from pathlib import Path

KILLED = -signal.SIGKILL
CALLS = {
    "written by SQLite": "pwrite64",
    "written": "write,writev",
    "synced": "fdatasync,fsync,sync_file_range",
    "renamed": "rename,renameat,renameat2,link,linkat,symlink,symlinkat",
    "removed": "unlink,unlinkat,ftruncate,truncate,fallocate",
}
SHARES = 8
"""Tests among which all calls of a kind are shared out."""


def survives(
    nursery: Nursery, folder: Path, undisturbed: Told, calls: str, number: int
) -> bool:
    """Kill a run at a call, then let it live in peace; False if it made no such call."""
    shutil.rmtree(folder / "state", ignore_errors=True)
    for name in ("said.jsonl", "errors.txt"):
        (folder / name).unlink(missing_ok=True)
    run = nursery.begin(Order(str(folder), stops=True))
    with killed_at(run, calls, number, folder / "strace"):
        ended = nursery.end()
    assert ended in {KILLED, 0}, (folder / "errors.txt").read_text()
    assert nursery.live(Order(str(folder))) == 0
    assert_as_if_undisturbed(folder, undisturbed)
    return ended == KILLED


def told(folder: Path) -> None:
    story = Story(folder, made_up_times=True)
    while story.tell():
        pass


@pytest.mark.torture
@pytest.mark.parametrize("calls", CALLS)
@pytest.mark.parametrize("share", range(SHARES))
def test_killed_by_the_kernel_at_every_system_call_it_goes_on(
    nursery: Nursery, place: Path, undisturbed: Told, calls: str, share: int
) -> None:
    told(place)
    number = 1 + share
    while survives(nursery, place, undisturbed, CALLS[calls], number):
        number += SHARES


def test_killed_by_the_kernel_at_3_system_calls_it_goes_on(
    nursery: Nursery, place: Path, undisturbed: Told
) -> None:
    told(place)
    for calls, number in (("written by SQLite", 40), ("written", 9), ("synced", 4)):
        assert survives(nursery, place, undisturbed, CALLS[calls], number)
