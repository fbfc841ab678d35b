"""The daemon: follows every log that a configuration names, and can be killed anywhere.

It is a follower that keeps what it knows. Patterns are looked at again and again, so
that new logs are found; a log that was read before goes on where it was saved.
"""

from __future__ import annotations

import json
from collections import Counter
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tocsin.model.errors import SourceError, TocsinError
from tocsin.model.records import Notice
from tocsin.runners.beginning import Listing, beginning
from tocsin.runners.follow import Follow
from tocsin.runners.health import Health
from tocsin.runners.intakes import counted, open_intake
from tocsin.runners.lookout import Sites
from tocsin.runners.systemd import Systemd
from tocsin.sources import (
    Bookmark,
    FollowReader,
    PipeReader,
    families,
    is_newer,
    is_pipe,
    once,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from tocsin.config.intake_values import IntakeConfig
    from tocsin.config.values import Config, SourceConfig
    from tocsin.model.state import Position
    from tocsin.pipeline.carry import Carried
    from tocsin.runners.clock import Clock
    from tocsin.runners.desk import Desk
    from tocsin.runners.keeping import Keeper
    from tocsin.runners.rules import Rules
    from tocsin.runners.session import Session
    from tocsin.runners.stream import Stream
    from tocsin.sources import Family

_SEARCH_EVERY, _SEARCH_SHARE = 5.0, 30
"""Seconds between two looks for new logs; but so many times as long as one takes."""
_GONE_FOR = 3600.0
"""Seconds after which a log that is gone, and read to its end, is let go of."""
_FAREWELL = 10.0
"""Seconds that messages on their way are waited for at the end."""
_MOST_TOLD = 50
"""Metrics and alarms of which it is said singly what becomes of them."""
_FATES = {"begins": "begins anew", "forgotten": "is forgotten"}


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
        self._known: dict[str, Stream] = {}
        self._unopened: dict[str, Bookmark] = {}
        """Where logs of the last run go on that could not be opened yet."""
        self._gone: dict[str, float] = {}
        self._counted: dict[str, int] = {}
        """Where streams go on that are no files."""
        self._opened: dict[str, IntakeConfig] = {}
        self.rules: Rules | None = None
        """Where its configuration is, if it may change."""
        self._said: set[str] = set()
        self._ready = False
        self._searched, self._search_every = clock.monotonic(), _SEARCH_EVERY
        self._sites = self._lookout.sites = Sites()
        saved = keeper.positions()
        for name in session.engine.state.streams.keys() - saved.keys():
            session.engine.end(name)  # such as a pipe of the last run
        self._take_up(saved)
        if keeper.changed is not None:
            self._tell_fates(keeper.changed)
            self._sort_out(keeper.changed.moved)
        self.search()

    def change(self, config: Config) -> bool:
        """Go on under another configuration; False, and a word, if that cannot be.

        What is unchanged in it goes on as if nothing had happened. Streams of sources
        that are gone end; the others are read on from where they stood.
        """
        before = {s.name: _form(s) for s in self.session.config.sources}
        same = {s.name for s in config.sources if before.get(s.name) == _form(s)}
        opened = [
            (s.name, s.source, s.codec)
            for s in self._streams
            if s.codec is not None and s.source in same
        ]
        closed = self._close_intakes(config)
        try:
            carried = self.keeper.change(config, opened)
        except TocsinError as error:
            refused = self.rules.refused(error) if self.rules else Notice(str(error))
            self.session.say([refused])
            self.search()
            return False
        for name in closed:
            self._forget(name)
        if self.rules is not None:
            self.rules.taken()
        self._said.clear()
        marks = self.keeper.marks()
        for stream in self._streams:  # another source may read it now
            stream.mark = stream.mark or marks.get(stream.name, "")
        self._sort_out(carried.moved, same)
        self.search()
        if self.crew is not None:
            self.crew.renew(self.session)
        self._tell_fates(carried)
        self.keeper.turn(self._streams, (), now=True)
        return True

    def _sort_out(self, moved: Collection[str], same: Collection[str] = ()) -> None:
        """Let go of streams that no source has any more; move others to their source.

        `moved` are sources that are read in other places now, `same` those whose lines
        are read as before.
        """
        engine = self.session.engine
        found = {
            family.stream: source.name
            for source in self.session.config.sources
            for family in self._families(source)
        } | {place: s.name for s in self.session.config.sources if (place := _place(s))}
        for name, stream in list(self._known.items()):
            state = engine.state.streams.get(name)
            source = None if state is None else state.source
            if source is None or source in moved:
                source = found.get(name)
            if source is None:
                self._drop(name, stream)
                continue
            if state is None or state.source != source:
                engine.state.streams.pop(name, None)
                engine.register(name, source)
            self._hand_over(stream, source, same)

    def _hand_over(self, stream: Stream, source: str, same: Collection[str]) -> None:
        """Let a stream be one of a source from now on."""
        kept = stream.source == source and source in same
        stream.source = source
        if not kept:
            stream.codec, stream.unfit = None, False
        if stream.far is not None:
            stream.far.source = source
            stream.far.form = "" if stream.codec is None else stream.codec.format

    def _drop(self, name: str, stream: Stream) -> None:
        """Let go of a stream, and of where it was read."""
        self._known.pop(name)
        self._streams.remove(stream)
        stream.reader.close()
        self._forget(name)
        self.session.say([Notice("no source reads it any more", subject=name)])

    def _tell_fates(self, carried: Carried) -> None:
        """Say what became of metrics and alarms, in a line for each kind of fate."""
        count = Counter(fate.fate for fate in carried.fates)
        told = ", ".join(f"{n} {fate}" for fate, n in sorted(count.items()))
        text = (
            f"the configuration has changed: of its metrics and alarms {told or 'none'}"
        )
        self.session.say([Notice(text)])
        changed = [f for f in carried.fates if f.fate != "kept"]
        for fate in changed[:_MOST_TOLD]:
            text = f"{fate.what} {fate.name} {_FATES[fate.fate]}: {fate.why}"
            self.session.say([Notice(text, subject=fate.name)])

    def _reload(self) -> None:
        """Look whether the configuration is another."""
        if self.rules is None:
            return
        asked, (config, said) = self.rules.asked, self.rules.look()
        if asked or config is not None:
            self._manager.reloading(self.clock.monotonic())
        self.session.say(said)
        if config is not None:
            self.change(config)
        if asked or config is not None:
            self._manager.say("READY=1")

    def search(self) -> None:
        """Look for logs, and follow those that are new."""
        found, began = set(), self.clock.monotonic()
        for source in self.session.config.sources:
            if source.intake is not None:
                found.add(source.intake.place)
                self._take_in(source, source.intake)
            look = partial(self._families, source)
            listing = Listing(look, self._crowd.disk, self.clock)
            for family in listing.families:
                found.add(family.stream)
                self._meet(family, source.name, listing)
        self._let_go(found)
        self._searched = at = self.clock.monotonic()
        self._search_every = max(_SEARCH_EVERY, _SEARCH_SHARE * (at - began))

    def _over(self) -> bool:
        return False  # a log may come at any time

    def _turn(self) -> None:
        if self.clock.monotonic() - self._searched > self._search_every:
            self.search()
        super()._turn()
        self._reload()
        self._serve()
        self.health.turned(self._streams, self.keeper, self.rules)
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
        if self.keeper.teller is not None:
            self.keeper.teller.settle(_FAREWELL)
        super()._pause()

    def _families(self, source: SourceConfig) -> list[Family]:
        # Absolute: a stream is known by its name when it is taken up again.
        base = (self.session.config.base or Path()).absolute()
        found, whys = self._sites.look(source, base)
        for why in whys:
            self._say_once(f"{why}; waiting for one", source.name)
        # Two patterns may name one file.
        return families(once(found) if len(source.path) > 1 else found)

    def _say_once(self, text: str, subject: str) -> None:
        if text not in self._said:
            self._said.add(text)
            self.session.say([Notice(text, "warning", subject)])

    def _take_up(self, saved: Mapping[str, Position]) -> None:
        """Go on with the logs of the last run, whether or not they are there now."""
        sources = {source.name for source in self.session.config.sources}
        known = self.session.engine.state.streams
        for name, position in saved.items():
            # A source that has another name now has taken its streams along.
            source = known[name].source if name in known else position.source
            if source not in sources:
                self.keeper.forget(name)
                continue
            at = counted(position.bookmark)
            if at is not None:
                self._counted[name] = at
                if name not in map(_place, self.session.config.sources):
                    self._forget(name)
                continue
            mark = Bookmark.from_json(json.dumps(position.bookmark))
            path = Path(mark.files[-1].path if mark.files else name)
            self._follow(name, source, path, mark)

    def _meet(self, family: Family, source: str, listing: Listing) -> None:
        """Follow a log that is not known yet; or the next file of one that is."""
        newest = family.paths[-1]
        known = self._known.get(family.stream)
        if known is None:
            if is_pipe(newest):
                self.add(family.stream, source, PipeReader.open(newest))
                self._known[family.stream] = self._streams[-1]
            else:
                self._begin(family, source, listing)
            return
        if known.source != source:
            text = f"source {known.source} reads it: {source} has none of it"
            self._say_once(text, family.stream)
        # While it is rotated there is no file of its name: never back to an older one.
        elif known.live is not None and is_newer(family.live, known.live.path):
            known.live.move_to(family.live)

    def _take_in(self, source: SourceConfig, intake: IntakeConfig) -> None:
        """Open what takes lines in by itself, unless it is open as it should be."""
        name = intake.place
        if name in self._known:
            return
        try:
            reader = open_intake(intake, self.clock, at=self._counted.get(name, 0))
        except SourceError as error:
            self._say_once(str(error), name)
            if name in self.session.engine.state.streams:
                self.session.engine.rest(name)  # it holds no other back
            return
        self._opened[name] = intake
        self.add(name, source.name, reader)
        self._known[name] = self._streams[-1]

    def _close_intakes(self, config: Config) -> list[str]:
        """Close what another configuration has not, or has otherwise; name the first.

        While the rules are those under which its lines came.
        """
        wanted = {_place(source): source.intake for source in config.sources}
        closed = []
        for name, stream in list(self._known.items()):
            opened = self._opened.get(name)
            if stream.intake is not None and wanted.get(name) != opened:
                self._drain(stream)
                self._counted[name] = stream.intake.at
                stream.reader.close()
                self._streams.remove(stream)
                del self._known[name]
                closed += [] if name in wanted else [name]
        return closed

    def _forget(self, name: str) -> None:
        """End a stream that nothing brings any more, and forget where it was."""
        if name in self.session.engine.state.streams:
            self.session.engine.end(name)
        self.keeper.forget(name)
        self._counted.pop(name, None)

    def _begin(self, family: Family, source: str, listing: Listing) -> None:
        """Follow a log that is not followed: from where it was left, or all of it."""
        start: Bookmark | int | None = self._unopened.pop(family.stream, None)
        try:
            if start is None:
                start = beginning(family, listing)
        except SourceError as error:
            self._say_once(str(error), family.stream)
            return
        self._follow(family.stream, source, family.live, start)

    def _follow(
        self, name: str, source: str, path: Path, start: Bookmark | int
    ) -> None:
        try:
            reader = FollowReader(path, start=start, stream=name, crowd=self._crowd)
        except SourceError as error:
            self._say_once(str(error), name)
            if isinstance(start, Bookmark):
                self._unopened[name] = start
            if name in self.session.engine.state.streams:
                self.session.engine.rest(name)  # it holds no other back
            return
        self.add(name, source, reader)
        self._known[name] = self._streams[-1]

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


def _place(source: SourceConfig) -> str:
    """Return where a source takes its lines in; "" if they are in files."""
    return "" if source.intake is None else source.intake.place


def _form(source: SourceConfig) -> object:
    """Return what says how the lines of a source are read."""
    return source.format, source.timezone, source.enrich
