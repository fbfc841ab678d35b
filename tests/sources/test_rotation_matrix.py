"""The fault matrix of following: rotation. Each test is named for its row."""

import os
import shutil
from pathlib import Path

import pytest
from tests.sources.rotating import PACKERS, Follower, Writer, assert_all_once

from tocsin.model.records import Loss
from tocsin.sources import FollowReader


@pytest.fixture
def log(tmp_path: Path) -> Writer:
    return Writer(tmp_path)


every_kind = pytest.mark.parametrize("packed", PACKERS)


def deleted_but_open(log: Path) -> list[str]:
    """What this process holds open though it has no name any more."""
    folder = Path("/proc/self/fd")
    if not folder.is_dir():
        pytest.skip("there is no /proc on this system")
    found = []
    for fd in folder.iterdir():
        try:
            found.append(str(fd.readlink()))
        except FileNotFoundError:  # the one that listed the folder
            continue
    return [name for name in found if name.startswith(str(log)) and "(deleted)" in name]


def test_r2_the_old_file_is_still_written_after_the_rename(log: Writer) -> None:
    follower = Follower(log.path)
    log.append(5)
    log.rotate()
    for _ in range(100):
        log.append(1, log.rotated)
        log.append(1)
        follower.drain()
    assert_all_once(follower, log.lines)
    assert follower.losses == []


def test_r3_a_backlog_is_read_to_its_end_however_long_that_takes(log: Writer) -> None:
    follower = Follower(log.path)
    log.append(3000)
    follower.read(100)
    log.rotate()
    for _ in range(3000):
        log.append()
        chunk = follower.read(200)
        assert not (chunk.caught_up and chunk.end < 3000 * 13)
    follower.drain()
    assert_all_once(follower, log.lines)


def test_r4_a_deleted_file_is_read_and_then_let_go(log: Writer) -> None:
    follower = Follower(log.path)
    log.append(2000)
    follower.read(100)
    log.rotate()
    log.append()
    follower.read(100)
    log.rotated.unlink()
    assert len(deleted_but_open(log.path)) == 1
    follower.drain()
    follower.read()
    assert deleted_but_open(log.path) == []
    assert_all_once(follower, log.lines)


@pytest.mark.parametrize("compress", [False, True], ids=["plain", "compressed"])
def test_r5_three_rotations_while_nothing_ran(log: Writer, *, compress: bool) -> None:
    follower = Follower(log.path)
    log.append(10)
    follower.read(60)
    follower.stop()
    for _ in range(3):
        log.append(4)
        log.rotate(compress=compress)
    log.append(4)
    follower.drain()
    assert follower.lines == log.lines, "in the order in which they were written"
    assert follower.losses == []


def test_r6_a_new_file_with_the_inode_of_the_old_one(log: Writer) -> None:
    follower = Follower(log.path)
    for _ in range(5):
        log.append(3)
        follower.drain()
        follower.stop()
        log.path.unlink()
        log.append(9)
        follower.drain()
    assert_all_once(follower, log.lines)
    assert [loss.bytes for loss in follower.losses] == [0] * 5


def test_r6_bytes_that_were_seen_and_then_deleted_are_lost(log: Writer) -> None:
    follower = Follower(log.path)
    log.append(9)
    first = follower.read(20)
    size = log.path.stat().st_size
    follower.stop()
    log.delete()
    log.append(3)
    follower.drain()
    assert follower.losses == [Loss(str(log.path), first.end, size, more=True)]
    assert set(follower.lines) == {log.lines[0], *log.lines[9:]}


ALIKE = b"#fields: the same in every file\n" * 40
"""More than the first KiB, by which files are known."""


def test_r7_truncated_while_nothing_ran_and_grown_again(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    log.write_bytes(ALIKE + b"one\n" * 9)
    follower = Follower(log)
    follower.drain()
    follower.stop()
    shutil.copyfile(log, tmp_path / "access.log.1")
    log.write_bytes(ALIKE + b"two\n" * 20)
    assert follower.drain().count(b"two") == 20
    assert follower.lines.count(b"one") == 9


def test_r8_two_files_that_begin_alike_are_two_files(tmp_path: Path) -> None:
    first, second = tmp_path / "first.log", tmp_path / "second.log"
    readers = []
    for path in (first, second):
        path.write_bytes(ALIKE + path.stem.encode() + b"\n")
        readers.append(Follower(path))
    for reader in readers:
        assert reader.drain().count(reader.path.stem.encode()) == 1
        reader.stop()
    first.unlink()
    assert readers[0].drain() == []
    with second.open("ab") as out:
        out.write(b"more\n")
    assert readers[1].drain() == [b"more"]


@pytest.mark.parametrize("gap", [0, 3])
def test_r9_the_unread_rest_is_read_from_the_copy(log: Writer, gap: int) -> None:
    follower = Follower(log.path)
    for _ in range(50):
        log.append(20)
        follower.read(300)
        log.copytruncate(gap)
        log.append(2)
        follower.drain()
    lost = [line for line in log.lines if line not in set(follower.lines)]
    assert len(lost) == 50 * gap, "what was written between copy and truncation"
    assert len(set(follower.lines)) == len(follower.lines)
    assert len(follower.losses) == 50
    assert all(loss.more and loss.path == str(log.path) for loss in follower.losses)


def test_r10_a_writer_that_does_not_notice_the_truncation(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    with log.open("wb", buffering=0) as out:
        out.write(b"x" * 8999 + b"\n")
        follower = Follower(log)
        follower.drain()
        os.truncate(log, 0)
        follower.drain()
        out.write(b"one\ntwo\n")
    assert follower.drain() == [b"one", b"two"]
    assert f"{log}: 9000 zero bytes at its start are passed over" in follower.notes


def test_r11_truncated_and_grown_past_the_offset_between_two_looks(
    log: Writer,
) -> None:
    follower = Follower(log.path)
    log.append(5)
    follower.drain()
    os.truncate(log.path, 0)
    log.append(50)
    follower.drain()
    assert_all_once(follower, log.lines)


def test_r12_the_last_line_is_removed_in_an_editor(log: Writer) -> None:
    follower = Follower(log.path)
    log.append(50)
    follower.drain()
    os.truncate(log.path, log.path.stat().st_size - 20)
    assert follower.drain() == []
    assert "shortened by 20 bytes" in follower.notes
    log.append()
    assert follower.drain() == [log.lines[-1]]


@every_kind
@pytest.mark.parametrize("stopped", [False, True], ids=["running", "stopped"])
def test_r13_the_log_is_renamed_and_then_compressed(
    log: Writer, packed: str, *, stopped: bool
) -> None:
    log.packed = packed
    follower = Follower(log.path)
    log.append(30)
    follower.read(500)
    for _ in range(3):
        if stopped:
            follower.stop()
        log.rotate()
        log.compress(log.rotated)
        log.append(7)
        follower.read(200)
    follower.drain()
    assert_all_once(follower, log.lines)
    assert follower.losses == []


@every_kind
def test_r13_an_archive_is_read_in_large_pieces(log: Writer, packed: str) -> None:
    log.packed = packed
    follower = Follower(log.path)
    log.append(3000)
    follower.read(500)
    follower.stop()
    log.rotate(compress=True)
    for _ in range(5):
        follower.read()
    assert_all_once(follower, log.lines)


@every_kind
def test_r14_an_archive_that_is_still_being_written(log: Writer, packed: str) -> None:
    log.packed = packed
    follower = Follower(log.path)
    log.append(9000)  # several blocks of each kind
    follower.read(500)
    follower.stop()
    log.rotate(compress=True)
    archive = log.rotated.with_name(log.rotated.name + packed)
    whole = archive.read_bytes()
    times = archive.stat().st_mtime_ns
    archive.write_bytes(whole[:-50])
    os.utime(archive, ns=(times, times))
    follower.drain()
    assert len(follower.lines) < 9000
    archive.write_bytes(whole)
    follower.drain()
    assert_all_once(follower, log.lines)


@every_kind
def test_r14_an_archive_that_is_damaged_is_told(log: Writer, packed: str) -> None:
    log.packed = packed
    follower = Follower(log.path)
    log.append(9000)
    follower.read(500)
    follower.stop()
    log.rotate(compress=True)
    archive = log.rotated.with_name(log.rotated.name + packed)
    times = archive.stat().st_mtime_ns
    archive.write_bytes(archive.read_bytes()[:-8] + b"\0" * 8)
    os.utime(archive, ns=(times, times))
    log.append(3)
    log.rotate()
    log.append(3)
    follower.drain()
    log.rotate()
    log.append()
    follower.drain()
    assert "the archive is damaged" in follower.notes
    assert [loss.path for loss in follower.losses] == [f"{log.path}.2{packed}"]
    assert follower.lines[-1] == log.lines[-1]


def test_r15_two_names_of_one_log(log: Writer) -> None:
    alias = log.path.with_name("alias.log")
    alias.symlink_to(log.path)
    follower = Follower(alias)
    log.append(3)
    follower.drain()
    log.append(2)
    log.rotate()
    log.append(2)
    follower.drain()
    assert_all_once(follower, log.lines)


def test_r16_a_link_that_moves_and_dangles(tmp_path: Path) -> None:
    link = tmp_path / "current.log"
    for number in range(2):
        (tmp_path / str(number)).mkdir()
    first, second = tmp_path / "0" / "a.log", tmp_path / "1" / "a.log"
    first.write_bytes(b"one\n")
    link.symlink_to(first)
    follower = Follower(link)
    follower.drain()
    follower.stop()
    with first.open("ab") as out:
        out.write(b"two\n")
    link.unlink()
    link.symlink_to(second)
    assert follower.drain() == [b"two"]
    assert follower.start().waiting
    second.write_bytes(b"three\n")
    assert follower.drain() == [b"three"]


def test_r18_a_storm_of_renames_needs_no_queue(log: Writer) -> None:
    follower = Follower(log.path)
    spare = log.path.with_name("spare")
    spare.touch()
    log.append(10)
    for _ in range(9000):
        spare.rename(spare.with_name("spare.2"))
        spare.with_name("spare.2").rename(spare)
    log.rotate()
    log.append(10)
    follower.drain()
    assert_all_once(follower, log.lines)


@pytest.mark.parametrize("compress", [False, True], ids=["plain", "compressed"])
def test_r5_files_that_came_and_went_are_read_before_a_next_one_comes(
    log: Writer, *, compress: bool
) -> None:
    follower = Follower(log.path)
    log.append(5)
    follower.drain()
    log.rotate(create=False)
    follower.stop()
    for _ in range(2):
        log.append(5)
        log.rotate(create=False, compress=compress)
    follower.drain()
    assert not log.path.exists()
    assert_all_once(follower, log.lines)
    log.append(5)
    follower.drain()
    assert_all_once(follower, log.lines)
    assert follower.losses == []


def test_a_folder_that_is_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    log = folder / "access.log"
    log.write_bytes(b"one\n")
    reader = FollowReader(log)
    folder.rename(tmp_path / "old")
    folder.mkdir()
    log.write_bytes(b"two\n")
    data = b"".join(reader.read(1 << 20).data for _ in range(3))
    assert data == b"one\ntwo\n"
    reader.close()
