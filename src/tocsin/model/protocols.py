"""The doors between rooms: what a format, a source, a plugin and a store must offer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    import polars as pl

    from tocsin.model.batch import EventBatch
    from tocsin.model.message import FieldType, MessageType
    from tocsin.model.notification import Notification, Outcome
    from tocsin.model.records import Loss
    from tocsin.model.state import (
        About,
        Change,
        IncidentEntry,
        IncidentRow,
        Outgoing,
        Position,
        SegmentNote,
    )


class Codec(Protocol):
    """A format bound to one stream: pure, without memory from block to block.

    Because `parse` depends on its block alone, a file may be cut at any newline and
    its pieces parsed anywhere, in any order.
    """

    @property
    def format(self) -> str:
        """The name of the format."""
        ...

    @property
    def message(self) -> MessageType:
        """What fields the events have, and of what type."""
        ...

    def parse(self, block: bytes, fields: Mapping[str, FieldType | None]) -> EventBatch:
        """Return the events of whole lines, with `time` and the `fields` asked for.

        `block` holds lines that end in a newline; only the last line of an ended
        stream may lack it. Lines end at the byte 0x0A and nowhere else; a carriage
        return before it belongs to the line end. `fields` maps canonical names to
        the type wanted (None: as the message type declares); a field that an event
        lacks is null. Never raises for what a line holds: it is a parse error.

        A codec whose batches have their `lines` may say so by `keeps_lines = True`;
        it is then not asked for the field `line` where that is only evidence. One that
        takes little memory beside the block may say `sparing = True`: it is given more
        at once.
        """
        ...


class Format(Protocol):
    """Lines to events, for any stream: `open` reads a stream's first lines."""

    @property
    def name(self) -> str:
        """The name it is asked for by."""
        ...

    @property
    def about(self) -> str:
        """One line that says what it reads."""
        ...

    @property
    def samples(self) -> Mapping[bytes, Mapping[str, Any] | None]:
        """Sample lines, each with the fields expected of it; None for one it refuses."""
        ...

    def open(self, head: bytes) -> Codec:
        """Return the codec for a stream that begins with `head` (a CSV header, say)."""
        ...


class Chunk(Struct, frozen=True):
    """Whole lines of one stream, and where they stand in it.

    `data` covers the bytes `[start, end)` of the stream, less lines that were longer
    than the source's limit: those are left out and counted in `oversized`. `caught_up`
    says that nothing more was readable after it, `ended` that nothing ever will be.
    `lost` counts bytes that could not be read and never will be, `losses` says which
    those were, where the source knows. `notes` are words to the user about the files.
    `begins` says that the first of the lines is the first of a file.
    """

    data: bytes
    start: int
    end: int
    oversized: int = 0
    caught_up: bool = False
    ended: bool = False
    lost: int = 0
    losses: tuple[Loss, ...] = ()
    notes: tuple[str, ...] = ()
    begins: bool = False


class Reader(Protocol):
    """One stream, read in order. Never blocks longer than it takes to read."""

    stream: str

    def read(self, limit: int) -> Chunk:
        """Return at most about `limit` bytes of whole lines; empty when none are there."""
        ...

    def close(self) -> None:
        """Let go of files. Idempotent."""
        ...


class Window(NamedTuple):
    """What is known of the values in a window, in columns: all of it exact.

    the number of `events`, their `total`, the total of their `squares`, the `low`est
    and the `high`est; in an empty window `events` is 0 and the last two are null.
    """

    events: pl.Expr
    total: pl.Expr
    squares: pl.Expr
    low: pl.Expr
    high: pl.Expr


class Aggregate(Protocol):
    """A plugin that makes one number of the values in a window.

    Because it sees sums that are exact under any order, its answer is the same live,
    replayed and on any number of workers.
    """

    def prepare(self, value: pl.Expr) -> pl.Expr:
        """Return what each value is turned into before it is summed; row by row."""
        ...

    def result(self, window: Window) -> pl.Expr:
        """Return the number; null where there is none."""
        ...


class RawLogConsumer(Protocol):
    """A plugin that reports by period on the events of that period.

    `fields` names the fields it needs. The engine hands each period's rows to
    `observe` in pieces, joins what it returned with `merge`, and calls `report`
    when the period closes: so it runs in worker processes as well as here.
    """

    fields: tuple[str, ...]

    def observe(self, events: pl.DataFrame) -> Any:  # noqa: ANN401
        """Return a partial of some rows of one period, in stream order."""
        ...

    def merge(self, left: Any, right: Any) -> Any:  # noqa: ANN401
        """Return the partial of both, `left` before `right` in the stream."""
        ...

    def report(
        self,
        partial: Any,  # noqa: ANN401
        start: int,
        end: int,
    ) -> str | Mapping[str, Any] | None:
        """Return what to say of the period `[start, end)` (µs); None if nothing."""
        ...


class Store(Protocol):
    """Keeps the state of a run; what was committed is there again after any crash.

    It belongs to one process at a time. Everything that is read back is what was
    written, or `StateDamaged` is raised, with the place and what to do.
    """

    def about(self) -> About:
        """Return what the store says of itself."""
        ...

    def commit(self, change: Change) -> int:
        """Save all of a change, durably; return how many commits there are now.

        Raises:
            StateUnwritable: Nothing of it was saved; the same change may be tried
                again (`StateFull`: when there is room).
        """
        ...

    def positions(self) -> Mapping[str, Position]:
        """Return where each stream stands, by its name."""
        ...

    def documents(self, prefix: str = "") -> Mapping[str, bytes]:
        """Return the documents whose name begins with a prefix."""
        ...

    def catalogue(self, prefix: str = "") -> Sequence[SegmentNote]:
        """Return the segments of tables whose name begins with a prefix, by id."""
        ...

    def bodies(self, ids: Iterable[int]) -> Sequence[bytes]:
        """Return the bodies of segments, in the order asked for."""
        ...

    def incidents(
        self, statuses: Collection[str] = (), most: int | None = None
    ) -> Sequence[IncidentRow]:
        """Return incidents (of some statuses, at most so many), newest first."""
        ...

    def incident(self, number: int) -> IncidentRow | None:
        """Return the incident of this number; None if there is none."""
        ...

    def history(self, incident: int) -> Sequence[IncidentEntry]:
        """Return what became of an incident, in order."""
        ...

    def outbox(
        self, statuses: Collection[str] = (), due: int | None = None
    ) -> Sequence[Outgoing]:
        """Return notifications (of some statuses, due by then) by incident and place."""
        ...

    def close(self) -> None:
        """Let go of the state. Idempotent."""
        ...


class Channel(Protocol):
    """Takes notifications to people. One that fails is tried again by its caller.

    `send` may block for as long as its own time-out, and never raises for what the
    other side does: that is an outcome. Sending the same notification twice is
    harmless where the other side can tell by its key.
    """

    @property
    def name(self) -> str:
        """What the configuration calls it."""
        ...

    def recipients(self, notification: Notification) -> tuple[str, ...]:
        """Return whom a notification would go to, as they are called in outcomes."""
        ...

    def preview(self, notification: Notification) -> str:
        """Return what would be sent, for people to read; secrets are left out."""
        ...

    def send(
        self, notification: Notification, recipients: tuple[str, ...]
    ) -> tuple[Outcome, ...]:
        """Send to these recipients; return what became of each, in their order."""
        ...
