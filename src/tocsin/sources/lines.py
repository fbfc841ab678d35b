"""Raw bytes to whole lines, with positions, in bounded memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_LINE_BYTES: Final = 1 << 20
"""The longest line that is kept unless told otherwise, its newline not counted."""


class Lines(Struct, frozen=True):
    """Whole lines, each with its newline, and the bytes `[start, end)` they came from.

    `oversized` counts lines in that range that were too long to keep: they are not
    in `data`. A last line that lacked its newline is given one.
    """

    data: bytes
    start: int
    end: int
    oversized: int = 0

    def __add__(self, after: Lines) -> Lines:
        """Return both as one range; `after` must begin where this one ends."""
        data = self.data + after.data if after.data else self.data
        return Lines(data, self.start, after.end, self.oversized + after.oversized)


class LineSplitter(Struct):
    """The line that has not ended yet, and where it began: all a splitter remembers.

    However a stream is chopped into blocks, the lines, the positions and the count
    of oversized lines are the same. Holds at most `max_line_bytes`; of a longer line
    only its length. `start` is always the start of a line: a place to resume from.
    """

    start: int = 0
    max_line_bytes: int = MAX_LINE_BYTES
    rest: bytearray | bytes = b""
    dropped: int = 0
    """Bytes of an unfinished line that has grown too long to keep."""

    @property
    def pending(self) -> int:
        """How many bytes of an unfinished line have gone by."""
        return len(self.rest) + self.dropped

    @property
    def scanned(self) -> int:
        """Where the next block begins."""
        return self.start + self.pending

    def step(self, block: bytes) -> Lines:
        """Take the next bytes of the stream and return the lines they complete."""
        cut = block.rfind(b"\n") + 1
        if cut == 0:
            self._hold(block)
            return Lines(b"", self.start, self.start)
        start, end = self.start, self.scanned + cut
        whole, oversized = self._complete(block, cut)
        data, dropped = _without_long(whole, self.max_line_bytes)
        self._restart(end)
        self._hold(block[cut:])
        return Lines(data, start, end, oversized + dropped)

    def finish(self) -> Lines:
        """End the line in progress as if its newline had come."""
        start, end = self.start, self.scanned
        data = bytes(self.rest) + b"\n" if self.rest else b""
        oversized = 1 if self.dropped else 0
        self._restart(end)
        return Lines(data, start, end, oversized)

    def _complete(self, block: bytes, cut: int) -> tuple[bytes, int]:
        """Return the held bytes and `block[:cut]`, less a dropped line's last part."""
        if self.dropped:
            return block[block.find(b"\n") + 1 : cut], 1
        if self.rest:
            return b"".join((self.rest, memoryview(block)[:cut])), 0
        return block[:cut], 0

    def _hold(self, piece: bytes) -> None:
        if self.pending + len(piece) > self.max_line_bytes:
            self.dropped = self.pending + len(piece)
            self.rest = b""
        elif self.rest:
            self.rest += piece
        elif piece:
            self.rest = bytearray(piece)  # it may grow in many steps

    def _restart(self, at: int) -> None:
        self.start = at
        self.dropped = 0
        self.rest = b""


def take(splitter: LineSplitter, block: Callable[[int], bytes], limit: int) -> Lines:
    """Feed blocks until a line ends, `limit` bytes have gone by, or none is left.

    `block` returns at most the number of bytes it is asked for, and none when
    there is nothing to read.
    """
    left = limit
    while left > 0:
        piece = block(left)
        lines = splitter.step(piece)
        if not piece or lines.end > lines.start:
            return lines
        left -= len(piece)
    return Lines(b"", splitter.start, splitter.start)


def _without_long(data: bytes, longest: int) -> tuple[bytes, int]:
    """Return whole lines less those longer than `longest`, and how many those were.

    Looks at a few bytes in each stretch of `longest`, so it costs next to nothing.
    """
    kept: list[bytes] = []
    run = at = 0
    while len(data) - at > longest + 1:
        newline = data.rfind(b"\n", at, at + longest + 1)
        if newline < 0:
            kept.append(data[run:at])
            newline = data.index(b"\n", at + longest + 1)
            run = newline + 1
        at = newline + 1
    if run == 0:
        return data, 0
    return b"".join((*kept, data[run:])), len(kept)
