"""A followed file: what is written is read once, whatever happens to its name."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tocsin.model.errors import SourceError
from tocsin.model.protocols import Chunk
from tocsin.sources import FollowReader
from tocsin.sources.contents import Plain

PLENTY = 1 << 20


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "access.log"


def write(path: Path, content: bytes) -> None:
    with path.open("ab") as out:
        out.write(content)


def rotate(path: Path) -> Path:
    return path.rename(path.with_name(f"{path.name}.1"))


def drain(reader: FollowReader, limit: int = PLENTY) -> bytes:
    """Read until there is nothing new, and return the lines."""
    data = b""
    while True:
        chunk = reader.read(limit)
        data += chunk.data
        if chunk.caught_up and not chunk.data:
            return data


def test_new_lines_are_read_as_they_come(log: Path) -> None:
    write(log, b"one\n")
    reader = FollowReader(log)
    assert reader.stream == str(log)
    assert reader.read(PLENTY) == Chunk(b"one\n", 0, 4, caught_up=True, begins=True)
    assert reader.read(PLENTY) == Chunk(b"", 4, 4, caught_up=True)
    write(log, b"two\nthree\n")
    assert reader.read(4) == Chunk(b"two\n", 4, 8, caught_up=False)
    assert reader.read(PLENTY) == Chunk(b"three\n", 8, 14, caught_up=True)
    reader.close()
    reader.close()


def test_a_line_is_held_back_until_its_newline_comes(log: Path) -> None:
    write(log, b"par")
    reader = FollowReader(log)
    assert reader.read(PLENTY) == Chunk(b"", 0, 0, caught_up=True)
    assert reader.pending == 3
    write(log, b"tial\n")
    assert reader.read(PLENTY).data == b"partial\n"
    assert reader.pending == 0


@pytest.mark.parametrize("emit", [True, False])
def test_the_last_line_is_given_or_left_at_the_end(log: Path, *, emit: bool) -> None:
    write(log, b"one\ntwo")
    reader = FollowReader(log)
    reader.read(PLENTY)
    data, end, pending = (b"two\n", 7, 0) if emit else (b"", 4, 3)
    assert reader.finish(emit=emit) == Chunk(data, 4, end, caught_up=True, ended=True)
    assert reader.pending == pending
    assert reader.bookmark.at == end


STARTS = {
    "the start": (0, b"one\ntwo\nthree\n"),
    "an offset": (4, b"two\nthree\n"),
    "the end is the line being written": ("end", b"three\n"),
    "an offset beyond the end is of another file": (99, b"one\ntwo\nthree\n"),
}


@pytest.mark.parametrize(("start", "expected"), STARTS.values(), ids=STARTS)
def test_starting_at(log: Path, start: int, expected: bytes) -> None:
    write(log, b"one\ntwo\nth")
    reader = FollowReader(log, start=start)
    write(log, b"ree\n")
    assert drain(reader) == expected


def test_the_end_of_a_line_too_long_to_look_through_is_the_end(log: Path) -> None:
    write(log, b"x" * 200_000)
    reader = FollowReader(log, start="end", max_line_bytes=70_000)
    write(log, b"y\nnext\n")
    assert drain(reader) == b"y\nnext\n"


def test_a_file_that_does_not_exist_yet_is_waited_for(tmp_path: Path) -> None:
    log = tmp_path / "later" / "access.log"
    reader = FollowReader(log, start="end")
    assert reader.waiting
    assert reader.read(PLENTY) == Chunk(b"", 0, 0, caught_up=True)
    log.parent.mkdir()
    write(log, b"one\n")
    assert drain(reader) == b"one\n"
    assert (reader.waiting, reader.trouble) == (False, None)


def test_rename_and_create(log: Path) -> None:
    write(log, b"one\ntw")
    reader = FollowReader(log)
    assert drain(reader) == b"one\n"
    old = rotate(log)
    assert drain(reader) == b""
    assert reader.waiting
    write(old, b"o\nthree\n")
    write(log, b"four\n")
    assert drain(reader) == b"two\nthree\nfour\n"
    assert reader.bookmark.at == 19


def test_the_old_file_is_not_left_for_an_empty_one(log: Path) -> None:
    write(log, b"one\n")
    reader = FollowReader(log)
    drain(reader)
    old = rotate(log)
    log.touch()
    write(old, b"tw")
    assert drain(reader) == b""
    write(old, b"o\n")
    assert drain(reader) == b"two\n"
    write(log, b"three\n")
    assert drain(reader) == b"three\n"


def test_a_torn_last_line_of_the_old_file_is_a_line(log: Path) -> None:
    write(log, b"one\ntorn")
    reader = FollowReader(log)
    rotate(log)
    write(log, b"two\n")
    chunks = [reader.read(PLENTY) for _ in range(4)]
    assert [(c.data, c.start, c.end) for c in chunks] == [
        (b"one\n", 0, 4),
        (b"torn\n", 4, 8),
        (b"two\n", 8, 12),
        (b"", 12, 12),
    ]
    assert [c.caught_up for c in chunks] == [False, False, True, True]


def test_lines_written_late_to_the_old_file_are_read(log: Path) -> None:
    write(log, b"one\n")
    reader = FollowReader(log)
    drain(reader)
    old = rotate(log)
    write(log, b"new 1\n")
    assert drain(reader) == b"new 1\n"
    write(old, b"late\n")
    write(log, b"new 2\n")
    assert drain(reader) == b"late\nnew 2\n"


def test_a_backlog_is_read_through_several_rotations(log: Path) -> None:
    reader = FollowReader(log)
    expected = b""
    for number in range(5):
        content = b"".join(b"%d %d\n" % (number, i) for i in range(100))
        write(log, content)
        expected += content
        reader.read(10)
        log.rename(log.with_name(f"{log.name}.{number}"))
    for path in log.parent.iterdir():
        path.unlink()
    data = expected[: reader.bookmark.at] + drain(reader, 64)
    assert data == expected


def open_files() -> int:
    """Count files that are open though they were deleted."""
    held = 0
    for fd in Path("/dev/fd").iterdir():
        try:
            found = os.fstat(int(fd.name))
        except OSError:
            continue
        held += found.st_nlink == 0 and found.st_size == 13
    return held


def test_a_deleted_file_is_read_to_its_end_and_let_go(log: Path) -> None:
    write(log, b"one\n")
    reader = FollowReader(log)
    drain(reader)
    write(log, b"the last\n")
    log.unlink()
    assert drain(reader) == b"the last\n"
    assert open_files() == 1
    write(log, b"two\n")
    assert drain(reader) == b"two\n"
    assert open_files() == 0


def test_every_rotation_lets_go_of_the_file_before_the_last(log: Path) -> None:
    reader = FollowReader(log)
    for number in range(20):
        write(log, b"%d\n" % number)
        drain(reader)
        log.rename(log.with_name(f"{log.name}.{number}"))
    assert len(reader.bookmark.files) <= 2


def test_rotation_of_empty_files_does_not_pile_up(log: Path) -> None:
    write(log, b"one\n")
    reader = FollowReader(log)
    for number in range(20):
        drain(reader)
        log.rename(log.with_name(f"{log.name}.{number}"))
        log.touch()
    assert len(reader.bookmark.files) <= 2
    write(log, b"two\n")
    assert drain(reader) == b"two\n"


def test_a_truncated_file_is_caught_up_beside_one_that_was_left(log: Path) -> None:
    write(log, b"one\n")
    reader = FollowReader(log)
    drain(reader)
    rotate(log)
    write(log, b"two\n")
    drain(reader)
    os.truncate(log, 0)
    assert not reader.read(PLENTY).caught_up
    chunk = reader.read(PLENTY)
    assert (chunk.data, chunk.start, chunk.end, chunk.caught_up) == (b"", 8, 8, True)


def test_a_file_that_is_open_is_not_opened_twice(log: Path) -> None:
    write(log, b"one\n")
    reader = FollowReader(log)
    reader._track._arrive()
    assert drain(reader) == b"one\n"


def test_deleted_and_created_again(log: Path) -> None:
    write(log, b"one\ntwo\n")
    reader = FollowReader(log)
    drain(reader)
    log.unlink()
    write(log, b"three\nfour\nfive\n")
    assert drain(reader) == b"three\nfour\nfive\n"


def test_a_symbolic_link_that_is_pointed_elsewhere(log: Path) -> None:
    first, second = log.with_name("first"), log.with_name("second")
    write(first, b"one\n")
    log.symlink_to(first)
    reader = FollowReader(log)
    drain(reader)
    write(first, b"two\n")
    write(second, b"three\n")
    log.with_name("new").symlink_to(second)
    log.with_name("new").replace(log)
    assert drain(reader) == b"two\nthree\n"


def test_a_file_that_is_renamed_and_back_is_not_read_twice(log: Path) -> None:
    write(log, b"one\n")
    reader = FollowReader(log)
    drain(reader)
    old = rotate(log)
    write(log, b"two\n")
    drain(reader)
    old.replace(log)
    write(log, b"three\n")
    assert drain(reader) == b"three\n"


def test_a_line_too_long_is_counted_once_while_it_grows(log: Path) -> None:
    reader = FollowReader(log, max_line_bytes=10)
    for _ in range(5):
        write(log, b"xxxx")
        assert reader.read(PLENTY).oversized == 0
    assert (reader.pending, reader.bookmark.at) == (20, 0)
    write(log, b"\nshort\n")
    chunk = reader.read(PLENTY)
    assert (chunk.data, chunk.end, chunk.oversized) == (b"short\n", 27, 1)


def test_trouble_is_told_and_tried_again(log: Path) -> None:
    write(log, b"one\n")
    reader = FollowReader(log)
    rotate(log)
    log.mkdir()
    assert reader.read(PLENTY).data == b"one\n"
    assert not reader.read(PLENTY).caught_up
    assert reader.trouble == f"{log}: this is a folder; name the files in it"
    log.rmdir()
    write(log, b"two\n")
    assert drain(reader) == b"two\n"
    assert reader.trouble is None


def test_a_read_error_is_told_and_tried_again(log: Path, tmp_path: Path) -> None:
    write(log, b"one\n")
    reader = FollowReader(log)
    content = reader._track.generations[0].content
    assert isinstance(content, Plain)
    fd = content.fd
    kept, folder = os.dup(fd), os.open(tmp_path, os.O_RDONLY)
    os.dup2(folder, fd)
    assert reader.read(PLENTY) == Chunk(b"", 0, 0, caught_up=False)
    assert "this is a folder" in str(reader.trouble)
    os.dup2(kept, fd)
    assert drain(reader) == b"one\n"
    assert reader.trouble is None
    os.close(kept)
    os.close(folder)


def refused_fifo(path: Path) -> None:
    os.mkfifo(path)


def refused_loop(path: Path) -> None:
    path.symlink_to(path)


REFUSED = {
    "a folder": (Path.mkdir, "this is a folder; name the files in it"),
    "a pipe": (refused_fifo, "this is not a plain file"),
    "a link to itself": (refused_loop, "its symbolic links go in a circle"),
}


@pytest.mark.parametrize(("make", "message"), REFUSED.values(), ids=REFUSED)
def test_what_can_never_be_followed_is_refused_at_once(
    log: Path,
    make: Callable[[Path], None],
    message: str,
) -> None:
    make(log)
    with pytest.raises(SourceError, match=message):
        FollowReader(log)
