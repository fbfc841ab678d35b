"""A log is copied and emptied while a follower looks: between any two of its looks.

If nobody writes between the copy and the emptying, nothing may be lost, nor said to be.
"""

import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from errno import EIO
from functools import partial
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.sources.rotating import Follower, Writer, assert_all_once
from tests.sources.test_rotation_races import Busy, play, shifted

from tocsin.sources import Bookmark, Crowd, expand, first_positions
from tocsin.sources.contents import Plain
from tocsin.sources.disk import Disk, Look
from tocsin.sources.generation import Generation

NONE: Final[list[bytes]] = []
STEPS = st.lists(
    st.sampled_from(["look", "drain", "stop", "kill", "turn"]), max_size=16
)
SIZES = st.lists(st.integers(6, 9), min_size=1, max_size=6)
GAPS = st.lists(st.integers(0, 12), max_size=80)
MOST_LOOKS: Final = 40
"""More than a follower looks at the disk in one read, of a log with few files."""


class Busier(Busy):
    """A disk on which something happens also before an open file is looked at."""

    def look_at(self, fd: int) -> Look:
        self._pass()
        return super().look_at(fd)


def turns(log: Writer, sizes: list[int], gap: list[bytes]) -> Iterator[None]:
    """Copy a log and empty it as logrotate does, step by step, with lines before each.

    With a `gap`, lines are written after the copy was made, and noted there.
    """
    for size in sizes:
        log.append(size)
        yield
        yield from shifted(log)
        content = log.path.read_bytes()
        for end in (0, len(content) // 2, len(content)):
            log.rotated.write_bytes(content[:end])
            log.be_touched(log.rotated)
            yield
        if gap is not NONE:
            log.append(2)
            gap += log.lines[-2:]
            yield
        os.truncate(log.path, 0)
        log.be_touched(log.path)
        yield


@contextmanager
def played(
    most_open: int,
    happens: Callable[[Writer], Iterator[None]],
    gaps: list[int],
    steps: list[str],
    first: int = 6,
) -> Iterator[tuple[Writer, Follower]]:
    """Play steps of a follower while its log is rotated, then read what is left."""
    with tempfile.TemporaryDirectory() as folder:
        log = Writer(Path(folder))
        log.append(first)
        disk = Busier(happens(log))
        follower = Follower(log.path, Crowd(most_open, disk))
        follower.read()
        disk.begin(gaps)
        play(log, follower, disk, steps, first)
        yield log, follower


crowded = pytest.mark.parametrize("most_open", [0, 1], ids=["one", "a crowd"])


@crowded
@settings(deadline=None, max_examples=200)
@given(sizes=SIZES, gaps=GAPS, steps=STEPS, first=st.sampled_from([0, 6]))
def test_a_log_that_is_copied_and_emptied_at_rest_is_neither_lost_nor_repeated(
    most_open: int, sizes: list[int], gaps: list[int], steps: list[str], first: int
) -> None:
    happens = partial(turns, sizes=sizes, gap=NONE)
    with played(most_open, happens, gaps, steps, first) as (log, follower):
        assert_all_once(follower, log.lines)
        assert sum(loss.bytes for loss in follower.losses) == 0


@crowded
@settings(deadline=None, max_examples=100)
@given(sizes=SIZES, gaps=GAPS, steps=STEPS)
def test_of_a_log_that_is_written_meanwhile_only_what_no_copy_has_is_lost(
    most_open: int, sizes: list[int], gaps: list[int], steps: list[str]
) -> None:
    gap: list[bytes] = []
    # A copy that is shorter than what a file is known by (1,024 bytes) is not known again.
    happens = partial(turns, sizes=[size * 9 for size in sizes], gap=gap)
    with played(most_open, happens, gaps, steps, 54) as (log, follower):
        read = Counter(follower.lines)
        assert [line for line, times in read.items() if times > 1] == []
        missing = set(log.lines) - read.keys()
        assert missing <= set(gap)
        assert not missing or any(loss.more for loss in follower.losses)


@pytest.mark.parametrize("written", [False, True], ids=["at rest", "that is written"])
@pytest.mark.parametrize("step", range(7))
def test_a_log_that_is_copied_when_it_is_first_found_is_read_once(
    tmp_path: Path, *, step: int, written: bool
) -> None:
    log = Writer(tmp_path)
    gap: list[bytes] = []
    log.append(60)
    turning = turns(log, [60, 60], gap if written else NONE)
    for _ in range(step):
        next(turning)
    found = partial(expand, [f"{log.path}*"])
    start = Bookmark(0, first_positions(found(), Disk(), found))
    follower = Follower(log.path, start=start)
    for _ in turning:
        pass
    log.append(60)
    follower.drain()
    read = Counter(follower.lines)
    assert set(log.lines) - read.keys() <= set(gap)
    assert [line for line, times in read.items() if times > 1] == []
    if not written:
        assert sum(loss.bytes for loss in follower.losses) == 0


@pytest.mark.parametrize("step", range(7))
def test_a_log_that_is_rotated_on_while_it_is_first_found_is_read_once(
    tmp_path: Path, step: int
) -> None:
    for look in range(MOST_LOOKS):
        folder = tmp_path / str(look)
        folder.mkdir()
        log = Writer(folder)
        log.append(60)
        turning = turns(log, [60, 60], NONE)
        for _ in range(step):
            next(turning)
        disk = Busier(turning)
        disk.begin([look])
        found = partial(expand, [f"{log.path}*"])
        start = Bookmark(0, first_positions(found(), disk, found))
        follower = Follower(log.path, start=start)
        for _ in turning:
            pass
        log.append(60)
        follower.drain()
        follower.stop()
        assert_all_once(follower, log.lines)
        assert sum(loss.bytes for loss in follower.losses) == 0


def test_what_is_copied_and_emptied_before_its_first_line_is_read_is_read(
    tmp_path: Path,
) -> None:
    log = Writer(tmp_path)
    log.append(60)
    follower = Follower(log.path)
    follower.drain()
    log.append(60)
    log.copytruncate()
    log.append(60)
    for _ in range(2):  # it was emptied; the rest of what was there is in the copy
        follower.read()
    log.copytruncate()
    follower.drain()
    assert follower.lines == log.lines
    assert sum(loss.bytes for loss in follower.losses) == 0


class Turning(Busier):
    """A disk on which all of something happens at once, before a look."""

    def _pass(self) -> None:
        if self._left == 0:
            for _ in self.happens:
                pass
        self._left -= 1


@pytest.mark.parametrize("turned", [1, 2])
@pytest.mark.parametrize("written", [0, 60], ids=["empty", "written to"])
def test_a_log_that_was_empty_is_filled_and_turned_over_before_any_look_at_it(
    tmp_path: Path, turned: int, written: int
) -> None:
    for look in range(MOST_LOOKS):
        folder = tmp_path / str(look)
        folder.mkdir()
        log = Writer(folder)
        disk = Turning(turns(log, [60] * turned, NONE))
        follower = Follower(log.path, Crowd(0, disk))
        follower.drain()
        log.append(written)
        disk.begin([look])
        follower.read()
        log.append(60)
        follower.drain()
        follower.stop()
        assert_all_once(follower, log.lines)
        assert sum(loss.bytes for loss in follower.losses) == 0


class Failing(Disk):
    """A disk whose folders cannot be listed for a while."""

    fails = False

    def names(self, folder: Path | str) -> list[tuple[str, int]]:
        if self.fails:
            raise OSError(EIO, os.strerror(EIO))
        return super().names(folder)


def test_what_was_empty_is_not_read_before_its_copies_could_be_looked_for(
    tmp_path: Path,
) -> None:
    log, disk = Writer(tmp_path), Failing()
    follower = Follower(log.path, Crowd(0, disk))
    follower.drain()
    log.append(60)
    log.copytruncate()
    log.append(60)
    disk.fails = True
    chunk = follower.read()
    assert (chunk.data, chunk.caught_up) == (b"", False)
    disk.fails = False
    follower.drain()
    assert follower.lines == log.lines


class Emptied(Plain):
    """A file that is written anew once, between a look at it and what it begins with."""

    path = Path()
    anew = b""

    def look(self) -> Look:
        found = super().look()
        if self.anew:
            self.path.write_bytes(self.anew)
            self.anew = b""
        return found


def test_what_a_file_begins_with_and_how_long_it_is_are_of_one_moment(
    tmp_path: Path,
) -> None:
    log = Writer(tmp_path)
    log.append(60)
    disk = Disk()
    content = Emptied(disk.open(log.path), disk)
    generation = Generation(content, str(log.path))
    content.path, content.anew = log.path, b"other\n"
    found, head = generation.present()
    generation.close()
    assert (found.size, head) == (len(b"other\n"), b"other\n")
