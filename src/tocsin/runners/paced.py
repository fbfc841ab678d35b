"""Past logs played as if they were being written: at their own pace, or N times it.

The whole run goes by a clock that starts with the log's first line and passes N times
as fast as ours, so ticks, rests and screens behave as they did when the log was live.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from itertools import zip_longest
from typing import TYPE_CHECKING

from tocsin.model.instant import SECOND
from tocsin.model.protocols import Chunk
from tocsin.runners.opening import FormatUnknownError, open_codec
from tocsin.sources import first_lines, past_reader

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from tocsin.config.values import SourceConfig
    from tocsin.model.protocols import Codec
    from tocsin.runners.clock import Clock
    from tocsin.sources import PastReader

_BLOCK = 1 << 16
_SHORTEST, _LONGEST = 0.05, 0.1
"""Seconds between two looks: often enough for the eye."""
_PATIENCE = 5.0
"""Seconds that a silence may last; of a longer one, the rest is passed over."""
_SKEW = 300 * SECOND
"""A line that is so much later than the next one is not waited for."""


class Pace:
    """A clock by which logs are played; implements `Clock`. `speed` is above 0.

    It stands still but for `wait`: between two looks at the logs no time passes, so
    that no tick overtakes a line that was due before it.
    """

    def __init__(self, clock: Clock, speed: float) -> None:
        self._clock = clock
        self._speed = speed
        self._start = clock.now()
        self._passed = 0.0
        self._waited = clock.monotonic()
        self._readers: list[PacedReader] = []

    def reader(
        self, stream: str, files: Iterable[tuple[Path, int]], source: SourceConfig
    ) -> PacedReader:
        """Play files, each from an offset on, one after the other as one stream."""
        reader = PacedReader(self, stream, files, source)
        self._readers.append(reader)
        return reader

    def begin(self) -> None:
        """Let time begin with the earliest line of all readers."""
        times = [r.due for r in self._readers if r.due is not None]
        self._start = min(times, default=self._start)
        self._passed, self._waited = 0.0, self._clock.monotonic()

    def now(self) -> int:
        """Return the time of the logs, in µs since the epoch."""
        return self._start + int(self._passed * SECOND)

    def monotonic(self) -> float:
        """Return the seconds of the logs that have passed."""
        return self._passed

    def wait(self, seconds: float, fds: Sequence[int] = ()) -> None:
        """Wait until a line is due, or a moment; leap over most of a long silence."""
        del seconds
        due = [r.due for r in self._readers if r.due is not None]
        if not due:
            return
        left = (min(due) - self.now()) / SECOND / self._speed
        if left > _PATIENCE:
            self._passed += (left - _PATIENCE) * self._speed
        self._clock.wait(min(max(left, _SHORTEST), _LONGEST), fds)
        at = self._clock.monotonic()
        self._passed += (at - self._waited) * self._speed
        self._waited = at


class PacedReader:
    """Lines of files that are given when their time has come; implements `Reader`.

    Lines without a time come with the line before. Should the format not be known,
    all lines come at once.

    Raises:
        SourceError: A file cannot be read.
    """

    def __init__(
        self,
        pace: Pace,
        stream: str,
        files: Iterable[tuple[Path, int]],
        source: SourceConfig,
    ) -> None:
        self.stream = stream
        self._pace = pace
        self._source = source
        self._files = deque(files)
        self.path = self._files[0][0]
        """Where the stream begins: what its format is told by."""
        self._reader: PastReader | None = None
        self._codec: Codec | None = None
        self._lines: list[bytes] = []
        self._due: list[int] = []
        self._newest: int | None = None
        self._oversized = self._lost = self._at = 0
        self._fill()

    @property
    def due(self) -> int | None:
        """Return when the next line is due (µs); None when all have been given."""
        return self._due[0] if self._due else None

    def read(self, limit: int) -> Chunk:
        """Return the lines that are due now, whatever `limit` is."""
        del limit
        given: list[bytes] = []
        now = self._pace.now()
        while self._due and self._due[0] <= now:
            count = bisect_right(self._due, now)
            given += self._lines[:count]
            del self._lines[:count], self._due[:count]
            if not self._due:
                self._fill()
        data = b"".join(given)
        start, self._at = self._at, self._at + len(data)
        oversized, lost, self._oversized, self._lost = self._oversized, self._lost, 0, 0
        ended = not self._due
        return Chunk(data, start, self._at, oversized, True, ended, lost)  # noqa: FBT003

    def close(self) -> None:
        """Let go of files. Idempotent."""
        self._files.clear()
        if self._reader is not None:
            self._reader.close()
        self._reader = None

    def _fill(self) -> None:
        """Read the next lines, and find out when they are due."""
        while not self._lines and (self._reader or self._files):
            if self._reader is None:
                path, start = self._files.popleft()
                self._reader = past_reader(path, start=start)
                self._codec = self._told(path)
            chunk = self._reader.read(_BLOCK)
            self._oversized += chunk.oversized
            self._lost += chunk.lost
            self._lines = _lines(chunk.data)
            if chunk.ended:
                self._reader.close()
                self._reader = None
        self._due = self._dues()

    def _told(self, path: Path) -> Codec | None:
        try:
            return open_codec(self._source, self.stream, first_lines(path))[0]
        except FormatUnknownError:
            return None

    def _dues(self) -> list[int]:
        """Return when each line is due: never before the line that precedes it."""
        times = _times(self._codec, self._lines)
        newest, dues = self._newest, list[int]()
        if newest is None:
            newest = next((t for t in times if t is not None), self._pace.now())
        for at, following in zip_longest(times, times[1:]):
            alone = at is not None and following is not None and at - following > _SKEW
            if at is not None and not alone:
                self._newest = newest = max(newest, at)
            dues.append(newest)
        return dues


def _lines(data: bytes) -> list[bytes]:
    """Return the lines of a block with their ends; only a newline ends one."""
    found = [line + b"\n" for line in data.split(b"\n")]
    found[-1] = found[-1][:-1]
    return found if found[-1] else found[:-1]


def _times(codec: Codec | None, lines: list[bytes]) -> list[int | None]:
    """Return the time of each line (µs); None where it has none."""
    if codec is None:
        return [None] * len(lines)
    times = _events(codec, b"".join(lines))
    if len(times) == len(lines):
        return list(times)
    each = (_events(codec, line) for line in lines)
    return [found[0] if found else None for found in each]


def _events(codec: Codec, block: bytes) -> list[int]:
    frame = codec.parse(block, {}).frame
    times: list[int] = frame.get_column("time").to_physical().to_list()
    return times
