"""`tocsin run` is killed while logrotate turns over a log of 20,000 lines a second.

Each line is counted once: held against the numbers that were written, second by second,
and against the incidents of a run over all of them that nobody disturbed.
"""

from __future__ import annotations

import json
import random
import shutil
import signal
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

import pytest
from tests.integration.test_logrotate import COPY, CREATE, rotate
from tests.torture.crews import FINDABLE, Lives, pause
from tests.torture.judging import Told, come_to
from tests.torture.lives import Nursery, Order
from tests.torture.turning import DENSITY, LAST, T0, Writer, began, last, line, writing

from tocsin.pipeline.history import history
from tocsin.state.opening import open_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from concurrent.futures import Future
    from pathlib import Path

if shutil.which("logrotate") is None:
    pytest.skip("logrotate is not installed", allow_module_level=True)

Kills: TypeAlias = "Callable[[Nursery, Path, random.Random, Future[int]], None]"
Way: TypeAlias = "Callable[[Path, Writer], None]"
Turn: TypeAlias = "Callable[[Path, Writer], int]"

FEW, ALL = 30, 200
"""Rotations."""
LEAST = 40_000
"""Bytes of the log before it is turned over."""


def renamed(folder: Path, writer: Writer) -> None:
    """Rename the log, make a new one, and compress the one before."""
    compress = "compress\n    delaycompress"
    rotate(folder, CREATE, pid=writer.pid, compress=compress)
    writer.answer()


def copied(folder: Path, _: Writer) -> None:
    """Copy the log and empty it: what is written in between is lost to everybody."""
    rotate(folder, COPY)


def copied_at_rest(folder: Path, writer: Writer) -> None:
    """Copy the log and empty it while nobody writes."""
    with writer.silent():
        rotate(folder, COPY)


def turned(way: Way, times: int, folder: Path, writer: Writer) -> int:
    """Turn the log over; return how many lines there are in the end."""
    for number in range(times):
        pause(number % 7 / 70)
        while (folder / "logs" / "a.log").stat().st_size < LEAST:
            pause(0.01)
        way(folder, writer)
    return writer.end()


def dies(
    nursery: Nursery, folder: Path, chance: random.Random, turning: Future[int]
) -> None:
    """Kill a run that reads for itself, and what follows it.

    By the clock, or by how often it has changed a file: that goes by what it has done,
    however slow the machine is. It saves about 40 changes at a time.
    """
    while not turning.done():
        after = chance.choice([0.3, 1, 3]) * (0.1 + chance.random())
        if chance.random() < 0.5:
            change = chance.randrange(1, chance.choice([60, 200, 600]))
            order = Order(str(folder), dies_at=change, dies_after=10, ends=False)
        else:
            order = Order(str(folder), dies_after=after, ends=False)
        ended = nursery.live(order)
        assert ended == -signal.SIGKILL, (folder / "errors.txt").read_text()
    _end(folder, turning.result())
    assert nursery.live(Order(str(folder))) == 0


def loses_workers(
    nursery: Nursery, folder: Path, chance: random.Random, turning: Future[int]
) -> None:
    """Kill those who read for a run, and now and then the run."""
    lives = Lives(nursery, folder, logs=1)
    while not turning.done():
        pause(chance.choice([0.2, 0.6, 1.8]) * (0.1 + chance.random()))
        lives.kill_one(chance)
    assert lives.killed > 0
    _end(folder, turning.result())
    lives.end()


def _end(folder: Path, total: int) -> None:
    with (folder / "logs" / "a.log").open("ab") as out:
        out.write(last(total))


NEEDS_LINUX = pytest.mark.skipif(
    not FINDABLE, reason="needs Linux: the workers of a process cannot be found here"
)
ALONE = pytest.param(dies, id="itself")
SHARED = pytest.param(loses_workers, id="its workers", marks=NEEDS_LINUX)


def survives(
    nursery: Nursery, folder: Path, kills: Kills, turn: Turn, seed: int
) -> int:
    """Kill a run while its log is turned over; return how many lines were written."""
    chance = random.Random(seed)  # noqa: S311 - seeded, no secrets
    log = began(folder)
    # What a log has lost before anything of it was saved, nobody knows.
    assert nursery.live(Order(str(folder))) == 0
    with writing(log) as writer, ThreadPoolExecutor(1) as beside:
        turning = beside.submit(turn, folder, writer)
        kills(nursery, folder, chance, turning)
        return turning.result()


def undisturbed(nursery: Nursery, folder: Path, total: int) -> Told:
    """Return what a run comes to that finds all lines in one file."""
    folder.mkdir()
    with began(folder).open("ab") as out:
        out.writelines(map(line, range(DENSITY, total)))
        out.write(last(total))
    assert nursery.live(Order(str(folder))) == 0
    return come_to(folder)


def assert_all_is_counted_once(
    folder: Path, total: int, undisturbed: Told, way: Way
) -> None:
    told = come_to(folder)
    read = told.summary
    assert told.lines == read["lines"] == read["counted"] == total + LAST
    assert told.incidents == undisturbed.incidents
    assert {row[2] for row in told.incidents} == {"resolved"}
    assert told.summary["known_lost_bytes"] == 0
    if way is renamed:
        lost = told.summary["streams"][0]["lost"]
        # Of a log that was empty, and compressed when it was back, this is not known.
        assert {(loss["start"], loss["end"]) for loss in lost} <= {(0, 0)}
    assert len(set(told.said)) == len(told.said)
    assert set(told.said) <= set(undisturbed.said)
    for metric in ("lines", "total"):
        assert by_second(folder, metric, total) == due(metric, range(total))


def left(folder: Path, total: int) -> list[int]:
    """Return the numbers of the lines that are left in the log and its copies."""
    files = [path.read_bytes() for path in (folder / "logs").iterdir()]
    rows = [row for content in files for row in content.splitlines()]
    found = [json.loads(row)["n"] for row in rows if row[:1] + row[-1:] == b"{}"]
    return [number for number in found if number != total]


def assert_what_is_left_is_counted_once(folder: Path, total: int) -> None:
    """Hold each second against what was written, and what no copy has lost of it."""
    lost = come_to(folder).summary["streams"][0]["lost"]
    assert lost
    assert {(loss["path"], loss["more"]) for loss in lost} == {
        (str(folder / "logs" / "a.log"), True)
    }
    kept, counted = due("lines", left(folder, total)), by_second(folder, "lines", total)
    written = due("lines", range(total))
    assert sum(kept.values()) < total, "there was no gap"
    wrong = {
        second: (kept.get(second, 0), counted.get(second, 0), number)
        for second, number in written.items()
        if not kept.get(second, 0) <= counted.get(second, 0) <= number
    }
    assert wrong == {}


def by_second(folder: Path, metric: str, total: int) -> dict[int, float]:
    """Return what a metric was in each second of the log, as it is in the history."""
    store = open_folder(folder / "state", program="test", now=0, make=False)
    end = T0 + -(-total // DENSITY)
    rows = history(store, metric, {}, T0, end).select("e", "value").rows()
    store.close()
    return {e - 1 - T0: value for e, value in rows}


def due(metric: str, numbers: Iterable[int]) -> dict[int, float]:
    """Return what a metric is in each second, of these lines."""
    found: Counter[int] = Counter()
    for number in numbers:
        found[number // DENSITY] += 1 if metric == "lines" else number
    return dict(found)


@pytest.mark.integration
@pytest.mark.parametrize("way", [renamed, copied_at_rest])
@pytest.mark.parametrize("kills", [ALONE, SHARED])
def test_killed_through_30_rotations_of_20k_lines_a_second_it_counts_each_line_once(
    nursery: Nursery, tmp_path: Path, kills: Kills, way: Way
) -> None:
    total = survives(nursery, tmp_path, kills, partial(turned, way, FEW), 0)
    calm = undisturbed(nursery, tmp_path / "calm", total)
    assert_all_is_counted_once(tmp_path, total, calm, way)


@pytest.mark.torture
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("way", [renamed, copied_at_rest])
@pytest.mark.parametrize("kills", [ALONE, SHARED])
def test_killed_through_200_rotations_of_20k_lines_a_second_it_counts_each_line_once(
    nursery: Nursery, tmp_path: Path, kills: Kills, way: Way, seed: int
) -> None:
    total = survives(nursery, tmp_path, kills, partial(turned, way, ALL), seed)
    calm = undisturbed(nursery, tmp_path / "calm", total)
    assert_all_is_counted_once(tmp_path, total, calm, way)


@pytest.mark.torture
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kills", [ALONE, SHARED])
def test_killed_through_200_copies_under_load_it_counts_what_they_leave_once(
    nursery: Nursery, tmp_path: Path, kills: Kills, seed: int
) -> None:
    total = survives(nursery, tmp_path, kills, partial(turned, copied, ALL), seed)
    assert_what_is_left_is_counted_once(tmp_path, total)
