"""Past files: every line once, whatever the ranges and the blocks."""

import os
import tracemalloc
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tocsin.model.errors import SourceError
from tocsin.model.protocols import Chunk
from tocsin.sources.files import FileReader, cut, head, offset_of_line_at, size

SAME_FOLDER = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)


def read_all(reader: FileReader, limit: int = 1 << 16) -> list[Chunk]:
    chunks = [reader.read(limit)]
    while not chunks[-1].ended:
        chunks.append(reader.read(limit))
    reader.close()
    return chunks


def text(chunks: list[Chunk]) -> bytes:
    return b"".join(chunk.data for chunk in chunks)


def terminated(content: bytes) -> bytes:
    return content if content.endswith(b"\n") or not content else content + b"\n"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "access.log"


contents = st.lists(st.sampled_from([b"a", b"bc\n", b"\n", b"def\n", b"x" * 12])).map(
    b"".join
)


@SAME_FOLDER
@given(content=contents, limit=st.integers(1, 64))
def test_any_block_size_gives_the_whole_file(
    log: Path, content: bytes, limit: int
) -> None:
    log.write_bytes(content)
    chunks = read_all(FileReader(log), limit)
    assert text(chunks) == terminated(content)
    assert [a.end for a in chunks] == [b.start for b in chunks[1:]] + [len(content)]


@SAME_FOLDER
@given(content=contents, cuts=st.lists(st.integers(0, 80)), longest=st.integers(1, 20))
def test_any_ranges_give_the_whole_file(
    log: Path, content: bytes, cuts: list[int], longest: int
) -> None:
    log.write_bytes(content)
    whole = read_all(FileReader(log, max_line_bytes=longest), 7)
    bounds = sorted({0, len(content), *(c for c in cuts if c <= len(content))})
    parts = [
        chunk
        for start, end in pairwise(bounds)
        for chunk in read_all(
            FileReader(log, start=start, end=end, max_line_bytes=longest), 7
        )
    ]
    assert text(parts) == text(whole)
    assert sum(c.oversized for c in parts) == sum(c.oversized for c in whole)


@SAME_FOLDER
@given(content=contents, pieces=st.integers(1, 9))
def test_cuts_tile_the_file(log: Path, content: bytes, pieces: int) -> None:
    log.write_bytes(content)
    ranges = cut(log, pieces=pieces)
    assert len(ranges) <= pieces
    assert b"".join(content[a:b] for a, b in ranges) == content
    assert all(a < b for a, b in cut(log, piece_bytes=pieces))


@SAME_FOLDER
@given(content=contents, offset=st.integers(-1, 100))
def test_the_line_at_an_offset_is_the_first_that_begins_there_or_later(
    log: Path, content: bytes, offset: int
) -> None:
    log.write_bytes(content)
    starts = [0, *(i + 1 for i, byte in enumerate(content) if byte == ord("\n"))]
    expected = min((s for s in starts if s >= offset), default=len(content))
    assert offset_of_line_at(log, offset) == min(expected, len(content))


def test_large_blocks_end_at_a_newline_and_are_as_long_as_asked(log: Path) -> None:
    content = b"".join(b"%d some words of a line\n" % i for i in range(200_000))
    log.write_bytes(content)
    chunks = read_all(FileReader(log), 2 << 20)
    assert text(chunks) == content
    assert all(len(c.data) > (2 << 20) - 65_536 for c in chunks[:-1])


def test_a_file_grows_while_it_is_read_but_the_line_in_progress_is_whole(
    log: Path,
) -> None:
    log.write_bytes(b"one\ntw")
    first = FileReader(log, end=3)
    with log.open("ab") as out:
        out.write(b"o\nthree\n")
    assert text(read_all(FileReader(log, end=6))) == b"one\ntwo\n"
    assert text(read_all(first)) == b"one\n"


def test_a_file_that_shrinks_has_lost_the_rest(log: Path) -> None:
    log.write_bytes(b"one\ntwo\nthree\n")
    reader = FileReader(log)
    os.truncate(log, 6)
    chunk = reader.read(100)
    if not chunk.ended:
        chunk = reader.read(100)
    assert (chunk.ended, chunk.end, chunk.lost) == (True, 6, 8)


def test_reading_on_after_the_end_says_so_again(log: Path) -> None:
    log.write_bytes(b"one")
    reader = FileReader(log)
    assert reader.read(100) == Chunk(b"one\n", 0, 3, caught_up=True, ended=True)
    assert reader.read(100) == Chunk(b"", 3, 3, caught_up=True, ended=True)
    reader.close()
    reader.close()


def test_a_line_of_100_mb_costs_little_memory_and_is_counted_once(log: Path) -> None:
    with log.open("wb") as out:
        out.write(b"first\n")
        for _ in range(100):
            out.write(b"x" * (1 << 20))
        out.write(b"\nlast")
    tracemalloc.start()
    chunks = read_all(FileReader(log), 64 << 20)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert text(chunks) == b"first\nlast\n"
    assert sum(c.oversized for c in chunks) == 1
    assert chunks[-1].end == log.stat().st_size
    assert peak < 8 << 20


HEADS = {
    "a short file is its own head": (b"a\nb\n", 100, b"a\nb\n"),
    "an unfinished line is left out of a long one": (b"ab\ncd\nef\n", 4, b"ab\n"),
    "a line that never ends is given as far as it goes": (b"abcdef", 4, b"abcd"),
    "an empty file has none": (b"", 4, b""),
}


@pytest.mark.parametrize(("content", "limit", "expected"), HEADS.values(), ids=HEADS)
def test_head(log: Path, content: bytes, limit: int, expected: bytes) -> None:
    log.write_bytes(content)
    assert head(log, limit) == expected


def test_a_missing_file_is_one_clear_sentence(log: Path) -> None:
    for attempt in (FileReader, size, head, lambda p: offset_of_line_at(p, 3)):
        with pytest.raises(SourceError, match=r"access\.log: there is no such file$"):
            attempt(log)


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="this is a folder; name the files in it"):
        FileReader(tmp_path)


def test_a_fifo_is_refused_without_waiting_for_a_writer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    said = r"not a plain file, but a named pipe\n  hint: tocsin watch \S+ follows it"
    with pytest.raises(SourceError, match=said):
        FileReader(tmp_path / "pipe")


def test_a_line_that_was_begun_does_not_make_the_next_read_a_small_one(
    log: Path,
) -> None:
    log.write_bytes(b"a hundred bytes are enough to be begun\n" * 200_000)
    reader = FileReader(log)
    first = reader.read(1_000)
    assert first.end < 1_000  # the last line of the block is begun
    assert len(reader.read(4 << 20).data) > (4 << 20) - 100
    reader.close()


def test_a_compressed_file_has_no_ranges(tmp_path: Path) -> None:
    path = tmp_path / "access.log.2.gz"
    path.write_bytes(b"\x1f\x8b")
    with pytest.raises(SourceError, match="it is compressed: nobody writes to it"):
        FileReader(path)


def test_a_read_error_names_the_file(log: Path, tmp_path: Path) -> None:
    log.write_bytes(b"one\n")
    reader = FileReader(log)
    folder = os.open(tmp_path, os.O_RDONLY)
    os.dup2(folder, reader.fileno())
    with pytest.raises(SourceError, match=r"access\.log: this is a folder"):
        reader.read(10)
    os.close(folder)
    reader.close()


def test_real_logs_are_read_whole_in_any_ranges(shared_data: Path) -> None:
    paths = [path for path in shared_data.rglob("*") if path.is_file()]
    assert paths
    for path in paths:
        parts = [
            chunk
            for start, end in cut(path, pieces=7)
            for chunk in read_all(FileReader(path, start=start, end=end))
        ]
        assert text(parts) == terminated(path.read_bytes())
