"""What stands in an open file: as it is, or compressed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, Protocol

from tocsin.sources.files import closed_if_it_fails, read_block
from tocsin.sources.position import HEAD, MARKER
from tocsin.sources.unpack import DamagedError, kind_of, unpacker

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tocsin.sources.disk import Disk, FileId, Look
    from tocsin.sources.lines import LineSplitter

_PIECE: Final = 1 << 16
_STEP: Final = 1 << 20


class Content(Protocol):
    """The bytes of one file, by their offsets. It owns a descriptor."""

    identity: FileId
    archived: bool
    """Whether it is compressed: then it is never written anew."""
    damage: str
    """Why nothing after what was read can be: empty as long as all is well."""

    def look(self) -> Look:
        """Return how it stands now; `size` is of the content, as far as it is known."""
        ...

    def pread(self, count: int, at: int) -> bytes:
        """Return at most `count` bytes; fewer at the end of what there is."""
        ...

    def block(self, splitter: LineSplitter, limit: int) -> bytes:
        """Return the next bytes for a splitter, at most `limit` of them."""
        ...

    def close(self) -> None:
        """Let go of the file. Idempotent."""
        ...


class Plain:
    """A file as it is."""

    __slots__ = ("_disk", "fd", "identity")
    archived = False
    damage = ""

    def __init__(self, fd: int, disk: Disk) -> None:
        """Take over `fd`."""
        self.fd = fd
        self._disk = disk
        self.identity = disk.identify(fd)

    def look(self) -> Look:
        """Return how it stands now."""
        return self._disk.look_at(self.fd)

    def pread(self, count: int, at: int) -> bytes:
        """Return at most `count` bytes."""
        return os.pread(self.fd, count, at)

    def block(self, splitter: LineSplitter, limit: int) -> bytes:
        """Return the next bytes, up to the end of a line if one is near."""
        return read_block(self.fd, splitter, limit)

    def close(self) -> None:
        """Let go of the file. Idempotent."""
        if self.fd >= 0:
            os.close(self.fd)
        self.fd = -1


class Archive:
    """What was compressed, in one way (`.gz`, …); offsets count expanded bytes.

    Made for reading on: going back begins anew. An archive that is still being
    written gives what it holds, and more when there is more.
    """

    archived = True

    def __init__(self, fd: int, disk: Disk, kind: str = ".gz") -> None:
        """Take over `fd`.

        Raises:
            SourceError: Nothing is installed that could expand it.
        """
        self._fd = fd
        self._disk = disk
        self._kind = kind
        self.identity = disk.identify(fd)
        self.damage = ""
        self._rewind()

    @property
    def promised(self) -> int | None:
        """The size its last bytes speak of (modulo 4 GiB); None if they do not."""
        if self._kind != ".gz":
            return None
        size = self._disk.look_at(self._fd).size
        tail = os.pread(self._fd, 4, max(0, size - 4))
        return int.from_bytes(tail, "little") if len(tail) == 4 else None  # noqa: PLR2004

    @property
    def passed(self) -> int:
        """How many bytes of the file itself have been read."""
        return self._raw - len(self._held)

    @property
    def whole(self) -> bool:
        """Whether all that was read ends where a member ends."""
        return self._member.ended and not self._held

    def look(self) -> Look:
        """Return how it stands; one byte more than was read if there seems to be more."""
        found = self._disk.look_at(self._fd)
        begun = self._full or bool(self._held) or self._raw < found.size
        more = begun and not self.damage
        return found._replace(size=self._at + more)

    def pread(self, count: int, at: int) -> bytes:
        """Return at most `count` bytes; slow if `at` lies before what was read last."""
        if at < self._at:
            self._rewind()
        while self._at < at and self._inflate(min(at - self._at, _PIECE)):
            pass
        if self._at != at:
            return b""
        return b"".join(self._pieces(count))

    def block(self, splitter: LineSplitter, limit: int) -> bytes:
        """Return the next bytes for a splitter."""
        return self.pread(min(limit, _STEP), splitter.scanned)

    def close(self) -> None:
        """Let go of the file. Idempotent."""
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = -1

    def _rewind(self) -> None:
        self._member = unpacker(self._kind)
        self._held = b""
        self._raw = self._at = 0
        self._full = False

    def _pieces(self, count: int) -> Iterator[bytes]:
        while count > 0 and (piece := self._inflate(count)):
            count -= len(piece)
            yield piece

    def _inflate(self, most: int) -> bytes:
        """Return the next bytes, at least one unless there are none."""
        piece = b""
        while not piece and not self.damage:
            if not self._held:
                self._held = os.pread(self._fd, _PIECE, self._raw)
                self._raw += len(self._held)
            if self._member.ended and self._next_member():
                break
            asked = bool(self._held)
            piece = self._expand(most)
            if not asked:  # it may still have had some to give
                break
        self._at += len(piece)
        self._full = len(piece) == most
        return piece

    def _next_member(self) -> bool:
        """Begin the next member, if there is one; say whether this is the end."""
        self._held = self._held.lstrip(b"\0")  # padding, as tapes want it
        if self._held:
            self._member = unpacker(self._kind)
        return not self._held

    def _expand(self, most: int) -> bytes:
        try:
            piece, self._held = self._member.expand(self._held, most)
        except DamagedError as error:
            self.damage, self._held = f"the archive is damaged: {error}", b""
            return b""
        return piece


def opened(path: str, disk: Disk) -> Content:
    """Open a file as what its name says it is: plain, or compressed.

    Raises:
        OSError: It cannot be opened.
        SourceError: It is no file, or nothing is installed that could expand it.
    """
    fd = disk.open(path)
    with closed_if_it_fails(fd):
        kind = kind_of(path)
        return Archive(fd, disk, kind) if kind else Plain(fd, disk)


def is_beginning(content: Content, origin: Content) -> bool:
    """Whether a file holds what another begins with, as far as can be told."""
    size = content.look().size
    if content.archived or size > origin.look().size:
        return False
    last = max(0, size - MARKER)
    pieces = ((min(HEAD, size), 0), (size - last, last))
    return all(content.pread(*piece) == origin.pread(*piece) for piece in pieces)
