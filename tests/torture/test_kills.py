"""`tocsin run` is killed: at random, and before each change of a file that it makes.

Counts are those of the lines written, incidents those of a run that nobody disturbed.
"""

from __future__ import annotations

import json
import random
import shutil
import signal
import subprocess
import sys
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import pytest
from tests.torture.lives import ROOT, Nursery, Order
from tests.torture.story import STEPS, Story, total

from tocsin.state.opening import open_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

KILLED = -signal.SIGKILL
SHARES = 24
"""Tests among which all changes of a file are shared out."""
TOGETHER = 3
"""Deaths in one story, where each change is tried."""


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    made = Nursery()
    yield made
    made.close()


@pytest.fixture(scope="module")
def writers() -> Iterator[Nursery]:
    made = Nursery()
    yield made
    made.close()


@dataclass(frozen=True)
class Told:
    """What a story has come to: by the store, and by the words of all its lives."""

    incidents: list[tuple[Any, ...]]
    lines: int
    summary: dict[str, Any]
    said: list[tuple[Any, ...]]
    changes: int
    """How often the last of its lives changed a file."""


_BY_THE_WALL = {"withheld", "notified"}
"""What is told to whom, and when, goes by the clock of the machine that is slow or not."""


def come_to(folder: Path) -> Told:
    """Read what is in the store in the end, and what was said in all lives."""
    rows = [
        json.loads(line) for line in (folder / "said.jsonl").read_text().splitlines()
    ]
    said = [
        (r["alarm"], json.dumps(r["key"]), r["event"], r["at"])
        for r in rows
        if r["type"] == "incident"
    ]
    store = open_folder(folder / "state", program="test", now=0, make=False)
    store.verify()
    incidents = [
        (row.alarm, row.key, row.status, row.opened, row.closed,
         *((e.event, e.at) for e in store.history(row.id) if e.event not in _BY_THE_WALL))
        for row in store.incidents()
    ]  # fmt: skip
    lines = sum(position.lines for position in store.positions().values())
    store.close()
    assert rows[-1]["type"] == "summary", (folder / "errors.txt").read_text()
    changes = int((folder / "changes").read_text())
    return Told(sorted(incidents, key=repr), lines, rows[-1], said, changes)


@pytest.fixture(scope="module")
def undisturbed(nursery: Nursery, tmp_path_factory: pytest.TempPathFactory) -> Told:
    folder = tmp_path_factory.mktemp("undisturbed")
    Story(folder, made_up_times=True)
    assert nursery.live(Order(str(folder), tells=True)) == 0
    return come_to(folder)


def test_undisturbed_it_rings_and_recovers_in_both_logs(undisturbed: Told) -> None:
    assert undisturbed.lines == undisturbed.summary["lines"] == total()
    rung = {row[0].partition(" in ")[0] for row in undisturbed.incidents}
    assert rung == {"busy", "broken", "crowd"}
    assert {row[2] for row in undisturbed.incidents} == {"resolved"}
    assert len(undisturbed.said) == 2 * len(undisturbed.incidents) > 8


def assert_as_if_undisturbed(folder: Path, undisturbed: Told) -> None:
    """Hold what a story with deaths came to against one without."""
    told = come_to(folder)
    assert told.lines == told.summary["lines"] == total()
    for name in ("late", "future", "parse_errors", "known_lost_bytes"):
        assert told.summary[name] == 0, name
    assert told.summary["counted"] == undisturbed.summary["counted"]
    assert told.incidents == undisturbed.incidents
    # Words are said after the commit: a death between takes them, none is said twice.
    assert len(set(told.said)) == len(told.said)
    assert set(told.said) <= set(undisturbed.said)


def dies_before(
    nursery: Nursery, folder: Path, changes: Sequence[int], undisturbed: Told
) -> None:
    """Tell the story in lives that die before these of their changes, then in peace."""
    Story(folder, made_up_times=True)
    for change in changes:
        ended = nursery.live(Order(str(folder), dies_at=change, tells=True))
        assert ended in {KILLED, 0}, (folder / "errors.txt").read_text()
    assert nursery.live(Order(str(folder), tells=True)) == 0
    assert Story(folder, made_up_times=True).told == STEPS
    assert_as_if_undisturbed(folder, undisturbed)


def emptied(folder: Path) -> Path:
    """Return a new folder in a folder; those before it are gone."""
    shutil.rmtree(folder / "story", ignore_errors=True)
    (folder / "story").mkdir()
    return folder / "story"


@pytest.mark.parametrize("first", range(10))
def test_killed_before_30_of_its_changes_it_goes_on(
    nursery: Nursery, place: Path, undisturbed: Told, first: int
) -> None:
    # In each: one while it opens the state, one in the midst, one in a second story.
    changes = (1 + first * 4, 40 + first * 13, 60 + first * 31)
    dies_before(nursery, emptied(place), changes, undisturbed)


@pytest.mark.torture
@pytest.mark.parametrize("share", range(SHARES))
def test_killed_before_any_of_its_changes_it_goes_on(
    nursery: Nursery, place: Path, undisturbed: Told, share: int
) -> None:
    for change in range(1 + share, undisturbed.changes + 1, SHARES):
        dies_before(nursery, emptied(place), [change] * TOGETHER, undisturbed)


def dies_at_random(
    nursery: Nursery, writers: Nursery, folder: Path, seed: int, kills: int
) -> None:
    """Let one process write the story, while one after another that reads is killed."""
    chance = random.Random(seed)  # noqa: S311 - seeded, no secrets
    Story(folder, made_up_times=False)
    writers.begin(Order(str(folder), writes=chance.choice([0.01, 0.02, 0.03])))
    for _ in range(kills):
        after = chance.choice([0.1, 0.3, 0.6]) * (0.1 + chance.random())
        ended = nursery.live(Order(str(folder), dies_after=after, ends=False))
        assert ended == KILLED, (folder / "errors.txt").read_text()
    assert writers.end() == 0
    assert nursery.live(Order(str(folder))) == 0


@pytest.mark.parametrize("seed", range(5))
def test_killed_at_40_random_moments_it_goes_on(
    nursery: Nursery, writers: Nursery, place: Path, undisturbed: Told, seed: int
) -> None:
    dies_at_random(nursery, writers, place, seed, 8)
    assert_as_if_undisturbed(place, undisturbed)


@pytest.mark.torture
@pytest.mark.parametrize("seed", range(100))
def test_killed_at_1000_random_moments_it_goes_on(
    nursery: Nursery, writers: Nursery, place: Path, undisturbed: Told, seed: int
) -> None:
    dies_at_random(nursery, writers, place, 1000 + seed, 10)
    assert_as_if_undisturbed(place, undisturbed)


CALLS = ("pwrite64", "fdatasync,fsync", "rename,renameat,renameat2", "write")


@pytest.mark.torture
@pytest.mark.parametrize("calls", CALLS)
@pytest.mark.parametrize("number", [1, 2, 3, 5, 8, 13, 21, 34])
def test_killed_by_the_kernel_at_a_system_call_it_goes_on(
    nursery: Nursery, place: Path, undisturbed: Told, calls: str, number: int
) -> None:
    """The same once more without any door of ours, over a story that is told: strace kills."""
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed: no kill by the kernel at a system call")
    story = Story(place, made_up_times=True)
    while story.tell():
        pass
    ended = subprocess.run(
        [strace, "-f", "-qq", "-o", str(place / "strace"), "-e", f"trace={calls}",
         "-e", f"inject={calls}:signal=SIGKILL:when={number}",
         sys.executable, "-m", "tests.torture.lives", json.dumps(asdict(Order(str(place))))],
        cwd=ROOT,
        env={"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"},
        check=False,
        capture_output=True,
    )  # fmt: skip
    if b"ptrace" in ended.stderr:
        pytest.skip(f"strace may not trace here: {ended.stderr!r}")
    assert ended.returncode in {KILLED, 128 + signal.SIGKILL, 0}, ended.stderr
    assert nursery.live(Order(str(place))) == 0
    assert_as_if_undisturbed(place, undisturbed)
