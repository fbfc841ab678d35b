"""The log that ships with the project is what its generator says, and rings once."""

import json
import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DEMO = ROOT / "examples" / "demo"
LOG = DEMO / "access.log"


def test_the_generator_writes_the_log_that_ships() -> None:
    written = "".join(runpy.run_path(str(DEMO / "generate.py"))["log"]())
    assert written == LOG.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def said() -> list[dict[str, object]]:
    """What `tocsin watch` says of the demo log, as JSON."""
    code = "from tocsin.views.cli import main; main()"
    arguments = ["watch", str(LOG), "--no-follow", "--output", "jsonl"]
    result = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_the_demo_rings_and_recovers(said: list[dict[str, object]]) -> None:
    transitions = [
        (row["at"], row["to"], row["count"])
        for row in said
        if row["type"] == "transition"
    ]
    assert transitions == [
        ("2026-03-14T09:03:09Z", "firing", 1203),
        ("2026-03-14T09:05:23Z", "ok", 1199),
    ]


def test_the_demo_counts_every_line(said: list[dict[str, object]]) -> None:
    (summary,) = [row for row in said if row["type"] == "summary"]
    lines = len(LOG.read_text(encoding="utf-8").splitlines())
    assert (summary["lines"], summary["counted"]) == (lines, lines)
    assert said[-1] is summary
