"""Worker processes of `tocsin run` are killed at random, and now and then the run itself.

Judged as the kills of a run that reads for itself: by the lines written, and by the
incidents of a run that nobody disturbed.
"""

from __future__ import annotations

import json
import os
import random
import select
import signal
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from tests.torture.judging import Told, assert_as_if_undisturbed
from tests.torture.lives import Nursery, Order
from tests.torture.story import LOGS, STEPS, Story

from tocsin.model.errors import SourceError
from tocsin.views.door import Door

if not Path(f"/proc/self/task/{os.getpid()}/children").exists():
    pytest.skip("needs Linux: the workers of a process cannot be found here",
                allow_module_level=True)  # fmt: skip

WORKERS = 2
PATIENCE = 1800
"""Looks, ten a second, by which all that is written must have been read."""
LOOKS = 8
"""How often, in a row, all must have been read: a look may come before a line does."""


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
    """Lives of a run with workers, over one story."""

    def __init__(self, nursery: Nursery, folder: Path) -> None:
        self._nursery = nursery
        self._folder = folder
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
        """End in peace once all is read."""
        while not self._read_all():
            self._stop()  # a log is set aside until the next start
            self.begin()
        self._stop()

    def _stop(self) -> None:
        os.kill(self.run, signal.SIGTERM)
        assert self._nursery.end() == 0, (self._folder / "errors.txt").read_text()

    def _read_all(self) -> bool:
        """Wait until all is read; False when a log is set aside before."""
        in_a_row, report = 0, self._report()
        for _ in range(PATIENCE):
            streams = report.get("streams", ())
            if any("set aside" in (s["trouble"] or "") for s in streams):
                return False
            read = sum(s["caught_up"] for s in streams) == len(LOGS)
            in_a_row = in_a_row + 1 if read else 0
            if in_a_row == LOOKS:
                return True
            pause(0.1)
            report = self._report()
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


def dies(
    nursery: Nursery, writers: Nursery, folder: Path, seed: int, kills: int
) -> None:
    """Let one process write the story, while those are killed that read it."""
    chance = random.Random(seed)  # noqa: S311 - seeded, no secrets
    Story(folder, made_up_times=False)
    writers.begin(Order(str(folder), writes=chance.choice([0.03, 0.06, 0.1])))
    lives = Lives(nursery, folder)
    for _ in range(kills):
        pause(chance.choice([0.1, 0.5, 1.5]) * (0.1 + chance.random()))
        lives.kill_one(chance)
    assert writers.end() == 0
    assert lives.killed > 0
    lives.end()
    assert Story(folder, made_up_times=False).told == STEPS


@pytest.mark.parametrize("seed", range(2))
def test_whose_workers_are_killed_10_times_it_goes_on(
    nursery: Nursery, writers: Nursery, place: Path, undisturbed: Told, seed: int
) -> None:
    dies(nursery, writers, place, seed, 5)
    assert_as_if_undisturbed(place, undisturbed)


@pytest.mark.torture
@pytest.mark.parametrize("seed", range(40))
def test_whose_workers_are_killed_400_times_it_goes_on(
    nursery: Nursery, writers: Nursery, place: Path, undisturbed: Told, seed: int
) -> None:
    dies(nursery, writers, place, 1000 + seed, 10)
    assert_as_if_undisturbed(place, undisturbed)
