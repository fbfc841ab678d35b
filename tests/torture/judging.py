"""What a story has come to, held against a run that nobody disturbed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.torture.story import LOGS, total

from tocsin.state.opening import open_folder


@dataclass(frozen=True)
class Told:
    """What a story has come to: by the store, and by the words of all its lives."""

    incidents: list[tuple[Any, ...]]
    lines: int
    summary: dict[str, Any]
    said: list[tuple[Any, ...]]
    changes: int
    """How often the last of its lives changed a file."""


_BY_THE_WALL = {"withheld", "notified"}
"""What is told to whom, and when, goes by the clock of the machine that is slow or not."""


def come_to(folder: Path) -> Told:
    """Read what is in the store in the end, and what was said in all lives."""
    rows = [
        json.loads(line) for line in (folder / "said.jsonl").read_text().splitlines()
    ]
    said = [
        (r["alarm"], json.dumps(r["key"]), r["event"], r["at"])
        for r in rows
        if r["type"] == "incident"
    ]
    store = open_folder(folder / "state", program="test", now=0, make=False)
    store.verify()
    incidents = [
        (row.alarm, row.key, row.status, row.opened, row.closed,
         *((e.event, e.at) for e in store.history(row.id) if e.event not in _BY_THE_WALL))
        for row in store.incidents()
    ]  # fmt: skip
    lines = sum(position.lines for position in store.positions().values())
    store.close()
    assert rows[-1]["type"] == "summary", (folder / "errors.txt").read_text()
    changes = int((folder / "changes").read_text())
    return Told(sorted(incidents, key=repr), lines, rows[-1], said, changes)


def assert_as_if_undisturbed(folder: Path, undisturbed: Told) -> None:
    """Hold what a story with deaths came to against one without."""
    told = come_to(folder)
    read = {Path(s["stream"]).name: s["lines"] for s in told.summary["streams"]}
    assert read == {log: total(log) for log in LOGS}
    assert told.lines == told.summary["lines"] == sum(read.values())
    for name in ("late", "future", "parse_errors", "known_lost_bytes"):
        assert told.summary[name] == 0, name
    assert told.summary["counted"] == undisturbed.summary["counted"]
    assert told.incidents == undisturbed.incidents
    # Words are said after the commit: a death between takes them, none is said twice.
    assert len(set(told.said)) == len(told.said)
    assert set(told.said) <= set(undisturbed.said)
