"""`tocsin run` as a process: signals, reloads, and its door."""

from __future__ import annotations

import json
import select
import signal
import urllib.error
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from tests.program import PATIENCE, of, rows, started
from tests.runners.world import T0, append, lines

from tocsin.model.errors import SourceError
from tocsin.model.instant import SECOND
from tocsin.runners.clock import SystemClock
from tocsin.views.door import Door

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.program import Process

RULES = """
sources: [{{name: log, path: "{folder}/*.log", format: common}}]
metrics: [{{name: requests, type: COUNT, source: log, period: 10s, every: 1s}}]
alarms: [{{name: busy, metric: requests, threshold: {threshold}}}]
channels: [{{name: told, type: file, path: "{folder}/told.jsonl"}}]
routes: [{{channels: [told], group_wait: 0s}}]
"""
MORE = RULES.replace(
    "metrics: [",
    "metrics: [{{name: more, type: COUNT, source: log, period: 30s}}, ",
)
LOOKS = 1200


class Folder:
    """Logs, rules and a state; and runs over them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.state = path / "state"
        self.rules = path / "tocsin.yaml"
        self.write(threshold=5)

    def write(self, text: str = RULES, threshold: float = 5) -> None:
        draft = self.path / "draft"
        draft.write_text(text.format(folder=self.path, threshold=threshold))
        draft.rename(self.rules)

    @contextmanager
    def running(self, workers: int = 1) -> Iterator[Process]:
        with started(
            "run", "-c", self.rules, "--state", self.state, "--output", "jsonl",
            "--listen", "127.0.0.1:0", "--workers", str(workers),
        ) as process:  # fmt: skip
            yield process

    def health(self) -> tuple[int, dict[str, Any]]:
        """Return what /readyz answers; 0 while nobody does."""
        try:
            url = Door.of(self.state).url + "/readyz"
            answer = urllib.request.urlopen(url, timeout=PATIENCE)  # noqa: S310
        except urllib.error.HTTPError as error:
            answer = error
        except (OSError, SourceError):
            return 0, {}
        with answer:
            return answer.status, json.load(answer)

    def until(self, true: Callable[[int, dict[str, Any]], bool]) -> None:
        """Look until what /readyz says is so."""
        for _ in range(LOOKS):
            found = self.health()
            if true(*found):
                return
            select.select([], [], [], 0.05)
        raise AssertionError(found)

    def ready(self) -> None:
        self.until(lambda status, _: status == 200)

    def told(self) -> list[dict[str, Any]]:
        """Return the messages that have arrived."""
        path = self.path / "told.jsonl"
        return rows(path.read_text()) if path.exists() else []


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def ended(process: Process) -> list[dict[str, Any]]:
    """Tell a run to end; return all that it has said."""
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, err) == (0, b"")
    return rows(out)


@pytest.mark.parametrize("workers", [1, 2])
def test_told_to_end_it_saves_and_goes_on_where_it_was(
    folder: Folder, workers: int
) -> None:
    log = folder.path / "a.log"
    total = 0
    for life in range(2):
        append(log, lines([life * 60] * 3000))
        with folder.running(workers) as process:
            folder.ready()
            append(log, lines([life * 60 + 1] * 500))
            (summary,) = of("summary", ended(process))
        total += 3500
        assert summary["lines"] <= total
    with folder.running(workers) as process:
        folder.ready()
        (summary,) = of("summary", ended(process))
    assert (summary["lines"], summary["counted"]) == (total, total)


def test_hangups_in_bursts_leave_the_last_good_rules_at_work(folder: Folder) -> None:
    """Four of five are wrong; nobody is told again, and nothing is counted twice."""
    log = folder.path / "a.log"
    now = SystemClock().now() / SECOND - T0
    append(log, lines([now] * 20))
    with folder.running() as process:
        folder.until(lambda *_: bool(folder.told()))
        for number in range(200):
            folder.write("metrics: [{{period: soon}}]" if number % 5 else MORE)
            process.send_signal(signal.SIGHUP)
        folder.write(MORE)
        process.send_signal(signal.SIGHUP)
        folder.until(lambda _, found: not wrong(found))
        folder.write("alarmz: []")
        process.send_signal(signal.SIGHUP)
        folder.until(lambda _, found: wrong(found) == {"configuration"})
        append(log, lines([now] * 10))
        folder.write(MORE)
        process.send_signal(signal.SIGHUP)
        folder.until(lambda _, found: not wrong(found))
        folder.ready()
        said = ended(process)
    (summary,) = of("summary", said)
    assert (summary["lines"], summary["counted"]) == (30, 30)
    assert [m["kind"] for m in folder.told()].count("firing") == 1
    notices = [n["text"] for n in of("notice", said)]
    assert any("tocsin.yaml:1: alarmz: unknown key" in text for text in notices)
    assert any("1 begins, 2 kept" in text for text in notices)
    assert not any("forgotten" in text for text in notices)


def wrong(found: dict[str, Any]) -> set[str]:
    """Return the checks that are not as they should be."""
    return {n for n, check in found.get("checks", {}).items() if not check["ok"]}
