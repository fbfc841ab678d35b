"""Where a log begins that was never read, though it may be rotated at that moment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tocsin.model.instant import SECOND
from tocsin.sources import Bookmark, first_positions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from tocsin.sources import Disk, Family

_LATELY = 60 * SECOND
"""Time (µs) in which a folder that has changed may be in the midst of a rotation."""


def beginning(
    family: Family, disk: Disk, now: int, look: Callable[[], Iterable[Family]]
) -> Bookmark | int:
    """Return where a log begins: with its oldest file.

    `look` says which families there are by now.

    Raises:
        SourceError: A file cannot be read.
    """
    if family.paths == (family.live,):
        return 0

    def paths() -> tuple[Path, ...]:
        # Thousands of names are slow to list: not where nothing has moved.
        if _is_at_rest(family.live.parent, disk, now):
            return family.paths
        return next((f.paths for f in look() if f.stream == family.stream), ())

    return Bookmark(0, first_positions(family.paths, disk, paths))


def _is_at_rest(folder: Path, disk: Disk, now: int) -> bool:
    try:
        return disk.look(folder).modified // 1000 < now - _LATELY
    except OSError:
        return True
