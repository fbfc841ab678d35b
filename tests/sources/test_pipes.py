"""Descriptors of every kind: nothing waits, nothing is lost."""

import os
import pty
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tocsin.model.errors import SourceError
from tocsin.model.protocols import Chunk
from tocsin.sources import PipeReader, is_pipe, stdin_kind


@pytest.fixture
def pipe() -> Iterator[tuple[PipeReader, int]]:
    out, into = os.pipe()
    reader = PipeReader(out)
    yield reader, into
    reader.close()
    os.close(out)


def test_a_pipe_from_its_first_byte_to_its_end(pipe: tuple[PipeReader, int]) -> None:
    reader, into = pipe
    assert reader.read(100) == Chunk(b"", 0, 0, caught_up=True)
    os.write(into, b"one\ntw")
    assert reader.read(100) == Chunk(b"one\n", 0, 4, caught_up=True)
    assert reader.pending == 2
    assert reader.read(100) == Chunk(b"", 4, 4, caught_up=True)
    os.write(into, b"o\nthree")
    os.close(into)
    assert reader.read(100) == Chunk(b"two\nthree\n", 4, 13, caught_up=True, ended=True)
    assert reader.read(100) == Chunk(b"", 13, 13, caught_up=True, ended=True)


def test_caught_up_only_when_nothing_more_is_readable(
    pipe: tuple[PipeReader, int],
) -> None:
    reader, into = pipe
    os.write(into, b"one\ntwo\n")
    assert reader.read(4) == Chunk(b"one\n", 0, 4, caught_up=False)
    assert reader.read(4) == Chunk(b"two\n", 4, 8, caught_up=True)
    os.close(into)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.lists(st.sampled_from([b"a\n", b"bb", b"\n", b"cccccccccc\n"])),
    st.integers(1, 64),
)
def test_any_writes_and_limits_give_the_same_lines(
    writes: list[bytes], limit: int
) -> None:
    out, into = os.pipe()
    reader = PipeReader(out)
    chunks = []
    for piece in writes:
        os.write(into, piece)
        chunks.append(reader.read(limit))
    os.close(into)
    while not chunks or not chunks[-1].ended:
        chunks.append(reader.read(limit))
    os.close(out)
    whole = b"".join(writes)
    ending = b"" if whole.endswith(b"\n") or not whole else b"\n"
    assert b"".join(chunk.data for chunk in chunks) == whole + ending
    assert chunks[-1].end == len(whole)


@pytest.mark.parametrize("emit", [True, False])
def test_an_interrupted_pipe_gives_or_leaves_its_last_line(
    pipe: tuple[PipeReader, int], *, emit: bool
) -> None:
    reader, into = pipe
    os.write(into, b"one\ntwo")
    reader.read(100)
    data, end, pending = (b"two\n", 7, 0) if emit else (b"", 4, 3)
    assert reader.finish(emit=emit) == Chunk(data, 4, end, caught_up=True, ended=True)
    assert reader.pending == pending
    os.close(into)


def test_the_flags_of_a_shared_descriptor_stay_as_they_are(
    pipe: tuple[PipeReader, int],
) -> None:
    reader, into = pipe
    reader.read(100)
    assert os.get_blocking(reader.fileno())
    os.close(into)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can widen a pipe")
def test_a_pipe_is_widened_for_larger_blocks(pipe: tuple[PipeReader, int]) -> None:
    reader, into = pipe
    os.set_blocking(into, False)
    line = b"x" * 1023 + b"\n"
    assert os.write(into, line * 1024) > 64 * 1024
    assert len(reader.read(1 << 20).data) > 64 * 1024
    os.close(into)


def test_a_file_on_standard_input_is_read_from_where_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "input.csv"
    path.write_bytes(b"header\n" + b"row\n" * 500_000)
    fd = os.open(path, os.O_RDONLY)
    os.read(fd, 7)
    reader = PipeReader(fd)
    chunks = [reader.read(2 << 20)]
    while not chunks[-1].ended:
        chunks.append(reader.read(2 << 20))
    os.close(fd)
    assert chunks[0].start == 7
    assert len(chunks[0].data) > 1 << 20
    assert b"".join(c.data for c in chunks) == b"row\n" * 500_000


def test_a_fifo_waits_for_its_first_writer(tmp_path: Path) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    reader = PipeReader.open(path)
    assert reader.read(100) == Chunk(b"", 0, 0, caught_up=True)
    with path.open("wb") as into:
        into.write(b"one\n")
    assert reader.read(100).data == b"one\n"
    assert reader.read(100).ended
    reader.close()
    reader.close()


def test_a_socket_is_read_to_its_end() -> None:
    near, far = socket.socketpair()
    with near, far:
        reader = PipeReader(near.fileno(), "socket")
        far.sendall(b"one\n")
        assert reader.read(100) == Chunk(b"one\n", 0, 4, caught_up=True)
        far.shutdown(socket.SHUT_WR)
        assert reader.read(100).ended


def test_a_terminal_is_read_when_asked_for() -> None:
    keyboard, screen = pty.openpty()
    reader = PipeReader(screen)
    assert reader.read(100).caught_up
    os.write(keyboard, b"one\n")
    assert reader.read(100).data == b"one\n"
    os.close(keyboard)
    os.close(screen)


def test_a_closed_descriptor_is_one_clear_sentence() -> None:
    out, into = os.pipe()
    os.close(into)
    os.close(out)
    with pytest.raises(SourceError, match="standard input: cannot be read: Bad file"):
        PipeReader(out, "standard input")


def test_a_line_too_long_is_counted_and_the_next_is_read(
    pipe: tuple[PipeReader, int],
) -> None:
    reader, into = pipe
    chunks = []
    for _ in range(64):
        os.write(into, b"x" * 32_768)
        chunks.append(reader.read(1 << 20))
    os.write(into, b"\nnext\n")
    os.close(into)
    chunks.append(reader.read(1 << 20))
    assert [c for c in chunks[:-1] if c.data or c.oversized] == []
    assert (chunks[-1].data, chunks[-1].oversized) == (b"next\n", 1)
    assert chunks[-1].end == 64 * 32_768 + 6


def test_what_standard_input_holds(tmp_path: Path) -> None:
    out, into = os.pipe()
    near, far = socket.socketpair()
    keyboard, screen = pty.openpty()
    with (tmp_path / "f").open("w") as file, Path("/dev/null").open() as null:
        kinds = [
            stdin_kind(fd)
            for fd in (out, near.fileno(), file.fileno(), screen, null.fileno())
        ]
    for fd in (out, into, keyboard, screen):
        os.close(fd)
    near.close()
    far.close()
    assert kinds == ["data", "data", "data", "none", "none"]
    assert stdin_kind(out) == "none"


def test_what_a_pipe_reader_is_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "file").touch()
    paths = (tmp_path / "fifo", tmp_path / "file", tmp_path, tmp_path / "gone")
    assert [is_pipe(path) for path in paths] == [True, False, False, False]
