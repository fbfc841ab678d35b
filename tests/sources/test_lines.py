"""Lines are the same however their bytes arrive."""

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.sources.lines import Lines, LineSplitter, take

LONGEST = 8


def plain_lines(stream: bytes) -> tuple[bytes, int]:
    """Return what a splitter should make of a stream, said in the simplest way."""
    pieces = stream.split(b"\n")
    lines = pieces if pieces[-1] else pieces[:-1]
    kept = [line for line in lines if len(line) <= LONGEST]
    return b"".join(line + b"\n" for line in kept), len(lines) - len(kept)


def split(blocks: list[bytes]) -> list[Lines]:
    splitter = LineSplitter(max_line_bytes=LONGEST)
    return [*(splitter.step(block) for block in blocks), splitter.finish()]


def chop(stream: bytes, sizes: list[int]) -> list[bytes]:
    blocks = []
    for size in sizes:
        blocks.append(stream[:size])
        stream = stream[size:]
    return [*blocks, stream]


streams = st.lists(
    st.one_of(
        st.binary(max_size=2 * LONGEST),
        st.sampled_from([b"\n", b"\r\n", b"x" * LONGEST, b"x" * (LONGEST + 1)]),
        st.just("\u2028\u0085\x00\x0b\x0c\n".encode()),
    )
).map(b"".join)
chunkings = st.lists(st.integers(min_value=0, max_value=64))


@given(streams, chunkings)
def test_any_chunking_gives_the_same_lines(stream: bytes, sizes: list[int]) -> None:
    parts = split(chop(stream, sizes))
    assert (
        b"".join(part.data for part in parts),
        sum(part.oversized for part in parts),
    ) == plain_lines(stream)


@given(streams, chunkings)
def test_positions_tile_the_stream(stream: bytes, sizes: list[int]) -> None:
    at = 0
    for part in split(chop(stream, sizes)):
        assert part.start == at
        at = part.end
        text = stream[part.start : part.end]
        assert (part.data, part.oversized) == plain_lines(text)
    assert at == len(stream)


@given(streams, st.integers(min_value=1, max_value=64))
def test_a_splitter_may_be_left_and_taken_up_at_its_start(
    stream: bytes, size: int
) -> None:
    splitter = LineSplitter(max_line_bytes=LONGEST)
    before = splitter.step(stream[:size])
    resumed = LineSplitter(splitter.start, LONGEST)
    after = resumed.step(stream[resumed.start :]) + resumed.finish()
    assert (
        before.data + after.data,
        before.oversized + after.oversized,
    ) == plain_lines(stream)


@given(streams, st.integers(min_value=1, max_value=40))
def test_take_goes_on_until_a_line_ends_or_the_limit_is_reached(
    stream: bytes, limit: int
) -> None:
    splitter = LineSplitter(max_line_bytes=LONGEST)

    def block(size: int) -> bytes:
        return stream[splitter.scanned : splitter.scanned + min(size, 3)]

    while splitter.scanned < len(stream):
        before = splitter.scanned
        lines = take(splitter, block, limit)
        assert lines.end > lines.start or splitter.scanned - before == min(
            limit, len(stream) - before
        )


TOO_LONG = {
    "a line of exactly the limit is kept": (b"12345678\n", b"12345678\n", 0),
    "one byte more is dropped": (b"123456789\n", b"", 1),
    "the newline is not counted, a carriage return is": (b"1234567\r\n", None, 0),
    "lines around it are kept": (b"a\n123456789\nb\n", b"a\nb\n", 1),
    "two in a row count twice": (b"123456789\n123456789\n", b"", 2),
    "the last line needs no newline to count": (b"a\n123456789", b"a\n", 1),
    "a missing last newline is given": (b"a\nb", b"a\nb\n", 0),
    "an empty line is a line": (b"\n\n", b"\n\n", 0),
    "an empty stream has none": (b"", b"", 0),
}


@pytest.mark.parametrize(
    ("stream", "data", "oversized"), TOO_LONG.values(), ids=TOO_LONG
)
@pytest.mark.parametrize("size", [1, 2, 100])
def test_long_lines(
    stream: bytes, data: bytes | None, oversized: int, size: int
) -> None:
    parts = split([stream[i : i + size] for i in range(0, len(stream), size)])
    expected = stream if data is None else data
    assert b"".join(part.data for part in parts) == expected
    assert sum(part.oversized for part in parts) == oversized
    assert parts[-1].end == len(stream)


def test_a_whole_block_of_whole_lines_is_not_copied() -> None:
    block = b"one\ntwo\n" * 1000
    assert LineSplitter().step(block).data is block


def test_a_line_of_100_mb_costs_little_memory() -> None:
    block = b"x" * 65_536
    splitter = LineSplitter()
    tracemalloc.start()
    for _ in range(100 * 16):
        assert splitter.step(block).data == b""
    after = splitter.step(b"\nnext\n")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (after.data, after.oversized) == (b"next\n", 1)
    assert (after.start, after.end) == (0, 100 * (1 << 20) + 6)
    assert peak < 8 << 20
