"""A followed file as the run sees it that does not read it: a worker process does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

from tocsin.model.protocols import Chunk
from tocsin.runners.letters import Again, Drop, Form, Manner, Move, Taken

if TYPE_CHECKING:
    from tocsin.metrics.lateness import StreamClock
    from tocsin.runners.letters import Letter, Look


class Seat(Protocol):
    """Who reads a stream: where its letters go, and what is known of their work."""

    def send(self, letter: Letter) -> None:
        """Send a letter on its way; never waits, never fails."""
        ...

    def looked(self, task: int) -> float | None:
        """Return the moment at which a stream was last looked at, for sure."""
        ...

    @property
    def silent(self) -> bool:
        """Whether nothing has been heard for longer than any work takes."""
        ...


_NEW = Manner()


class FarReader(Struct, eq=False):
    """A stream that a worker reads; `read` gives nothing, its blocks come as letters.

    `name` is the path, `mark` the bookmark (as JSON) after the last block that was
    taken in, `taken` its number. `form` is the format once it is known; `head` and
    `patient` are what the worker last asked about it. `deaths` counts workers that died
    over it at `mark`.
    """

    stream: str
    source: str
    name: str
    mark: str
    weight: int = 1
    seat: Seat | None = None
    task: int = 0
    taken: int = 0
    manner: Manner = _NEW
    form: str = ""
    head: bytes = b""
    patient: bool = False
    deaths: int = 0
    closed: bool = False
    fault: str = ""
    """Why nobody reads it now."""

    @property
    def path(self) -> Path:
        """The name that is followed."""
        return Path(self.name)

    @property
    def waiting(self) -> bool:
        """Whether there was no file of that name at the last look."""
        return self.manner.waiting

    @property
    def trouble(self) -> str:
        """What stands in the way of reading it, in a sentence."""
        if self.fault:
            return self.fault
        if self.seat is not None and self.seat.silent:
            return "the process that reads it has not been heard of for a while"
        return self.manner.trouble

    @property
    def unsure(self) -> bool:
        """Whether its reader looks again before it believes what it saw."""
        return self.manner.unsure

    @property
    def pending(self) -> int:
        """How many bytes of an unfinished line are held back."""
        return self.manner.pending

    @property
    def looked(self) -> float | None:
        """The moment (monotonic s) at which it was last seen to be caught up."""
        caught_up = self.manner.caught_up and not self.manner.held
        return self.seat.looked(self.task) if self.seat and caught_up else None

    def read(self, limit: int) -> Chunk:
        """Return nothing."""
        del limit
        return Chunk(b"", 0, 0, caught_up=self.manner.caught_up)

    def move_to(self, path: Path) -> None:
        """Follow the file of another name from now on, after the present one."""
        self.name = str(path)
        self._send(Move(self.task, str(path)))

    def close(self) -> None:
        """Have the worker let go of it. Idempotent."""
        self._send(Drop(self.task))
        self.seat, self.closed = None, True

    def answer(self, form: str) -> None:
        """Say in which format it is; "" when better lines are awaited."""
        self.form = form
        self._send(Form(self.task, form))

    def took(self, look: Look) -> None:
        """Say that a block is taken in."""
        self.mark, self.taken, self.manner = look.mark, look.number, look.manner
        self.deaths = 0
        self._send(Taken(self.task, look.number))

    def again(self, number: int, clock: StreamClock) -> None:
        """Have a block, and those after it, observed again after a clock."""
        self._send(Again(self.task, number, clock))

    def _send(self, letter: Letter) -> None:
        if self.seat is not None:
            self.seat.send(letter)
