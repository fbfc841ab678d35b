"""How much is read and judged at once changes memory, and nothing else."""

import random
from pathlib import Path

import pytest
from tests.formats.ways import cutting
from tests.runners.world import line, replayed, rules, settled

from tocsin.formats import get
from tocsin.pipeline import judge
from tocsin.runners import portion
from tocsin.runners.portion import MOST, Portion

SIZES = {
    "it begins small": ([], 1 << 20),
    "dense lines are read in the largest portions": ([(1 << 20, 900)], MOST),
    "sparse lines in smaller ones": ([(1 << 20, 64_000)], 1 << 19),
    "never in crumbs": ([(100, 10**6)], 1 << 16),
    "what comes to nothing is read faster": ([(1 << 20, 0)], MOST),
    "an empty look says nothing": ([(1 << 20, 64_000), (0, 0)], 1 << 19),
}


@pytest.mark.parametrize(("seen", "size"), SIZES.values(), ids=SIZES)
def test_what_is_read_at_once_follows_what_lines_come_to(
    seen: list[tuple[int, int]], size: int
) -> None:
    found = Portion(MOST)
    for done, cells in seen:
        found.learn(done, cells)
    assert found.bytes == size


def test_a_limit_of_ones_own_is_kept() -> None:
    found = Portion(100)
    found.learn(100, 1)
    assert found.bytes == 100


@pytest.mark.parametrize(
    ("way", "here", "far"),
    [
        pytest.param("compiled", 2, 3, id="who is sparing reads more, workers most"),
        pytest.param("columns", 1, 1, id="who is not reads the same everywhere"),
    ],
)
def test_dense_lines_are_read_by_how_sparing_their_codec_is(
    way: str, here: int, far: int
) -> None:
    found = Portion(MOST)
    with cutting(way):
        codec = get("combined").open(b"")
        found.learn(1 << 20, 900)
        assert found.of(codec) == here * MOST
        assert found.of(codec, far=True) == far * MOST
        found.learn(1 << 20, 64_000)
        assert found.of(codec) == 1 << 19
        assert found.of(codec, far=True) == 1 << 19


@pytest.mark.parametrize("seed", range(3))
def test_judging_in_small_steps_comes_to_the_same(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(seed)  # noqa: S311 - no secret
    seconds = [
        i * chance.choice([0.1, 3, 40]) + chance.uniform(0, 30) for i in range(300)
    ]
    log = tmp_path / "access.log"
    log.write_bytes(
        b"".join(line(second, f"/{i % 3}") for i, second in enumerate(seconds))
    )
    whole = settled(replayed(rules(threshold=0.3), log).records)
    monkeypatch.setattr(judge, "_AT_ONCE", 7)
    monkeypatch.setattr(portion, "_CELLS", 50)
    monkeypatch.setattr(portion, "_FIRST", 500)
    monkeypatch.setattr(portion, "_LEAST", 200)
    assert settled(replayed(rules(threshold=0.3), log).records) == whole
