"""Past files: read once, from end to end or in ranges, at the cost of a copy."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tocsin.model.errors import SourceError
from tocsin.model.protocols import Chunk
from tocsin.sources.faults import fault, refuse_compressed
from tocsin.sources.lines import MAX_LINE_BYTES, LineSplitter, take

if TYPE_CHECKING:
    from collections.abc import Iterator

_PROBE: Final = 1 << 16
_STEP: Final = 1 << 20


class FileReader:
    """The lines of a file that begin in `[start, end)`: by default, all of them.

    So whatever the cuts, the ranges of a file hold each of its lines exactly once.
    The file is taken as long as it is when opened; if it shrinks while it is read,
    what is missing is `lost`. Positions are byte offsets in the file.

    Raises:
        SourceError: When the file cannot be opened, or (from `read`) not be read.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        start: int = 0,
        end: int | None = None,
        stream: str | None = None,
        max_line_bytes: int = MAX_LINE_BYTES,
    ) -> None:
        """Open the file; `stream` is its path unless told otherwise."""
        self.path = Path(path)
        self.stream = str(path) if stream is None else stream
        self._fd = open_file(self.path)
        try:
            self._end = _line_at(self._fd, _size(self._fd) if end is None else end)
            first = min(_line_at(self._fd, start), self._end)
        except OSError as error:
            self.close()
            raise fault(self.path, error) from error
        self._splitter = LineSplitter(first, max_line_bytes)

    @property
    def left(self) -> int:
        """How many bytes are left to read."""
        return self._end - self._splitter.scanned

    def read(self, limit: int) -> Chunk:
        """Return the next lines, about `limit` bytes of them; never waits."""
        splitter = self._splitter
        try:
            lines = take(splitter, self._block, limit)
            ended = self.left == 0 or not self._block(1)
        except OSError as error:
            raise fault(self.path, error) from error
        lost = self.left if ended else 0
        if ended:
            lines += splitter.finish()
            self._end = splitter.scanned
        return Chunk(
            data=lines.data,
            start=lines.start,
            end=lines.end,
            oversized=lines.oversized,
            caught_up=ended,
            ended=ended,
            lost=lost,
        )

    def fileno(self) -> int:
        """Return the descriptor that is read from, for those who watch it."""
        return self._fd

    def close(self) -> None:
        """Let go of the file. Idempotent."""
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = -1

    def _block(self, limit: int) -> bytes:
        return read_block(self._fd, self._splitter, min(limit, self.left))


def cut(
    path: Path | str, *, pieces: int = 1, piece_bytes: int | None = None
) -> list[tuple[int, int]]:
    """Return ranges that share a file out: so many, or of so many bytes.

    An empty file has none; the last range may be shorter than the others.
    """
    total = size(path)
    step = piece_bytes or max(1, -(-total // pieces))
    return [(start, min(start + step, total)) for start in range(0, total, step)]


def size(path: Path | str) -> int:
    """Return the size of a file in bytes.

    Raises:
        SourceError: When there is no such file.
    """
    try:
        return Path(path).stat().st_size
    except OSError as error:
        raise fault(path, error) from error


def offset_of_line_at(path: Path | str, offset: int) -> int:
    """Return where the first line begins that begins at `offset` or after it.

    The size of the file, if none does.

    Raises:
        SourceError: When the file cannot be read.
    """
    fd = open_file(Path(path))
    try:
        return _line_at(fd, offset)
    except OSError as error:
        raise fault(path, error) from error
    finally:
        os.close(fd)


def head(path: Path | str, limit: int = _PROBE) -> bytes:
    """Return the first whole lines of a file, at most `limit` bytes of them.

    This is what a format wants to see before it reads the file from elsewhere. All
    of `limit` bytes if no line ends in them; the whole file if it is shorter.

    Raises:
        SourceError: When the file cannot be read.
    """
    fd = open_file(Path(path))
    try:
        block = os.pread(fd, limit, 0)
    except OSError as error:
        raise fault(path, error) from error
    finally:
        os.close(fd)
    return block[: block.rfind(b"\n") + 1 or None] if len(block) == limit else block


def open_file(path: Path) -> int:
    """Open a plain file for reading and return its descriptor.

    Raises:
        SourceError: When it cannot be opened, is no plain file, or is compressed.
    """
    refuse_compressed(path)
    try:
        return open_plain(path)
    except OSError as error:
        raise fault(path, error) from error
    except SourceError as error:
        if not path.is_fifo():
            raise
        hint = f"tocsin watch {path} follows it, while somebody writes to it"
        raise SourceError(f"{error}, but a named pipe\n  hint: {hint}") from None


def open_plain(path: Path | str) -> int:
    """Open a plain file, without turning what goes wrong into a sentence.

    Raises:
        OSError: When it cannot be opened, or is a folder.
        SourceError: When it is neither a file nor a folder.
    """
    # Without O_NONBLOCK, opening a FIFO would wait for somebody to write to it.
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    mode = os.fstat(fd).st_mode
    if stat.S_ISREG(mode):
        return fd
    os.close(fd)
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    raise SourceError(f"{path}: this is not a plain file")


@contextmanager
def closed_if_it_fails(fd: int) -> Iterator[None]:
    """Close a descriptor when the block, which was to take it over, raises."""
    try:
        yield
    except BaseException:
        os.close(fd)
        raise


def read_block(fd: int, splitter: LineSplitter, limit: int) -> bytes:
    """Return at most `limit` bytes, which end in a newline if one is near the end.

    A look at the last few bytes first, so that what is read need not be copied to
    be cut at a line's end. Where lines are so long that no newline is found, the
    steps are small: a line of 100 MB must not cost blocks of `limit`.
    """
    position = splitter.scanned
    if splitter.pending > _PROBE:
        limit = min(limit, _STEP)
    if limit > _STEP:
        before = limit - _PROBE
        tail = os.pread(fd, _PROBE, position + before)
        newline = tail.rfind(b"\n")
        if newline >= 0:
            limit = before + newline + 1
        elif tail:
            limit = _STEP
    return os.pread(fd, limit, position)


def _line_at(fd: int, offset: int) -> int:
    """Return the start of the first line at or after `offset`, or the end of all."""
    if offset <= 0:
        return 0
    at = offset - 1
    for block in _blocks(fd, at):
        newline = block.find(b"\n")
        if newline >= 0:
            return at + newline + 1
        at += len(block)
    return min(at, _size(fd))


def _blocks(fd: int, at: int) -> Iterator[bytes]:
    step = 1 << 12
    while block := os.pread(fd, step, at):
        yield block
        at += len(block)
        step = min(step * 2, _STEP)


def _size(fd: int) -> int:
    return os.fstat(fd).st_size
