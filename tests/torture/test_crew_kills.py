"""Worker processes of `tocsin run` are killed at random, and now and then the run itself.

Judged as the kills of a run that reads for itself: by the lines written, and by the
incidents of a run that nobody disturbed.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from tests.torture.crews import FINDABLE, Lives, pause
from tests.torture.judging import Told, assert_as_if_undisturbed
from tests.torture.lives import Nursery, Order
from tests.torture.story import LOGS, STEPS, Story

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(
    not FINDABLE, reason="needs Linux: the workers of a process cannot be found here"
)


def dies(
    nursery: Nursery, writers: Nursery, folder: Path, seed: int, kills: int
) -> None:
    """Let one process write the story, while those are killed that read it."""
    chance = random.Random(seed)  # noqa: S311 - seeded, no secrets
    Story(folder, made_up_times=False)
    writers.begin(Order(str(folder), writes=chance.choice([0.03, 0.06, 0.1])))
    lives = Lives(nursery, folder, len(LOGS))
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
