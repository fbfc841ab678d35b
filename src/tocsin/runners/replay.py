"""Replay: the rules over past files, as fast as the machine allows.

All streams are known from the start, and the one that is furthest behind is read next,
so that no stream waits long in memory for another.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tocsin.metrics.lateness import NEVER
from tocsin.runners.pieces import PIECE, Bench, Piece, Read, Workers, default_workers
from tocsin.runners.session import Session
from tocsin.runners.seek import start_of
from tocsin.sources import Family, cut, head, size

if TYPE_CHECKING:
    from tocsin.runners.clock import Clock

_SPEAK_EVERY = 0.5
_MOST_HELD = 150_000
"""Cells that may wait to be judged before time is moved on, to bound memory."""
_AHEAD = 2


@dataclass(slots=True)
class _Stream:
    """A family of files on its way: pieces to read, and pieces being read."""

    name: str
    pieces: Iterator[Piece]
    waiting: deque[tuple[Piece, Future[Read] | None]] = field(default_factory=deque)
    exhausted: bool = False


class Replay:
    """One replay of past files. `workers` 0 means as many as are worth it."""

    def __init__(
        self, session: Session, clock: Clock, *, workers: int = 0, start: str = ""
    ) -> None:
        self.session = session
        self.start = start
        self.clock = clock
        self.workers = workers
        self.stopped = False
        self._done = 0

    def stop(self) -> None:
        """Finish after the present piece. Safe to call from a signal handler."""
        self.stopped = True

    def run(self, families: Sequence[tuple[str, Family]], now: int | None) -> None:
        """Read all files of (source, family) pairs to their end, and finish."""
        total = sum(size(path) for _, family in families for path in family.paths)
        count = self.workers or default_workers(total)
        pool = Workers(self.session.config, self.session.wishes, count) if count > 1 else None
        try:
            streams = [self._open(source, family, now) for source, family in families]
            self._drain([s for s in streams if s is not None], pool, total)
        finally:
            if pool is not None:
                pool.close()
        self.session.finish()

    def _open(self, source: str, family: Family, now: int | None) -> _Stream | None:
        start = next((h for p in family.paths if (h := head(p))), b"")
        if not start:
            self.session.engine.register(family.stream, source)
            self.session.engine.end(family.stream)
            return None
        codec = self.session.open(family.stream, source, start)
        pieces = self._pieces(source, family, codec.format, now)
        return _Stream(family.stream, pieces)

    def _pieces(
        self, source: str, family: Family, form: str, now: int | None
    ) -> Iterator[Piece]:
        config = self.session.config.source(source)
        starts = start_of(family.paths, config, self.start)
        for path, first in zip(family.paths, starts, strict=True):
            begin = head(path)
            for start, end in cut(path, piece_bytes=PIECE):
                if end <= first:
                    continue
                start = max(start, first)
                yield Piece(family.stream, source, path, start, end, form, begin, now)

    def _drain(
        self, streams: list[_Stream], pool: Workers | None, total: int
    ) -> None:
        """Read pieces, always of the stream that is furthest behind, to the end."""
        bench = Bench(self.session.config, self.session.wishes)
        spoke = self.clock.monotonic()
        while streams and not self.stopped:
            if pool is not None:
                self._submit(streams, pool)
            stream = min(streams, key=self._progress)
            read = self._next(stream, bench)
            if read is None:
                self.session.engine.end(stream.name)
                streams.remove(stream)
            else:
                self._absorb(stream.name, read, bench)
            at = self.clock.monotonic()
            if at - spoke > _SPEAK_EVERY or self.session.engine.held > _MOST_HELD:
                spoke = at
                self.session.say(self.session.engine.advance(together=True))
                self._show_progress(total)

    def _progress(self, stream: _Stream) -> int:
        newest = self.session.engine.state.streams[stream.name].clock.newest
        return NEVER if newest is None else newest

    def _submit(self, streams: list[_Stream], pool: Workers) -> None:
        """Keep the workers busy: with the next pieces of the stream most behind."""
        for stream in sorted(streams, key=self._progress):
            while len(stream.waiting) < _AHEAD and not stream.exhausted:
                piece = next(stream.pieces, None)
                if piece is None:
                    stream.exhausted = True
                else:
                    stream.waiting.append((piece, pool.read(piece)))
            if sum(len(s.waiting) for s in streams) >= _AHEAD * pool.count:
                return

    def _next(self, stream: _Stream, bench: Bench) -> Read | None:
        """Return the next piece of a stream, read; None at its end."""
        if stream.waiting:
            _, reading = stream.waiting.popleft()
            assert reading is not None  # noqa: S101 - only workers' pieces wait
            return reading.result()
        piece = next(stream.pieces, None)
        if piece is None:
            return None
        return bench.read(piece, self.session.engine.state.streams[stream.name].clock)

    def _absorb(self, name: str, read: Read, bench: Bench) -> None:
        engine = self.session.engine
        if read.blind and not engine.accepts(name, read.seen):
            read = bench.read(read.piece, engine.state.streams[name].clock)
        engine.absorb(name, read.seen, lost=read.lost)
        self._done += read.piece.end - read.piece.start

    def _show_progress(self, total: int) -> None:
        lines = sum(s.tally.lines for s in self.session.engine.state.streams.values())
        self.session.view.progress(self._done, total, lines)
