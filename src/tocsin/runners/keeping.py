"""Keeping a run: what it knows and how far it has read, saved in one transaction.

What is said is shown after it is saved, so that nothing is shown that a crash could
take back. While there is no room to save, nothing more is read.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tocsin.model.errors import StateUnwritable
from tocsin.model.instant import SECOND
from tocsin.model.records import Notice
from tocsin.model.state import Change, Position
from tocsin.pipeline.history import Keep
from tocsin.pipeline.recent import Recent
from tocsin.pipeline.saving import Saver

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tocsin.config.values import Config
    from tocsin.model.protocols import Codec, Store
    from tocsin.model.records import Record
    from tocsin.pipeline.carry import Carried
    from tocsin.runners.clock import Clock
    from tocsin.runners.session import Session
    from tocsin.runners.stream import Stream
    from tocsin.runners.telling import Teller

_QUIET = 5.0
"""Seconds after which time alone, without lines or words, is worth a commit."""


class Keeper:
    """Saves one session in a store."""

    def __init__(
        self,
        store: Store,
        session: Session,
        clock: Clock,
        teller: Teller | None = None,
    ) -> None:
        """Take up what was saved, if anything was.

        Raises:
            StateError: It cannot be read.
        """
        self.store = store
        self.session = session
        self.teller = teller
        self.full = False
        """Whether the last commit did not happen: nothing more may be read."""
        self.committed_at = clock.monotonic()
        self._clock = clock
        self._saver = Saver(store, session.plan, _keep(session.config))
        state = self._saver.load()
        if state is not None:
            session.engine.state = state
        self._saver.attach(session.engine)
        if teller is not None:
            teller.recent = lambda: Recent.of(store, session.engine)
            teller.reach = self._reach
        self.changed = self._saver.carried
        """What became of what was saved under another configuration."""
        self._confirmed: dict[str, str] = {}
        """Where the streams stood that are no files, when they were saved last."""
        self._gone: set[str] = set()
        self._said: list[Record] = []
        self._more = Change()
        self._begin()

    def positions(self) -> Mapping[str, Position]:
        """Return where each stream stood, by its name."""
        return self.store.positions()

    def change(
        self, config: Config, opened: Iterable[tuple[str, str, Codec]]
    ) -> Carried:
        """Go on under another configuration; return what becomes of what is known.

        Raises:
            UsageError: It cannot be (see `Session.change`). Nothing has changed.
        """
        self.session.change(config, opened, self._saver.switch)
        carried = self._saver.carried
        assert carried is not None
        self.changed = carried
        self._saver.keep = _keep(config)
        self._saver.attach(self.session.engine)
        if self.teller is not None:
            self.teller.change(config, self._clock)
        self._confirmed.clear()
        self._begin()
        return carried

    def _begin(self) -> None:
        """Note what is to be said of a state that was carried over."""
        said = self._saver.begin(self.session.engine)
        self._said += said
        if self.teller is not None and said:
            self._more += self.teller.step(said, self._clock.now())

    def marks(self) -> Mapping[str, str]:
        """Return where each stream stood that is saved, as JSON, by its name."""
        found = self.store.positions().items()
        return {name: _text(position.bookmark) for name, position in found}

    def confirmed(self, stream: str) -> str:
        """Return where a stream that is no file stood when it was saved, as JSON, or ""."""
        return self._confirmed.get(stream, "")

    def forget(self, stream: str) -> None:
        """Let go of the position of a stream that has ended."""
        self._gone.add(stream)

    def turn(
        self, streams: Iterable[Stream], said: Sequence[Record], *, now: bool = False
    ) -> None:
        """Save if there is something to save, or `now`; then show what was said.

        Streams let go of their marks as these are saved.
        """
        if self.teller is not None:
            self._more += self.teller.step(said, self._clock.now())
            said = [*said, *self.teller.said()]
        self._said += said
        moved = [s for s in streams if s.mark]
        quiet = self._clock.monotonic() - self.committed_at > _QUIET
        waits = self._said or self._gone or self._more != Change()
        if not (moved or waits or quiet or now or self.full):
            return
        positions = tuple(self._position(s) for s in moved)
        gone = tuple(sorted(self._gone))
        change = self._more + Change(positions=positions, gone_positions=gone)
        try:
            self._saver.save(self.session.engine, change, self._said)
        except StateUnwritable as error:
            self._refused(error)
            return
        if self.full:
            self.full = False
            self.session.say([Notice("the state can be saved again: going on")])
        self.committed_at = self._clock.monotonic()
        self._confirmed |= {s.name: s.mark for s in moved if s.intake is not None}
        for stream in moved:
            stream.mark = ""
        self._gone.clear()
        self._more = Change()
        said, self._said = self._said, []
        self.session.say(said)

    def _reach(self) -> int | None:
        return self.session.engine.reach()

    def _refused(self, error: StateUnwritable) -> None:
        if not self.full:
            text = f"{error}\n  nothing more is read until it can be saved"
            self.session.say([Notice(text, "error")])
        self.full = True

    def _position(self, stream: Stream) -> Position:
        state = self.session.engine.state.streams[stream.name]
        mark = json.loads(stream.mark)
        return Position(
            stream.name, stream.source, mark, state.tally.lines, int(mark["at"])
        )


def _text(bookmark: Mapping[str, Any]) -> str:
    return json.dumps(dict(bookmark), separators=(",", ":"))


def _keep(config: Config) -> Keep:
    """Return how long what is over is kept, in seconds."""
    kept = config.state.retention
    points = {r // SECOND: k // SECOND for r, k in kept.datapoints.items()}
    return Keep(kept.incidents // SECOND, kept.notifications // SECOND, points)
