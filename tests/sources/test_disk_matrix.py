"""The fault matrix of following: descriptors, errors and file systems that lie."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from errno import EIO
from pathlib import Path

import pytest
from tests.sources.rotating import Follower, Writer, assert_all_once

from tocsin.sources import Crowd, Disk
from tocsin.sources.disk import FileId, Look

ROOT = Path(__file__).parents[2]


class LyingDisk(Disk):
    """A file system that is mounted anew, or shows an old size, or fails."""

    def __init__(self) -> None:
        self.device = 0
        self.size: int | None = None
        self.broken = False

    def look(self, path: Path | str) -> Look:
        return self._told(super().look(path))

    def look_at(self, fd: int) -> Look:
        if self.broken:
            raise OSError(EIO, os.strerror(EIO))
        return self._told(super().look_at(fd))

    def identify(self, fd: int) -> FileId:
        found = self._told(super().look_at(fd))
        return FileId(found.device, found.inode)

    def _told(self, found: Look) -> Look:
        found = found._replace(
            device=found.device + self.device, inode=found.inode + self.device
        )
        return found if self.size is None else found._replace(size=self.size)


@pytest.fixture
def log(tmp_path: Path) -> Writer:
    return Writer(tmp_path)


MANY = """
import os, resource, socket, sys
from pathlib import Path
from tocsin.sources import Crowd, FollowReader
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
folder = Path(sys.argv[1])
paths = [folder / f"{number}.log" for number in range(500)]
for path in paths:
    path.touch()
crowd = Crowd.of_this_process()
readers = [FollowReader(path, crowd=crowd) for path in paths]
most = 0
read = [b""] * 500
def look():
    global most
    for number, reader in enumerate(readers):
        read[number] += reader.read(1 << 16).data
        assert reader.trouble is None, reader.trouble
        names = (os.path.realpath(f"/proc/self/fd/{fd}") for fd in range(64))
        held = sum(name.startswith(str(folder)) for name in names)
        most = max(most, held)
for turn in range(4):
    for path in paths:
        with path.open("ab") as out:
            out.write(b"%d\\n" % turn)
        if turn == 2:
            path.rename(f"{path}.1")
    look()
    with socket.socket():
        pass
look()
assert all(data == b"0\\n1\\n2\\n3\\n" for data in read), read[:3]
assert 0 < most <= 40, most
print(most)
"""


def test_r17_five_hundred_files_and_sixty_four_descriptors(tmp_path: Path) -> None:
    if not Path("/proc/self/fd").is_dir():
        pytest.skip("there is no /proc on this system")
    done = subprocess.run(
        [sys.executable, "-c", MANY, str(tmp_path)],
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]


def test_a_deleted_file_with_unread_lines_is_never_closed(tmp_path: Path) -> None:
    crowd = Crowd(2)
    logs = []
    for number in range(5):
        (tmp_path / str(number)).mkdir()
        logs.append(Writer(tmp_path / str(number)))
    followers = [Follower(log.path, crowd) for log in logs]
    logs[0].append(10)
    followers[0].read(20)
    logs[0].delete()
    for log, follower in zip(logs[1:], followers[1:], strict=True):
        log.append(2)
        follower.drain()
    logs[0].append(2)
    followers[0].drain()
    assert len(followers[0].lines) == 2 + 10
    assert crowd.open <= 2


def test_idle_files_of_a_crowd_cost_one_look_by_name(log: Writer) -> None:
    crowd = Crowd(1)
    follower = Follower(log.path, crowd)
    log.append()
    follower.drain()
    for _ in range(20):
        follower.read()
    with counted(crowd.disk) as calls:
        for _ in range(10):
            assert follower.read().caught_up
    assert calls == ["look"] * 10
    log.append()
    follower.drain()
    assert_all_once(follower, log.lines)


@contextmanager
def counted(disk: Disk) -> Iterator[list[str]]:
    """Note which calls a disk gets."""
    calls: list[str] = []
    asked = disk.__class__

    class Counting(asked):  # type: ignore[misc,valid-type]
        def __getattribute__(self, name: str) -> object:
            if not name.startswith("_"):
                calls.append(name)
            return super().__getattribute__(name)

    disk.__class__ = Counting
    yield calls
    disk.__class__ = asked


def test_r19_one_file_cannot_be_read_for_a_while(tmp_path: Path) -> None:
    broken = Crowd(0, LyingDisk())
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    bad, good = Writer(tmp_path / "a"), Writer(tmp_path / "b")
    first, second = Follower(bad.path, broken), Follower(good.path)
    disk = broken.disk
    assert isinstance(disk, LyingDisk)
    disk.broken = True
    for log in (bad, good):
        log.append(3)
    assert not first.read().caught_up
    assert "the disk could not read it" in str(first.start().trouble)
    assert len(second.drain()) == 3
    disk.broken = False
    assert len(first.drain()) == 3
    assert first.start().trouble is None


@pytest.mark.parametrize("stopped", [False, True], ids=["running", "stopped"])
def test_r20_the_file_system_is_mounted_anew(log: Writer, *, stopped: bool) -> None:
    disk = LyingDisk()
    follower = Follower(log.path, Crowd(0, disk))
    log.append(20)
    follower.drain()
    if stopped:
        follower.stop()
    disk.device = 1000
    log.append(3)
    follower.drain()
    assert_all_once(follower, log.lines)
    assert follower.losses == []


def test_r20_a_size_that_is_too_small_for_once(log: Writer) -> None:
    disk = LyingDisk()
    follower = Follower(log.path, Crowd(0, disk))
    log.append(20)
    follower.drain()
    disk.size = 30
    chunk = follower.read()
    assert (chunk.data, follower.start().unsure) == (b"", False)
    disk.size = None
    log.append()
    follower.drain()
    assert_all_once(follower, log.lines)
    assert follower.losses == []
