"""The open files of one followed stream, and what is known of those that were left."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, TypeVar

from tocsin.sources.disk import PATIENCE
from tocsin.sources.generation import Generation
from tocsin.sources.lines import Lines
from tocsin.sources.position import Bookmark, FilePosition, identities
from tocsin.sources.siblings import Found, MovedError, Search, lost_after

if TYPE_CHECKING:
    from collections.abc import Callable

    from tocsin.model.records import Loss
    from tocsin.sources.disk import FileId

_REMEMBERED: Final = 4
"""Files that were left and are still known when they turn up under another name."""
_STUBBORN: Final = 8
"""Looks in a row that may come to nothing because files are renamed all the time."""
_DONE: Final = 256
"""Files that were left and are known as long as the process lives."""
NOTHING: Final = Lines(b"", 0, 0)
T = TypeVar("T")


class Opened:
    """Open files, oldest first. What is lost goes to `losses`, words to `notes`."""

    __slots__ = (
        "_done", "_left", "_max_line_bytes", "_moved", "_patient", "_since",
        "generations", "losses", "notes",
    )  # fmt: skip

    def __init__(self, max_line_bytes: int) -> None:
        self.generations: list[Generation] = []
        self.losses: list[Loss] = []
        self.notes: list[str] = []
        self._max_line_bytes = max_line_bytes
        self._left: tuple[FilePosition, ...] = ()
        self._since: int | None = None
        self._done: tuple[FileId, ...] = ()
        self._patient = True
        self._moved = 0

    @property
    def identities(self) -> tuple[FileId, ...]:
        """Which files are open."""
        return tuple(generation.content.identity for generation in self.generations)

    @property
    def unsure(self) -> bool:
        """Whether what was seen is not believed yet: a size, or which files there are."""
        return self.moving or any(generation.unsure for generation in self.generations)

    @property
    def moving(self) -> bool:
        """Whether files were renamed all the while when they were last looked for."""
        return self._moved > 0

    @property
    def behind(self) -> bool:
        """Whether there is something to read."""
        return any(generation.behind for generation in self.generations)

    @property
    def losable(self) -> bool:
        """Whether a file is still to be read that could not be found again."""
        return any(g.unlinked and (g.behind or g.pending) for g in self.generations)

    def mark(self, at: int) -> Bookmark:
        """Return where to resume when `at` bytes of the stream have been read."""
        files = tuple(generation.position for generation in self.generations)
        return Bookmark(at, files, self._left, self._newest_change())

    def finish(self) -> Lines:
        """End all lines in progress as if their newlines had come."""
        lines = NOTHING
        for generation in self.generations:
            end = generation.finish()
            lines += Lines(end.data, 0, lines.end + end.end - end.start, end.oversized)
        return lines

    def told(self) -> tuple[tuple[Loss, ...], tuple[str, ...]]:
        """Return what was lost and what the user should hear, since it was last asked."""
        for generation in self.generations:
            self.notes += generation.notes
            generation.notes = ()
        if not (self.losses or self.notes):
            return (), ()
        told = tuple(self.losses), tuple(self.notes)
        self.losses, self.notes = [], []
        return told

    def close(self) -> None:
        """Let go of all files. Idempotent."""
        for generation in self.generations:
            generation.close()
        self.generations.clear()

    def _newest_change(self) -> int | None:
        times = [generation.modified for generation in self.generations]
        return max(
            [*times, *([] if self._since is None else [self._since])], default=None
        )

    def _settle(self, search: Search) -> None:
        """Make sure that what was found is all there is.

        Raises:
            MovedError: Files were renamed since they were listed.
        """
        if self._patient and not search.is_settled():
            raise MovedError

    def _steadily(self, find: Callable[[], T]) -> T:
        """Look for files, anew if they are renamed meanwhile; all is found or nothing.

        Raises:
            MovedError: They are renamed all the time: all is as it was.
            OSError: The disk fails: then all is as it was, to be tried again.
        """
        self._patient = self._moved < _STUBBORN
        for _ in range(PATIENCE):
            before, left_behind = list(self.generations), self._left
            told = len(self.losses)
            try:
                found = find()
            except OSError as error:
                for added in self.generations:
                    if added not in before:
                        added.close()
                self.generations[:], self._left = before, left_behind
                del self.losses[told:]
                if not isinstance(error, MovedError):
                    raise
            else:
                self._moved = 0
                return found
        self._moved += 1
        raise MovedError

    def _known(self) -> list[FileId]:
        return [*self.identities, *identities(self._left), *self._done]

    def _add(
        self, found: Found, start: int = 0, index: int | None = None
    ) -> Generation:
        try:
            path = resolved(found.path)
            generation = Generation(found.content, path, start, self._max_line_bytes)
        except BaseException:
            found.content.close()
            raise
        at = len(self.generations) if index is None else index
        self.generations.insert(at, generation)
        return generation

    def _leave(self, generation: Generation) -> None:
        position = generation.position
        if generation.content.damage:
            self.losses.append(lost_after(position))
            self.notes.append(f"{generation.path}: {generation.content.damage}")
        self._since = self._newest_change()
        self._forget_later(position)
        generation.close()
        self.generations.remove(generation)

    def _forget_later(self, position: FilePosition) -> None:
        self._left = (*self._left, position)[-_REMEMBERED:]
        self._done = (*self._done, position.identity)[-_DONE:]


def resolved(path: str) -> str:
    """Return the name to look for later: links may point elsewhere by then."""
    real = os.path.realpath(path)
    return path if real == os.path.abspath(path) else real  # noqa: PTH100
