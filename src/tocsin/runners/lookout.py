"""The lookout: how the sources of a live run stand, as events of a source of its own.

Every few seconds it notes for how long a source has been gone, and how far the reading
of a log is behind. Built-in alarms are on metrics of that, as all alarms are; its time is
that of the wall.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl
from msgspec import Struct

from tocsin.config.values import SELF
from tocsin.formats.typed import DTYPES
from tocsin.metrics.spec import LINE
from tocsin.model.batch import TIME, EventBatch, Tally
from tocsin.model.errors import SourceError
from tocsin.model.instant import SECOND
from tocsin.model.message import FieldType
from tocsin.runners.glimpse import unread
from tocsin.sources import expand, families

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from tocsin.config.values import SourceConfig
    from tocsin.pipeline.engine import Engine
    from tocsin.runners.clock import Clock
    from tocsin.runners.session import Session
    from tocsin.runners.stream import Stream

EVERY = 5.0
"""Seconds between two looks."""
_SCHEMA: dict[str, Any] = {
    "time": TIME,
    **dict.fromkeys(("source", "path", "stream", LINE), DTYPES[FieldType.STRING]),
    **dict.fromkeys(("gone", "behind"), DTYPES[FieldType.FLOAT]),
}


class Place(Struct, frozen=True):
    """Where a source is read: a path, a pattern or what takes its lines in.

    `streams` are what is read there now; if there are none, `why` may say why not.
    """

    source: str
    path: str
    streams: tuple[Stream, ...]
    why: str = ""


class Sites:
    """What there was at the paths of sources when they were looked at last."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], tuple[tuple[str, ...], str]] = {}

    def look(self, source: SourceConfig, base: Path) -> tuple[list[Path], list[str]]:
        """Return the files of a source, and why there are none at some of its paths."""
        found: list[Path] = []
        whys: list[str] = []
        for path in source.path:
            try:
                mine, why = expand([base / path]), ""
            except SourceError as error:
                mine, why = [], str(error)
                whys.append(why)
            names = tuple(family.stream for family in families(mine))
            self._found[source.name, path] = (names, why)
            found += mine
        return found, whys

    def places(
        self, sources: Iterable[SourceConfig], streams: Iterable[Stream]
    ) -> list[Place]:
        """Return where sources are read, of these streams."""
        known = {stream.name: stream for stream in streams}
        found: list[Place] = []
        for source in sources:
            for path in source.places:
                taken = ((path,), "it cannot be opened")
                names, why = self._found.get((source.name, path), taken)
                mine = tuple(known[name] for name in names if name in known)
                found.append(Place(source.name, path, mine, why))
        return found


class Lookout:
    """Notes how the sources of a session stand, as long as an alarm asks for it.

    Without `sites`, what is followed is all that there is to be.
    """

    def __init__(self, session: Session, clock: Clock) -> None:
        self._session = session
        self._clock = clock
        self._looked = clock.monotonic() - EVERY
        self._gone: dict[tuple[str, str], float] = {}
        self._lagged: set[str] = set()
        self.sites: Sites | None = None

    def turn(self, streams: Sequence[Stream]) -> None:
        """Look how the sources stand, if it is time for that."""
        at = self._clock.monotonic()
        if SELF not in self._session.plan.sources or at - self._looked < EVERY:
            return
        self._looked = at
        engine = self._session.engine
        places = [Place(s.source, s.name, (s,)) for s in streams]
        if self.sites is not None:
            places = self.sites.places(self._session.config.sources, streams)
        rows = [*self._absences(engine, places), *self._lags(streams)]
        if rows:
            engine.register(SELF, SELF)
            self._absorb(engine, rows)

    def _absorb(self, engine: Engine, rows: Sequence[dict[str, Any]]) -> None:
        now = self._clock.now()
        frame = pl.DataFrame(rows, schema=_SCHEMA).with_columns(
            time=pl.lit(now).cast(TIME)
        )
        observer = engine.observers[SELF]
        frame = frame.select("time", *observer.fields)
        account = Tally(lines=frame.height, events=frame.height)
        clock = engine.state.streams[SELF].clock
        engine.absorb(
            SELF, observer.observe(EventBatch(frame, account), clock, now=now)
        )

    def _absences(
        self, engine: Engine, places: Iterable[Place]
    ) -> Iterator[dict[str, Any]]:
        """Yield for how long each place has had nothing to read (s), and why."""
        since, self._gone = self._gone, {}
        for place in places:
            name = (place.source, place.path)
            why = _absent(engine, place)
            if why:
                self._gone[name] = since.get(name, self._looked)
            # One that has just gone has been so for at least a moment.
            gone = self._looked - self._gone[name] + 1.0 if why else 0.0
            words = why if place.path in why else f"{place.path}: {why}"
            yield {
                "source": place.source,
                "path": place.path,
                "gone": float(int(gone)),
                LINE: words if why else None,
            }

    def _lags(self, streams: Iterable[Stream]) -> Iterator[dict[str, Any]]:
        """Yield how old (s) the newest line is that was read of each stream that lags.

        One that never has says nothing: of thousands, few have anything to say.
        """
        for stream in streams:
            behind = self._behind(stream)
            if not behind and stream.name not in self._lagged:
                continue
            self._lagged.add(stream.name)
            left = unread(stream) if behind else 0
            words = f"{stream.name}: {left} bytes are not read yet"
            yield {
                "source": stream.source,
                "stream": stream.name,
                "behind": behind,
                LINE: words if behind else None,
            }

    def _behind(self, stream: Stream) -> float:
        """Return how old (s) the newest line is that was read of a stream, if it lags."""
        if stream.caught_up or stream.ended or stream.waiting or stream.newest is None:
            return 0.0
        return max(0.0, (self._clock.now() - stream.newest) // SECOND)


def _absent(engine: Engine, place: Place) -> str:
    """Return why nothing is read at a place; nothing if something is."""
    troubles = [s for s in place.streams if s.trouble]
    if troubles:
        return f"{troubles[0].name}: {troubles[0].trouble}"
    there = [s for s in place.streams if not s.waiting]
    if not there:
        return place.why or "there is no such file"
    tallies = [engine.state.streams[s.name].tally for s in there]
    if any(s.ended for s in there) or any(tally.events for tally in tallies):
        return ""
    if any(tally.parse_errors for tally in tallies):
        return "no line of it can be read"
    # At a start nobody has looked for lines yet.
    looked = all(s.caught_up for s in there)
    return "there has been no line" if looked else ""
