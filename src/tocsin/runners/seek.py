"""Where in a file to start reading, by time: bisection over a log in rough order."""

from __future__ import annotations

import re
from bisect import bisect_left
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tocsin.config import duration
from tocsin.model.errors import UsageError
from tocsin.model.instant import from_datetime
from tocsin.runners.opening import open_codec
from tocsin.sources import FileReader, head, offset_of_line_at, size

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tocsin.config.values import SourceConfig
    from tocsin.model.protocols import Codec

_PROBE = 1 << 16


def moment_of(
    paths: Sequence[Path], source: SourceConfig, start: str, now: int | None = None
) -> int | None:
    """Return the instant that `start` means for the files of a stream, oldest first.

    `start` is a duration before the newest line (`-10m`), or a time in ISO 8601 (UTC
    unless it says otherwise). None when there is no line to count back from; a line
    later than `now` is none.
    """
    if not start.startswith("-"):
        return _moment(start)
    for path in reversed(paths):
        codec = _codec(path, source)
        if codec is None:
            continue
        total = size(path)
        times = _times(path, codec, max(0, total - _PROBE), total)
        newest = [time for time in times if now is None or time <= now]
        if newest:
            return max(newest) - _before(start)
    return None


def start_of(
    paths: Sequence[Path], source: SourceConfig, start: str, now: int | None = None
) -> list[int]:
    """Return, for each file of a stream, the offset of the line to start at.

    `start` is `start`, `end`, or what `moment_of` takes.

    Raises:
        FormatUnknownError: The times in a file cannot be read.
        UsageError: `start` is none of these.
    """
    if start in {"", "start"}:
        return [0] * len(paths)
    if start == "end":
        return [offset_of_line_at(path, size(path)) for path in paths]
    wanted = moment_of(paths, source, start, now)
    if wanted is None:
        return [0] * len(paths)
    return [_offset(path, source, wanted) for path in paths]


def _offset(path: Path, source: SourceConfig, wanted: int) -> int:
    codec = _codec(path, source)
    return 0 if codec is None else _bisect(path, codec, wanted, size(path))


def _codec(path: Path, source: SourceConfig) -> Codec | None:
    begin = head(path)
    return open_codec(source, str(path), begin)[0] if begin else None


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
    frame = codec.parse(chunk.data, {}).frame
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
    lines = data.split(b"\n")[:-1]
    first = bisect_left(
        range(1, len(lines) + 1),
        True,  # noqa: FBT003 - what is searched for
        key=lambda n: _reaches(codec, lines[:n], wanted),
    )
    return at + sum(len(line) + 1 for line in lines[:first])


def _reaches(codec: Codec, lines: list[bytes], wanted: int) -> bool:
    """Say whether any of these lines is not too old."""
    frame = codec.parse(b"\n".join([*lines, b""]), {}).frame
    newest = frame.get_column("time").to_physical().max()
    return isinstance(newest, int) and newest >= wanted
