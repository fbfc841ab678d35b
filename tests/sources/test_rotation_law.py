"""The law of following: any writer, any rotation, any stop; every line once, or told."""

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.sources.rotating import PACKERS, Follower, Writer, assert_all_once

from tocsin.sources import Crowd

READER: dict[str, Callable[[Follower], object]] = {
    "look": lambda follower: follower.read(60),
    "read all": lambda follower: follower.drain(60),
    "stop": lambda follower: follower.stop(),
}
WRITER: dict[str, Callable[[Writer], object]] = {
    "append": lambda log: log.append(),
    "append more": lambda log: log.append(7),
    "begin a line": lambda log: log.begin(),
}
RENAMING: dict[str, Callable[[Writer], object]] = {
    "rename and create": lambda log: log.rotate(),
    "rename": lambda log: log.rotate(create=False),
    "rename and compress": lambda log: log.rotate(compress=True),
}
COPYING: dict[str, Callable[[Writer], object]] = {
    "copy and truncate": lambda log: log.copytruncate(),
    "copy, compress and truncate": lambda log: log.copytruncate(compress=True),
}
LOSING: dict[str, Callable[[Writer], object]] = {
    "copy, append and truncate": lambda log: log.copytruncate(2),
    "delete": lambda log: log.delete(),
}
"""What rotation loses by itself."""
ACTIONS = WRITER | RENAMING | COPYING | LOSING
KINDS = {
    "a log that is renamed": ([*RENAMING], ["delete"]),
    "a log that is copied and truncated": ([*COPYING], ["copy, append and truncate"]),
}
"""One log is rotated in one way: what that is, and what may be lost by it."""


def steps(names: list[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from([*WRITER, *READER, *names]), max_size=25)


@contextmanager
def played(
    steps: list[str], most_open: int, packed: str
) -> Iterator[tuple[Writer, Follower]]:
    """Play steps of writer and reader, then read what is left."""
    with tempfile.TemporaryDirectory() as folder:
        log = Writer(Path(folder), packed=packed)
        follower = Follower(log.path, Crowd(most_open))
        for step in steps:
            if step in READER:
                READER[step](follower)
                if step != "stop":
                    log.be_seen()
            else:
                ACTIONS[step](log)
        log.end()
        log.append()
        follower.drain()
        follower.stop()
        yield log, follower


crowded = pytest.mark.parametrize("most_open", [0, 1], ids=["one", "a crowd"])
kinds = pytest.mark.parametrize(("keeping", "losing"), KINDS.values(), ids=KINDS)


@crowded
@kinds
@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_every_line_is_read_exactly_once(
    keeping: list[str], losing: list[str], most_open: int, data: st.DataObject
) -> None:
    del losing
    packed = data.draw(st.sampled_from([*PACKERS]))
    with played(data.draw(steps(keeping)), most_open, packed) as (log, follower):
        assert_all_once(follower, log.lines)


@crowded
@kinds
@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_a_line_that_is_not_read_is_told_and_none_is_read_twice(
    keeping: list[str], losing: list[str], most_open: int, data: st.DataObject
) -> None:
    packed = data.draw(st.sampled_from([*PACKERS]))
    with played(data.draw(steps(keeping + losing)), most_open, packed) as (
        log,
        follower,
    ):
        read = Counter(follower.lines)
        assert [x for x, n in read.items() if n > 1 and x in log.lines] == []
        missing = [line for line in log.lines if line not in read]
        assert [line for line in missing if not told(log, follower, line)] == []


def told(log: Writer, follower: Follower, line: bytes) -> bool:
    """Whether a loss was told that a line lay in, by where it stood in its file."""
    start, end = log.places[line]
    return any(
        loss.start < end and (loss.more or start < loss.end) for loss in follower.losses
    )
