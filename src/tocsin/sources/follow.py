"""A file that is being written, followed through rotation for as long as one likes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from tocsin.model.errors import SourceError
from tocsin.model.protocols import Chunk
from tocsin.sources.faults import fault, refuse_compressed
from tocsin.sources.files import closed_if_it_fails, open_plain
from tocsin.sources.generation import (
    FilePosition,
    Generation,
    holds,
    start_of_last_line,
)
from tocsin.sources.lines import MAX_LINE_BYTES, Lines

if TYPE_CHECKING:
    from collections.abc import Iterator

_ABSENT: Final = (FileNotFoundError, NotADirectoryError)


@dataclass(frozen=True, slots=True)
class Bookmark:
    """Where a followed stream stands: its position and its open files, oldest first."""

    at: int
    files: tuple[FilePosition, ...]


class FollowReader:
    """The lines of a file and of the files that take its name after it.

    `read` never waits: with nothing new it returns an empty chunk, and the runner
    decides when to look again. A renamed or deleted file is read to its end, and
    left only when the next one has lines; it stays open until the next rotation or
    its deletion, for those who write to it late. A last line without a newline is
    held back until the newline comes, or its file is left. When a file is truncated
    or overwritten, what is there now is read from its start.

    Positions of chunks count the bytes of the stream in the order they were read:
    in the first file they are its offsets, and each later file goes on from there.

    Raises:
        SourceError: From the start, when the file is there but cannot be read;
            what goes wrong later is told in `trouble` and tried again.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        start: int | Literal["end"] | Bookmark = 0,
        stream: str | None = None,
        max_line_bytes: int = MAX_LINE_BYTES,
    ) -> None:
        """Start at an offset (the start of a line), at the end, or at a bookmark.

        "end" is the start of a line that is being written. A file that appears
        later, or is shorter than `start`, is read from its first byte.
        """
        self.path = Path(path)
        self.stream = str(path) if stream is None else stream
        self.waiting = False
        """Whether there was no file of that name when `read` last looked."""
        self.trouble: str | None = None
        """What went wrong in the last `read`, in a sentence; it will be tried again."""
        self.forgotten: tuple[FilePosition, ...] = ()
        """Files of the bookmark that are gone or changed: parts may be unread."""
        self._max_line_bytes = max_line_bytes
        self._generations: list[Generation] = []
        self._at = 0
        refuse_compressed(self.path)
        try:
            self._begin(start)
        except OSError as error:
            self.close()
            raise fault(self.path, error) from error

    @property
    def pending(self) -> int:
        """How many bytes of unfinished lines are held back."""
        return sum(generation.pending for generation in self._generations)

    @property
    def bookmark(self) -> Bookmark:
        """Where to resume after what `read` has returned so far."""
        files = tuple(generation.position for generation in self._generations)
        return Bookmark(self._at, files)

    def read(self, limit: int) -> Chunk:
        """Return the next lines, about `limit` bytes of them; never waits."""
        self.trouble = None
        caught_up = False
        lines, lost = Lines(b"", 0, 0), 0
        try:
            self._look()
            lines, lost = self._next(limit)
            caught_up = not any(generation.behind for generation in self._generations)
        except OSError as error:
            self.trouble = str(fault(self.path, error))
        return self._chunk(lines, lost=lost, caught_up=caught_up and not self.trouble)

    def finish(self, *, emit: bool) -> Chunk:
        """End the stream: a line held back is given if `emit`, else left unread."""
        lines = Lines(b"", 0, 0)
        for generation in self._generations if emit else ():
            end = generation.finish()
            lines += Lines(end.data, 0, lines.end + end.end - end.start, end.oversized)
        return self._chunk(lines, caught_up=True, ended=True)

    def close(self) -> None:
        """Let go of all files. Idempotent."""
        for generation in self._generations:
            generation.close()
        self._generations.clear()

    def _chunk(
        self, lines: Lines, *, lost: int = 0, caught_up: bool, ended: bool = False
    ) -> Chunk:
        start, end = self._at, self._at + lines.end - lines.start
        self._at = end + lost
        return Chunk(lines.data, start, end, lines.oversized, caught_up, ended, lost)

    def _begin(self, start: int | Literal["end"] | Bookmark) -> None:
        if isinstance(start, Bookmark):
            self._resume(start)
            return
        try:
            fd = open_plain(self.path)
        except _ABSENT:
            self.waiting = True
            return
        with closed_if_it_fails(fd):
            if start == "end":
                start = start_of_last_line(fd, self._max_line_bytes)
            self._at = start if start <= os.fstat(fd).st_size else 0
        self._add(fd, self._at)

    def _resume(self, bookmark: Bookmark) -> None:
        """Open the files of a bookmark under whatever name they have in the folder."""
        self._at = bookmark.at
        self.forgotten = tuple(
            position
            for position in bookmark.files
            if not any(self._take_up(path, position) for path in self._named(position))
        )

    def _named(self, position: FilePosition) -> Iterator[Path]:
        """Names that the file of `position` may have: its own first, then siblings."""
        yield self.path
        try:
            with os.scandir(self.path.parent) as entries:
                names = [e.path for e in entries if e.inode() == position.inode]
        except _ABSENT:
            names = []
        yield from map(Path, names)

    def _take_up(self, path: Path, position: FilePosition) -> bool:
        try:
            fd = open_plain(path)
        except (*_ABSENT, SourceError):
            return False
        with closed_if_it_fails(fd):
            known = holds(fd, position)
        if known:
            self._add(fd, position.offset)
        else:
            os.close(fd)
        return known

    def _add(self, fd: int, start: int = 0) -> None:
        with closed_if_it_fails(fd):
            generation = Generation(fd, start, self._max_line_bytes)
        if generation.identity in self._identities():
            generation.close()
        else:
            self._generations.append(generation)

    def _identities(self) -> set[tuple[int, int]]:
        return {generation.identity for generation in self._generations}

    def _look(self) -> None:
        """Open the file that has our name now, unless it is open already.

        At every read, so that a file that is rotated away while there is a backlog
        before it is not missed.
        """
        self.waiting = False
        try:
            found = os.stat(self.path)  # noqa: PTH116
            if (found.st_dev, found.st_ino) not in self._identities():
                self._add(open_plain(self.path))
        except _ABSENT:
            self.waiting = True
        except OSError as error:
            self.trouble = str(fault(self.path, error))
        except SourceError as error:
            self.trouble = str(error)

    def _next(self, limit: int) -> tuple[Lines, int]:
        """Return lines of the oldest file that has any, and what is lost after them."""
        generations = tuple(self._generations)
        for index, generation in enumerate(generations):
            # Asked before reading: lines written before the move are then read too.
            moved_on = _has_moved_on(generations[index + 1 :])
            lines, lost = generation.read(limit)
            if lines.end > lines.start or lost or generation.behind or not moved_on:
                return lines, lost
            lines = generation.finish()
            if lines.end > lines.start:
                return lines, 0
            if generation.unlinked or index < len(generations) - 2:
                generation.close()
                self._generations.remove(generation)
        return Lines(b"", 0, 0), 0


def _has_moved_on(newer: tuple[Generation, ...]) -> bool:
    """Whether writers have left a file for one of the newer ones."""
    return len(newer) > 1 or any(generation.begun for generation in newer)
