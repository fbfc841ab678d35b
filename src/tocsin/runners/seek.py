"""Where in a file to start reading, by time: bisection over a log in rough order."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import deque
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from tocsin.config import duration
from tocsin.model.errors import UsageError
from tocsin.model.instant import from_datetime
from tocsin.runners.opening import Findings, FormatUnknownError
from tocsin.sources import (
    PAST_ALL,
    ArchiveReader,
    FileReader,
    first_lines,
    kind_of,
    offset_of_line_at,
    size,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from tocsin.config.values import SourceConfig
    from tocsin.model.protocols import Codec
    from tocsin.runners.session import Session

    Opened: TypeAlias = Callable[[Path], Codec | None]

_PROBE = 1 << 16
_LONG_AGO = -(1 << 62)


def moment_of(
    paths: Sequence[Path], opened: Opened, start: str, now: int | None = None
) -> int | None:
    """Return the instant that `start` means for the files of a stream, oldest first.

    `start` is a duration before the newest line (`-10m`), or a time in ISO 8601 (UTC
    unless it says otherwise). None when there is no line to count back from; a line
    later than `now` is none.
    """
    if not start.startswith("-"):
        return _moment(start)
    for path in reversed(paths):
        codec = opened(path)
        if codec is None:
            continue
        times = _last_times(path, codec)
        newest = [time for time in times if now is None or time <= now]
        if newest:
            return max(newest) - _before(start)
    return None


def start_of(
    paths: Sequence[Path],
    source: SourceConfig,
    start: str,
    now: int | None = None,
    findings: Findings | None = None,
) -> list[int]:
    """Return, for each file of a stream, the offset of the line to start at.

    `start` is `start`, `end`, or what `moment_of` takes. Of an archive, nothing is
    wanted (`PAST_ALL`) if a newer file begins before that moment: it is not looked at.

    Raises:
        FormatUnknownError: The times in a file cannot be read.
        UsageError: `start` is none of these.
    """
    if start in {"", "start"}:
        return [0] * len(paths)
    if start == "end":
        return [_end(path) for path in paths]
    opened = partial(_codec, source=source, findings=findings or Findings())
    wanted = moment_of(paths, opened, start, now)
    if wanted is None:
        return [0] * len(paths)
    offsets: list[int] = []
    for path in reversed(paths):
        old = bool(kind_of(path.name)) and any(offsets)
        offsets.append(PAST_ALL if old else _offset(path, opened(path), wanted))
    return offsets[::-1]


def _end(path: Path) -> int:
    return PAST_ALL if kind_of(path.name) else offset_of_line_at(path, size(path))


def _offset(path: Path, codec: Codec | None, wanted: int) -> int:
    if codec is None:
        return 0
    if kind_of(path.name):
        return _walk(path, codec, wanted)
    return _bisect(path, codec, wanted, size(path))


def _walk(path: Path, codec: Codec, wanted: int) -> int:
    """Return the offset of the first line of an archive that is not too old."""
    for at, data in _blocks(path):
        if _newest(codec, data) >= wanted:
            return at + _first_of(codec, data, wanted)
    return PAST_ALL


def _blocks(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield the lines of an archive, from where on they stand in it."""
    reader = ArchiveReader(path)
    try:
        ended = False
        while not ended:
            chunk = reader.read(_PROBE)
            ended = chunk.ended
            yield chunk.start, chunk.data
    finally:
        reader.close()


def _last_times(path: Path, codec: Codec) -> list[int]:
    """Return the times (µs) of the last lines of a file."""
    if not kind_of(path.name):
        total = size(path)
        return _times(path, codec, max(0, total - _PROBE), total)
    last = deque((data for _, data in _blocks(path)), maxlen=2)
    return _times_of(codec, b"".join(last))


def _codec(path: Path, source: SourceConfig, findings: Findings) -> Codec | None:
    begin = first_lines(path)
    return findings.find(source, str(path), begin)[0] if begin else None


def offsets_of(
    session: Session, source: str, paths: Sequence[Path], start: str, now: int
) -> list[int]:
    """Return where in each file to start; 0 in those that tell no time."""
    there = [path for path in paths if path.exists()]
    try:
        config = session.config.source(source)
        found = start_of(there, config, start, now, session.findings)
    except FormatUnknownError:
        return [0] * len(paths)
    offsets = dict(zip(there, found, strict=True))
    for path, offset in offsets.items():
        if offset:
            word = f"starts at byte {offset}" if offset < PAST_ALL else "is too old"
            session.detail(word, str(path))
    return [offsets.get(path, 0) for path in paths]


def check_start(start: str) -> None:
    """Refuse a `--from` that cannot be understood, before anything is read."""
    if start not in {"start", "end"} and not start.startswith("-"):
        _moment(start)
    elif start.startswith("-"):
        _before(start)


def _before(start: str) -> int:
    try:
        return duration(start[1:])
    except ValueError as error:
        message = f"--from: expected a duration such as -10m, got {start!r}: {error}"
        raise UsageError(message) from error


def _moment(text: str) -> int:
    """Return the instant of an ISO 8601 time; UTC unless it carries an offset."""
    try:
        moment = datetime.fromisoformat(re.sub("[zZ]$", "+00:00", text))
    except ValueError as error:
        message = (
            f"--from: expected start, end, -10m or a time such as "
            f"2019-02-07T21:11:00Z, got {text!r}"
        )
        raise UsageError(message) from error
    return from_datetime(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def _times(path: Path, codec: Codec, start: int, end: int) -> list[int]:
    """Return the times (µs) of the lines that begin in a range."""
    reader = FileReader(path, start=start, end=end)
    try:
        chunk = reader.read(_PROBE)
    finally:
        reader.close()
    return _times_of(codec, chunk.data)


def _times_of(codec: Codec, data: bytes) -> list[int]:
    frame = codec.parse(data, {}).frame
    times: list[int] = frame.get_column("time").to_physical().to_list()
    return times


def _bisect(path: Path, codec: Codec, wanted: int, total: int) -> int:
    """Return the offset of the first stretch whose lines are not all too old."""
    low, high = 0, total
    while high - low > _PROBE:
        middle = (low + high) // 2
        times = _times(path, codec, middle, min(middle + _PROBE, total))
        if times and min(times) < wanted:
            low = middle
        else:
            high = middle
    return _first_line(path, codec, wanted, low, total)


def _first_line(path: Path, codec: Codec, wanted: int, low: int, total: int) -> int:
    """Return the offset of the first line from `low` on that is not too old."""
    at = offset_of_line_at(path, low)
    reader = FileReader(path, start=at, end=min(at + 4 * _PROBE, total))
    try:
        data = reader.read(4 * _PROBE).data
    finally:
        reader.close()
    return at + _first_of(codec, data, wanted)


def _first_of(codec: Codec, data: bytes, wanted: int) -> int:
    """Return where among these lines the first begins that is not too old."""
    lines = data.split(b"\n")[:-1]
    first = bisect_left(
        range(1, len(lines) + 1),
        True,  # noqa: FBT003 - what is searched for
        key=lambda n: _newest(codec, b"\n".join([*lines[:n], b""])) >= wanted,
    )
    return sum(len(line) + 1 for line in lines[:first])


def _newest(codec: Codec, data: bytes) -> int:
    """Return the newest time of some lines (µs); long ago, if there is none."""
    newest = codec.parse(data, {}).frame.get_column("time").to_physical().max()
    return newest if isinstance(newest, int) else _LONG_AGO
