"""Where the files of a stream begin that are there when it is followed for the first time."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from tocsin.sources.contents import is_beginning, opened
from tocsin.sources.disk import PATIENCE
from tocsin.sources.faults import fault
from tocsin.sources.generation import Generation
from tocsin.sources.position import HEAD, TELLING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tocsin.sources.disk import Disk
    from tocsin.sources.position import FilePosition


def first_positions(
    paths: Sequence[Path], disk: Disk, look: Callable[[], Sequence[Path]]
) -> tuple[FilePosition, ...]:
    """Return where each of some files begins that are there, in their order.

    `look` says which files there are by now: while they are renamed, all is done anew.
    A copy that is being made of the last file is left out: what it holds is read there,
    or in the copy once the file has been emptied.

    Raises:
        SourceError: One cannot be read.
    """
    files: tuple[FilePosition, ...] = ()
    for _ in range(PATIENCE):
        found = (_first_position(path, disk) for path in paths)
        files = tuple(file for file in found if file is not None)
        before, paths = paths, look()
        begun = len(files) > 1 and _is_begun(files[-2], files[-1], disk)
        there = paths == before and all(_is_at_its_path(file, disk) for file in files)
        # A copy of what was emptied meanwhile was not seen to be one.
        if there and (len(files) <= 1 or _begins(files[-1], disk)):
            break
    return (*files[:-2], files[-1]) if begun else files


def _is_begun(copy: FilePosition, origin: FilePosition, disk: Disk) -> bool:
    """Whether a file is a copy that is being made of another, whole or not yet."""
    try:
        with (
            closing(opened(copy.path, disk)) as made,
            closing(opened(origin.path, disk)) as written,
        ):
            head, looks = made.pread(HEAD, 0), (made.look(), written.look())
            # Lines that are all alike do not tell, nor does an empty file.
            tells = len(head) >= TELLING and len(set(head.splitlines()[:-1])) > 1
            tells = tells or looks[0].modified >= looks[1].modified
            return tells and is_beginning(made, written)
    except OSError:
        return False


def _is_at_its_path(file: FilePosition, disk: Disk) -> bool:
    try:
        found = disk.look(file.path)
    except OSError:
        return False
    return (found.device, found.inode) == file.identity[:2]


def _begins(file: FilePosition, disk: Disk) -> bool:
    """Whether a file still begins as it did."""
    try:
        with closing(opened(file.path, disk)) as content:
            return file.begins(content.pread)
    except OSError:
        return False


def _first_position(path: Path, disk: Disk) -> FilePosition | None:
    """Return where a file begins, by which it is found again; None if it is gone.

    Raises:
        SourceError: It cannot be read.
    """
    try:
        with closing(opened(str(path), disk)) as content:
            return Generation(content, str(path)).position
    except FileNotFoundError:
        return None
    except OSError as error:
        raise fault(path, error) from error
