"""One file that somebody is writing to, recognised by what stood in it before."""

from __future__ import annotations

import os
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

from tocsin.sources.files import read_block
from tocsin.sources.lines import MAX_LINE_BYTES, Lines, LineSplitter, take

_HEAD: Final = 1024
_MARKER: Final = 256


@dataclass(frozen=True, slots=True)
class FilePosition:
    """A place in a file, by which it is known again: which file, and what it held.

    `offset` is the start of a line. `head` is the hash of the first `head_bytes`
    bytes of the file, `marker` the hash of the last (at most 256) before `offset`:
    a name or an inode alone may by now belong to another file.
    """

    device: int
    inode: int
    offset: int
    head: str
    head_bytes: int
    marker: str


class Generation:
    """The content of one open file, from its first byte until it is written anew.

    Before anything that was read is believed, the bytes that stood before it are
    read again: so a file that was truncated is noticed even if it has grown past
    the old offset in the meantime. (A file that was rewritten with the very same
    bytes cannot be told from one that was not.)
    """

    def __init__(self, fd: int, start: int, max_line_bytes: int) -> None:
        """Take over `fd`, and read from `start`, which must be the start of a line."""
        found = os.fstat(fd)
        self.identity = (found.st_dev, found.st_ino)
        self._fd = fd
        self._splitter = LineSplitter(start, max_line_bytes)
        self._head = os.pread(fd, min(_HEAD, start), 0)
        self._tail = self._marker = _before(fd, start)
        self._seen = start
        self._replaced = False

    @property
    def size(self) -> int:
        """How long the file is now."""
        return os.fstat(self._fd).st_size

    @property
    def begun(self) -> bool:
        """Whether anything has been written to it."""
        return self._splitter.scanned > 0 or self.size > 0

    @property
    def behind(self) -> bool:
        """Whether there is something to read, or to start over with."""
        return self.size != self._splitter.scanned

    @property
    def pending(self) -> int:
        """How many bytes of an unfinished line have been read."""
        return self._splitter.pending

    @property
    def unlinked(self) -> bool:
        """Whether the file has no name any more."""
        return os.fstat(self._fd).st_nlink == 0

    @property
    def position(self) -> FilePosition:
        """Where to resume: at the start of the line that has not ended yet."""
        offset = self._splitter.start
        head = self._head[:offset]
        return FilePosition(
            *self.identity, offset, _digest(head), len(head), _digest(self._marker)
        )

    def read(self, limit: int) -> tuple[Lines, int]:
        """Return the next lines, and how many bytes after them are lost.

        When the file turns out to have been written anew, the line in progress ends
        there, what was still to be read of the old content is lost as far as its
        size was known, and the new content is read from its start.
        """
        lines = take(self._splitter, self._block, limit)
        if lines.end > lines.start or not self._replaced:
            return lines, 0
        lines, lost = self._start_over()
        if lines.end > lines.start or lost:
            return lines, lost
        return take(self._splitter, self._block, limit), 0

    def finish(self) -> Lines:
        """End the line in progress as if its newline had come."""
        self._marker = self._tail
        return self._splitter.finish()

    def close(self) -> None:
        """Let go of the file. Idempotent."""
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = -1

    def _block(self, limit: int) -> bytes:
        size = self.size
        room = max(0, size - self._splitter.scanned)
        block = read_block(self._fd, self._splitter, min(limit, room))
        # Only now: had it been replaced before this check, the check would see it.
        self._replaced = not self._is_intact()
        if self._replaced:
            return b""
        self._seen = max(self._seen, size)
        self._remember(block)
        return block

    def _is_intact(self) -> bool:
        head = os.pread(self._fd, len(self._head), 0)
        at = self._splitter.scanned - len(self._tail)
        tail = os.pread(self._fd, len(self._tail), at)
        return (head, tail) == (self._head, self._tail)

    def _remember(self, block: bytes) -> None:
        if self._splitter.scanned == len(self._head):
            self._head += block[: _HEAD - len(self._head)]
        cut = block.rfind(b"\n") + 1
        if cut:
            last = self._tail + block[max(0, cut - _MARKER) : cut]
            self._marker = last[-_MARKER:]
        self._tail = (self._tail + block[-_MARKER:])[-_MARKER:]

    def _start_over(self) -> tuple[Lines, int]:
        lines = self._splitter.finish()
        lost = max(0, self._seen - lines.end)
        self._splitter = LineSplitter(0, self._splitter.max_line_bytes)
        self._head = self._tail = self._marker = b""
        self._seen = 0
        self._replaced = False
        return lines, lost


def holds(fd: int, position: FilePosition) -> bool:
    """Whether an open file is the one of `position`, unchanged up to its offset."""
    found = os.fstat(fd)
    if (found.st_dev, found.st_ino) != (position.device, position.inode):
        return False
    head = os.pread(fd, position.head_bytes, 0)
    marker = _before(fd, position.offset)
    return (_digest(head), _digest(marker)) == (position.head, position.marker)


def start_of_last_line(fd: int, longest: int = MAX_LINE_BYTES) -> int:
    """Return where the line begins that is being written: the size, if none is.

    A line that has grown beyond `longest` is not looked through: then the size.
    """
    end = at = os.fstat(fd).st_size
    while at > max(0, end - longest):
        step = min(at, 1 << 16)
        at -= step
        newline = os.pread(fd, step, at).rfind(b"\n")
        if newline >= 0:
            return at + newline + 1
    return end if at else 0


def _before(fd: int, offset: int) -> bytes:
    start = max(0, offset - _MARKER)
    return os.pread(fd, offset - start, start)


def _digest(content: bytes) -> str:
    return blake2b(content, digest_size=16).hexdigest()
