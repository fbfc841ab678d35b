"""The daemon: follows every log that a configuration names, and can be killed anywhere.

It is a follower that keeps what it knows. Patterns are looked at again and again, so
that new logs are found; a log that was read before goes on where it was saved.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from tocsin.model.errors import SourceError
from tocsin.model.records import Notice
from tocsin.runners.follow import Follow
from tocsin.runners.health import Health
from tocsin.runners.systemd import Systemd
from tocsin.sources import (
    Bookmark,
    Crowd,
    FilePosition,
    FollowReader,
    PipeReader,
    expand,
    families,
    is_pipe,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tocsin.config.values import SourceConfig
    from tocsin.model.state import Position
    from tocsin.runners.clock import Clock
    from tocsin.runners.desk import Desk
    from tocsin.runners.keeping import Keeper
    from tocsin.runners.session import Session
    from tocsin.runners.stream import Stream
    from tocsin.sources import Family

_SEARCH_EVERY = 5.0
"""Seconds between two looks for new logs."""
_GONE_FOR = 3600.0
"""Seconds after which a log that is gone, and read to its end, is let go of."""
_COMPRESSED = {".gz", ".zst", ".bz2", ".xz"}


class Daemon(Follow):
    """Follows the sources of its session's configuration."""

    def __init__(
        self,
        session: Session,
        clock: Clock,
        keeper: Keeper,
        manager: Systemd | None = None,
        desk: Desk | None = None,
    ) -> None:
        super().__init__(session, clock, keeper=keeper)
        self.keeper: Keeper = keeper
        self.health = Health(clock)
        self._manager = manager or Systemd({}, 0)
        self._desk = desk
        self._crowd = Crowd.of_this_process()
        self._known: dict[str, Stream] = {}
        self._gone: dict[str, float] = {}
        self._said: set[str] = set()
        self._ready = False
        self._searched = clock.monotonic()
        saved = keeper.positions()
        for name in session.engine.state.streams.keys() - saved.keys():
            session.engine.end(name)  # such as a pipe of the last run
        self._take_up(saved)
        self.search()

    def search(self) -> None:
        """Look for logs, and follow those that are new."""
        found = set()
        for source in self.session.config.sources:
            for family in self._families(source):
                found.add(family.stream)
                self._meet(family, source.name)
        self._let_go(found)
        self._searched = self.clock.monotonic()

    def _over(self) -> bool:
        return False  # a log may come at any time

    def _turn(self) -> None:
        if self.clock.monotonic() - self._searched > _SEARCH_EVERY:
            self.search()
        super()._turn()
        self._serve()
        self.health.turned(self._streams, self.keeper)
        if not self._ready:
            self._ready = True
            self._manager.say("READY=1")
        self._manager.alive(self.clock.monotonic())

    def _serve(self) -> None:
        """Do what people ask for, and answer once it is saved."""
        if self._desk is not None and self._desk.serve():
            self.keeper.turn(self._streams, (), now=True)
            if not self.keeper.full:
                self._desk.saved()

    def _pause(self) -> None:
        self._manager.say("STOPPING=1")
        super()._pause()

    def _families(self, source: SourceConfig) -> list[Family]:
        # Absolute: a stream is known by its name when it is taken up again.
        base = (self.session.config.base or Path()).absolute()
        found: list[Path] = []
        for pattern in source.path:
            try:
                found += expand([base / pattern])
            except SourceError as error:
                self._say_once(f"{error}; waiting for one", source.name)
        return families(found)

    def _say_once(self, text: str, subject: str) -> None:
        if text not in self._said:
            self._said.add(text)
            self.session.say([Notice(text, "warning", subject)])

    def _take_up(self, saved: Mapping[str, Position]) -> None:
        """Go on with the logs of the last run, whether or not they are there now."""
        sources = {source.name for source in self.session.config.sources}
        for name, position in saved.items():
            if position.source not in sources:
                self.keeper.forget(name)
                continue
            mark = Bookmark.from_json(json.dumps(position.bookmark))
            path = Path(mark.files[-1].path if mark.files else name)
            self._follow(name, position.source, path, mark)

    def _meet(self, family: Family, source: str) -> None:
        """Follow a log that is not known yet; or the next file of one that is."""
        newest = family.paths[-1]
        known = self._known.get(family.stream)
        if known is None:
            if is_pipe(newest):
                self.add(family.stream, source, PipeReader.open(newest))
                self._known[family.stream] = self._streams[-1]
            else:
                self._follow(family.stream, source, newest, self._first(family))
        elif known.live is not None and known.live.path != newest:
            known.live.move_to(newest)

    def _follow(
        self, name: str, source: str, path: Path, start: Bookmark | int
    ) -> None:
        try:
            reader = FollowReader(path, start=start, stream=name, crowd=self._crowd)
        except SourceError as error:
            self._say_once(str(error), name)
            return
        self.add(name, source, reader)
        self._known[name] = self._streams[-1]

    def _first(self, family: Family) -> Bookmark | int:
        """Return where a log that was never read begins: with its oldest file."""
        older = [p for p in family.paths[:-1] if p.suffix not in _COMPRESSED]
        if len(older) + 1 < len(family.paths):
            text = "its compressed files are left out; tocsin replay reads them"
            self.session.say([Notice(text, subject=family.stream)])
        files: list[FilePosition] = []
        for path in (*older, family.paths[-1]) if older else ():
            reader = FollowReader(path)
            files += reader.bookmark.files
            reader.close()
        return Bookmark(0, tuple(files)) if files else 0

    def _let_go(self, found: set[str]) -> None:
        """End the streams of logs that have long been gone."""
        at = self.clock.monotonic()
        for name, stream in list(self._known.items()):
            if name in found or not stream.waiting:
                self._gone.pop(name, None)
            elif at - self._gone.setdefault(name, at) > _GONE_FOR:
                self._gone.pop(name)
                self._known.pop(name)
                self._streams.remove(stream)
                self._end(stream)
                stream.reader.close()
                self.keeper.forget(name)

    @property
    def streams(self) -> Sequence[Stream]:
        """The streams that are followed."""
        return self._streams
