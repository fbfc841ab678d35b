"""A file that is being written, followed through rotation for as long as one likes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from tocsin.model.errors import SourceError
from tocsin.model.protocols import Chunk
from tocsin.sources.crowd import Crowd
from tocsin.sources.disk import ABSENT
from tocsin.sources.faults import fault, refuse_compressed
from tocsin.sources.lines import MAX_LINE_BYTES, Lines
from tocsin.sources.opened import NOTHING
from tocsin.sources.position import Bookmark, FilePosition
from tocsin.sources.promises import PROMISES
from tocsin.sources.siblings import MovedError
from tocsin.sources.track import Track

if TYPE_CHECKING:
    from pathlib import Path

    from tocsin.sources.disk import FileId, Look

_CALM: Final = 4
"""Looks without news after which name, size and time of change are believed."""
_LATE: Final = 16
"""Every so many looks, those who write late to a file that was left are looked for."""


class FollowReader:
    """The lines of a file and of the files that take its name after it.

    `read` never waits: with nothing new it returns an empty chunk, and the runner
    decides when to look again. A renamed or deleted file is read to its end, and
    left only when the next one has lines; it stays open until the next rotation or
    its deletion, for those who write to it late. Files that came and went between
    two looks are found among its rotated siblings, also compressed. A last line without
    a newline is held back until the newline comes, or its file is left. When a file is
    truncated or overwritten, the unread rest is looked for in a copy, and what is
    there now is read from its start. What is lost is told, with path and range.

    Positions of chunks count the bytes of the stream in the order they were read:
    in the first file they are its offsets, and each later file goes on from there.

    Raises:
        SourceError: From the start, when the file is there but cannot be read;
            what goes wrong later is told in `trouble` and tried again.
    """

    __slots__ = (
        "_at", "_calm", "_crowd", "_resting", "_signature", "_track",
        "stream", "trouble", "unsure", "waiting",
    )  # fmt: skip
    promise = PROMISES["files"]

    def __init__(
        self,
        path: Path | str,
        *,
        start: int | Literal["end"] | Bookmark = 0,
        stream: str | None = None,
        max_line_bytes: int = MAX_LINE_BYTES,
        crowd: Crowd | None = None,
    ) -> None:
        """Start at an offset (the start of a line), at the end, or at a bookmark.

        "end" is the start of a line that is being written. A file that appears
        later, or is shorter than `start`, is read from its first byte. Readers that
        share a `crowd` share its budget of descriptors.
        """
        name = str(path)
        self.stream = name if stream is None else stream
        self.waiting = False
        """Whether there was no file of that name when `read` last looked."""
        self.unsure = False
        """Whether `read` shall look again before it believes what it saw."""
        self.trouble: str | None = None
        """What went wrong in the last `read`, in a sentence; it will be tried again."""
        self._crowd = crowd or Crowd()
        name = self.stream if name == self.stream else name  # it is kept but once
        self._track = Track(name, self._crowd.disk, max_line_bytes)
        self._at = 0
        self._resting: Bookmark | None = None
        self._calm = 0
        self._signature: int | None = None
        refuse_compressed(self.path)
        self._crowd.members += 1
        try:
            self._begin(start)
        except OSError as error:
            self.close()
            raise fault(self.path, error) from error
        self._crowd.holds(self, len(self._track.generations))

    @property
    def path(self) -> Path:
        """The name that is followed."""
        return self._track.path

    @property
    def pending(self) -> int:
        """How many bytes of unfinished lines are held back."""
        return sum(generation.pending for generation in self._track.generations)

    @property
    def bookmark(self) -> Bookmark:
        """Where to resume after what `read` has returned so far."""
        return self._resting or self._track.mark(self._at)

    @property
    def forgotten(self) -> tuple[FilePosition, ...]:
        """Files of the bookmark that are gone or changed: parts may be unread."""
        return self._track.forgotten

    @property
    def identities(self) -> tuple[FileId, ...]:
        """Which files are read, whether or not they are closed to save descriptors."""
        if self._resting:
            return tuple(position.identity for position in self._resting.files)
        return self._track.identities

    def read(self, limit: int) -> Chunk:
        """Return the next lines, about `limit` bytes of them; never waits."""
        if self._is_calm():
            return Chunk(b"", self._at, self._at, caught_up=True)
        self.trouble = None
        lines, caught_up = NOTHING, False
        try:
            self._wake()
            self._look()
            lines = self._track.next(limit)
            caught_up = not (self._track.behind or self._track.moving)
        except MovedError:
            pass  # it is `unsure`, and looks again
        except OSError as error:
            self.trouble = str(fault(self.path, error))
        self.unsure = self._track.unsure
        chunk = self._chunk(lines, caught_up=caught_up and not self.trouble)
        self._note_calm(chunk)
        self._crowd.holds(self, len(self._track.generations))
        return chunk

    def finish(self, *, emit: bool) -> Chunk:
        """End the stream: a line held back is given if `emit`, else left unread."""
        lines = self._track.finish() if emit else NOTHING
        return self._chunk(lines, caught_up=True, ended=True)

    def move_to(self, path: Path) -> None:
        """Follow the file of another name from now on, after the present one."""
        self._track.name = str(path)
        self._calm = 0

    def doze(self) -> bool:
        """Close all files, if they can be found again; `read` opens them when needed."""
        if self._track.losable or self._track.losses:
            return False
        self._resting = self._track.mark(self._at)
        self._track.close()
        return True

    def close(self) -> None:
        """Let go of all files. Idempotent."""
        self._track.close()
        self._crowd.holds(self, 0)

    def _begin(self, start: int | Literal["end"] | Bookmark) -> None:
        if isinstance(start, Bookmark):
            self._at = start.at
            try:
                self._track.resume(start)
            except MovedError:
                self._track.close()
                self._resting = start
                return
            # Until what is lost has been told, the old bookmark is the true one.
            self._resting = start if self._track.losses else None
            return
        at = self._track.begin(start)
        self.waiting = at is None
        self._at = at or 0

    def _wake(self) -> None:
        """Open the files again that were closed to save descriptors."""
        if self._resting and not self._track.losses:
            self._crowd.make_room(len(self._resting.files) or 1)
            try:
                self._track.resume(self._resting)
            except OSError:
                self._track.close()
                self._track.losses.clear()
                raise
        self._resting = None

    def _look(self) -> None:
        """Open the file that has our name now, unless it is open already.

        At every read, so that a file that is rotated away while there is a backlog
        before it is not missed.
        """
        self.waiting = False
        try:
            self._track.look()
        except ABSENT:
            self.waiting = True
        except MovedError:
            pass  # what is open is read all the same
        except OSError as error:
            self.trouble = str(fault(self.path, error))
        except SourceError as error:
            self.trouble = str(error)

    def _chunk(self, lines: Lines, *, caught_up: bool, ended: bool = False) -> Chunk:
        losses, notes = self._track.told()
        lost = sum(loss.bytes for loss in losses)
        start, end = self._at, self._at + lines.end - lines.start
        self._at = end + lost
        return Chunk(
            data=lines.data,
            start=start,
            end=end,
            oversized=lines.oversized,
            caught_up=caught_up,
            ended=ended,
            lost=lost,
            losses=losses,
            notes=notes,
            begins=bool(lines.data) and not (lines.start or ended),
        )

    def _is_calm(self) -> bool:
        """Whether nothing has happened, as far as the name tells: one look at most."""
        if self._calm < _CALM:
            return False
        self._calm += 1
        if self._calm % self._crowd.pause(self._calm):
            return True
        if len(self._track.generations) > 1 and self._calm % _LATE == 0:
            return False
        try:
            calm = (
                _signature(self._crowd.disk.look(self._track.name)) == self._signature
            )
        except OSError:
            calm = False
        self._calm = self._calm if calm else 0
        return calm

    def _note_calm(self, chunk: Chunk) -> None:
        if not self._crowd.most_open:
            return
        signature = None
        quiet = chunk.caught_up and chunk.end == chunk.start and not self.unsure
        if quiet and not self.waiting and self._track.generations:
            try:
                signature = _signature(self._track.generations[-1].content.look())
            except OSError:  # the next read tells of it
                signature = None
        same = signature is not None and signature == self._signature
        self._calm = self._calm + 1 if same else 0
        self._signature = signature


def _signature(found: Look) -> int:
    """Return what tells how a file stands from how it stood before, in few bytes."""
    return hash(found)
