"""Rotation goes on while a follower looks: between any two of its looks at the disk."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.sources.rotating import PACKERS, Follower, Writer, assert_all_once

from tocsin.sources import Crowd
from tocsin.sources.disk import Disk, Look


class Busy(Disk):
    """A disk on which something happens before every so many calls, once it `begins`."""

    def __init__(self, happens: Iterator[None]) -> None:
        self.happens = happens
        self._gaps: Iterator[int] = iter(())
        self._left = -1

    def begin(self, gaps: list[int]) -> None:
        self._gaps = iter(gaps)
        self._left = next(self._gaps, -1)

    def look(self, path: Path | str) -> Look:
        self._pass()
        return super().look(path)

    def open(self, path: Path | str) -> int:
        self._pass()
        return super().open(path)

    def names(self, folder: Path | str) -> list[tuple[str, int]]:
        self._pass()
        return super().names(folder)

    def _pass(self) -> None:
        while self._left == 0:
            next(self.happens, None)
            self._left = next(self._gaps, -1)
        self._left -= 1


def play(
    log: Writer, follower: Follower, disk: Busy, steps: list[str], last: int = 1
) -> None:
    """Play steps of a follower while things happen, then read what is left."""
    for step in steps:
        if step == "stop":
            follower.stop()
        elif step == "kill":
            follower.kill()
        elif step == "turn":
            next(disk.happens, None)
        else:
            follower.read(60 if step == "look" else 1 << 20)
    for _ in disk.happens:
        pass
    log.append(last)
    follower.drain()
    follower.stop()


def turns(log: Writer, late: list[bool]) -> Iterator[None]:
    """Rotate a log as logrotate does, step by step, once for each of `late`.

    It is compressed at the next rotation, if that is `late`, or right after its own.
    """
    for compresses_late in late:
        log.append(3)
        yield
        if log.rotated.exists():
            yield from packed(log)
        yield from shifted(log)
        log.path.rename(log.rotated)
        yield
        log.create()
        yield
        if not compresses_late:
            log.append(2)
            yield from packed(log)


def packed(log: Writer) -> Iterator[None]:
    """Compress the file that was rotated last, piece by piece."""
    plain, made = log.rotated, log.rotated.with_name(log.rotated.name + log.packed)
    content, found = PACKERS[log.packed](plain.read_bytes()), plain.stat()
    for end in (0, len(content) // 2, len(content)):
        made.write_bytes(content[:end])
        yield
    os.utime(made, ns=(found.st_mtime_ns, found.st_mtime_ns))
    yield
    plain.unlink()
    yield


def shifted(log: Writer) -> Iterator[None]:
    """Give each rotated file the name after its own."""
    for number in range(40, 0, -1):
        for ending in ("", log.packed):
            old = log.path.with_name(f"{log.path.name}.{number}{ending}")
            if old.exists():
                old.rename(log.path.with_name(f"{log.path.name}.{number + 1}{ending}"))
                yield


@pytest.mark.parametrize("most_open", [0, 1], ids=["one", "a crowd"])
@settings(deadline=None, max_examples=150)
@given(
    late=st.lists(st.booleans(), min_size=1, max_size=6),
    gaps=st.lists(st.integers(0, 9), max_size=60),
    steps=st.lists(
        st.sampled_from(["look", "drain", "stop", "kill", "turn"]), max_size=12
    ),
)
def test_a_rotation_that_goes_on_neither_loses_nor_repeats_a_line(
    most_open: int, late: list[bool], gaps: list[int], steps: list[str]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        log = Writer(Path(folder))
        log.append(3)
        disk = Busy(turns(log, late))
        follower = Follower(log.path, Crowd(most_open, disk))
        follower.read()
        disk.begin(gaps)
        play(log, follower, disk, steps)
        assert_all_once(follower, log.lines)
        # Of a file that was empty and is gone, nobody knows that it is another's content.
        assert {(loss.start, loss.bytes) for loss in follower.losses} <= {(0, 0)}
