"""The whole system by the seed: what it comes to is what all lines come to at once."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from tests.torture.simulation import World, incidents, told, unnamed

SEEDS = int(os.environ.get("SEEDS", "200"))
FIRST = int(os.environ.get("FIRST_SEED", "0"))
AT_ONCE = 10
MORE = range(1000, 1200, AT_ONCE)


def one(folder: Path, seed: int) -> World:
    """Hold one seed against its oracle."""
    world = World(folder, seed)
    summary = world.live()
    kept = sum(data.count(b"\n") for writer in world.writers for data in writer.kept)
    lost = [loss for stream in summary.streams for loss in stream.lost]
    found = {
        "lines": summary.total("lines"),
        "not counted": summary.total("lines") - summary.total("counted"),
        "gaps that are not named": [unnamed(w, lost) for w in world.writers],
        "incidents": incidents(world.store),
    }
    expected = {
        "lines": kept,
        "not counted": 0,
        "gaps that are not named": [[], []],
        "incidents": told(world),
    }
    assert found == expected, f"seed {seed}: FIRST_SEED={seed} SEEDS=1 make simulate"
    return world


@pytest.mark.parametrize("start", range(FIRST, FIRST + SEEDS, AT_ONCE))
def test_whatever_happens_it_comes_to_what_the_lines_come_to(
    place: Path, start: int
) -> None:
    some(place, range(start, min(start + AT_ONCE, FIRST + SEEDS)))


@pytest.mark.torture
@pytest.mark.parametrize("start", MORE)
def test_whatever_else_happens_it_comes_to_what_the_lines_come_to(
    place: Path, start: int
) -> None:
    some(place, range(start, start + AT_ONCE))


def some(place: Path, seeds: range) -> None:
    for seed in seeds:
        with TemporaryDirectory(dir=place) as folder:
            one(Path(folder), seed)


def test_all_that_may_happen_does_happen(place: Path) -> None:
    ways, deaths, rung = set(), 0, 0
    for seed in range(10):
        with TemporaryDirectory(dir=place) as folder:
            world = World(Path(folder), seed)
            world.live()
        ways |= {(w.way, bool(w.gaps)) for w in world.writers}
        deaths += world.deaths
        rung += len(incidents(world.store))
    assert ("rename", False) in ways
    assert ("copy with a gap", True) in ways
    assert deaths > 10
    assert rung > 10
