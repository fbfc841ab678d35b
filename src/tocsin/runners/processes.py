"""Worker processes for followed files: their start, their life, their end."""

from __future__ import annotations

import gc
import signal
from multiprocessing import Pipe, get_context
from threading import Thread
from typing import TYPE_CHECKING

from tocsin.runners.clock import SystemClock
from tocsin.runners.crew import Crew
from tocsin.runners.hand import Hand
from tocsin.runners.pieces import Bench
from tocsin.runners.rounds import rest_after
from tocsin.runners.tube import GoneError, Tube
from tocsin.runners.workers import end_with_parent, one_thread_each, undisturbed
from tocsin.sources import Crowd

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from tocsin.config.values import Config
    from tocsin.runners.clock import Clock
    from tocsin.runners.session import Session
    from tocsin.runners.wishes import Wishes

_PATIENCE = 2.0
"""Seconds that a process may take to end when it is told to."""


def crew_of(session: Session, clock: Clock, most: int = 0) -> Crew:
    """Return a crew of processes for a session: see `Crew`."""
    return Crew(session, clock, lambda s: ProcessLink(s.config, s.wishes), most)


class ProcessLink:
    """A process of our own that reads files; it ends with us, however we end."""

    def __init__(self, config: Config, wishes: Wishes) -> None:
        self._end, theirs = Pipe()
        self._process = get_context("spawn").Process(
            target=serve, args=(theirs, config, wishes), name="reader", daemon=True
        )
        with one_thread_each(), undisturbed():
            self._process.start()
        theirs.close()
        self._tube = Tube(self._end.fileno())

    @property
    def pid(self) -> int | None:
        """The process."""
        return self._process.pid

    @property
    def fd(self) -> int:
        """The descriptor that is readable when there are letters."""
        return self._tube.fd

    def send(self, letter: bytes) -> None:
        """Send a letter; never waits.

        Raises:
            GoneError: The process has ended.
        """
        self._tube.send(letter)

    def receive(self) -> tuple[list[bytes], bool]:
        """Return the letters that have come, and whether the process is gone."""
        try:
            self._tube.flush()
        except GoneError:
            return self._tube.receive()[0], True
        return self._tube.receive()

    def close(self) -> str:
        """End the process, if it still runs; return how it ended."""
        self._end.close()
        self._process.join(_PATIENCE)
        if self._process.exitcode is None:
            self._process.kill()
            self._process.join()
        code = self._process.exitcode or 0
        self._process.close()
        return f"exit code {code}" if code >= 0 else f"signal {-code}"


def serve(conn: Connection, config: Config, wishes: Wishes) -> None:
    """Be a worker process, until the other end of the pipe is closed."""
    for told in (signal.SIGINT, signal.SIGTERM):
        signal.signal(told, signal.SIG_IGN)  # it is for the parent to end us
    Thread(target=end_with_parent, daemon=True).start()
    tube = Tube(conn.fileno())
    crowd = Crowd.of_this_process()
    clock = SystemClock()
    hand = Hand(Bench(config, wishes), clock, crowd, tube.post)
    try:
        gone = False
        while not gone:
            letters, gone = tube.receive()
            for letter in letters:
                hand.hear(letter)
            began = clock.monotonic()
            if not gone and not hand.turn():
                tube.wait(rest_after(clock.monotonic() - began))
    except GoneError:
        pass
    finally:
        hand.close()
        gc.freeze()  # else all that was loaded is looked through for garbage, at the end
