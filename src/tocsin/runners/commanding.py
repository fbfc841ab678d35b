"""The output of a command: started, watched, and started again when it ends."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import suppress
from typing import IO, TYPE_CHECKING

from msgspec.structs import replace

from tocsin.model.errors import SourceError
from tocsin.model.protocols import Chunk
from tocsin.sources import PROMISES, PipeReader

if TYPE_CHECKING:
    from tocsin.config.intake_values import CommandConfig
    from tocsin.runners.clock import Clock

_SHORTEST, _LONGEST = 1.0, 60.0
"""Seconds until a command that has ended is started again: doubled each time."""
_STEADY = 60.0
"""Seconds after which a command that runs is taken to run well."""
_ENDS_WITHIN = 2.0
"""Seconds in which a command that is told to end may end by itself."""
_LINGERS = 0.2
"""Seconds that one may go on after it has closed its output."""
_MOST_SAID = 10
"""Lines of its complaints that are told in one breath."""
_BREATH = 10.0
_MOST_WIDE = 400
_BLOCK = 1 << 16
_MOST_LEFT = 16 << 20
"""Bytes that are taken of a command that was told to end."""


class Commanding:
    """A command whose output is a stream; implements `Intake`.

    It runs without a shell, without input, in a group of its own. Its last line is
    given when it ends; what it writes to standard error is told, a little of it.
    """

    promise = PROMISES["command"]

    def __init__(self, config: CommandConfig, clock: Clock, *, at: int = 0) -> None:
        self.stream = config.place
        self.config = config
        self._clock = clock
        self._at = at
        self._process: subprocess.Popen[bytes] | None = None
        self._lines: PipeReader | None = None
        self._words: PipeReader | None = None
        self._began = 0.0
        self._due = clock.monotonic()
        self._wait = _SHORTEST
        self._trouble = ""
        self._stopped = False
        self._left: list[Chunk] = []
        self._said = self._unsaid = 0
        self._said_at = clock.monotonic()

    @property
    def trouble(self) -> str:
        """Why it is not running; "" while it is."""
        return self._trouble

    @property
    def at(self) -> int:
        """The position after all that was read."""
        return self._at

    @property
    def pid(self) -> int | None:
        """The process, while there is one."""
        return None if self._process is None else self._process.pid

    def fileno(self) -> int:
        """Return its output; -1 while it is not running."""
        return -1 if self._lines is None else self._lines.fileno()

    def read(self, limit: int) -> Chunk:
        """Return the next lines; start it if it is time."""
        if self._left:
            return self._placed(self._left.pop(0), ended=False)
        if self._stopped:
            return Chunk(b"", self._at, self._at, caught_up=True, ended=True)
        if self._lines is None and self._clock.monotonic() >= self._due:
            self._start()
        if self._lines is None:
            return Chunk(b"", self._at, self._at, caught_up=True)
        notes = self._complaints()
        chunk = self._lines.read(limit)
        if chunk.ended:
            notes = (*notes, *self._complaints(), self._over())
        return self._placed(replace(chunk, notes=notes), ended=False)

    def confirm(self, at: int) -> None:
        """Do nothing: a command wants no answer."""

    def stop(self) -> None:
        """Have it end, and keep what it has written."""
        if self._process is None or self._lines is None:
            self._stopped = True
            return
        self._signal(signal.SIGTERM)
        self._drain(self._lines)
        self._left.append(Chunk(b"", 0, 0, notes=self._complaints()))
        self._stopped = True
        self._finish()

    def close(self) -> None:
        """Let go of it, and have it end. Idempotent."""
        self._stopped = True
        self._left.clear()
        self._finish()

    def _start(self) -> None:
        try:
            self._process = subprocess.Popen(  # noqa: S603 - the user's own program
                self.config.argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
                bufsize=0,
            )
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or error
            self._later(f"{self.config.argv[0]}: cannot be started: {why}")
            return
        self._lines = _reader(self._process.stdout, self.stream)
        self._words = _reader(self._process.stderr, self.stream)
        self._began, self._trouble = self._clock.monotonic(), ""

    def _over(self) -> str:
        """Let go of a command that has closed its output; say how it ended."""
        if self._clock.monotonic() - self._began >= _STEADY:
            self._wait = _SHORTEST
        status = self._finish()
        how = f"status {status}" if status >= 0 else f"signal {-status}"
        wait = self._wait
        self._later(f"it ended with {how}")
        return f"it ended with {how}: started again in {wait:.0f} s"

    def _later(self, why: str) -> None:
        """Start it again after a while, and after a longer one the next time."""
        self._trouble = why
        self._due = self._clock.monotonic() + self._wait
        self._wait = min(_LONGEST, self._wait * 2)

    def _finish(self) -> int:
        """End the process and all of its group; return its status."""
        process, self._process = self._process, None
        if process is None:
            return 0
        self._lines = self._words = None
        with suppress(subprocess.TimeoutExpired):
            process.wait(_LINGERS)
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        status = process.wait()
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()
        return status

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, number)

    def _drain(self, lines: PipeReader) -> None:
        """Keep what it writes until it has ended, or its time is up."""
        until, taken = self._clock.monotonic() + _ENDS_WITHIN, 0
        while self._clock.monotonic() < until and taken < _MOST_LEFT:
            chunk = lines.read(_BLOCK)
            self._left.append(replace(chunk, ended=False))
            taken += len(chunk.data)
            if chunk.ended:
                return
            if chunk.caught_up:
                self._clock.wait(0.05, [lines.fileno()])
        self._left.append(replace(lines.finish(emit=True), ended=False))

    def _complaints(self) -> tuple[str, ...]:
        """Return what it wrote to standard error: a few lines of it at a time."""
        if self._words is None:
            return ()
        found = self._words.read(_BLOCK).data.split(b"\n")[:-1]
        at = self._clock.monotonic()
        unsaid = ""
        if at - self._said_at > _BREATH:
            unsaid = f"and {self._unsaid} more lines" if self._unsaid else ""
            self._said, self._unsaid, self._said_at = 0, 0, at
        room = max(0, _MOST_SAID - self._said)
        self._said += len(found[:room])
        self._unsaid += len(found[room:])
        told = [line[:_MOST_WIDE].decode(errors="replace") for line in found[:room]]
        return ((unsaid,) if unsaid else ()) + tuple(
            f"it says: {text}" for text in told
        )

    def _placed(self, chunk: Chunk, *, ended: bool) -> Chunk:
        """Return a chunk with its place in the whole stream, over all its lives."""
        start, self._at = self._at, self._at + chunk.end - chunk.start
        return replace(chunk, start=start, end=self._at, ended=ended)


def _reader(stream: IO[bytes] | None, name: str) -> PipeReader:
    assert stream is not None
    try:
        return PipeReader(stream.fileno(), name)
    except SourceError:
        stream.close()
        raise
