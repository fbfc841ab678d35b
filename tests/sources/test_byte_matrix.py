"""The fault matrix of following: bytes. Each test is named for its row."""

import tracemalloc
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.sources.rotating import Follower

from tocsin import formats
from tocsin.sources.lines import LineSplitter


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "access.log"


def write(path: Path, content: bytes) -> None:
    with path.open("ab") as out:
        out.write(content)


def test_b1_a_line_whose_second_half_comes_after_a_restart(log: Path) -> None:
    write(log, b"one\npar")
    follower = Follower(log)
    follower.drain()
    follower.stop()
    follower.start()
    write(log, b"tial\n")
    follower.drain()
    assert follower.lines == [b"one", b"partial"]


def test_b2_an_unterminated_last_line_is_a_line_when_its_file_is_left(
    log: Path,
) -> None:
    write(log, b"one\nlast")
    follower = Follower(log)
    assert follower.drain() == [b"one"]
    log.rename(log.with_name("access.log.1"))
    write(log, b"next\n")
    assert follower.drain() == [b"last", b"next"]


CHUNKED = "é one\r\nß two\r\n\r\n€ three\nfour".encode()


@pytest.mark.parametrize("size", range(1, 65))
def test_b3_read_in_chunks_of_any_size(size: int) -> None:
    splitter = LineSplitter()
    pieces = [CHUNKED[at : at + size] for at in range(0, len(CHUNKED), size)]
    data = b"".join(splitter.step(piece).data for piece in pieces)
    assert data + splitter.finish().data == CHUNKED + b"\n"


@given(st.lists(st.integers(0, len(CHUNKED)), max_size=9))
def test_b3_read_in_chunks_cut_anywhere(cuts: list[int]) -> None:
    splitter = LineSplitter()
    bounds = [0, *sorted(cuts), len(CHUNKED)]
    data = b"".join(splitter.step(CHUNKED[a:b]).data for a, b in pairwise(bounds))
    assert data + splitter.finish().data == CHUNKED + b"\n"


def test_b4_a_line_of_100_mb_costs_little_memory(log: Path) -> None:
    write(log, b"before\n")
    with log.open("ab") as out:
        for _ in range(100):
            out.write(b"x" * 1_000_000)
    follower = Follower(log)
    tracemalloc.start()
    try:
        follower.drain()
        follower.stop()
        write(log, b"\nafter\n")
        follower.drain()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 << 20
    assert follower.lines == [b"before", b"after"]
    assert sum(chunk.oversized for chunk in follower.chunks) == 1
    assert follower.chunks[-1].end == log.stat().st_size


@given(st.binary(min_size=1, max_size=300).map(lambda data: b"x" + data))
def test_b5_one_line_for_each_newline_whatever_the_bytes(data: bytes) -> None:
    splitter = LineSplitter()
    lines = splitter.step(data)
    assert lines.data.count(b"\n") == data.count(b"\n")
    assert lines.data + bytes(splitter.rest) == data


ENDS_OF_OTHERS = "a\u2028b\u2029c\u0085d\x0be\x0cf\x1cg\rh".encode()


def test_b6_only_a_newline_ends_a_line(log: Path) -> None:
    write(log, ENDS_OF_OTHERS + b"\n" + ENDS_OF_OTHERS + b"\r\n")
    follower = Follower(log)
    assert follower.drain() == [ENDS_OF_OTHERS, ENDS_OF_OTHERS + b"\r"]


GOOD = b'{"time": "2026-01-01T00:00:00Z", "n": 1}\n'
HOSTILE = {
    "a depth of 100,000": b"[" * 100_000 + b"]" * 100_000,
    "a number of 5,000 digits": b'{"time": ' + b"9" * 5_000 + b"}",
    "no JSON": b'{"time": NaN, "time": }',
    "half a text of 1 MB": b'{"time": "' + b"x" * 1_000_000,
}


@pytest.mark.parametrize("line", HOSTILE.values(), ids=HOSTILE)
def test_b8_a_hostile_line_of_json_is_one_parse_error(line: bytes) -> None:
    codec = formats.get("json").open(GOOD)
    batch = codec.parse(GOOD + line + b"\n" + GOOD, {})
    assert (batch.tally.events, batch.tally.parse_errors) == (2, 1)
