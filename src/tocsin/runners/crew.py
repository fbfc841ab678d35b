"""The crew: worker processes that read followed files, and who reads which.

One that dies is started anew, and its streams go on after the last block that was taken
in. A stream over which three died in one place is set aside; the others go on.
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING, Protocol, TypeAlias

from tocsin.model.errors import SourceError
from tocsin.model.records import Notice
from tocsin.runners.far import FarReader
from tocsin.runners.letters import (
    Ask,
    Begin,
    Broken,
    Drop,
    Look,
    Manner,
    Round,
    Task,
    decode,
    encode,
)
from tocsin.runners.pieces import PIECE
from tocsin.runners.tube import GoneError
from tocsin.runners.workers import cores
from tocsin.sources import FollowReader, size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from tocsin.runners.clock import Clock
    from tocsin.runners.letters import Letter
    from tocsin.runners.session import Session
    from tocsin.runners.stream import Stream

    Heard: TypeAlias = tuple[Stream, FarReader, Ask | Look]

MOST_DEATHS = 3
"""Deaths over one place of a stream after which it is set aside."""
_SILENT = 30.0
"""Seconds without a letter after which a worker holds nobody back."""
_AGAIN = 5.0
"""Seconds after which a stream whose file could not be opened is tried again."""
_SLOWEST = 30.0
_HEAVY = 64 << 20
"""Bytes of a backlog that weigh as much as one more stream."""


class Link(Protocol):
    """A worker, and the pipe to it."""

    @property
    def fd(self) -> int | None:
        """The descriptor that is readable when there are letters."""
        ...

    def send(self, letter: bytes) -> None:
        """Send a letter; never waits. It may be lost if the worker dies."""
        ...

    def receive(self) -> tuple[list[bytes], bool]:
        """Return the letters that have come, and whether the worker is gone."""
        ...

    def close(self) -> str:
        """End the worker, if it still runs; return how it ended, in words."""
        ...


class _Worker:
    """One place of the crew: a process, and the streams it reads, by task."""

    def __init__(self, link: Link, at: float) -> None:
        self.link = link
        self.streams: dict[int, FarReader] = {}
        self.weight = 0
        self.busy: FarReader | None = None
        """The stream of the block that it works on."""
        self.gone = False
        self.proven = False
        """Whether it was heard at all."""
        self.began = self.heard = at
        self._now = at
        self._round: float | None = None
        self._skipped: dict[int, float | None] = {}

    @property
    def silent(self) -> bool:
        return self._now - self.heard > _SILENT

    def add(self, far: FarReader) -> None:
        self.streams[far.task] = far
        self.weight += far.weight

    def remove(self, task: int) -> None:
        far = self.streams.pop(task, None)
        self.weight -= far.weight if far is not None else 0

    def send(self, letter: Letter) -> None:
        if isinstance(letter, Drop):
            self.remove(letter.task)
        if not self.gone:
            try:
                self.link.send(encode(letter))
            except GoneError:
                self.gone = True

    def looked(self, task: int) -> float | None:
        return self._skipped.get(task, self._round)

    def letters(self, at: float) -> list[Letter]:
        """Return what has come."""
        self._now = at
        came, gone = self.link.receive()
        self.gone = self.gone or gone
        if came:
            self.heard, self.proven = at, True
        return [decode(data) for data in came]

    def rounded(self, letter: Round) -> None:
        """Note what was looked at; what was skipped stays at its last look."""
        self._skipped = {task: self.looked(task) for task in letter.skipped}
        self._round = letter.at


class Crew:
    """At most `most` workers; `start` starts one, as streams come.

    With 0, as many as there are processors, and none while it is not worth one: for
    one small file alone, or where there is only one processor.
    """

    def __init__(
        self,
        session: Session,
        clock: Clock,
        start: Callable[[Session], Link],
        most: int = 0,
    ) -> None:
        self.session = session
        self.most = most or cores()
        self._at_once = most > 0
        self._begun = False
        self._streams: dict[str, Stream] = {}
        self._minded = clock.monotonic()
        self._clock = clock
        self._start = start
        self._workers: list[_Worker] = []
        self._waiting: list[tuple[float, int, FarReader]] = []
        """Streams that nobody reads, by when they may be dealt out again: a heap."""
        self._tasks = 0
        self._early = 0
        """How many workers in a row died before they were heard."""

    @property
    def fds(self) -> list[int]:
        """The descriptors to wait on."""
        fds = (worker.link.fd for worker in self._workers)
        return [fd for fd in fds if fd is not None]

    def deal(self, stream: Stream, streams: Sequence[Stream]) -> None:
        """Take over the followed file that is the newest of these streams, or not yet.

        The engine knows it. Once one is taken over, all are that can be.
        """
        self._streams[stream.name] = stream
        if self._begun:
            self._take_over(stream)
            return
        if self.most == 1 and not self._at_once:
            return
        files = [s for s in streams if isinstance(s.reader, FollowReader)]
        self._begun = self._at_once or _are_much(files)
        for each in files if self._begun else ():
            self._take_over(each)

    def _take_over(self, stream: Stream) -> None:
        """Have a followed file read from where its reader is."""
        live = stream.reader
        if isinstance(live, FollowReader) and not stream.held:
            mark, form = live.bookmark.to_json(), stream.codec and stream.codec.format
            live.close()
            name = str(live.path)
            name = stream.name if name == stream.name else name  # it is kept but once
            far = FarReader(stream.name, stream.source, name, mark)
            far.form, stream.reader = form or "", far
            self._give(far, stream.offset)

    def _give(self, far: FarReader, offset: int) -> None:
        """Give a stream to the worker with the least to do."""
        worker = self._idlest()
        self._tasks += 1
        far.weight = 1 + _backlog(far.path, offset) // _HEAVY
        far.seat, far.task, far.taken, far.fault = worker, self._tasks, 0, ""
        far.manner = Manner(waiting=far.manner.waiting)
        self._is_unknown(far)
        worker.add(far)
        clock = self.session.engine.state.streams[far.stream].clock
        worker.send(
            Task(
                task=far.task,
                stream=far.stream,
                source=far.source,
                path=far.name,
                mark=far.mark,
                form=far.form,
                clock=clock,
            )
        )

    def troubled(self) -> list[Stream]:
        """Return, once a second, the streams whose trouble is not as it was."""
        at = self._clock.monotonic()
        if at - self._minded < 1:
            return []
        self._minded = at
        every = self._living()
        return [s for s in every if s.far is not None and s.trouble != s.far.trouble]

    def hear(self) -> list[Heard]:
        """Return what was asked and seen; what died before is replaced first.

        What a worker sent before its death counts: take it in before the next `hear`.
        """
        at = self._clock.monotonic()
        for worker in [w for w in self._workers if w.gone]:
            self._bury(worker, at)
        while self._waiting and self._waiting[0][0] <= at:
            *_, far = heappop(self._waiting)
            if not far.closed:
                self._give(far, far.manner.offset)
        heard: list[Heard] = []
        for worker in self._workers:
            heard += self._heard(worker, at)
        return heard

    def renew(self, session: Session) -> None:
        """Go on for another session, such as one of new rules, with new workers.

        What was read and not taken in yet is read again; what was set aside, too.
        """
        self.session = session
        at = self._clock.monotonic()
        fars = [s.far for s in self._living() if s.far is not None]
        self.close()
        for far in fars:
            far.seat, far.fault, far.deaths = None, "", 0
            self._is_unknown(far)
            self._put_off(far, at)

    def _living(self) -> list[Stream]:
        """Return the streams that are not let go of."""
        closed = [n for n, s in self._streams.items() if s.far and s.far.closed]
        for name in closed:
            del self._streams[name]
        return list(self._streams.values())

    def close(self) -> None:
        """End all workers. Idempotent."""
        for worker in self._workers:
            worker.link.close()
        self._workers.clear()
        self._waiting.clear()

    def _heard(self, worker: _Worker, at: float) -> Iterable[Heard]:
        for letter in worker.letters(at):
            if isinstance(letter, Round):
                worker.rounded(letter)
                worker.busy = None
            elif isinstance(letter, Begin | Ask | Look | Broken):
                far = worker.streams.get(letter.task)
                worker.busy = far if isinstance(letter, Begin) else None
                if isinstance(letter, Broken) and far is not None:
                    self._broken(worker, far, letter)
                elif isinstance(letter, Ask | Look) and far is not None:
                    yield self._streams[far.stream], far, letter

    def _idlest(self) -> _Worker:
        """Return the worker with the least to do; a new one while there may be more."""
        living = [worker for worker in self._workers if not worker.gone]
        idle = min(living, key=lambda w: w.weight, default=None)
        if idle is None or (idle.streams and len(self._workers) < self.most):
            idle = _Worker(self._start(self.session), self._clock.monotonic())
            self._workers.append(idle)
        return idle

    def _bury(self, worker: _Worker, at: float) -> None:
        """Replace a worker that has died; its streams go on elsewhere."""
        self._workers.remove(worker)
        how = worker.link.close()
        self._early = 0 if worker.proven else self._early + 1
        pause = min(_SLOWEST, 2.0**self._early - 1)
        logs = len(worker.streams)
        text = f"a process that reads {logs} of the logs has ended ({how}): they go on"
        self.session.say([Notice(text, "warning")])
        for far in worker.streams.values():
            far.seat = None
            self._is_unknown(far)
            if far is worker.busy:
                self._strike(far, at + pause, "the process that reads it has ended")
            else:
                self._put_off(far, at + pause)

    def _is_unknown(self, far: FarReader) -> None:
        """Nobody knows whether a stream is caught up, until who reads it has looked."""
        stream = self._streams.get(far.stream)
        if stream is not None:
            stream.caught_up = False

    def _broken(self, worker: _Worker, far: FarReader, letter: Broken) -> None:
        """A worker has let go of a stream."""
        at = self._clock.monotonic()
        worker.remove(far.task)
        far.seat = None
        if letter.ours:
            self._strike(far, at, letter.text)
        else:
            far.fault = letter.text
            self._put_off(far, at + _AGAIN)

    def _strike(self, far: FarReader, at: float, how: str) -> None:
        """Count a death over a stream: after the last one it is set aside."""
        far.deaths += 1
        if far.deaths < MOST_DEATHS:
            self._put_off(far, at)
            return
        text = (
            f"set aside until the next start: {how}, {MOST_DEATHS} times in one place"
        )
        far.fault = text

    def _put_off(self, far: FarReader, at: float) -> None:
        heappush(self._waiting, (at, far.task, far))


def _are_much(files: Sequence[Stream]) -> bool:
    """Whether there is enough to read for processes to be worth their start."""
    lives = [(stream.live, stream.offset) for stream in files]
    unread = sum(_backlog(live.path, at) for live, at in lives if live is not None)
    return len(files) > 1 or unread >= 4 * PIECE


def _backlog(path: Path, offset: int) -> int:
    """Return about how many bytes of a file are unread."""
    try:
        return max(0, size(path) - offset)
    except SourceError:  # it is not there
        return 0
