"""What each kind of source can promise, and what those are that come by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from msgspec import Struct

if TYPE_CHECKING:
    from tocsin.model.protocols import Chunk


class Promise(Struct, frozen=True):
    """What is promised, in words: the table of the page on sources."""

    position: str
    resumes: str
    may_lose: str
    pressure: str


PROMISES: Final = {
    "files": Promise(
        "file and offset, known again by content",
        "yes, under any name",
        "what rotation destroys; it is told",
        "the files are the buffer",
    ),
    "standard input, FIFO": Promise(
        "none",
        "no",
        "what was read and not saved when it is killed",
        "the writer waits",
    ),
    "command": Promise(
        "bytes taken",
        "no; the command is started again",
        "what it writes while it is not running; what was not saved when it is killed",
        "the command waits",
    ),
    "udp": Promise(
        "bytes taken",
        "no",
        "what comes too fast, or while nothing runs; counted where it can be",
        "none: datagrams are dropped",
    ),
    "tcp, tls": Promise(
        "bytes taken",
        "no",
        "what was on its way when either side ends",
        "the sender waits",
    ),
    "http, https": Promise(
        "bytes taken",
        "no",
        "nothing that was answered with 200",
        "429, and `Retry-After`",
    ),
}


class Intake(Protocol):
    """A stream that cannot be read twice, and takes its lines in by itself.

    Nothing it does blocks, and nothing that its peers do raises: what is wrong is
    `trouble`, in a sentence, or a note of a chunk.
    """

    stream: str

    @property
    def promise(self) -> Promise:
        """What it can promise."""
        ...

    @property
    def trouble(self) -> str:
        """What stands in the way of taking anything in; "" if nothing does."""
        ...

    @property
    def at(self) -> int:
        """The position after all that was read: bytes, lost ones too."""
        ...

    def fileno(self) -> int:
        """Return a descriptor to wait on; -1 if there is none now."""
        ...

    def read(self, limit: int) -> Chunk:
        """Return the next lines, about `limit` bytes of them; never waits."""
        ...

    def confirm(self, at: int) -> None:
        """Note that all before a position is saved. Idempotent."""
        ...

    def stop(self) -> None:
        """Take nothing more in; what was taken is still to be read, until it ends."""
        ...

    def close(self) -> None:
        """Let go of everything. Idempotent."""
        ...
