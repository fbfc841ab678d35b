"""Past files that are compressed: read once, from an offset to their end."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from msgspec.structs import replace

from tocsin.model.errors import SourceError
from tocsin.model.protocols import Chunk
from tocsin.model.records import Loss
from tocsin.sources.contents import Archive
from tocsin.sources.disk import Disk
from tocsin.sources.faults import fault
from tocsin.sources.files import FileReader, closed_if_it_fails, head, open_plain, size
from tocsin.sources.lines import MAX_LINE_BYTES, Lines, LineSplitter, take
from tocsin.sources.unpack import kind_of, unpacked

if TYPE_CHECKING:
    from collections.abc import Iterable


PAST_ALL: Final = 1 << 62
"""The offset in an archive that lies behind all it holds, how much that may be."""
_PROBE: Final = 1 << 16


class ArchiveReader:
    """The lines of a compressed file, from the first that begins at `start` or later.

    `start` and the positions count expanded bytes. What an archive lacks that is
    damaged, or not whole, is a loss: nobody knows how long it would have been.

    Raises:
        SourceError: When it cannot be opened, or (from `read`) not be read.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        start: int = 0,
        stream: str | None = None,
        max_line_bytes: int = MAX_LINE_BYTES,
    ) -> None:
        """Open the file; `stream` is its path unless told otherwise."""
        self.path = Path(path)
        self.stream = str(path) if stream is None else stream
        self._archive = _opened(self.path)
        self._ended = start >= PAST_ALL
        self._splitter = LineSplitter(max(0, start - 1), max_line_bytes)
        # The line that holds the byte before `start` began before it.
        self._skips = start > 0

    @property
    def passed(self) -> int:
        """How many bytes of the file itself have been read."""
        return self._archive.passed

    @property
    def left(self) -> int:
        """How many bytes of the file itself are left to read."""
        return 0 if self._ended else max(0, size(self.path) - self.passed)

    def read(self, limit: int) -> Chunk:
        """Return the next lines, about `limit` bytes of them; never waits."""
        if self._ended:
            at = self._splitter.scanned
            return Chunk(b"", at, at, caught_up=True, ended=True)
        try:
            self._skip()
            lines = take(self._splitter, self._block, limit)
        except OSError as error:
            raise fault(self.path, error) from error
        return self._last(lines) if self._is_over() else _chunk(lines)

    def _is_over(self) -> bool:
        return self._ended

    def _last(self, lines: Lines) -> Chunk:
        """Return the last lines, and what is missing after them."""
        broken = self._broken()
        losses = self._losses() if broken else ()
        lines += self._splitter.finish()
        return replace(
            _chunk(lines),
            caught_up=True,
            ended=True,
            lost=sum(loss.bytes for loss in losses),
            losses=losses,
            notes=(f"{self.path}: {broken}",) if broken else (),
        )

    def close(self) -> None:
        """Let go of the file. Idempotent."""
        self._archive.close()
        self._ended = True

    def _block(self, limit: int) -> bytes:
        block = self._archive.block(self._splitter, limit)
        self._ended = not block
        return block

    def _skip(self) -> None:
        """Pass over the line that goes on at the start."""
        while self._skips:
            at = self._splitter.scanned
            block = self._archive.pread(_PROBE, at)
            newline = block.find(b"\n")
            self._skips = bool(block) and newline < 0
            step = newline + 1 if newline >= 0 else len(block)
            self._splitter.start = at + step

    def _broken(self) -> str:
        if self._archive.damage or self._archive.whole or not size(self.path):
            return self._archive.damage
        return "the archive ends in its middle"

    def _losses(self) -> tuple[Loss, ...]:
        """Return what is missing; a line that is torn by it is a part of that."""
        splitter = self._splitter
        start, end = splitter.start, splitter.scanned
        self._splitter = LineSplitter(start, splitter.max_line_bytes)
        return (Loss(str(self.path), start, end, more=True),)


def _chunk(lines: Lines) -> Chunk:
    return Chunk(lines.data, lines.start, lines.end, lines.oversized)


PastReader: TypeAlias = FileReader | ArchiveReader


def past_reader(
    path: Path | str, *, start: int = 0, stream: str | None = None
) -> PastReader:
    """Return what reads a past file, compressed or not, from an offset to its end.

    Raises:
        SourceError: It cannot be opened.
    """
    kind = ArchiveReader if kind_of(str(path)) else FileReader
    return kind(path, start=start, stream=stream)


def first_lines(path: Path | str, limit: int = _PROBE) -> bytes:
    """Return the first whole lines of a file, compressed or not: see `head`.

    Raises:
        SourceError: It cannot be read.
    """
    if not kind_of(str(path)):
        return head(path, limit)
    archive = _opened(Path(path))
    try:
        block = archive.pread(limit, 0)
    except OSError as error:
        raise fault(path, error) from error
    finally:
        archive.close()
    return block[: block.rfind(b"\n") + 1 or None] if len(block) == limit else block


def reaches(path: Path | str, offset: int) -> bool:
    """Whether a file holds anything from an offset on, as far as can be told."""
    return offset < (PAST_ALL if kind_of(str(path)) else size(path))


def without_twins(paths: Iterable[Path]) -> list[Path]:
    """Return paths without archives whose file is still there, uncompressed.

    While a file is being compressed there are both; the archive holds nothing then
    that the file does not.
    """
    every = list(paths)
    plain = {str(path) for path in every}
    return [p for p in every if unpacked(str(p)) not in plain - {str(p)} or _differs(p)]


def _differs(archive: Path) -> bool:
    """Whether an archive holds anything else than the first part of its twin."""
    try:
        found = [Path(name).stat() for name in (archive, unpacked(str(archive)))]
    except OSError:
        return True
    # Who looks for logs looks often: what did not change is compared once.
    return _compared(archive, *((one.st_size, one.st_mtime_ns) for one in found))


@lru_cache(maxsize=256)
def _compared(archive: Path, *stamps: tuple[int, int]) -> bool:
    del stamps  # with them it is another question
    try:
        content, twin = _opened(archive), open_plain(unpacked(str(archive)))
    except (OSError, SourceError):
        return True
    try:
        at = 0
        while block := content.pread(_PROBE, at):
            if os.pread(twin, len(block), at) != block:
                return True
            at += len(block)
    except OSError:
        return True
    finally:
        content.close()
        os.close(twin)
    return False


def _opened(path: Path) -> Archive:
    try:
        fd = open_plain(path)
    except OSError as error:
        raise fault(path, error) from error
    with closed_if_it_fails(fd):
        return Archive(fd, Disk(), kind_of(path.name))
