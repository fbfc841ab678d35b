"""The rules of a daemon, on disk: looked at every few seconds, and when one asks.

A configuration that cannot be read changes nothing: its problems are said once for each
content, and the rules that were read before go on.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from tocsin.model.errors import TocsinError
from tocsin.model.records import Notice

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tocsin.config.values import Config
    from tocsin.runners.clock import Clock

_LOOK_EVERY = 3.0
"""Seconds between two looks. A change is taken when two looks found the same: whoever
writes a file in several steps is not read in the middle of them."""


class Rules:
    """A configuration in a file or a folder.

    `read` reads it, raising TocsinError with all problems; `files` names the files of
    it that there are.
    """

    def __init__(
        self,
        path: Path,
        read: Callable[[Path], Config],
        files: Callable[[Path], Sequence[Path]],
        clock: Clock,
    ) -> None:
        """Begin with the content as it is: it was read just now."""
        self.path = path
        self.bad = False
        """Whether what is there now cannot be read, and older rules are at work."""
        self._read, self._files, self._clock = read, files, clock
        self.asked = False
        """Whether somebody has asked for it, and was not answered yet."""
        self._looked = clock.monotonic()
        self._stamps = self._stamped()
        self._settled = self._seen = self._good = self._content()

    def ask(self) -> None:
        """Have it read at the next look, even if it is as it was. Safe in a signal."""
        self.asked = True

    def look(self) -> tuple[Config | None, list[Notice]]:
        """Return the configuration if there is another, and what there is to say."""
        asked, self.asked = self.asked, False
        at = self._clock.monotonic()
        if not asked and at - self._looked < _LOOK_EVERY:
            return None, []
        self._looked = at
        stamps, before = self._stamped(), self._stamps
        self._stamps = stamps
        if not asked and stamps == before and self._seen == self._settled:
            return None, []
        seen, self._seen = self._content(), self._seen if not asked else ""
        settled = asked or seen == self._seen
        self._seen = seen
        if not settled or (seen == self._settled and not asked):
            return None, []
        self._settled = seen
        return self._taken(seen, asked=asked)

    def refused(self, error: TocsinError) -> Notice:
        """Return what to say of a configuration that cannot be taken up."""
        self.bad = True
        text = f"not taken up: the one that was read before goes on\n{error}"
        return Notice(text, "error", str(self.path))

    def taken(self) -> None:
        """Note that the configuration that was read last is at work."""
        self._good, self.bad = self._settled, False

    def _taken(self, seen: str, *, asked: bool) -> tuple[Config | None, list[Notice]]:
        was_bad = self.bad
        if seen == self._good and was_bad and not asked:
            self.bad = False
            return None, [
                Notice("it is as it was before: all is well", "info", str(self.path))
            ]
        try:
            return self._read(self.path), []
        except TocsinError as error:
            return None, [self.refused(error)]

    def _stamped(self) -> tuple[tuple[str, int, int, int], ...]:
        """Return what tells cheaply that no file has changed."""
        found = []
        for file in self._files(self.path):
            try:
                stat = file.stat()
            except OSError:
                continue
            found.append((file.name, stat.st_mtime_ns, stat.st_size, stat.st_ino))
        return tuple(found)

    def _content(self) -> str:
        digest = hashlib.sha256()
        for file in self._files(self.path):
            try:
                body = file.read_bytes()
            except OSError as error:
                body = str(error.strerror).encode()
            digest.update(f"{file.name}\0{len(body)}\0".encode() + body)
        return digest.hexdigest()
