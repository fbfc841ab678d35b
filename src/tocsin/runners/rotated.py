"""A log and what it was rotated into, given together: read in order, then followed."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from msgspec.structs import replace

from tocsin.sources import past_reader

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tocsin.model.protocols import Chunk
    from tocsin.sources import FollowReader, PastReader


class RotatedReader:
    """The lines of older files from their offsets on, then those of the live one.

    The live one is open from the start: should it be rotated away while the older
    are read, nothing is missed.
    """

    def __init__(self, older: Iterable[tuple[Path, int]], live: FollowReader) -> None:
        self.stream = live.stream
        self.live = live
        self._older = deque(older)
        self.path = self._older[0][0] if self._older else live.path
        """Where the stream begins: what its format is told by."""
        self._reader: PastReader | None = None

    def read(self, limit: int) -> Chunk:
        """Return the next lines; never waits.

        Raises:
            SourceError: When an older file cannot be read.
        """
        while self._older:
            path, start = self._older[0]
            self._reader = self._reader or past_reader(path, start=start)
            chunk = self._reader.read(limit)
            if chunk.ended:
                self._reader.close()
                self._reader = None
                self._older.popleft()
            if chunk.data or chunk.oversized or chunk.lost or chunk.notes:
                first = bool(chunk.data) and chunk.start == 0
                return replace(chunk, caught_up=False, ended=False, begins=first)
        return self.live.read(limit)

    def close(self) -> None:
        """Let go of files. Idempotent."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None
        self._older.clear()
        self.live.close()
