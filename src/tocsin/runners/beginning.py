"""Where a log begins that was never read, though it may be rotated at that moment."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from tocsin.model.instant import SECOND
from tocsin.sources import Bookmark, first_positions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from tocsin.runners.clock import Clock
    from tocsin.sources import Disk, Family

_LATELY = 2 * SECOND
"""Time (µs) before a listing in which a change may be missing in it: clocks differ."""


class Listing:
    """Which families there are: listed anew where that may be otherwise by now.

    Thousands of names are slow to list, so not where nothing has moved since.
    """

    def __init__(
        self, look: Callable[[], Iterable[Family]], disk: Disk, clock: Clock
    ) -> None:
        self.disk = disk
        self._look = look
        self._clock = clock
        self.families = self._list()
        """Those that were there at first."""

    def paths(self, family: Family) -> tuple[Path, ...]:
        """Return the files of a family that are there now."""
        if not self._is_at_rest(family.live.parent):
            self._list()
        return self._paths.get(family.stream, ())

    def _list(self) -> list[Family]:
        self._listed = self._clock.now()
        found = list(self._look())
        self._paths = {family.stream: family.paths for family in found}
        return found

    def _is_at_rest(self, folder: Path) -> bool:
        try:
            changed = self.disk.look(folder).modified // 1000
        except OSError:
            return True
        return changed < self._listed - _LATELY


def beginning(family: Family, listing: Listing) -> Bookmark | int:
    """Return where a log begins: with its oldest file.

    Raises:
        SourceError: A file cannot be read.
    """
    look = partial(listing.paths, family)
    files = first_positions(family.paths, listing.disk, look)
    newest = max((file.modified for file in files), default=None)
    return Bookmark(0, files, since=newest) if files else 0
