"""Standard input, pipes, FIFOs and sockets: lines that cannot be read twice."""

from __future__ import annotations

import fcntl
import os
import select
import stat
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final, Literal

from tocsin.model.protocols import Chunk
from tocsin.sources.faults import fault
from tocsin.sources.files import read_block
from tocsin.sources.lines import MAX_LINE_BYTES, Lines, LineSplitter, take
from tocsin.sources.promises import PROMISES

_PIECE: Final = 1 << 16
_LONG: Final = 1 << 20


class PipeReader:
    """The lines that come out of a descriptor, whatever stands behind it.

    `read` never waits: it takes what is there, without changing the descriptor's
    flags, which other programs share. `caught_up` means that nothing more could be
    read, `ended` that the other side has closed. A last line without a newline is
    given when the stream ends. A regular file is read from where its descriptor
    stands to its end; positions are then offsets in the file, else they begin at 0.
    """

    promise = PROMISES["standard input, FIFO"]

    def __init__(
        self, fd: int, name: str = "-", *, max_line_bytes: int = MAX_LINE_BYTES
    ) -> None:
        """Read from `fd`, which stays open when the reader is closed."""
        self.stream = name
        self._fd = fd
        self._owned = False
        self._ended = False
        try:
            self._is_file = stat.S_ISREG(os.fstat(fd).st_mode)
            start = os.lseek(fd, 0, os.SEEK_CUR) if self._is_file else 0
        except OSError as error:
            raise fault(name, error) from error
        self._splitter = LineSplitter(start, max_line_bytes)
        self._is_terminal = os.isatty(fd)
        self._poll = select.poll()
        self._poll.register(fd, select.POLLIN)
        _widen(fd)

    @classmethod
    def open(
        cls, path: Path | str, *, max_line_bytes: int = MAX_LINE_BYTES
    ) -> PipeReader:
        """Open a FIFO, or a pipe that has a name; a FIFO need not have a writer yet.

        Raises:
            SourceError: When it cannot be opened.
        """
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError as error:
            raise fault(path, error) from error
        reader = cls(fd, str(path), max_line_bytes=max_line_bytes)
        reader._owned = True
        return reader

    @property
    def pending(self) -> int:
        """How many bytes of an unfinished line are held back."""
        return self._splitter.pending

    def fileno(self) -> int:
        """Return the descriptor: wait on it until there is something to read."""
        return self._fd

    def read(self, limit: int) -> Chunk:
        """Return the next lines, about `limit` bytes of them; never waits.

        Raises:
            SourceError: When the descriptor cannot be read.
        """
        try:
            lines = take(self._splitter, self._block, limit)
            caught_up = self._ended or not self._readable()
        except OSError as error:
            raise fault(self.stream, error) from error
        if self._ended:
            lines += self._splitter.finish()
        return self._chunk(lines, caught_up=caught_up)

    def finish(self, *, emit: bool) -> Chunk:
        """End the stream here: a line held back is given if `emit`, else left."""
        at = self._splitter.start
        lines = self._splitter.finish() if emit else Lines(b"", at, at)
        self._ended = True
        return self._chunk(lines, caught_up=True)

    def close(self) -> None:
        """Let go of the descriptor; close it if the reader opened it. Idempotent."""
        if self._owned:
            os.close(self._fd)
        self._owned = False
        self._ended = True

    def _chunk(self, lines: Lines, *, caught_up: bool) -> Chunk:
        return Chunk(
            data=lines.data,
            start=lines.start,
            end=lines.end,
            oversized=lines.oversized,
            caught_up=caught_up,
            ended=self._ended,
        )

    def _block(self, limit: int) -> bytes:
        if self._ended:
            return b""
        if self._is_file:
            block = read_block(self._fd, self._splitter, min(limit, self._room()))
            self._ended = not block
            return block
        # Of a line that is too long to keep, no more is held than must be.
        room = min(limit, _LONG) if self._splitter.dropped else limit
        return b"".join(self._pieces(room))

    def _room(self) -> int:
        return max(1, os.fstat(self._fd).st_size - self._splitter.scanned)

    def _pieces(self, room: int) -> list[bytes]:
        pieces = []
        while room > 0 and self._readable():
            piece = self._piece(min(room, _PIECE))
            if not piece:
                break
            pieces.append(piece)
            room -= len(piece)
        return pieces

    def _piece(self, room: int) -> bytes:
        try:
            piece = os.read(self._fd, room)
        except BlockingIOError:  # somebody else took it, or it was a false alarm
            return b""
        self._ended = not piece
        return piece

    def _readable(self) -> bool:
        if self._is_terminal:  # poll does not know terminals on every system
            return bool(select.select([self._fd], [], [], 0)[0])
        return bool(self._poll.poll(0))


def _widen(fd: int) -> None:
    """Let a pipe hold more, where that can be done: fewer, larger blocks."""
    if sys.platform == "linux" and stat.S_ISFIFO(os.fstat(fd).st_mode):
        with suppress(OSError):  # above the user's share of pipe memory
            wanted = max(_LONG, fcntl.fcntl(fd, fcntl.F_GETPIPE_SZ))
            fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, wanted)


def is_pipe(path: Path | str) -> bool:
    """Whether a path names a FIFO, a socket or a device: what `PipeReader` is for."""
    try:
        mode = Path(path).stat().st_mode
    except OSError:
        return False
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)


def stdin_kind(fd: int = 0) -> Literal["data", "none"]:
    """Say whether standard input is there to be read.

    It is when it is a file, a pipe or a socket; a terminal, `/dev/null` (cron,
    containers) and a closed descriptor hold nothing.
    """
    try:
        mode = os.fstat(fd).st_mode
    except OSError:
        return "none"
    kinds = (stat.S_ISREG, stat.S_ISFIFO, stat.S_ISSOCK)
    return "data" if any(is_kind(mode) for is_kind in kinds) else "none"
