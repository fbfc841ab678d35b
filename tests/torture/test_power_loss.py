"""The power fails anywhere: the state is one that was committed, and not an older one."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.state.test_crash import check
from tests.torture.power import ACKNOWLEDGED, Disk, recorded

from tocsin.state.opening import open_folder

if TYPE_CHECKING:
    from tests.torture.doors import Step

ROOT = Path(__file__).parents[2]
LIVES, COMMITS = 3, 120
FEW, ALL = 60, 400


@pytest.fixture(scope="module")
def steps(tmp_path_factory: pytest.TempPathFactory) -> list[Step]:
    """What a disk was told in three lives of a state, checkpoints among it."""
    folder = tmp_path_factory.mktemp("power")
    subprocess.run(
        [sys.executable, "-m", "tests.torture.power", str(folder / "s"),
         str(folder / "steps"), str(LIVES), str(COMMITS)],
        env=os.environ | {"PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"},
        check=True,
    )  # fmt: skip
    return recorded(folder / "steps")


def moments(steps: list[Step], seeds: range) -> list[tuple[int, int]]:
    """Return when the power fails, for each seed: half of them beside a rare step."""
    rare = [n for n, one in enumerate(steps) if one.what not in {"write", ACKNOWLEDGED}]
    found = []
    for seed in seeds:
        chance = random.Random(seed)  # noqa: S311 - seeded, no secrets
        anywhere = chance.randrange(len(steps))
        beside = chance.choice(rare) + chance.randrange(2)
        found.append((chance.choice([anywhere, beside]), seed))
    return sorted(found)


def test_the_scenario_has_all_there_is_to_fear(steps: list[Step]) -> None:
    kinds = {(one.what, one.path.partition("-")[2]) for one in steps}
    assert {("write", ""), ("write", "wal"), ("write", "journal")} <= kinds
    assert {("truncate", "wal"), ("sync", "wal"), ("sync", ""), ("rename", "")} <= kinds
    logs = [one for one in steps if one[:3] == ("write", "state.db-wal", 0)]
    assert len(logs) > LIVES, "no log was begun anew in the midst of a life"


def survived(
    place: Path, steps: list[Step], seeds: range
) -> dict[int, tuple[int, int]]:
    """Open what each power loss leaves; return what was acknowledged, and what is."""
    disk, acknowledged, done, found = Disk(), 0, 0, {}
    for moment, seed in moments(steps, seeds):
        for one in steps[done:moment]:
            if one.what == ACKNOWLEDGED:
                acknowledged = one.at
            else:
                disk.take(one)
        done = moment
        folder = place / str(seed)
        folder.mkdir(mode=0o700)
        files = disk.after(random.Random(seed))  # noqa: S311 - seeded, no secrets
        for name, content in files.items():
            (folder / name).write_bytes(content)
        store = open_folder(folder, program="test", now=0)
        found[seed] = acknowledged, store.about().commits
        check(store, store.about().commits)
        store.close()
        for left in folder.iterdir():
            left.unlink()
    return found


def all_survive(place: Path, steps: list[Step], seeds: range) -> None:
    found = survived(place, steps, seeds)
    wrong = {s: v for s, v in found.items() if not v[0] <= v[1] <= v[0] + 1}
    assert wrong == {}
    assert any(known < there for known, there in found.values())


def test_after_60_power_losses_the_last_commit_is_there(
    place: Path, steps: list[Step]
) -> None:
    all_survive(place, steps, range(FEW))


@pytest.mark.torture
@pytest.mark.parametrize("start", range(0, ALL, 100))
def test_after_any_power_loss_the_last_commit_is_there(
    place: Path, steps: list[Step], start: int
) -> None:
    all_survive(place, steps, range(start, start + 100))
