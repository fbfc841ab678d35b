"""A glimpse of a run between two records: for screens, a few times a second."""

from __future__ import annotations

from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING

from tocsin.model.errors import SourceError
from tocsin.model.status import AlarmStatus, LiveStatus, StreamStatus
from tocsin.sources import size

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tocsin.pipeline.engine import Engine
    from tocsin.pipeline.speak import Standing
    from tocsin.runners.clock import Clock
    from tocsin.runners.session import Session
    from tocsin.runners.stream import Stream

_EVERY = 0.25
"""Seconds between two glimpses, at least."""
_SPEED_OVER = 5.0
"""Seconds that the reading speed is measured over."""


class Glimpse:
    """Shows a view how a run stands, at most four times a second."""

    def __init__(self, session: Session, clock: Clock) -> None:
        self._session = session
        self._clock = clock
        self._seen = deque([(clock.monotonic(), 0)])
        self._shown: float | None = None
        self._news = True

    def show(self, streams: Iterable[Stream], *, busy: bool = True) -> None:
        """Tell the view how the run stands, if it has not just been told.

        That there is nothing more to do for now is told at once.
        """
        at = self._clock.monotonic()
        done = self._news and not busy
        self._news = busy
        if not done and self._shown is not None and at - self._shown < _EVERY:
            return
        self._shown = at
        self._session.view.refresh(lambda: self._look(streams, at))

    def progress(self, done: int) -> None:
        """Tell the view how many bytes of a past input have been read."""
        streams = self._session.engine.logs.values()
        self._session.view.progress(done, 0, sum(s.tally.lines for s in streams))

    def _look(self, streams: Iterable[Stream], at: float) -> LiveStatus:
        engine = self._session.engine
        tallies = [s.tally for s in engine.logs.values()]
        lines = sum(tally.lines for tally in tallies)
        streams = list(streams)
        failing = frozenset(s.source for s in streams if s.trouble)
        return LiveStatus(
            now=_now(engine),
            streams=tuple(map(_stream, streams)),
            lines=lines,
            parse_errors=sum(tally.parse_errors for tally in tallies),
            alarms=tuple(_alarm(s, failing) for s in engine.standings()),
            lines_per_s=self._speed(lines, at),
        )

    def _speed(self, lines: int, at: float) -> float | None:
        """Return the lines of a second, over the last few seconds."""
        self._seen.append((at, lines))
        while self._seen[1][0] < at - _SPEED_OVER:
            self._seen.popleft()
        then, before = self._seen[0]
        return (lines - before) / (at - then) if at > then else None


def _now(engine: Engine) -> int | None:
    times = [s.last for s in engine.logs.values() if s.last is not None]
    return max(times, default=None)


def _alarm(standing: Standing, failing: frozenset[str]) -> AlarmStatus:
    """Return how an alarm stands: in error, where a source cannot be read."""
    blind = not standing.firing and not failing.isdisjoint(standing.sources)
    return AlarmStatus(
        name=standing.title,
        value=standing.value,
        count=standing.count,
        threshold=standing.threshold,
        firing=standing.firing,
        operator=standing.operator,
        state="error" if blind else standing.state,
        level=standing.level,
        key=standing.key,
    )


def _stream(stream: Stream) -> StreamStatus:
    return StreamStatus(
        stream=stream.name,
        lag=unread(stream),
        waiting=stream.waiting,
        trouble=stream.trouble,
        format=stream.codec.format if stream.codec else "",
    )


def unread(stream: Stream) -> int:
    """Return how many bytes of the live file are unread, as far as can be told."""
    live = stream.live
    if live is None or stream.waiting:
        return 0
    try:
        return max(0, size(Path(live.path)) - stream.offset)
    except SourceError:
        return 0
