"""Replay: the rules over past files, as fast as the machine allows.

All streams are known from the start, and the one that is furthest behind is read next,
so that no stream waits long in memory for another. There are no ticks: time moves by
the lines alone.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from tocsin.metrics.lateness import NEVER
from tocsin.model.errors import SourceError
from tocsin.model.records import Notice
from tocsin.runners.opening import UNKNOWN, FormatUnknownError, unknown
from tocsin.runners.pieces import PIECE, Bench, Piece
from tocsin.runners.portion import Portion
from tocsin.runners.seek import start_of
from tocsin.runners.unpacking import unpacked
from tocsin.runners.workers import Workers, default_workers, result
from tocsin.sources import PAST_ALL, first_lines, kind_of, size

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    from tocsin.metrics.lateness import StreamClock
    from tocsin.model.protocols import Codec
    from tocsin.runners.clock import Clock
    from tocsin.runners.pieces import Read
    from tocsin.runners.session import Session
    from tocsin.sources import Family

_SPEAK_EVERY = 0.5
_MOST_HELD = 30_000
"""Cells that may wait to be judged before time is moved on, to bound memory."""
_AHEAD = 2
"""Pieces of each worker in work or waiting, so that none is idle while we are at our own."""
_OWN = 3
"""Pieces more that may wait: those that we read while we wait for workers."""


class _Stream(Struct):
    """A family of files on its way: pieces to read, and pieces being read."""

    name: str
    pieces: Generator[Piece, int | None]
    bench: Bench
    small: int = PIECE
    waiting: deque[Future[Read]] = field(default_factory=deque)
    exhausted: bool = False
    cut: int | None = None
    """Where the last piece was cut short: the next begins there."""

    @property
    def unread(self) -> int:
        """How many pieces are in work."""
        return sum(not reading.done() for reading in self.waiting)

    @property
    def late(self) -> bool:
        """Whether the next piece is in work still."""
        return bool(self.waiting) and not self.waiting[0].done()

    def submit(self, pool: Workers, most: int) -> None:
        """Have workers read the next pieces, as long as there are any."""
        for _ in range(most):
            self._put(pool.read)

    def read_on(self) -> None:
        """Read a small piece here, after those in work: much is held here already."""
        self._put(self._read, self.small)

    def next(self, clock: StreamClock) -> Read | None:
        """Return the next piece, read; None at the end."""
        if self.waiting:
            return result(self.waiting.popleft())
        piece = self._next(2 * self.small)
        return None if piece is None else self.bench.read(piece, clock)

    def _next(self, most: int = 0) -> Piece | None:
        """Return the next piece; of `most` bytes, if that is asked for."""
        try:
            piece = self.pieces.send(self.cut)
        except StopIteration:
            return None
        self.cut = None
        if most and piece.data is None and piece.start + most < piece.end:
            self.cut = piece.start + most
            piece = replace(piece, end=self.cut)
        return piece

    def _put(self, begin: Callable[[Piece], Future[Read]], most: int = 0) -> None:
        piece = None if self.exhausted else self._next(most)
        if piece is None:
            self.exhausted = True
        else:
            self.waiting.append(begin(piece))

    def _read(self, piece: Piece) -> Future[Read]:
        """Read a piece that others come before; what is wrong is told in its turn."""
        reading: Future[Read] = Future()
        try:
            reading.set_result(self.bench.read(piece))
        except SourceError as error:
            reading.set_exception(error)
        return reading


class Replay:
    """One replay of past files by `workers` processes, our own among them.

    0 means as many as are worth it. Those that have begun may be given instead.

    `start` says where in files to start: see `seek.start_of`. Files are read in pieces
    of `piece_bytes`, which changes nothing but the speed.
    """

    def __init__(
        self,
        session: Session,
        clock: Clock,
        *,
        workers: int | Workers = 0,
        start: str = "",
        piece_bytes: int = PIECE,
    ) -> None:
        self.session = session
        self.clock = clock
        self.workers = workers
        self.start = start
        self.piece_bytes = piece_bytes
        self.stopped = False
        self._portion = Portion(piece_bytes)
        self._bench = Bench(session.config, session.wishes)
        self._total = self._done = 0
        self._far = False
        self._refused: dict[str, FormatUnknownError] = {}

    def stop(self) -> None:
        """Finish after the present piece. Safe to call from a signal handler."""
        self.stopped = True

    def run(self, families: Sequence[tuple[str, Family]], now: int | None) -> None:
        """Read all files of (source, family) pairs to their end, and finish.

        Raises:
            SourceError: A file cannot be read, or a worker has died; or, after the
                account of all lines, the format of some log is not known. If that is
                so of all, none is read.
        """
        self._total = sum(size(path) for _, family in families for path in family.paths)
        for source, family in families:
            self.session.engine.register(family.stream, source)
        pool = self._pool()
        self._far = pool is not None
        try:
            streams = [self._open(source, family, now) for source, family in families]
            if len(self._refused) < len(families) or not families:
                self._name_refused()
                if pool is not None:
                    self.session.detail(f"reading with {pool.count + 1} processes")
                self._drain(streams, pool)
        except SourceError:
            if not self.stopped:  # else they have heard the signal as well
                raise
        finally:
            if pool is not None:
                pool.close()
        self.session.finish()
        self._fail_for_refused(len(families))

    def _name_refused(self) -> None:
        """Say which logs cannot be read, while the others are."""
        for stream, error in self._refused.items():
            text = f"{error}\n  all its lines are counted as parse errors"
            self.session.say([Notice(text, "error", stream)])

    def _fail_for_refused(self, all_: int) -> None:
        """Fail for the logs whose format is not known, once all is said."""
        if len(self._refused) == 1 == all_:
            raise next(iter(self._refused.values()))
        if self._refused:
            names = ", ".join(self._refused)
            message = f"{len(self._refused)} of {all_} logs are in no known format"
            raise SourceError(f"{message}: {names}")

    def _pool(self) -> Workers | None:
        workers = self.workers
        if not isinstance(workers, Workers):
            count = workers or default_workers(self._total)
            if count == 1 or not self._total:
                return None
            workers = Workers(count - 1)
        workers.begin(self.session.config, self.session.wishes)
        return workers

    def _open(self, source: str, family: Family, now: int | None) -> _Stream:
        begin = next((h for p in family.paths if (h := first_lines(p)).strip()), b"")
        try:
            codec = self.session.open(family.stream, source, begin) or unknown()
        except FormatUnknownError as error:
            self._refused[family.stream] = error
            codec = unknown()
        pieces = self._pieces(source, family, codec, now)
        return _Stream(family.stream, pieces, self._bench, self.piece_bytes)

    def _pieces(
        self, source: str, family: Family, codec: Codec, now: int | None
    ) -> Generator[Piece, int | None]:
        config, form = self.session.config.source(source), codec.format
        where = "" if form == UNKNOWN else self.start
        starts = start_of(family.paths, config, where, now)
        for path, first in zip(family.paths, starts, strict=True):
            total, begin = size(path), first_lines(path)
            whole = Piece(family.stream, source, path, first, total, form, begin, now)
            if kind_of(path.name):
                self._total -= total if first == PAST_ALL else 0
                yield from self._unpacked(whole, codec)
                continue
            self._total -= first
            at = first
            while at < total:
                end = min(total, at + self._portion.of(codec, far=self._far))
                cut = yield replace(whole, start=at, end=end)
                at = cut or end

    def _unpacked(self, whole: Piece, codec: Codec) -> Iterator[Piece]:
        """Yield an archive in pieces, unless nothing of it is wanted."""

        def tell(word: str) -> None:
            self.session.say([Notice(word, "warning", whole.stream)])

        if whole.start < PAST_ALL:
            yield from unpacked(whole, codec, self.piece_bytes, tell)

    def _drain(self, streams: list[_Stream], pool: Workers | None) -> None:
        """Read pieces, always of the stream that is furthest behind, to the end."""
        spoke = self.clock.monotonic()
        while streams and not self.stopped:
            streams.sort(key=self._progress)
            if pool is not None:
                _share_out(streams, pool)
                if all(stream.exhausted for stream in streams):
                    pool.dismiss()  # they are gone by the time we are
                    pool = None
            stream = streams[0]
            read = stream.next(self.session.engine.state.streams[stream.name].clock)
            if pool is not None:
                _submit(streams, pool)  # none waits for us while time is moved on
            if read is not None:
                self._absorb(stream.name, read)
            elif not self.stopped:
                self.session.engine.end(stream.name)
                streams.remove(stream)
            at = self.clock.monotonic()
            if at - spoke > _SPEAK_EVERY or self.session.engine.held > _MOST_HELD:
                spoke = at
                self.session.say(self.session.engine.advance(together=True))
                self._show_progress()

    def _progress(self, stream: _Stream) -> int:
        newest = self.session.engine.state.streams[stream.name].clock.newest
        return NEVER if newest is None else newest

    def _absorb(self, name: str, read: Read) -> None:
        engine = self.session.engine
        if read.blind is not None and not engine.accepts(name, read.seen):
            read = self._bench.read(read.blind, engine.state.streams[name].clock)
        engine.absorb(name, read.seen, lost=read.lost, losses=read.losses)
        self._done += read.done
        self._portion.learn(read.done, read.seen.cells.cells.room)

    def _show_progress(self) -> None:
        lines = sum(s.tally.lines for s in self.session.engine.state.streams.values())
        self.session.view.progress(self._done, self._total, lines)


def _share_out(streams: Sequence[_Stream], pool: Workers) -> None:
    """Keep the workers busy, and read pieces here for as long as we had to wait."""
    _submit(streams, pool)
    while streams[0].late and _room(streams, pool) > 0:
        more = next((s for s in streams if not s.exhausted), None)
        if more is None:
            return
        more.read_on()
        _submit(streams, pool)


def _submit(streams: Sequence[_Stream], pool: Workers) -> None:
    """Keep the workers busy: with the next pieces of the streams most behind."""
    ahead = _AHEAD * pool.count
    budget = min(ahead - sum(s.unread for s in streams), _room(streams, pool))
    share = max(1, ahead // len(streams))
    for stream in streams:
        if budget <= 0:
            return
        before = len(stream.waiting)
        known = stream.unread if stream is streams[0] else before
        stream.submit(pool, min(share - known, budget))
        budget -= len(stream.waiting) - before


def _room(streams: Sequence[_Stream], pool: Workers) -> int:
    """Return how many pieces more may be read, or in work, before their turn."""
    return _AHEAD * pool.count + _OWN - sum(len(s.waiting) for s in streams)
