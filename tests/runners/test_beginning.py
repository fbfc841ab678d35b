"""Where a log begins that was never read, on real files that are rotated meanwhile."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tocsin.runners.beginning import Listing, beginning
from tocsin.sources import Bookmark, Disk, FollowReader, expand, families
from tocsin.testing import ManualClock

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tocsin.sources import Family

SECOND = 1_000_000
HOUR = 3600 * SECOND


class Log:
    """A log that is rotated by renaming; each of its files holds a line with a number."""

    def __init__(self, folder: Path, rotations: int) -> None:
        self.path = folder / "app.log"
        self.lines = 0
        self.looks = 0
        self.meanwhile: list[str] = []
        """What happens at the first looks for its files: see `do`."""
        self.do("create")
        for _ in range(rotations):
            self.do("rotate")

    def do(self, what: str) -> None:
        """Move all of its files on by a number (`move`), write a new one (`create`)."""
        if what in {"move", "rotate"}:
            there = sorted(self.path.parent.glob("app.log.*"), reverse=True)
            for old in there:
                old.rename(old.with_suffix(f".{int(old.suffix[1:]) + 1}"))
            self.path.rename(f"{self.path}.1")
        if what in {"create", "rotate"}:
            self.path.write_text(f"{self.lines}\n")
            self.lines += 1

    def look(self) -> list[Family]:
        """Return the families that are there; then the next thing happens."""
        found = families(expand([self.path.parent / "app.log*"]))
        self.looks += 1
        if self.meanwhile:
            self.do(self.meanwhile.pop(0))
        return found

    def begun(self, *, passed: int = 0) -> Bookmark | int:
        """Say where it begins, so long (µs) after its folder was changed last."""
        changed = self.path.parent.stat().st_mtime_ns // 1000
        listing = Listing(self.look, Disk(), ManualClock(changed + passed))
        (family,) = listing.families
        return beginning(family, listing)


def numbers(path: Path, start: Bookmark | int) -> list[int]:
    """Return the numbers of the lines that a follower reads from a beginning."""
    reader = FollowReader(path, start=start)
    found: list[int] = []
    quiet = 0
    while quiet < 3:
        chunk = reader.read(1 << 16)
        found += map(int, chunk.data.split())
        quiet = 0 if chunk.data else quiet + 1
    reader.close()
    return found


@pytest.mark.parametrize(
    ("rotations", "meanwhile"),
    [
        pytest.param(2, [], id="nothing moves"),
        pytest.param(0, [], id="it never was rotated"),
        pytest.param(0, ["rotate"], id="it is rotated for the first time"),
        pytest.param(0, ["rotate", "rotate"], id="it is rotated twice"),
        pytest.param(0, ["move", "create"], id="its next file comes a look later"),
        pytest.param(1, ["rotate"], id="it is rotated once it has been listed"),
        pytest.param(3, ["rotate", "rotate"], id="it is rotated while it is looked at"),
        pytest.param(2, ["rotate"] * 4, id="it is rotated at every look"),
        pytest.param(2, ["move", "create"], id="the next file comes a look later"),
        pytest.param(1, ["rotate", "", "rotate"], id="it is rotated at times"),
    ],
)
def test_a_log_is_read_whole_though_it_is_rotated(
    tmp_path: Path, rotations: int, meanwhile: Sequence[str]
) -> None:
    log = Log(tmp_path, rotations)
    log.meanwhile = list(meanwhile)
    start = log.begun()
    assert numbers(log.path, start) == list(range(log.lines))


def test_where_it_begins_names_each_file_as_it_is_called_now(tmp_path: Path) -> None:
    log = Log(tmp_path, rotations=1)
    log.meanwhile = ["rotate"]
    start = log.begun()
    assert isinstance(start, Bookmark)
    named = [(file.path, file.inode, file.offset) for file in start.files]
    there = [f"{log.path}.2", f"{log.path}.1", f"{log.path}"]
    assert named == [(path, os.stat(path).st_ino, 0) for path in there]  # noqa: PTH116


@pytest.mark.parametrize("written", [b"", b"1\n"], ids=["empty", "with a line"])
def test_what_is_copied_and_emptied_once_it_is_known_where_it_begins_is_read(
    tmp_path: Path, written: bytes
) -> None:
    log = Log(tmp_path, rotations=0)
    log.path.write_bytes(written)
    start = log.begun()
    more = b"".join(b"%d\n" % number for number in range(100, 200))
    log.path.write_bytes(written + more)
    copy = Path(f"{log.path}.1")
    copy.write_bytes(written + more)
    log.path.write_bytes(b"200\n")
    for number, path in enumerate((copy, log.path), 1):  # a second after another
        changed = path.stat().st_mtime + number
        os.utime(path, (changed, changed))
    first = [1] if written else []
    assert numbers(log.path, start) == [*first, *range(100, 201)]


def test_a_log_that_is_not_there_yet_begins_with_its_first_byte(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    listing = Listing(lambda: families([path]), Disk(), ManualClock())
    assert beginning(listing.families[0], listing) == 0


@pytest.mark.parametrize(
    ("passed", "looks"),
    [
        pytest.param(HOUR, 1, id="an hour ago"),
        pytest.param(SECOND, 2, id="a second ago"),
    ],
)
def test_names_are_listed_again_only_where_something_has_lately_moved(
    tmp_path: Path, passed: int, looks: int
) -> None:
    log = Log(tmp_path, rotations=2)
    log.begun(passed=passed)
    assert log.looks == looks
