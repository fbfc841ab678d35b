"""Many followed files that share a budget of open descriptors."""

from __future__ import annotations

import resource
from typing import Final, Protocol

from tocsin.sources.disk import Disk

_FEWEST: Final = 8
_MOST: Final = 4096
_SETTLED: Final = 40
"""Looks without news after which a file of a large crowd is looked at less often."""
_SLOWEST: Final = 4
_MANY: Final = 500


class Sleeper(Protocol):
    """One that can close its files, and open them again when it is looked at."""

    def doze(self) -> bool:
        """Close all files, if they can be found again; say whether they are closed."""
        ...


class Crowd:
    """Who of many followed files may hold descriptors: those that were busy last.

    At most `most_open` descriptors are held, unless more files have lost their
    names and are still to be read: those are never closed. 0 sets no limit, and
    lets every file be looked at in full each time.
    """

    def __init__(self, most_open: int = 0, disk: Disk | None = None) -> None:
        self.most_open = most_open
        self.disk = disk or Disk()
        self.members = 0
        self.open = 0
        """How many descriptors are held now."""
        self._holders: dict[Sleeper, int] = {}

    @classmethod
    def of_this_process(cls) -> Crowd:
        """Return a crowd that leaves part of the process's descriptors to others."""
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        endless = soft in {resource.RLIM_INFINITY, -1}
        most = _MOST if endless else soft * 5 // 8
        return cls(min(_MOST, max(_FEWEST, most)))

    @property
    def slowest(self) -> int:
        """Every how many looks a file that has long been quiet is looked at."""
        return min(_SLOWEST, 1 + self.members // _MANY)

    def pause(self, looks: int) -> int:
        """Return every how many looks one that was quiet for `looks` is looked at."""
        return self.slowest if looks > _SETTLED else 1

    def holds(self, sleeper: Sleeper, count: int) -> None:
        """Note how many descriptors one holds; the idlest give theirs up if need be."""
        self.open += count - self._holders.pop(sleeper, 0)
        if count:
            self._holders[sleeper] = count
        self.make_room(0)

    def make_room(self, count: int) -> None:
        """Have descriptors closed until `count` more are allowed, if that can be."""
        for sleeper in list(self._holders) if self._is_over(count) else ():
            if sleeper.doze():
                self.open -= self._holders.pop(sleeper)
            if not self._is_over(count):
                return

    def _is_over(self, count: int) -> bool:
        return 0 < self.most_open < self.open + count
