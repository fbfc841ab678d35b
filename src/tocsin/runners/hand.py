"""A hand: reads, parses and observes some streams, in a worker process.

It keeps its own clock of every stream. A block of lines stays here until it is known to
be taken in, so that it can be observed again should the clock have been another.
"""

from __future__ import annotations

from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
from msgspec import Struct

from tocsin.model.errors import SourceError
from tocsin.pipeline.wire import alone
from tocsin.runners.letters import (
    Again,
    Ask,
    Begin,
    Broken,
    Drop,
    Form,
    Look,
    Manner,
    Move,
    Round,
    Taken,
    Task,
    decode,
    encode,
)
from tocsin.runners.opening import fixed, open_codec, parse, unknown, with_oversized
from tocsin.runners.portion import MOST
from tocsin.runners.stream import RENEWED, Stream
from tocsin.runners.tube import GoneError
from tocsin.sources import Bookmark, FollowReader

if TYPE_CHECKING:
    from collections.abc import Callable

    from tocsin.metrics.lateness import StreamClock
    from tocsin.model.protocols import Chunk, Codec
    from tocsin.model.records import Loss
    from tocsin.runners.clock import Clock
    from tocsin.runners.letters import Letter
    from tocsin.runners.pieces import Bench
    from tocsin.sources import Crowd

BLOCK = MOST
"""Bytes that are read at once, if lines come to little."""
_AHEAD = 2
"""Blocks of a stream that may wait to be taken in."""
_ROOM = 16 << 20
"""Bytes of all streams that may wait to be taken in, about."""


class _Block(Struct, frozen=True):
    """Lines that were read, and are not known to be taken in."""

    number: int
    codec: Codec
    data: bytes
    oversized: int
    lost: int
    losses: tuple[Loss, ...]
    notes: tuple[str, ...]
    mark: str


_NEW = Manner()


class _Own(Struct):
    """A stream that is ours.

    `stood` is where its reader stood after the lines it holds (None: where it stands
    now), and `asked` whether better lines could be awaited when we asked for its format.
    """

    task: int
    stream: Stream
    live: FollowReader
    clock: StreamClock
    form: str
    stood: Bookmark | None = None
    asking: bool = False
    asked: bool | None = None
    number: int = 0
    offset: int = 0
    blocks: tuple[_Block, ...] = ()
    manner: Manner = _NEW
    notes: tuple[str, ...] = ()

    @property
    def waits(self) -> bool:
        """Whether an answer must come before more may be read."""
        return self.asking or len(self.blocks) >= _AHEAD

    def stands(self) -> Manner:
        """Return how the stream stands now."""
        stream = self.stream
        return Manner(
            offset=self.offset,
            pending=self.live.pending,
            caught_up=stream.caught_up,
            waiting=stream.waiting,
            trouble=stream.trouble,
            unsure=stream.unsure,
            held=bool(stream.held),
        )


class Hand:
    """Works on the streams it is given, and answers through `send`."""

    def __init__(
        self, bench: Bench, clock: Clock, crowd: Crowd, send: Callable[[bytes], None]
    ) -> None:
        self._bench = bench
        self._clock = clock
        self._crowd = crowd
        self._post = send
        self._own: dict[int, _Own] = {}
        self._turns: deque[int] = deque()
        self._left = 0
        self._began = 0.0
        self._skipped: list[int] = []
        self._room = _ROOM

    def hear(self, data: bytes) -> None:
        """Do what a letter says; one about a stream that is gone says nothing."""
        letter = decode(data)
        if isinstance(letter, Task):
            self._guarded(letter.task, lambda: self._begin(letter))
            return
        own = self._own.get(letter.task) if hasattr(letter, "task") else None
        if own is not None:
            self._guarded(own.task, lambda: self._obey(own, letter))

    def turn(self) -> bool:
        """Look at every stream once, or at as many as there is room for.

        Return whether there was anything.
        """
        if not self._left:
            self._left = len(self._turns)
            self._began = self._clock.monotonic()
            self._skipped = []
        busy = False
        while self._left and self._room > 0:
            self._left = min(self._left, len(self._turns)) - 1
            own = self._own[self._turns[0]]
            self._turns.rotate(-1)
            busy |= bool(self._guarded(own.task, lambda own=own: self._look(own)))  # type: ignore[misc]
        if not self._left:
            self._send(Round(self._began, tuple(self._skipped)))
        return busy

    def close(self) -> None:
        """Let go of all streams."""
        for task in list(self._own):
            self._let_go(task)

    def _guarded(self, task: int, work: Callable[[], bool | None]) -> bool | None:
        """Do work on a stream; when it breaks, others go on without it."""
        try:
            return work()
        except SourceError as error:
            self._let_go(task)
            self._send(Broken(task, str(error), ours=False))
        except GoneError:
            raise  # nobody is there to tell
        except (Exception, pl.exceptions.PanicException) as error:  # noqa: BLE001 - one stream must not end the others
            self._let_go(task)
            self._send(Broken(task, f"{type(error).__name__}: {error}", ours=True))
        return None

    def _begin(self, task: Task) -> None:
        live = FollowReader(
            Path(task.path),
            start=Bookmark.from_json(task.mark),
            stream=task.stream,
            crowd=self._crowd,
        )
        stream = Stream(task.stream, task.source, live, self._clock.monotonic())
        own = _Own(task.task, stream, live, task.clock, task.form)
        own.offset = _offset(live.bookmark)
        self._own[task.task] = own
        self._turns.append(task.task)

    def _obey(self, own: _Own, letter: Letter) -> None:
        match letter:
            case Form(_, form):
                self._told(own, form)
            case Taken(_, number):
                self._taken(own, number)
            case Again(_, number, clock):
                self._taken(own, number - 1)
                own.clock = clock
                for block in own.blocks:
                    self._observe(own, block)
            case Move(_, path):
                own.live.move_to(Path(path))
            case Drop():
                self._let_go(own.task)
            case _:
                raise ValueError(f"{type(letter).__name__} is not for a worker")

    def _told(self, own: _Own, form: str) -> None:
        """Go on with a stream whose format is known now; or may be, later."""
        own.form, own.asking = form, False
        if form:
            self._give(own)
        else:
            self._tell(own)

    def _let_go(self, task: int) -> None:
        own = self._own.pop(task, None)
        if own is not None:
            self._turns.remove(task)
            self._taken(own, own.number)
            own.live.close()

    def _taken(self, own: _Own, number: int) -> None:
        taken = [block for block in own.blocks if block.number <= number]
        own.blocks = own.blocks[len(taken) :]
        self._room += sum(len(block.data) for block in taken)

    def _look(self, own: _Own) -> bool:
        """Read what a stream has, and send on what it comes to."""
        if own.waits:
            self._skipped.append(own.task)
            return False
        stream = own.stream
        chunk = stream.read(min(BLOCK, stream.portion.bytes))
        own.notes += chunk.notes
        codec = stream.renews(chunk, self._bench.config.source(stream.source))
        if stream.held and (codec is not None or stream.begins_anew(chunk)):
            self._block(own)
        if codec is not None:
            stream.codec = codec
            own.notes += (RENEWED,)
        news = chunk.data or chunk.oversized or chunk.lost or chunk.losses
        if news:
            stream.read_at = self._clock.monotonic()
        if not stream.take(chunk):
            self._tell(own)
            return self._goes_on(stream, chunk)
        own.stood = own.live.bookmark if news else own.stood
        if own.form:
            self._give(own)
        else:
            self._ask(own, chunk)
        return self._goes_on(stream, chunk)

    def _give(self, own: _Own) -> None:
        """Observe what is held, unless its last event may go on."""
        stream = own.stream
        stream.codec = stream.codec or self._codec(own)
        if stream.may_go_on(self._clock.monotonic()):
            self._tell(own)
        else:
            self._block(own)

    def _goes_on(self, stream: Stream, chunk: Chunk) -> bool:
        """Whether a stream may have more to read at once."""
        waits = chunk.caught_up or stream.trouble or stream.unsure
        return bool(chunk.data) or not waits

    def _tell(self, own: _Own) -> None:
        """Say how a stream stands, if that has changed."""
        manner = own.stands()
        if manner != own.manner or own.notes:
            own.manner = manner
            self._send(Look(own.task, own.number, manner, own.notes))
            own.notes = ()

    def _ask(self, own: _Own, chunk: Chunk) -> None:
        """Ask for the format, when there are lines that were not asked about."""
        patient = own.stream.patient()
        news = chunk.data or chunk.oversized or chunk.lost or chunk.losses
        if not news and patient == own.asked:
            self._tell(own)
            return
        own.asking, own.asked = True, patient
        self._send(Ask(own.task, own.stream.head(), patient))

    def _block(self, own: _Own) -> None:
        """Observe all lines that are held."""
        stream, mark = own.stream, own.stood or own.live.bookmark
        stream.codec = stream.codec or self._codec(own)
        own.number += 1
        own.offset, own.stood = _offset(mark), None
        block = _Block(
            number=own.number,
            codec=stream.codec,
            data=stream.held,
            oversized=stream.oversized,
            lost=stream.lost,
            losses=stream.losses,
            notes=own.notes,
            mark=mark.to_json(),
        )
        stream.clear()
        own.notes = ()
        own.manner = own.stands()
        own.blocks += (block,)
        self._room -= len(block.data)
        self._observe(own, block)

    def _observe(self, own: _Own, block: _Block) -> None:
        """Observe a block after the clock, and send what was seen."""
        self._send(Begin(own.task))
        stream, before = own.stream, own.clock
        observer = self._bench.observers[stream.source]
        batch = parse(block.codec, block.data, observer.asks(block.codec))
        batch = with_oversized(batch, block.oversized)
        seen = observer.observe(batch, before, now=self._clock.now())
        stream.portion.learn(len(block.data), seen.cells.cells.room)
        own.clock = alone(seen.clock)
        self._send(
            Look(
                task=own.task,
                number=block.number,
                manner=own.manner,
                notes=block.notes,
                mark=block.mark,
                bytes=len(block.data),
                lost=block.lost,
                losses=block.losses,
                newest=before.newest,
                held=before.held is not None,
                seen=seen,
            )
        )

    def _codec(self, own: _Own) -> Codec:
        stream = own.stream
        source = fixed(self._bench.config.source(stream.source), own.form)
        return open_codec(source, stream.name, stream.head())[0] or unknown()

    def _send(self, letter: Letter) -> None:
        self._post(encode(letter))


def _offset(mark: Bookmark) -> int:
    """Return where a bookmark is in its newest file."""
    return mark.files[-1].offset if mark.files else 0
