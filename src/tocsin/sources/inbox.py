"""Lines that come by themselves, until they are asked for: in bounded memory."""

from __future__ import annotations

import os
from collections import deque
from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING, Final

from tocsin.model.protocols import Chunk
from tocsin.model.records import Loss

if TYPE_CHECKING:
    from collections.abc import Callable

ROOM: Final = 16 << 20
"""Bytes that wait at most."""
_MOST_NOTES: Final = 5
_PATIENCE: Final = 20
"""Looks after which a loss is told though more is being lost."""


class Inbox:
    """A queue of lines between the thread that takes them in and the one that reads.

    What finds no room is refused (`put` returns None); one that cannot wait tells with
    `lose` what is lost by that. Positions count the bytes of the stream, lost ones
    too. All methods may be called by any thread.
    """

    def __init__(self, name: str, *, at: int = 0, room: int = ROOM) -> None:
        """Begin at a position; hold at most `room` bytes."""
        self.name = name
        self.made_room: Callable[[], None] = lambda: None
        """Called when there is room again, after `put` was refused."""
        self._room = room
        self._lock = Lock()
        self._blocks: deque[bytes] = deque()
        self._held = 0
        self._at = self._end = at
        self._oversized = 0
        self._lost = self._lost_messages = self._told_lost = self._looks = 0
        self._unknown = 0
        self._notes: list[str] = []
        self._unsaid = 0
        self._refused = self._ended = False
        self._out, self._in = os.pipe()
        os.set_blocking(self._out, False)
        os.set_blocking(self._in, False)

    @property
    def at(self) -> int:
        """The position after all that was taken."""
        return self._at

    def fileno(self) -> int:
        """Return a descriptor that becomes readable when there is something to take."""
        return self._out

    def put(
        self, lines: bytes, oversized: int = 0, *, force: bool = False
    ) -> int | None:
        """Add whole lines; return the position after them, None if there is no room.

        `oversized` counts lines that were too long to be kept. There is always room
        when nothing waits, and with `force`: for the last lines of all.
        """
        with self._lock:
            if self._ended or not (force or self._fits(len(lines))):
                self._refused = True
                return None
            if lines:
                self._blocks.append(lines)
                self._held += len(lines)
                self._end += len(lines)
            self._oversized += oversized
            end = self._end
        self._wake()
        return end

    def _fits(self, size: int) -> bool:
        return not self._held or self._held + size <= self._room

    def lose(self, size: int, messages: int = 1) -> None:
        """Note messages that are lost, of so many bytes; 0 if nobody knows how many."""
        with self._lock:
            self._lost += size
            self._lost_messages += messages
            self._unknown += 0 if size else messages
        self._wake()

    def note(self, text: str) -> None:
        """Have something said; of many words at once, only a few."""
        with self._lock:
            if len(self._notes) < _MOST_NOTES:
                self._notes.append(text)
            else:
                self._unsaid += 1
        self._wake()

    def end(self) -> None:
        """Say that nothing more will come."""
        with self._lock:
            self._ended = True
        self._wake()

    def take(self, limit: int) -> Chunk:
        """Return what has come, at least one block and about `limit` bytes at most."""
        with suppress(BlockingIOError):
            os.read(self._out, 1 << 16)
        with self._lock:
            chunk = self._chunk(b"".join(self._next(limit)))
            freed = self._refused and self._held * 2 <= self._room
            self._refused = self._refused and not freed
            more = bool(self._blocks)
        if more:
            self._wake()
        if freed:
            self.made_room()
        return chunk

    def close(self) -> None:
        """Let go of the descriptors. Idempotent."""
        with self._lock:
            self._ended = True
            out, self._out, into, self._in = self._out, -1, self._in, -1
        if out >= 0:
            os.close(out)
            os.close(into)

    def _next(self, limit: int) -> list[bytes]:
        blocks: list[bytes] = []
        while self._blocks and (limit > 0 or not blocks):
            blocks.append(self._blocks.popleft())
            limit -= len(blocks[-1])
            self._held -= len(blocks[-1])
        return blocks

    def _chunk(self, data: bytes) -> Chunk:
        start, end = self._at, self._at + len(data)
        empty = not self._blocks
        lost, notes, losses = 0, self._said(), tuple[Loss, ...]()
        if empty and self._is_told():
            lost, messages, more = self._lost, self._lost_messages, self._unknown > 0
            losses = (Loss(self.name, end, end + lost, more=more),)
            notes = (*notes, f"{messages} messages came faster than they were read")
            self._lost = self._lost_messages = self._told_lost = self._unknown = 0
            self._end += lost
        self._at = end + lost
        oversized, self._oversized = (
            (self._oversized, 0) if empty else (0, self._oversized)
        )
        return Chunk(
            data=data,
            start=start,
            end=end,
            oversized=oversized,
            caught_up=empty,
            ended=self._ended and empty,
            lost=lost,
            losses=losses,
            notes=notes,
        )

    def _is_told(self) -> bool:
        """Whether to tell of losses now: not at each look while there are more."""
        self._looks += 1
        grew, self._told_lost = (
            self._lost_messages != self._told_lost,
            self._lost_messages,
        )
        due = bool(self._lost_messages) and (
            not grew or self._ended or self._looks >= _PATIENCE
        )
        if due or not self._lost_messages:
            self._looks = 0
        return due

    def _said(self) -> tuple[str, ...]:
        said, self._notes = tuple(self._notes), []
        if self._unsaid:
            said, self._unsaid = (*said, f"and {self._unsaid} more of the like"), 0
        return said

    def _wake(self) -> None:
        with suppress(OSError):  # full, or closed: then nobody needs to be woken
            os.write(self._in, b"!")
