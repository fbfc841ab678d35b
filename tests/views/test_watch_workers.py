"""`tocsin watch --workers 2` as processes: logs that grow, are rotated; workers that die."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.program import PATIENCE, Process, of, rows, started
from tests.runners.world import append, lines
from tests.torture.crews import FINDABLE, workers


class Logs:
    """Two logs; the lines in each, and the hits by time that are still to be told."""

    def __init__(self, folder: Path) -> None:
        self.paths = [folder / "a.log", folder / "b.log"]
        self.written = dict.fromkeys(map(str, self.paths), 0)
        self.awaited: dict[str, int] = {}
        self._minute = 0
        self.write(100)

    def write(self, count: int) -> None:
        """Write so many lines of a new minute to both, then one by which they are over."""
        at = self._minute * 60
        for path in self.paths:
            append(path, lines([at] * count + [at + 50]))
            self.written[str(path)] += count + 1
        self.awaited[f"2023-11-14T22:{13 + self._minute}:20Z"] = 2 * count
        self._minute += 1


@contextmanager
def watching(logs: Logs) -> Iterator[Process]:
    arguments = ["--workers", "2", "--from", "start", "--output", "jsonl"]
    with started("watch", *logs.paths, *arguments) as process:
        until_read(process, logs)
        yield process


def until_read(process: Process, logs: Logs) -> list[dict[str, Any]]:
    """Wait until all is counted but what each log ends with; return what was said."""
    assert process.stdout is not None
    said: list[dict[str, Any]] = []
    for line in process.stdout:
        said += rows(line)
        last = said[-1]
        if last["type"] == "stats" and logs.awaited.get(last["start"]) == last["hits"]:
            del logs.awaited[last["start"]]
        if not logs.awaited:
            return said
    raise AssertionError(logs.awaited)


def ended(process: Process) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Press Ctrl-C; return the summary, and all that is said in the end."""
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, err) == (0, b"")
    said = rows(out)
    (summary,) = of("summary", said)
    return summary, said


def assert_each_is_counted_once(summary: dict[str, Any], logs: Logs) -> None:
    streams = {row["stream"]: row["counted"] for row in summary["streams"]}
    assert streams == logs.written
    total = sum(logs.written.values())
    assert (summary["lines"], summary["counted"]) == (total, total)
    assert summary["known_lost_bytes"] == 0


def test_logs_that_grow_and_are_rotated_are_counted_line_by_line(
    tmp_path: Path,
) -> None:
    logs = Logs(tmp_path)
    with watching(logs) as process:
        for count in (1, 3000, 20_000):
            logs.write(count)
            log = logs.paths[0]
            log.rename(log.with_name(f"a.log.{count}"))
            log.touch()
            logs.write(count)
            until_read(process, logs)
        summary, _ = ended(process)
    assert_each_is_counted_once(summary, logs)


@pytest.mark.skipif(not FINDABLE, reason="needs Linux: workers cannot be found here")
def test_workers_that_are_killed_are_replaced_and_no_line_is_counted_twice(
    tmp_path: Path,
) -> None:
    logs = Logs(tmp_path)
    with watching(logs) as process:
        for _ in range(3):
            victim, *others = workers(process.pid)
            assert len(others) == 1
            logs.write(10_000)
            os.kill(victim, signal.SIGKILL)
            logs.write(10_000)
            said = until_read(process, logs)
            texts = [notice["text"] for notice in of("notice", said)]
            assert any("signal 9): they go on" in text for text in texts), texts
            assert victim not in workers(process.pid)
        summary, _ = ended(process)
    assert_each_is_counted_once(summary, logs)
