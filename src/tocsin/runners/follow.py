"""Follow: streams that are being written, for as long as the user likes.

The loop looks at every stream, absorbs what is there, ticks those that have nothing
more to read, and speaks. Ticks are (newest event time + time since it was read), never
later than the wall clock, so the last windows close though no further line comes.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from tocsin.model.errors import SourceError
from tocsin.model.records import Notice
from tocsin.runners.glimpse import Glimpse
from tocsin.runners.hand import BLOCK
from tocsin.runners.intakes import confirm, standing
from tocsin.runners.letters import Ask
from tocsin.runners.lookout import Lookout
from tocsin.runners.opening import UNKNOWN, FormatUnknownError, unknown
from tocsin.runners.pool import Pool, events_of
from tocsin.runners.rotated import RotatedReader
from tocsin.runners.rounds import Rounds
from tocsin.runners.seek import offsets_of
from tocsin.runners.stream import RENEWED, Stream
from tocsin.runners.ticking import tick
from tocsin.sources import (
    Crowd,
    FollowReader,
    PipeReader,
    is_pipe,
    kind_of,
    past_reader,
    reaches,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tocsin.model.batch import EventBatch
    from tocsin.model.protocols import Chunk, Codec, Reader
    from tocsin.runners.clock import Clock
    from tocsin.runners.crew import Crew, Heard
    from tocsin.runners.far import FarReader
    from tocsin.runners.keeping import Keeper
    from tocsin.runners.letters import Look
    from tocsin.runners.session import Session
    from tocsin.sources import Family

STDIN = "stdin"
_RETRY_EVERY = 1.0
"""Seconds between attempts to save when there is no room."""
_LISTENS = 0.5
"""Seconds of a turn in which what the crew says is taken in, about."""


class Follow:
    """Follows streams until all have ended or `stop` is called.

    `start` says where in files to start: see `seek.start_of`. What is not `live` is
    past: there are no ticks, and it shows progress, not how things stand. A `keeper`
    saves what is known and how far was read before anything is said.
    """

    def __init__(
        self,
        session: Session,
        clock: Clock,
        *,
        start: str = "",
        live: bool = True,
        keeper: Keeper | None = None,
    ) -> None:
        self.session, self.clock, self.keeper = session, clock, keeper
        self.start, self.live = start, live
        self.crew: Crew | None = None
        self._unheard: deque[Heard] = deque()
        self.stopped, self._done = False, 0
        self._streams: list[Stream] = []
        self._crowd = self.crowd()
        self._rounds, self._pool = Rounds(clock), Pool()
        self._glimpse = Glimpse(session, clock)
        self._lookout = Lookout(session, clock)
        self._failure: SourceError | None = None

    def crowd(self) -> Crowd:
        """Return whom its logs share descriptors with, and by which disk."""
        return Crowd.of_this_process()

    def add_files(self, family: Family, source: str) -> None:
        """Follow a log, after what it was rotated into; or a named pipe.

        A file that does not exist yet is waited for.

        Raises:
            SourceError: A file is there but cannot be read.
        """
        *older, newest = family.paths
        name = family.stream if older else str(newest)
        if is_pipe(newest):
            self.add(name, source, PipeReader.open(newest))
            return
        if kind_of(newest.name):  # nobody writes to it any more
            for path in family.paths:
                self.add_past(path, source)
            return
        *offsets, offset = self._starts(family.paths, source)
        live = FollowReader(newest, start=offset, stream=name, crowd=self._crowd)
        past = [(p, at) for p, at in zip(older, offsets, strict=True) if reaches(p, at)]
        self.add(name, source, RotatedReader(past, live) if past else live)

    def add_past(self, path: Path, source: str) -> None:
        """Read a file to its present end."""
        (offset,) = self._starts([path], source)
        self.add(str(path), source, past_reader(path, start=offset))

    def add_pipe(self, fd: int, source: str) -> None:
        """Follow standard input."""
        self.add(STDIN, source, PipeReader(fd))

    def add(self, name: str, source: str, reader: Reader) -> None:
        """Follow whatever a reader gives; the crew reads followed files, if it may."""
        self.session.engine.register(name, source)
        stream = Stream(name, source, reader, self.clock.monotonic())
        # What was read in an earlier life goes on to age.
        stream.note(self.session.engine.state.streams[name], stream.read_at)
        self._streams.append(stream)
        if self.crew is not None:
            self.crew.deal(stream, self._streams)

    def share(self, crew: Crew) -> None:
        """Have a crew read the followed files, those to come as well.

        It is for the one who made it to close it, after `run`.
        """
        self.crew = crew
        for stream in self._streams:
            crew.deal(stream, self._streams)

    def stop(self) -> None:
        """Finish after the present look. Safe to call from a signal handler."""
        self.stopped = True

    def run(self, until: Callable[[], bool] = lambda: False) -> None:
        """Follow until stopped, until all streams end, or until `until` says so.

        Raises:
            SourceError: After the account of all lines: the only stream is in no
                known format, or an input could not be read to its end.
        """
        try:
            while not (self.stopped or until() or self._over()):
                self._turn()
            self._settle()
        finally:
            for stream in self._streams:
                stream.reader.close()
        if self.keeper is None:
            self.session.finish()
        else:
            self._pause()
        if self._failure is not None:
            raise self._failure

    def _settle(self) -> None:
        """Absorb what comes but once, save it, and tell those who sent it."""
        for stream in self._streams:
            if stream.intake is not None:
                self._drain(stream)
            if self.keeper is None:
                self._end(stream)
        taking = [s for s in self._streams if s.intake is not None]
        if self.keeper is not None and taking:
            self.keeper.turn(self._streams, self.session.engine.advance(), now=True)
        for stream in taking:
            confirm(stream, self.keeper)

    def _drain(self, stream: Stream) -> None:
        """Take nothing more in of a stream, and absorb what was: it comes but once."""
        assert stream.intake is not None
        stream.intake.stop()
        ended = False
        while not ended:
            chunk = stream.read(BLOCK)
            ended = chunk.ended
            self._tell(stream, (*map(str, chunk.losses), *chunk.notes))
            self._absorb(stream, chunk)
        if stream.held:
            stream.codec = stream.codec or unknown()
            self._observe(stream)

    def _over(self) -> bool:
        """Whether there is nothing more to come."""
        return all(s.ended for s in self._streams)

    def _pause(self) -> None:
        """Save how far all is, to go on from there another time."""
        assert self.keeper is not None
        self.keeper.turn(self._streams, self.session.engine.advance(), now=True)
        self.session.view.show(self.session.engine.summary())

    def _turn(self) -> None:
        """Look at the streams, and say what follows from it."""
        if self.keeper is not None and self.keeper.full:
            self.clock.wait(_RETRY_EVERY)
            self.keeper.turn(self._streams, ())
            return
        busy = [*self._hear(), *self._looks()]
        if self.live and not self._unheard:  # a tick would overtake what is unheard
            tick(self.session.engine, self.clock, self._streams)
        self._lookout.turn(self._streams)
        said = self.session.engine.advance()
        if self.keeper is None:
            self.session.say(said)
        else:
            self.keeper.turn(self._streams, said)
        for stream in self._streams:
            confirm(stream, self.keeper)
        if self.live:
            self._glimpse.show(self._streams, busy=any(busy))
        else:
            self._glimpse.progress(self._done)
        if not any(busy):
            fds = [s.fd for s in self._streams if s.fd is not None and not s.ended]
            fds += [] if self.crew is None else self.crew.fds
            self.clock.wait(self._rounds.rest(), fds)

    def _looks(self) -> list[bool]:
        """Look at streams, and take in what they have; whether there was anything."""
        found = list(map(self._look, self._rounds.turn(self._streams)))
        for stream, batch in self._pool.parsed(self.session.engine.observers):
            self._observe(stream, batch)
        return [*found, self._rounds.unfinished]

    def _starts(self, paths: Sequence[Path], source: str) -> list[int]:
        return offsets_of(self.session, source, paths, self.start, self.clock.now())

    def _hear(self) -> list[bool]:
        """Take in what the crew has read."""
        if self.crew is None:
            return []
        self._unheard = self._unheard or deque(self.crew.hear())
        heard, enough = bool(self._unheard), self.clock.monotonic() + _LISTENS
        while self._unheard and self.clock.monotonic() < enough:
            stream, far, letter = self._unheard.popleft()
            if far.seat is None:
                continue  # it was let go of
            if isinstance(letter, Ask):
                self._answer(stream, far, letter)
            else:
                self._heed(stream, far, letter)
        for stream in self.crew.troubled():
            self._note(stream)
        return [heard]

    def _note(self, stream: Stream) -> None:
        """Take note of how a stream that the crew reads stands."""
        waited, trouble = stream.waiting, stream.trouble
        stream.stand()
        self._mind(stream, waited=waited, trouble=trouble)

    def _answer(self, stream: Stream, far: FarReader, ask: Ask) -> None:
        """Tell the crew the format of a stream."""
        far.head, far.patient = ask.head, ask.patient
        codec = stream.codec or self._open(stream)
        far.answer("" if codec is None else codec.format)
        far.head = b""

    def _heed(self, stream: Stream, far: FarReader, look: Look) -> None:
        """Absorb a block that was observed after the stream's clock, or ask for that."""
        engine = self.session.engine
        clock = engine.state.streams[stream.name].clock
        if look.number != far.taken + (look.seen is not None):
            return  # it was sent before we asked for one before it again
        if look.seen is None:
            far.manner = look.manner
        elif look.follows(clock):
            engine.absorb(stream.name, look.seen, lost=look.lost, losses=look.losses)
            far.took(look)
            stream.mark = look.mark
            self._done += look.bytes
            stream.read_at = self.clock.monotonic()
            stream.note(engine.state.streams[stream.name], stream.read_at)
        else:
            far.again(look.number, clock)
            return
        self._note(stream)
        self._tell(stream, (*map(str, look.losses), *look.notes))

    def _look(self, stream: Stream) -> bool:
        """Read what a stream has, absorb it, and say whether there was anything."""
        waited, trouble = stream.waiting, stream.trouble
        try:
            chunk = stream.read(min(BLOCK, stream.portion.bytes))
        except SourceError as error:
            self._fail(stream, error)
            return False
        self._mind(stream, waited=waited, trouble=trouble)
        self._tell(stream, (*map(str, chunk.losses), *chunk.notes))
        stream.ended = chunk.ended
        self._absorb(stream, chunk)
        if stream.ended:
            self.session.engine.end(stream.name)
        waits = chunk.caught_up or stream.trouble or stream.unsure
        return bool(chunk.data) or not waits

    def _fail(self, stream: Stream, error: SourceError) -> None:
        """End a stream that cannot be read; the others go on."""
        self._failure = self._failure or error
        if len(self._streams) > 1:
            self.session.say([Notice(str(error), "error", stream.name)])
        self._end(stream)

    def _mind(self, stream: Stream, *, waited: bool, trouble: str) -> None:
        """Say once that a stream is waited for, has come, or is in trouble."""
        if said := stream.words(waited=waited, trouble=trouble):
            self.session.say(said)

    def _tell(self, stream: Stream, words: Sequence[str]) -> None:
        """Say what was lost of a stream, and what is odd about its files."""
        if words:
            self.session.say([Notice(text, "warning", stream.name) for text in words])

    def _absorb(self, stream: Stream, chunk: Chunk) -> None:
        """Take in lines, unless the format cannot be told, or the last event goes on."""
        self._done += len(chunk.data)
        codec = stream.renews(chunk, self.session.config.source(stream.source))
        if codec is not None or stream.begins_anew(chunk):
            self._observe(stream)
        if codec is not None:
            stream.codec = codec
            self.session.say([Notice(RENEWED, subject=stream.name)])
        more = chunk.data or chunk.oversized or chunk.lost or chunk.losses
        news = bool(more) or stream.codec is None
        if not stream.take(chunk):
            return
        if news:
            stream.read_at = self.clock.monotonic()
        stream.codec = stream.codec or self._open(stream)
        if news and (self.keeper is not None or stream.intake):
            stream.stood = standing(stream)
        goes_on = stream.codec is None or stream.may_go_on(self.clock.monotonic())
        if not (goes_on or self._pool.take(stream)):
            self._observe(stream)

    def _observe(self, stream: Stream, batch: EventBatch | None = None) -> None:
        """Observe all lines that are held; their events, if these are known."""
        engine = self.session.engine
        observer = engine.observers[stream.source]
        batch = batch or events_of(stream, observer)
        clock = engine.state.streams[stream.name].clock
        seen = observer.observe(batch, clock, now=self.clock.now())
        engine.absorb(stream.name, seen, lost=stream.lost, losses=stream.losses)
        stream.clear(seen.cells.cells.room)
        stream.mark, stream.stood = stream.stood or stream.mark, ""
        stream.note(engine.state.streams[stream.name], stream.read_at)

    def _open(self, stream: Stream) -> Codec | None:
        """Bind a stream to its format, as soon as that can be told."""
        try:
            codec = self.session.open(stream.name, stream.source, stream.head())
        except FormatUnknownError as error:
            codec = self._unknown(stream, error)
        stream.codec = unknown() if codec is None and stream.ended else codec
        return stream.codec

    def _unknown(self, stream: Stream, error: FormatUnknownError) -> Codec | None:
        """Wait for better lines, or give a stream up: all, if it is the only one."""
        first, stream.unfit = not stream.unfit, True
        if stream.patient():
            if first:
                text = "no line fits a format yet: waiting for one that does"
                self.session.say([Notice(text, "warning", stream.name)])
            return None
        others = (s for s in self._streams if s is not stream)
        given_up = all(s.codec and s.codec.format == UNKNOWN for s in others)
        given_up = given_up and not stream.intake  # others may send better ones
        if (given_up or not self.live) and not self.stopped:
            self._failure = self._failure or error
        if given_up and not self.stopped:  # there is no other stream to go on with
            self.stopped = True
            return unknown()
        text = f"{error}\n  all its lines are counted as parse errors"
        self.session.say([Notice(text, "error", stream.name)])
        return unknown()

    def _end(self, stream: Stream) -> None:
        """Take what is left of a stream: an unterminated last line of one that ended."""
        if stream.ended:
            return
        stream.ended = True
        chunk, left = stream.finish()
        self._absorb(stream, chunk)
        if left:
            text = f"{left} bytes of an unfinished line are left unread"
            self.session.say([Notice(text, subject=stream.name)])
        self.session.engine.end(stream.name)
