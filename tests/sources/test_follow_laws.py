"""Laws of following: any writer, any rotation, any restart; every byte once."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.model.protocols import Chunk
from tocsin.model.records import Loss
from tocsin.sources import Bookmark, FollowReader

PLENTY = 1 << 20


class Writer:
    """A program that writes numbered lines, and what rotates its log."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "access.log"
        self.lines: list[bytes] = []
        self.rotations = 0
        self.path.touch()
        self.old = self.path

    def write(self, path: Path) -> None:
        self.lines.append(b"line %d" % len(self.lines))
        with path.open("ab") as out:
            out.write(self.lines[-1] + b"\n")

    def rotate(self) -> None:
        self.rotations += 1
        self.old = self.path.with_name(f"access.log.{self.rotations}")
        self.path.rename(self.old)
        self.path.touch()


@contextmanager
def writer() -> Iterator[Writer]:
    with tempfile.TemporaryDirectory() as folder:
        yield Writer(Path(folder))


def rest(reader: FollowReader, limit: int) -> list[Chunk]:
    chunks = [reader.read(limit)]
    while chunks[-1].data or not chunks[-1].caught_up:
        chunks.append(reader.read(limit))
    return chunks


def assert_tiled(chunks: list[Chunk]) -> None:
    at = 0
    for chunk in chunks:
        assert chunk.start == at
        at = chunk.end + chunk.lost


steps = st.lists(st.sampled_from("wwwlrR"), max_size=30)
"""Write, write late to the old file, read, and rotate (then look)."""


@settings(deadline=None)
@given(steps, st.integers(1, 40))
def test_rotation_neither_loses_nor_repeats_a_line(
    steps: list[str], limit: int
) -> None:
    with writer() as log:
        reader = FollowReader(log.path)
        chunks = []
        for step in steps:
            if step in "wl":
                log.write(log.path if step == "w" else log.old)
            else:
                if step == "R":
                    log.rotate()
                chunks.append(reader.read(limit))
        chunks += rest(reader, limit)
        reader.close()
    lines = b"".join(chunk.data for chunk in chunks).splitlines()
    assert sorted(lines) == sorted(log.lines)
    assert_tiled(chunks)


@settings(deadline=None)
@given(steps, st.integers(1, 40))
def test_a_restart_anywhere_changes_nothing(steps: list[str], limit: int) -> None:
    with writer() as log:
        reader = FollowReader(log.path)
        mark, chunks = reader.bookmark, []
        reader.close()
        for step in steps:
            if step in "wl":
                log.write(log.path if step == "w" else log.old)
                continue
            if step == "R":
                log.rotate()
            reader = FollowReader(log.path, start=mark)
            assert reader.forgotten == ()
            chunks.append(reader.read(limit))
            mark = reader.bookmark
            reader.close()
        reader = FollowReader(log.path, start=mark)
        chunks += rest(reader, limit)
        reader.close()
    lines = b"".join(chunk.data for chunk in chunks).splitlines()
    assert sorted(lines) == sorted(log.lines)
    assert_tiled(chunks)


@settings(deadline=None)
@given(
    st.lists(st.one_of(st.just(b""), st.binary(min_size=1, max_size=9)), max_size=20),
    st.integers(1, 12),
)
def test_every_byte_seen_before_a_truncation_is_read_or_lost(
    writes: list[bytes], limit: int
) -> None:
    with writer() as log:
        reader = FollowReader(log.path)
        chunks, written = [], 0
        for number, content in enumerate(writes):
            if content:
                mark = b"%d:" % number  # no two contents may be the same
                with log.path.open("ab") as out:
                    out.write(mark + content)
                written += len(mark + content)
            else:
                os.truncate(log.path, 0)
            chunks.append(reader.read(limit))
        chunks += [*rest(reader, limit), reader.finish(emit=True)]
        reader.close()
    assert_tiled(chunks)
    assert chunks[-1].end == written


LONG = b"the same line\n" * 200
CHANGED = {
    "short and overwritten": (b"one\n", b"ONE\nanother\n"),
    "truncated": (b"one\ntwo\n", b"one\n"),
    "other first bytes, same last ones": (b"one\n" + LONG, b"two\n" + LONG),
    "same first bytes, other last ones": (LONG + b"one\n", LONG + b"two\nmore\n"),
}


@pytest.mark.parametrize(("before", "after"), CHANGED.values(), ids=CHANGED)
def test_a_changed_file_is_not_resumed(
    tmp_path: Path, before: bytes, after: bytes
) -> None:
    log = tmp_path / "access.log"
    log.write_bytes(before)
    mark = marked(FollowReader(log))
    log.write_bytes(after)
    resumed = FollowReader(log, start=mark)
    assert resumed.forgotten == mark.files
    start, end = len(before), len(before) + len(after)
    (chunk,) = rest(resumed, PLENTY)[:1]
    assert (chunk.data, chunk.start, chunk.end, chunk.lost) == (after, start, end, 0)
    assert chunk.losses == (Loss(str(log), start, start, more=True),)
    resumed.close()


@pytest.mark.parametrize("limit", [100, 300, PLENTY])
@pytest.mark.parametrize("emit", [True, False])
def test_a_file_that_only_grew_is_resumed(
    tmp_path: Path, limit: int, *, emit: bool
) -> None:
    log = tmp_path / "access.log"
    log.write_bytes(LONG + b"torn")
    mark = marked(FollowReader(log), limit, emit=emit)
    with log.open("ab") as out:
        out.write(b" line\n")
    resumed = FollowReader(log, start=mark)
    assert resumed.forgotten == ()
    assert resumed.read(PLENTY).data == (b" line\n" if emit else b"torn line\n")
    resumed.close()


def marked(
    reader: FollowReader, limit: int = PLENTY, *, emit: bool = False
) -> Bookmark:
    """Read all there is, end the stream and return where it stands."""
    rest(reader, limit)
    reader.finish(emit=emit)
    mark = reader.bookmark
    reader.close()
    return mark
