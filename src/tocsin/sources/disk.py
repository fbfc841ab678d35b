"""What a follower asks of the file system: one door, so that tests can lie to it."""

from __future__ import annotations

import ctypes
import os
import sys
from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple

from tocsin.sources.files import open_plain

if TYPE_CHECKING:
    from pathlib import Path

_AT_EMPTY_PATH: Final = 0x1000
_MOST_HANDLE_BYTES: Final = 128
_STATX_BTIME: Final = 0x800
_STATX_BTIME_AT: Final = 80
"""Where `struct statx` holds the time of birth: seconds, then nanoseconds."""


PATIENCE: Final = 5
"""How often what moves while it is looked at is looked at anew."""
ABSENT: Final = (FileNotFoundError, NotADirectoryError)


class FileId(NamedTuple):
    """Which file it is. `born` tells two files apart that had one inode after another.

    It is the file system's own handle (which holds the inode's generation), or the
    time of birth, or empty where neither can be had: then it says nothing.
    """

    device: int
    inode: int
    born: str = ""

    def is_same(self, other: FileId) -> bool:
        """Whether both are one file, as far as can be told."""
        same = self[:2] == other[:2]
        return same and (not self.born or not other.born or self.born == other.born)


class Look(NamedTuple):
    """How a file stood at one moment; `modified` in nanoseconds."""

    device: int
    inode: int
    size: int
    modified: int
    links: int


class Disk:
    """The machine's own file system."""

    def look(self, path: Path | str) -> Look:
        """Return how the file of that name stands.

        Raises:
            OSError: There is none, or it cannot be looked at.
        """
        return _look(os.stat(path))  # noqa: PTH116  the most frequent call of all

    def look_at(self, fd: int) -> Look:
        """Return how an open file stands."""
        return _look(os.fstat(fd))

    def open(self, path: Path | str) -> int:
        """Open a plain file for reading.

        Raises:
            OSError: It cannot be opened, or is a folder.
            SourceError: It is neither a file nor a folder.
        """
        return open_plain(path)

    def names(self, folder: Path | str) -> list[tuple[str, int]]:
        """Return the names in a folder, each with its inode; none if it is not there."""
        try:
            with os.scandir(folder) as entries:
                return [(entry.name, entry.inode()) for entry in entries]
        except (FileNotFoundError, NotADirectoryError):
            return []

    def identify(self, fd: int) -> FileId:
        """Return which file is open."""
        found = self.look_at(fd)
        return FileId(found.device, found.inode, _handle(fd) or _birth(fd))


def _look(found: os.stat_result) -> Look:
    return Look(
        found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_nlink
    )


class _FileHandle(ctypes.Structure):
    _fields_ = (
        ("handle_bytes", ctypes.c_uint),
        ("handle_type", ctypes.c_int),
        ("f_handle", ctypes.c_ubyte * _MOST_HANDLE_BYTES),
    )


def _handle(fd: int) -> str:
    """Return the handle by which a network file system would know the file; or ""."""
    if sys.platform != "linux":
        return ""
    handle, mount = _FileHandle(_MOST_HANDLE_BYTES), ctypes.c_int()
    ask = getattr(_libc(), "name_to_handle_at", None)
    arguments = (fd, b"", ctypes.byref(handle), ctypes.byref(mount), _AT_EMPTY_PATH)
    if ask is None or ask(*arguments) != 0:
        return ""
    return bytes(handle.f_handle[: handle.handle_bytes]).hex()


def _birth(fd: int) -> str:
    """Return when the file was made; "" where that is not known."""
    if sys.platform != "linux":
        born = getattr(os.fstat(fd), "st_birthtime", None)
        return "" if born is None else f"b{born}"
    found = ctypes.create_string_buffer(256)
    ask = getattr(_libc(), "statx", None)
    if ask is None or ask(fd, b"", _AT_EMPTY_PATH, _STATX_BTIME, found) != 0:
        return ""
    if not int.from_bytes(found.raw[:4], sys.byteorder) & _STATX_BTIME:
        return ""
    return f"b{found.raw[_STATX_BTIME_AT : _STATX_BTIME_AT + 12].hex()}"


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None)
