"""What a run and its worker processes write to each other.

A task is a stream that a worker reads. Its blocks are numbered from 1; each is one
`Look` that stays with the worker, too, until it is answered by `Taken`, or by `Again`:
then it is observed once more, with the clock that the stream has by now.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from msgspec import Struct
from msgspec.structs import astuple

from tocsin.metrics.lateness import StreamClock
from tocsin.model.records import Loss
from tocsin.pipeline.observation import Observation
from tocsin.pipeline.wire import (
    Parcel,
    WireError,
    clock_of,
    clock_row,
    observation_of,
    observation_row,
    opened,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


class Task(Struct, frozen=True):
    """To a worker: read this stream from `mark` on (a bookmark as JSON).

    `form` is its format, once known; `clock` is how far its time has come.
    """

    task: int
    stream: str
    source: str
    path: str
    mark: str
    form: str
    clock: StreamClock


class Form(Struct, frozen=True):
    """To a worker: this is the format of a stream; "" when better lines are awaited."""

    task: int
    form: str


class Taken(Struct, frozen=True):
    """To a worker: the block of this number, and all before it, are taken in."""

    task: int
    number: int


class Again(Struct, frozen=True):
    """To a worker: observe the block of this number again after `clock`, and go on."""

    task: int
    number: int
    clock: StreamClock


class Move(Struct, frozen=True):
    """To a worker: follow the file of another name from now on."""

    task: int
    path: str


class Drop(Struct, frozen=True):
    """To a worker: let go of a stream."""

    task: int


class Round(Struct, frozen=True):
    """From a worker: its streams were looked at after `at` (monotonic s), but some."""

    at: float
    skipped: tuple[int, ...] = ()


class Begin(Struct, frozen=True):
    """From a worker: it begins with a block; should it die now, this was the one."""

    task: int


class Ask(Struct, frozen=True):
    """From a worker: which format has a stream that begins with `head`?

    `patient` says that better lines may be awaited.
    """

    task: int
    head: bytes
    patient: bool


class Manner(Struct, frozen=True):
    """How a stream stands: what its reader says of itself.

    `offset` is where it is in its newest file, `pending` how many bytes of an
    unfinished line it holds back; `held` whether lines wait for their event to end.
    """

    offset: int = 0
    pending: int = 0
    caught_up: bool = False
    waiting: bool = False
    trouble: str = ""
    unsure: bool = False
    held: bool = False


class Look(Struct, frozen=True):
    """From a worker: a block of a stream, or (without `seen`) how it stands after it.

    `seen` was observed after a clock with this `newest`, and `held` says whether that
    clock held a row. `mark` is the bookmark after the block, `bytes` its size.
    """

    task: int
    number: int
    manner: Manner
    notes: tuple[str, ...] = ()
    mark: str = ""
    bytes: int = 0
    lost: int = 0
    losses: tuple[Loss, ...] = ()
    newest: int | None = None
    held: bool = False
    seen: Observation | None = None

    def follows(self, clock: StreamClock) -> bool:
        """Whether it was observed after this very clock."""
        return self.newest == clock.newest and self.held == (clock.held is not None)


class Broken(Struct, frozen=True):
    """From a worker: it has let go of a stream, which broke in its hands.

    `ours` says that a fault of the program was the reason, not one of the source.
    """

    task: int
    text: str
    ours: bool


Letter: TypeAlias = (
    Task | Form | Taken | Again | Move | Drop | Round | Begin | Ask | Look | Broken
)
_KINDS = {
    kind.__name__: kind
    for kind in (
        Task, Form, Taken, Again, Move, Drop, Round, Begin, Ask, Look, Broken,
    )
}  # fmt: skip


def encode(letter: Letter) -> bytes:
    """Return a letter as bytes."""
    parcel = Parcel()
    row = [_out(value, parcel) for value in astuple(letter)]
    return parcel.letter({type(letter).__name__: row})


def decode(data: bytes) -> Letter:
    """Return the letter that `encode` made this of.

    Raises:
        WireError: It is of another version, or damaged.
    """
    header, parts = opened(data)
    ((name, row),) = header.items()
    kind = _KINDS.get(name)
    if kind is None:
        raise WireError(f"there is no letter called {name!r}")
    values = {
        field: _in(field, value, parts)
        for field, value in zip(kind.__struct_fields__, row, strict=True)
    }
    letter: Letter = kind(**values)
    return letter


def _out(value: object, parcel: Parcel) -> object:
    match value:
        case bytes():
            return parcel.add(value)
        case StreamClock():
            return clock_row(value, parcel)
        case Observation():
            return observation_row(value, parcel)
        case Manner():
            return astuple(value)
        case tuple():
            return [astuple(v) if isinstance(v, Loss) else v for v in value]
        case _:
            return value


def _in(name: str, value: Any, parts: Sequence[bytes]) -> Any:  # noqa: ANN401
    """Return the value of a field of this name."""
    read = _READ.get(name)
    return value if read is None or value is None else read(value, parts)


_READ: Mapping[str, Callable[[Any, Sequence[bytes]], Any]] = {
    "head": lambda value, parts: parts[value],
    "clock": clock_of,
    "seen": observation_of,
    "manner": lambda value, _: Manner(*value),
    "losses": lambda value, _: tuple(Loss(*loss) for loss in value),
    "notes": lambda value, _: tuple(value),
    "skipped": lambda value, _: tuple(value),
}
