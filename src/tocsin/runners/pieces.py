"""Past files in pieces: read, parsed and observed, here or in worker processes.

A worker observes its piece without knowing what came before it. The engine accepts
such an observation when the lines before could not have changed it, which is nearly
always; where they could, the piece is observed again here, with the stream's clock.
"""

from __future__ import annotations

import os

from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from tocsin.config.values import Config
    from tocsin.metrics.lateness import StreamClock
    from tocsin.model.batch import EventBatch
    from tocsin.pipeline.observation import Observation
    from tocsin.runners.session import Wishes

PIECE = 8 << 20
"""Bytes of one piece."""


@dataclass(frozen=True, slots=True)
class Piece:
    """The lines of a file that begin in `[start, end)`, as a part of a stream.

    `head` is the beginning of the file (a CSV header is there); `format` the name
    of the stream's format.
    """

    stream: str
    source: str
    path: Path
    start: int
    end: int
    format: str
    head: bytes
    now: int | None


@dataclass(frozen=True, slots=True)
class Read:
    """A piece that has been read: what was observed, and what could not be read."""

    piece: Piece
    seen: Observation
    lost: int = 0
    blind: bool = False
    """Whether it was observed without the clock of its stream."""


class Bench:
    """Observes pieces of a configuration's streams: one for each process."""

    def __init__(self, config: Config, wishes: Wishes) -> None:
        from tocsin.model.discovery import look_in  # noqa: PLC0415
        from tocsin.pipeline.compile import compile_plan  # noqa: PLC0415
        from tocsin.pipeline.observation import SourceObserver  # noqa: PLC0415
        from tocsin.runners.session import report_metrics  # noqa: PLC0415

        look_in(config.base)
        plan = compile_plan(config, report_metrics(config, wishes))
        self.config = config
        self.observers = {n: SourceObserver(s) for n, s in plan.sources.items()}

    def read(self, piece: Piece, clock: StreamClock | None = None) -> Read:
        """Observe a piece after `clock` (None: knowing nothing of what came before)."""
        from tocsin.metrics.lateness import StreamClock  # noqa: PLC0415
        from tocsin.runners.opening import fixed, open_codec, parse  # noqa: PLC0415
        from tocsin.sources import FileReader  # noqa: PLC0415

        source = fixed(self.config.source(piece.source), piece.format)
        codec, _ = open_codec(source, piece.stream, piece.head)
        observer = self.observers[piece.source]
        reader = FileReader(piece.path, start=piece.start, end=piece.end)
        blocks, lost, oversized = [], 0, 0
        try:
            while True:
                chunk = reader.read(PIECE)
                blocks.append(chunk.data)
                lost += chunk.lost
                oversized += chunk.oversized
                if chunk.ended:
                    break
        finally:
            reader.close()
        data = blocks[0] if len(blocks) == 1 else b"".join(blocks)
        batch = with_oversized(parse(codec, data, observer.fields), oversized)
        blind = clock is None
        seen = observer.observe(batch, clock or StreamClock(), now=piece.now)
        return Read(piece, seen, lost, blind)


def with_oversized(batch: EventBatch, oversized: int) -> EventBatch:
    """Account for lines that were too long to be kept: they are parse errors."""
    if not oversized:
        return batch
    from tocsin.model.batch import Rejected, Tally  # noqa: PLC0415

    more = Tally(lines=oversized, parse_errors=oversized)
    sample = Rejected("", "the line is longer than 1 MiB")
    return replace(batch, tally=batch.tally + more, rejected=(*batch.rejected, sample))


_bench: list[Bench] = []


def _start(config: Config, wishes: Wishes) -> None:
    """Make a worker process ready. Columns of one worker use one thread."""
    import signal  # noqa: PLC0415

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _bench.append(Bench(config, wishes))


def _work(piece: Piece) -> Read:
    return _bench[0].read(piece)


class Workers:
    """Worker processes that observe pieces."""

    def __init__(self, config: Config, wishes: Wishes, count: int) -> None:
        before = os.environ.get("POLARS_MAX_THREADS")
        os.environ["POLARS_MAX_THREADS"] = "1"
        try:
            self._pool = ProcessPoolExecutor(
                count,
                mp_context=get_context("spawn"),
                initializer=_start,
                initargs=(config, wishes),
            )
            # The processes start with the first work, and read the environment then.
            for _ in range(count):
                self._pool.submit(os.getpid)
        finally:
            if before is None:
                os.environ.pop("POLARS_MAX_THREADS", None)
            else:
                os.environ["POLARS_MAX_THREADS"] = before
        self.count = count

    def read(self, piece: Piece) -> Future[Read]:
        """Begin to observe a piece."""
        return self._pool.submit(_work, piece)

    def close(self) -> None:
        """Stop the processes; what they have not begun is not done."""
        self._pool.shutdown(wait=True, cancel_futures=True)


def default_workers(total_bytes: int) -> int:
    """Return how many worker processes are worth their start for so many bytes."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return 1 if total_bytes < 4 * PIECE else cores


