"""A place in a file by which it is known again, and the bookmark that is kept of it."""

from __future__ import annotations

import json
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct, to_builtins
from msgspec.structs import replace

from tocsin.model.errors import StateError
from tocsin.sources.disk import FileId

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

HEAD: Final = 1024
MARKER: Final = 256
TELLING: Final = 64
"""Bytes of a head that tell a file apart from others without further evidence."""
_VERSION: Final = 1


class FilePosition(Struct, frozen=True):
    """A place in a file: which file, and what it held.

    `offset` is the start of a line. `head` is the hash of the first `head_bytes`
    bytes of the file, `marker` the hash of the last (at most 256) before `offset`:
    a name or an inode alone may by now belong to another file. `seen` is the size
    the file had when it was last looked at, `modified` when it had last been written
    to (ns), `path` the name it had when it was opened.
    """

    path: str
    device: int
    inode: int
    born: str
    offset: int
    head: str
    head_bytes: int
    marker: str
    seen: int
    modified: int

    @property
    def identity(self) -> FileId:
        """Which file it is."""
        return FileId(self.device, self.inode, self.born)

    @property
    def unread(self) -> int:
        """How many bytes were there to read after `offset`."""
        return max(0, self.seen - self.offset)

    def as_copied(self, identity: FileId) -> FilePosition:
        """Return the same place in a copy, which is another file."""
        device, inode, born = identity
        return replace(self, device=device, inode=inode, born=born)

    def begins(self, pread: Callable[[int, int], bytes]) -> bool:
        """Whether some content, given by `pread(count, at)`, has the same first bytes."""
        return digest(pread(self.head_bytes, 0)) == self.head

    def fits(self, pread: Callable[[int, int], bytes]) -> bool:
        """Whether some content is the same up to the offset, as far as can be told."""
        start = max(0, self.offset - MARKER)
        # The head first: in an archive, the way to the marker is long.
        return self.begins(pread) and (
            digest(pread(self.offset - start, start)) == self.marker
        )


class Bookmark(Struct, frozen=True):
    """Where a followed stream stands: its position and its open files, oldest first.

    `left` are the files it had last done with, by which they are known under other
    names. `since` is the newest time (ns) at which any of them was written to: what
    was last written before then is no part of what is to come.
    """

    at: int
    files: tuple[FilePosition, ...] = ()
    left: tuple[FilePosition, ...] = ()
    since: int | None = None

    def to_json(self) -> str:
        """Return it as one line of JSON, with the version of its shape."""
        return json.dumps(
            {"version": _VERSION} | to_builtins(self), separators=(",", ":")
        )

    @classmethod
    def from_json(cls, text: str) -> Bookmark:
        """Return the bookmark that `to_json` made this text of.

        Raises:
            StateError: It is damaged, or of a version that is not known here.
        """
        try:
            row = json.loads(text)
            version = row["version"]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise StateError(f"a bookmark cannot be read: {error!r}") from error
        if version != _VERSION:
            message = f"a bookmark is of version {version}; this is version {_VERSION}"
            raise StateError(message)
        try:
            return _bookmark(row)
        except (KeyError, TypeError, ValueError) as error:
            raise StateError(f"a bookmark is damaged: {error!r}") from error


def identities(positions: Iterable[FilePosition]) -> list[FileId]:
    """Return which files some positions are in."""
    return [position.identity for position in positions]


def digest(content: bytes) -> str:
    """Return the hash by which content is known again."""
    return blake2b(content, digest_size=16).hexdigest()


def _bookmark(row: dict[str, Any]) -> Bookmark:
    since = row["since"]
    return Bookmark(
        _whole(row["at"]),
        tuple(map(_position, row["files"])),
        tuple(map(_position, row["left"])),
        None if since is None else _whole(since),
    )


def _position(row: dict[str, Any]) -> FilePosition:
    return FilePosition(
        path=_text(row["path"]),
        device=_whole(row["device"]),
        inode=_whole(row["inode"]),
        born=_text(row["born"]),
        offset=_whole(row["offset"]),
        head=_text(row["head"]),
        head_bytes=_whole(row["head_bytes"]),
        marker=_text(row["marker"]),
        seen=_whole(row["seen"]),
        modified=_whole(row["modified"]),
    )


def _whole(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise TypeError(f"{value!r} is no whole number")


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    raise TypeError(f"{value!r} is no text")
