"""Where the files of a stream begin that are there when it is followed for the first time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tocsin.sources.contents import Archive, Plain
from tocsin.sources.disk import PATIENCE
from tocsin.sources.faults import fault
from tocsin.sources.files import closed_if_it_fails
from tocsin.sources.generation import Generation
from tocsin.sources.unpack import kind_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tocsin.sources.contents import Content
    from tocsin.sources.disk import Disk
    from tocsin.sources.position import FilePosition


def first_positions(
    paths: Sequence[Path], disk: Disk, look: Callable[[], Sequence[Path]]
) -> tuple[FilePosition, ...]:
    """Return where each of some files begins that are there, in their order.

    `look` says which files there are by now: while they are renamed, all is done anew.

    Raises:
        SourceError: One cannot be read.
    """
    files: tuple[FilePosition, ...] = ()
    for _ in range(PATIENCE):
        found = (_first_position(path, disk) for path in paths)
        files = tuple(file for file in found if file is not None)
        before, paths = paths, look()
        if paths == before and all(_is_at_its_path(file, disk) for file in files):
            break
    return files


def _is_at_its_path(file: FilePosition, disk: Disk) -> bool:
    try:
        found = disk.look(file.path)
    except OSError:
        return False
    return (found.device, found.inode) == file.identity[:2]


def _first_position(path: Path, disk: Disk) -> FilePosition | None:
    """Return where a file begins, by which it is found again; None if it is gone.

    Raises:
        SourceError: It cannot be read.
    """
    try:
        fd = disk.open(path)
        kind = kind_of(path.name)
        with closed_if_it_fails(fd):
            content: Content = Archive(fd, disk, kind) if kind else Plain(fd, disk)
            position = Generation(content, str(path)).position
        content.close()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise fault(path, error) from error
    return position
