"""Worker processes that observe pieces of past files.

They begin before anyone knows what they are to do: what they need is loaded by them
while the one who starts them loads what it needs.
"""

from __future__ import annotations

import gc
import os
import signal
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context, parent_process, resource_tracker
from threading import Thread
from typing import TYPE_CHECKING

from tocsin.model.errors import SourceError
from tocsin.runners.portion import MOST

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future

    from tocsin.config.values import Config
    from tocsin.runners.pieces import Bench, Piece, Read
    from tocsin.runners.wishes import Wishes

    Order = tuple[Config, Wishes]

_THREADS = "POLARS_MAX_THREADS"
_bench: list[Bench] = []


class Workers:
    """Processes that observe pieces; they end with us, however we end."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._order: Order | None = None
        self._pool = ProcessPoolExecutor(
            count, mp_context=get_context("spawn"), initializer=_start
        )
        with one_thread_each(), undisturbed():
            # A process starts when work comes and none is idle: none can be idle yet.
            try:
                for _ in range(count):
                    self._pool.submit(os.getpid)
            except BrokenProcessPool as error:
                self.close()
                raise _died() from error

    def begin(self, config: Config, wishes: Wishes) -> None:
        """Say what is to be observed: once, before anything is read."""
        self._order = (config, wishes)

    @property
    def pids(self) -> tuple[int, ...]:
        """Return the processes."""
        return tuple(self._pool._processes or ())  # noqa: SLF001 - there is no other way

    def read(self, piece: Piece) -> Future[Read]:
        """Begin to observe a piece: see `result`."""
        assert self._order is not None
        try:
            return self._pool.submit(_work, self._order, piece)
        except BrokenProcessPool as error:
            raise _died() from error

    def dismiss(self) -> None:
        """Let each process end when it has done what it was given: no more comes."""
        self._pool.shutdown(wait=False)

    def close(self) -> None:
        """Stop the processes; what they have not begun is not done."""
        self._pool.shutdown(wait=True, cancel_futures=True)


def result(reading: Future[Read]) -> Read:
    """Return what was observed, when it is done.

    Raises:
        SourceError: The file cannot be read, or the worker has died.
    """
    try:
        return reading.result()
    except BrokenProcessPool as error:
        raise _died() from error


def default_workers(total_bytes: int) -> int:
    """Return how many processes, with our own, are worth it for so many bytes."""
    return 1 if total_bytes < 4 * MOST else cores()


def cores() -> int:
    """Return how many processors we may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _died() -> SourceError:
    return SourceError(
        "a worker process has died: it was killed, or there was no memory left\n"
        "  hint: try again with fewer, --workers 1 reads without any"
    )


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Let processes that are started now use one thread for their columns."""
    before = os.environ.get(_THREADS)
    os.environ[_THREADS] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_THREADS]
        else:
            os.environ[_THREADS] = before


@contextmanager
def undisturbed() -> Iterator[None]:
    """Start processes that never hear ctrl-C: it is for us to end them.

    A blocked signal stays blocked in a new process, and waits for us in this one. To
    be told to end must wait, too, until a process has read what it is started with:
    who writes to one that is gone would take us for a reader who has left.
    """
    resource_tracker.ensure_running()  # else it is started within, and unblocks
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _start() -> None:
    """Make a worker process ready: it has loaded all by the time it is told more."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    Thread(target=end_with_parent, daemon=True).start()
    import tocsin.runners.pieces  # noqa: F401, PLC0415 - loads Polars

    gc.freeze()  # nothing of it is garbage, until we end: nor is it looked through then


def end_with_parent() -> None:
    """End this worker process at once when its parent has ended."""
    parent = parent_process()
    if parent is not None:
        parent.join()
    os._exit(1)


def _work(order: Order, piece: Piece) -> Read:
    if not _bench:
        from tocsin.runners.pieces import Bench  # noqa: PLC0415 - loads Polars

        _bench.append(Bench(*order))
    return _bench[0].read(piece)
