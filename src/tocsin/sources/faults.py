"""What went wrong with a file, in one sentence to the user."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from tocsin.model.errors import SourceError

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
_COMPRESSED: Final = frozenset({".gz", ".bz2", ".xz", ".zst", ".lz4", ".zip", ".Z"})


def fault(name: object, error: OSError) -> SourceError:
    """Return the error to raise, or to tell, when `name` could not be read."""
    known = _SENTENCES.get(error.errno or 0)
    return SourceError(f"{name}: {known or f'cannot be read: {error.strerror}'}")


def refuse_compressed(path: Path) -> None:
    """Refuse a file whose name says that its bytes are not lines.

    Raises:
        SourceError: For `.gz` and its kin.
    """
    if path.suffix in _COMPRESSED:
        text = f"{path}: compressed logs cannot be read yet; uncompress it first"
        raise SourceError(text)
