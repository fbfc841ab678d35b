"""A writer, what rotates its log, and a follower that is stopped and started: made up.

Times of change are set by hand, one second apart, so that nothing depends on how fast
a test runs.
"""

import bz2
import gzip
import lzma
import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from tocsin.model.protocols import Chunk
from tocsin.model.records import Loss
from tocsin.sources import Bookmark, Crowd, FollowReader
from tocsin.sources.unpack import zstd_module

ZSTD: Final = zstd_module()
PACKERS: Final[dict[str, Callable[[bytes], bytes]]] = {
    ".gz": gzip.compress,
    ".bz2": lambda content: bz2.compress(content, 1),
    ".xz": lzma.compress,
    ".zst": lambda content: bytes(
        ZSTD.compress(content, options={ZSTD.CompressionParameter.checksum_flag: 1})
    ),
}
"""What makes archives: bzip2 in its smallest blocks, zstd with checksums as its own
program writes them."""
PLENTY = 1 << 20
TORN = 8
"""Bytes of a line that was begun and not ended."""


class Writer:
    """A program that writes numbered lines, and what rotates its log."""

    def __init__(self, folder: Path, *, wide: int = 40, packed: str = ".gz") -> None:
        self.path = folder / "access.log"
        self.packed = packed
        """How the names of its archives end."""
        self.lines: list[bytes] = []
        self.places: dict[bytes, tuple[int, int]] = {}
        """Where in its file each line was written."""
        self._clock = 1_700_000_000
        self._wide = wide
        self._half = b""
        self._number = 0
        self._seen: int | None = None
        self.path.touch()
        self.be_seen()
        self.be_touched(self.path)

    @property
    def rotated(self) -> Path:
        """The file that was rotated last."""
        return self._rotated(1)

    def line(self) -> bytes:
        """Make up the next line: no two are alike, nor of equal length for long."""
        number = self._number = self._number + 1
        self.lines.append(b"%06d line %s" % (number, b"." * (number % self._wide)))
        return self.lines[-1] + b"\n"

    def append(self, count: int = 1, path: Path | None = None) -> None:
        """Write lines, after the rest of one that was begun."""
        self.end()
        for _ in range(count):
            self._put(self.line(), path or self.path)

    def begin(self) -> None:
        """Write the first part of a line."""
        self.end()
        line = self.line()
        self._put(line[:TORN], self.path)
        self._half = line[TORN:]

    def end(self) -> None:
        """Write the rest of the line that was begun, if one was."""
        half, self._half = self._half, b""
        if half:
            start = self._put(half, self.path) - TORN
            self.places[self.lines[-1]] = start, start + TORN + len(half)

    def rotate(self, *, create: bool = True, compress: bool = False) -> None:
        """Rename the log as logrotate does, after those before it."""
        self._give_up_half()
        self._seen = None
        if self.path.exists():
            self._shift()
            self.path.rename(self._rotated(1))
            if compress:
                self.compress(self._rotated(1))
        if create:
            self.create()

    def create(self) -> None:
        """Make the log, where it was renamed."""
        self.path.touch()
        self.be_touched(self.path)

    def copytruncate(self, between: int = 0, *, compress: bool = False) -> None:
        """Copy the log and empty it; `between` lines are written in the gap."""
        if not self.path.exists():
            return
        self._give_up_half()
        self._shift()
        # A copy, made after the last line was written.
        shutil.copyfile(self.path, self._rotated(1))
        self.be_touched(self._rotated(1))
        self.append(between)
        os.truncate(self.path, 0)
        self.be_touched(self.path)
        if compress:
            self.compress(self._rotated(1))

    def be_seen(self) -> None:
        """Note that somebody has looked at the file that is there now."""
        self._seen = self.path.stat().st_ino if self.path.exists() else None

    def delete(self) -> None:
        """Remove the log. Of one that came and went unseen, nobody can know."""
        self._give_up_half()
        if not self.path.exists():
            return
        if self.path.stat().st_ino != self._seen:
            gone = set(self.path.read_bytes().split(b"\n"))
            self.lines = [line for line in self.lines if line not in gone]
        self.path.unlink()
        self._seen = None

    def compress(self, path: Path) -> Path:
        """Make an archive of a file, with its time of change, as gzip does."""
        packed = path.with_name(path.name + self.packed)
        found = path.stat()
        packed.write_bytes(PACKERS[self.packed](path.read_bytes()))
        os.utime(packed, ns=(found.st_mtime_ns, found.st_mtime_ns))
        path.unlink()
        return packed

    def _rotated(self, number: int) -> Path:
        return self.path.with_name(f"access.log.{number}")

    def _shift(self) -> None:
        for number in range(40, 0, -1):
            for ending in ("", self.packed):
                old = self.path.with_name(f"access.log.{number}{ending}")
                if old.exists():
                    old.rename(self.path.with_name(f"access.log.{number + 1}{ending}"))

    def _put(self, content: bytes, path: Path) -> int:
        """Append to a file; return where."""
        with path.open("ab") as out:
            start = out.tell()
            out.write(content)
        if content.endswith(b"\n"):
            self.places[self.lines[-1]] = start, start + len(content)
        self.be_touched(path)
        return start

    def _give_up_half(self) -> None:
        """What was begun stays as it is: it is not one of the lines."""
        if self._half:
            self.lines.pop()
            self._half = b""

    def be_touched(self, path: Path) -> None:
        """Give a file a time of change after all others."""
        self._clock += 1
        os.utime(path, (self._clock, self._clock))


class Follower:
    """A reader that is stopped or killed, and started with its bookmark as JSON."""

    def __init__(
        self, path: Path, crowd: Crowd | None = None, start: Bookmark | int = 0
    ) -> None:
        self.path = path
        self.chunks: list[Chunk] = []
        self._crowd = crowd
        self._mark = ""
        self.reader: FollowReader | None = FollowReader(path, start=start, crowd=crowd)
        self._kept = self.reader.bookmark.to_json()

    @property
    def lines(self) -> list[bytes]:
        """All lines that were read, in order."""
        return b"".join(chunk.data for chunk in self.chunks).split(b"\n")[:-1]

    @property
    def losses(self) -> list[Loss]:
        """All that was told to be lost."""
        return [loss for chunk in self.chunks for loss in chunk.losses]

    @property
    def notes(self) -> str:
        """All words about the files."""
        return "\n".join(note for chunk in self.chunks for note in chunk.notes)

    def read(self, limit: int = PLENTY) -> Chunk:
        """Look once."""
        reader = self.start()
        chunk = reader.read(limit)
        self.chunks.append(chunk)
        if chunk.data or chunk.oversized or chunk.losses:
            self._kept = reader.bookmark.to_json()
        return chunk

    def drain(self, limit: int = PLENTY) -> list[bytes]:
        """Look until there is nothing new; return the new lines."""
        before = len(self.chunks)
        while not (chunk := self.read(limit)).caught_up or chunk.data:
            assert not self.start().trouble
        data = b"".join(chunk.data for chunk in self.chunks[before:])
        return data.split(b"\n")[:-1]

    def start(self) -> FollowReader:
        """Start where it was stopped, if it was."""
        if self.reader is None:
            mark = Bookmark.from_json(self._mark)
            self.reader = FollowReader(self.path, start=mark, crowd=self._crowd)
        return self.reader

    def stop(self) -> None:
        """Stop; all that is left is the bookmark."""
        if self.reader is not None:
            self._mark = self.reader.bookmark.to_json()
            self.reader.close()
        self.reader = None

    def kill(self) -> None:
        """Stop; what is left is the bookmark after the last that was read or told."""
        self.stop()
        self._mark = self._kept


def assert_all_once(follower: Follower, lines: Iterable[bytes]) -> None:
    """Each line was read exactly once; beside them only what was torn by a rotation."""
    whole = set(lines)
    assert sorted(line for line in follower.lines if line in whole) == sorted(whole)
    assert all(len(line) == TORN for line in follower.lines if line not in whole)
