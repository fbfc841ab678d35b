"""One file that somebody is writing to, recognised by what stood in it before."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from tocsin.sources.disk import PATIENCE
from tocsin.sources.lines import MAX_LINE_BYTES, Lines, LineSplitter, take
from tocsin.sources.position import HEAD, MARKER, TELLING, FilePosition, digest

if TYPE_CHECKING:
    from tocsin.sources.contents import Content
    from tocsin.sources.disk import Look

_OVERLAP: Final = 32
"""Bytes before the end that must be as they were, if a file was but shortened."""


class Generation:
    """The content of one open file, from its first byte until it is written anew.

    Before anything that was read is believed, the bytes that stood before it are
    read again: so a file that was truncated is noticed even if it has grown past
    the old offset in the meantime. (A file that was rewritten with the very same
    bytes cannot be told from one that was not.) A file that seems to have shrunk is
    believed at the second look: network file systems show an old size at times.
    """

    __slots__ = (
        "_doubted", "_head", "_marker", "_seen", "_splitter", "_tail", "_zeros",
        "content", "modified", "notes", "path", "replaced", "unsure",
    )  # fmt: skip

    def __init__(
        self,
        content: Content,
        path: str,
        start: int = 0,
        max_line_bytes: int = MAX_LINE_BYTES,
    ) -> None:
        """Take over `content`, and read from `start`, the start of a line."""
        self.path = path
        self.content = content
        self.unsure = False
        """Whether the last look showed a size that is not believed yet."""
        self.replaced = False
        """Whether the content that was read is gone: see `start_over`."""
        self.notes: tuple[str, ...] = ()
        """What the user should hear of, once."""
        found = content.look()
        self.modified = found.modified
        # Of an archive, the size is a guess until it has been read to its end.
        self._seen = start if content.archived else max(start, found.size)
        self._doubted = False
        self._splitter = LineSplitter(start, max_line_bytes)
        known = HEAD if content.archived else min(HEAD, self._seen)
        self._head = content.pread(known, 0)
        self._tail = self._marker = self._before(start)
        # No line ends in zeros: if they stand before the start, a hole goes on.
        self._zeros = 0 if self._tail.strip(b"\0") else start

    @property
    def size(self) -> int:
        """How long the file is now."""
        return self.content.look().size

    @property
    def begun(self) -> bool:
        """Whether anything has been written to it, though it may have been emptied."""
        return self._splitter.scanned > 0 or not self.blank or self.size > 0

    @property
    def blank(self) -> bool:
        """Whether nothing is known of it by which it could be told to be another."""
        return not self._head

    @property
    def passable(self) -> bool:
        """Whether lines may come and go in it unseen: nothing is known of it yet."""
        return self.blank and not self.content.archived

    @property
    def behind(self) -> bool:
        """Whether there is something to read, or to start over with."""
        unread = not (self._splitter.scanned or self.blank)  # though it is empty now
        return unread or self.size != self._splitter.scanned

    @property
    def intact(self) -> bool:
        """Whether what was read, and what it began with, is still there."""
        if self.content.archived:
            return True
        head = self.content.pread(len(self._head), 0)
        at = self._splitter.scanned - len(self._tail)
        tail = self.content.pread(len(self._tail), at)
        return (head, tail) == (self._head, self._tail)

    @property
    def pending(self) -> int:
        """How many bytes of an unfinished line have been read."""
        return self._splitter.pending

    @property
    def unlinked(self) -> bool:
        """Whether the file has no name any more."""
        return self.content.look().links == 0

    @property
    def position(self) -> FilePosition:
        """Where to resume: at the start of the line that has not ended yet."""
        return FilePosition(
            self.path,
            *self.content.identity,
            self._splitter.start,
            digest(self._head),
            len(self._head),
            digest(self._marker),
            self._seen,
            self.modified,
        )

    def read(self, limit: int) -> Lines:
        """Return the next lines; none, and `replaced`, when they are not there any more."""
        self.unsure = False
        return take(self._splitter, self._block, limit)

    def finish(self) -> Lines:
        """End the line in progress as if its newline had come."""
        self._marker = self._tail
        return self._splitter.finish()

    def present(self) -> tuple[Look, bytes]:
        """Return how the file stands now, and what it begins with: at one moment."""
        for _ in range(PATIENCE):
            before, head = self.content.look(), self.content.pread(HEAD, 0)
            found = self.content.look()
            if found == before:
                break
        return found, head

    def start_over(self, found: Look, head: bytes) -> Lines:
        """Begin with its `present` content; return the old line in progress."""
        lines = self._splitter.finish()
        self._splitter = LineSplitter(0, self._splitter.max_line_bytes)
        self._tail = self._marker = b""
        self._zeros = 0
        self._seen, self.modified, self._head = found.size, found.modified, head
        self.replaced = self._doubted = False
        return lines

    def be_blank(self, modified: int | None) -> None:
        """Take it that the file was empty, and when it was written to last."""
        self._head, self._seen = b"", self._splitter.scanned
        self.modified = self.modified if modified is None else modified

    def is_like(self, head: bytes) -> bool:
        """Whether a file with these first bytes (1024, or all) may be a copy of this."""
        common = min(len(head), len(self._head))
        telling = common >= TELLING or len(head) == len(self._head) > 0
        return telling and head[:common] == self._head[:common]

    def refresh(self) -> None:
        """Look at what has been written since: it may soon have to be known again."""
        if self.content.archived:
            return
        found, head = self.present()
        seen = max(self._seen, found.size)
        if self.intact:  # asked last: what was looked at is of this content
            self._seen, self._head = seen, head
            self.modified = max(self.modified, found.modified)

    def move_to(self, content: Content, path: str) -> None:
        """Go on with another file that holds the same up to here."""
        self.content.close()
        self.content = content
        self.path = path

    def close(self) -> None:
        """Let go of the file. Idempotent."""
        self.content.close()

    def _block(self, limit: int) -> bytes:
        found = self.content.look()
        room = max(0, found.size - self._splitter.scanned)
        if room and self.content.archived:  # there is more, and nobody knows how much
            room = limit
        block = self.content.block(self._splitter, min(limit, room))
        # Only now: had it been replaced before this check, the check would see it.
        if not self.intact:
            self._doubt(found.size)
            return b""
        self._doubted = False
        read = self._splitter.scanned + len(block)
        self._seen = max(self._seen, read if self.content.archived else found.size)
        self.modified = max(self.modified, found.modified)
        return self._without_zeros(self._remembered(block))

    def _doubt(self, size: int) -> None:
        """Find out what has become of content that is not what it was."""
        if size < self._splitter.scanned and not self._doubted:
            self.unsure = self._doubted = True
        elif self._is_shortened(size):
            self._shorten(size)
        else:
            self.replaced = True

    def _is_shortened(self, size: int) -> bool:
        """Whether only the end is gone: the work of an editor."""
        start = self._splitter.scanned - len(self._tail)
        if not start + _OVERLAP <= size < self._splitter.scanned:
            return False
        kept = self._tail[: size - start]
        same = self.content.pread(len(self._head), 0) == self._head[:size]
        return same and self.content.pread(len(kept), start) == kept

    def _shorten(self, size: int) -> None:
        gone = self._splitter.scanned - size
        text = f"{self.path}: it was shortened by {gone} bytes; nothing is read again"
        self.notes += (text,)
        self._splitter = LineSplitter(size, self._splitter.max_line_bytes)
        self._head = self._head[:size]
        self._tail = self._marker = self._before(size)
        self._seen = size
        self._doubted = False

    def _remembered(self, block: bytes) -> bytes:
        """Keep what will be looked for before the next block."""
        at = self._splitter.scanned
        if len(self._head) < HEAD and at + len(block) > len(self._head):
            self._head += block[max(0, len(self._head) - at) :][
                : HEAD - len(self._head)
            ]
        cut = block.rfind(b"\n") + 1
        if cut:
            last = self._tail + block[max(0, cut - MARKER) : cut]
            self._marker = last[-MARKER:]
        self._tail = (self._tail + block[-MARKER:])[-MARKER:]
        return block

    def _without_zeros(self, block: bytes) -> bytes:
        """Pass over the hole that a writer leaves who knows of no truncation."""
        splitter = self._splitter
        if splitter.pending or splitter.start != self._zeros or block[:1] != b"\0":
            return block
        rest = block.lstrip(b"\0")
        splitter.start = self._zeros = self._zeros + len(block) - len(rest)
        if rest:
            text = f"{self.path}: {self._zeros} zero bytes at its start are passed over"
            self.notes += (text,)
        if b"\n" not in rest:
            self._marker = b"\0" * min(MARKER, self._zeros)
        return rest

    def _before(self, offset: int) -> bytes:
        start = max(0, offset - MARKER)
        return self.content.pread(offset - start, start)


def moved_on(newer: tuple[Generation, ...]) -> bool:
    """Whether writers have left a file for one of the newer ones."""
    return len(newer) > 1 or any(generation.begun for generation in newer)


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
