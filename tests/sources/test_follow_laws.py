"""Laws of following: any writer, any rotation, any restart; every byte once."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.model.protocols import Chunk
from tocsin.sources import FollowReader

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


def test_a_changed_file_is_not_resumed() -> None:
    with writer() as log:
        log.write(log.path)
        reader = FollowReader(log.path)
        reader.read(PLENTY)
        mark = reader.bookmark
        reader.close()
        log.path.write_bytes(b"LINE 0\nanother\n")
        resumed = FollowReader(log.path, start=mark)
        assert [p.offset for p in resumed.forgotten] == [7]
        assert resumed.read(PLENTY) == Chunk(
            b"LINE 0\nanother\n", 7, 22, caught_up=True
        )
        resumed.close()
