"""What went wrong with a file, in one sentence to the user."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from tocsin.model.errors import SourceError
from tocsin.sources.unpack import kind_of

if TYPE_CHECKING:
    from pathlib import Path

_SENTENCES: Final = {
    errno.ENOENT: "there is no such file",
    errno.ENOTDIR: "there is no such file (a part of its path is not a folder)",
    errno.EACCES: "permission denied; ask for the right to read it",
    errno.EPERM: "permission denied; ask for the right to read it",
    errno.EISDIR: "this is a folder; name the files in it",
    errno.EIO: "the disk could not read it (input/output error)",
    errno.ELOOP: "its symbolic links go in a circle",
    errno.EMFILE: "too many files are open; raise the limit (ulimit -n)",
}
_UNKNOWN: Final = frozenset({".7z", ".Z", ".lz4", ".lzma", ".rar", ".zip"})
"""How names end of files that are compressed in a way that is not read here."""


def fault(name: object, error: OSError) -> SourceError:
    """Return the error to raise, or to tell, when `name` could not be read."""
    known = _SENTENCES.get(error.errno or 0)
    return SourceError(f"{name}: {known or f'cannot be read: {error.strerror}'}")


def is_unreadable(path: Path) -> bool:
    """Whether the name of a file says that it is compressed in a way unknown here."""
    return path.suffix in _UNKNOWN


def refuse_unreadable(path: Path) -> None:
    """Refuse a file whose name says that nothing here can expand it.

    Raises:
        SourceError: For `.zip` and its kin.
    """
    if is_unreadable(path):
        text = f"{path}: {path.suffix} files cannot be read; uncompress it first"
        raise SourceError(text)


def refuse_compressed(path: Path) -> None:
    """Refuse a file whose name says that its bytes are not lines.

    Raises:
        SourceError: For `.gz` and its kin.
    """
    refuse_unreadable(path)
    if kind_of(path.name):
        raise SourceError(f"{path}: it is compressed: nobody writes to it any more")
