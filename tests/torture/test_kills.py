"""`tocsin run` is killed: at random, and before each change of a file that it makes.

Counts are those of the lines written, incidents those of a run that nobody disturbed.
"""

from __future__ import annotations

import random
import shutil
import signal
from typing import TYPE_CHECKING

import pytest
from tests.torture.judging import Told, assert_as_if_undisturbed
from tests.torture.lives import Nursery, Order
from tests.torture.story import LOGS, STEPS, Story, total

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

KILLED = -signal.SIGKILL
SHARES = 24
"""Tests among which all changes of a file are shared out."""
TOGETHER = 3
"""Deaths in one story, where each change is tried."""


def test_undisturbed_it_rings_and_recovers_in_both_logs(undisturbed: Told) -> None:
    assert undisturbed.lines == undisturbed.summary["lines"] == sum(map(total, LOGS))
    rung = {row[0].partition(" in ")[0] for row in undisturbed.incidents}
    assert rung == {"busy", "broken", "crowd"}
    assert {row[2] for row in undisturbed.incidents} == {"resolved"}
    assert len(undisturbed.said) == 2 * len(undisturbed.incidents) > 8


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
