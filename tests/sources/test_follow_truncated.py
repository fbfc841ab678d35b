"""A followed file that is truncated or overwritten where it stands."""

import os
import shutil
from pathlib import Path

import pytest

from tocsin.model.protocols import Chunk
from tocsin.model.records import Loss
from tocsin.sources import FollowReader

PLENTY = 1 << 20


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "access.log"


def write(path: Path, content: bytes) -> None:
    with path.open("ab") as out:
        out.write(content)


def drain(reader: FollowReader) -> bytes:
    """Read until there is nothing new, and return the lines."""
    data = b""
    while True:
        chunk = reader.read(PLENTY)
        data += chunk.data
        if chunk.caught_up and not chunk.data:
            return data


def test_copytruncate(log: Path) -> None:
    write(log, b"one\ntwo\n")
    reader = FollowReader(log)
    drain(reader)
    shutil.copy(log, log.with_name("access.log.1"))
    os.truncate(log, 0)
    assert drain(reader) == b""
    write(log, b"three\n")
    assert reader.read(PLENTY) == Chunk(b"three\n", 8, 14, caught_up=True, begins=True)


def test_what_was_seen_but_not_read_before_a_truncation_is_lost(log: Path) -> None:
    write(log, b"one\ntwo\nthree\n")
    reader = FollowReader(log)
    assert reader.read(4).data == b"one\n"
    os.truncate(log, 0)
    write(log, b"four\n")
    assert reader.read(PLENTY) == Chunk(
        b"", 4, 4, lost=10, losses=(Loss(str(log), 4, 14, more=True),)
    )
    assert reader.read(PLENTY) == Chunk(b"four\n", 14, 19, caught_up=True, begins=True)


def test_the_line_in_progress_ends_where_the_file_is_truncated(log: Path) -> None:
    write(log, b"one\ntor")
    reader = FollowReader(log)
    drain(reader)
    os.truncate(log, 0)
    write(log, b"n\n")
    assert drain(reader) == b"tor\nn\n"


OVERWRITTEN = {
    "shorter than before": b"three\n",
    "as long as before": b"six\nten\n",
    "longer than before": b"three\nfour\nfive\n",
    "the same beginning, then others": b"one\nTWO\nthree\n",
}


@pytest.mark.parametrize("content", OVERWRITTEN.values(), ids=OVERWRITTEN)
def test_truncated_and_written_anew_between_two_looks(
    log: Path, content: bytes
) -> None:
    write(log, b"one\ntwo\n")
    reader = FollowReader(log)
    drain(reader)
    log.write_bytes(content)
    assert drain(reader) == content


def test_only_the_head_differs(log: Path) -> None:
    common = b"the same line\n" * 100
    write(log, b"one\n" + common)
    reader = FollowReader(log)
    drain(reader)
    log.write_bytes(b"two\n" + common + b"more\n")
    assert drain(reader) == b"two\n" + common + b"more\n"


def test_only_the_bytes_before_the_position_differ(log: Path) -> None:
    common = b"the same line\n" * 100
    write(log, common + b"one\n")
    reader = FollowReader(log)
    drain(reader)
    log.write_bytes(common + b"two\nmore\n")
    assert drain(reader) == common + b"two\nmore\n"
