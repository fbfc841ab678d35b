"""What tests of intakes share: reading until enough has come, and free ports."""

import select
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tocsin.runners.clock import SystemClock
from tocsin.sources import Intake

if TYPE_CHECKING:
    from tocsin.model.protocols import Chunk

PATIENCE = 30.0
"""Seconds after which what should have come counts as lost."""
BLOCK = 1 << 20


def free_port(kind: int = socket.SOCK_STREAM) -> int:
    with socket.socket(socket.AF_INET, kind) as door:
        door.bind(("127.0.0.1", 0))
        return int(door.getsockname()[1])


class Taking:
    """Reads an intake, and remembers what it gave."""

    def __init__(self, intake: Intake) -> None:
        self.intake = intake
        self.chunks: list[Chunk] = []
        self.text = b""

    @property
    def notes(self) -> str:
        return "\n".join(note for chunk in self.chunks for note in chunk.notes)

    @property
    def lost(self) -> int:
        return sum(chunk.lost for chunk in self.chunks)

    def look(self) -> "Taking":
        self.chunks.append(self.intake.read(BLOCK))
        if self.chunks[-1].data:
            self.text += self.chunks[-1].data
        return self

    def until(self, enough: Callable[[], object]) -> "Taking":
        """Read as things come, until there is enough."""
        began = SystemClock().monotonic()
        while not enough():
            assert SystemClock().monotonic() - began < PATIENCE, (
                self.text[-999:],
                self.notes,
            )
            fd = self.intake.fileno()
            select.select([fd] if fd >= 0 else [], [], [], 0.02)
            self.look()
        return self

    def lines(self, count: int) -> bytes:
        """Read until so many lines have come; return them all."""
        self.until(lambda: self.text.count(b"\n") >= count)
        return self.text

    def rest(self) -> bytes:
        """Stop, and read to the end."""
        self.intake.stop()
        self.until(lambda: self.chunks and self.chunks[-1].ended)
        return self.text


@contextmanager
def beside(work: Callable[[], object]) -> Iterator[Future[object]]:
    """Do some work in a thread of its own, while the block runs."""
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(work)
