"""Follow: streams that are being written, for as long as the user likes.

The loop looks at every stream, absorbs what is there, ticks those that have nothing
more to read, and speaks. Ticks are (newest event time + time since it was read), never
later than the wall clock, so the last windows close though no further line comes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tocsin.metrics.lateness import StreamClock
from tocsin.model.instant import SECOND
from tocsin.model.records import Notice
from tocsin.model.status import AlarmStatus, LiveStatus, StreamStatus
from tocsin.runners.opening import parse
from tocsin.runners.pieces import with_oversized
from tocsin.runners.seek import start_of
from tocsin.sources import FileReader, FollowReader, PipeReader, head, is_pipe, size

if TYPE_CHECKING:
    from tocsin.model.protocols import Chunk, Codec
    from tocsin.runners.clock import Clock
    from tocsin.runners.session import Session

BLOCK = 4 << 20
_LOOK_EVERY = 0.25
_REST_AFTER = 10.0


@dataclass(slots=True)
class _Stream:
    """One stream that is followed, and when it last gave something (monotonic, s)."""

    name: str
    source: str
    reader: FollowReader | PipeReader | FileReader
    codec: Codec | None = None
    read_at: float = 0.0
    caught_up: bool = False
    ended: bool = False
    waited: bool = False
    trouble: str = ""


class Follow:
    """Follows streams until all have ended or `stop` is called."""

    def __init__(self, session: Session, clock: Clock, *, start: str = "") -> None:
        self.session = session
        self.clock = clock
        self.start = start
        self.stopped = False
        self._streams: list[_Stream] = []
        self._lines = (0, clock.monotonic())

    def add_file(self, path: Path, source: str) -> None:
        """Follow a file, or a named pipe; one that does not exist is waited for."""
        name = str(path)
        if path.exists() and is_pipe(path):
            reader: FollowReader | PipeReader = PipeReader.open(path)
        else:
            reader = FollowReader(path, start=self._offset(path, source))
        self._add(_Stream(name, source, reader))

    def add_past(self, path: Path, source: str) -> None:
        """Read a file to its present end."""
        reader = FileReader(path, start=self._offset(path, source))
        self._add(_Stream(str(path), source, reader))

    def add_pipe(self, fd: int, source: str) -> None:
        """Follow standard input."""
        self._add(_Stream("-", source, PipeReader(fd)))

    def stop(self) -> None:
        """Finish after the present look. Safe to call from a signal handler."""
        self.stopped = True

    def run(self, until: Callable[[], bool] = lambda: False) -> None:
        """Follow until stopped, until all streams end, or until `until` says so."""
        try:
            while not self.stopped and not until():
                busy = [self._look(s) for s in self._streams if not s.ended]
                self._tick()
                self.session.say(self.session.engine.advance())
                self._refresh()
                if all(s.ended for s in self._streams):
                    break
                if not any(busy):
                    self.clock.wait(_LOOK_EVERY, self._waiting_for())
            for stream in self._streams:
                self._end(stream)
        finally:
            for stream in self._streams:
                stream.reader.close()
        self.session.finish()

    def _add(self, stream: _Stream) -> None:
        stream.read_at = self.clock.monotonic()
        self._streams.append(stream)
        self.session.engine.register(stream.name, stream.source)

    def _offset(self, path: Path, source: str) -> int:
        """Return where in a file to start, by `--from`."""
        if not path.exists():
            return 0
        config = self.session.config.source(source)
        return start_of([path], config, self.start)[0]

    def _look(self, stream: _Stream) -> bool:
        """Read what a stream has, absorb it, and say whether there was anything."""
        chunk = stream.reader.read(BLOCK)
        self._mind(stream)
        stream.caught_up = chunk.caught_up and not stream.trouble
        if chunk.data or chunk.oversized or chunk.lost:
            self._absorb(stream, chunk)
        if chunk.ended:
            self._end(stream)
        return bool(chunk.data) or not (chunk.caught_up or stream.trouble)

    def _mind(self, stream: _Stream) -> None:
        """Say once that a stream is waited for, or in trouble."""
        waiting = getattr(stream.reader, "waiting", False)
        if waiting and not stream.waited:
            text = f"{stream.name} is not there yet: waiting for it"
            self.session.say([Notice(text, subject=stream.name)])
        stream.waited = waiting
        trouble = getattr(stream.reader, "trouble", None) or ""
        if trouble and trouble != stream.trouble:
            self.session.say([Notice(trouble, "warning", stream.name)])
        stream.trouble = trouble

    def _absorb(self, stream: _Stream, chunk: Chunk, *, last: bool = False) -> None:
        engine = self.session.engine
        codec = stream.codec or self._open(stream, chunk.data)
        observer = engine.observers[stream.source]
        batch = with_oversized(
            parse(codec, chunk.data, observer.fields), chunk.oversized
        )
        clock: StreamClock = engine.state.streams[stream.name].clock
        seen = observer.observe(batch, clock, now=self.clock.now(), last=last)
        engine.absorb(stream.name, seen, lost=chunk.lost)
        stream.read_at = self.clock.monotonic()

    def _open(self, stream: _Stream, data: bytes) -> Codec:
        """Bind a stream to its format by the beginning of the file, or of what came."""
        path = Path(stream.name)
        begin = b""
        if not isinstance(stream.reader, PipeReader) and path.exists():
            begin = head(path)
        stream.codec = self.session.open(stream.name, stream.source, begin or data)
        return stream.codec

    def _tick(self) -> None:
        """Tick the streams that have nothing more to read; let the silent ones rest."""
        engine, now = self.session.engine, self.clock.now()
        at = self.clock.monotonic()
        for stream in self._streams:
            if stream.ended or not stream.caught_up:
                continue
            newest = engine.state.streams[stream.name].last
            silent = at - stream.read_at
            if newest is None:
                engine.rest(stream.name)
                continue
            engine.tick(stream.name, min(newest + int(silent * SECOND), max(now, newest)))
            if silent > _REST_AFTER:
                engine.rest(stream.name)

    def _end(self, stream: _Stream) -> None:
        """Take what is left of a stream: an unterminated last line of one that ended."""
        if stream.ended:
            return
        stream.ended = True
        reader = stream.reader
        if not isinstance(reader, FileReader):
            left = reader.pending
            chunk = reader.finish(emit=isinstance(reader, PipeReader))
            if chunk.data or chunk.oversized:
                self._absorb(stream, chunk)
            elif left:
                text = f"{left} bytes of an unfinished line are left unread"
                self.session.say([Notice(text, subject=stream.name)])
        self.session.engine.end(stream.name)

    def _waiting_for(self) -> Sequence[int]:
        return [
            s.reader.fileno()
            for s in self._streams
            if isinstance(s.reader, PipeReader) and not s.ended
        ]

    def _refresh(self) -> None:
        """Tell the view how the run stands."""
        engine = self.session.engine
        states = engine.state.streams
        lines = sum(s.tally.lines for s in states.values())
        at = self.clock.monotonic()
        before, then = self._lines
        speed = (lines - before) / (at - then) if at > then else None
        self._lines = (lines, at)
        times = [s.last for s in states.values() if s.last is not None]
        self.session.view.refresh(
            LiveStatus(
                now=max(times, default=None),
                streams=tuple(map(self._status, self._streams)),
                lines=lines,
                parse_errors=sum(s.tally.parse_errors for s in states.values()),
                alarms=tuple(
                    AlarmStatus(
                        name=standing.title,
                        value=standing.value,
                        count=standing.count,
                        threshold=standing.threshold,
                        firing=standing.firing,
                        operator=standing.operator,
                        key=standing.key,
                    )
                    for standing in engine.standings()
                ),
                lines_per_s=speed,
            )
        )

    def _status(self, stream: _Stream) -> StreamStatus:
        reader = stream.reader
        lag = 0
        if isinstance(reader, FollowReader) and not stream.waited:
            try:
                lag = max(0, size(Path(stream.name)) - reader.bookmark.files[-1].offset)
            except (OSError, IndexError, ValueError):
                lag = 0
        return StreamStatus(
            stream=stream.name,
            lag=lag,
            waiting=stream.waited,
            trouble=stream.trouble,
            format=stream.codec.format if stream.codec else "",
        )


