"""mtail and GoAccess count the demo log as we do."""

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
LOG = ROOT / "examples" / "demo" / "access.log"
PROGRAM = ROOT / "bench" / "peers" / "access.mtail"
TOCSIN = [sys.executable, "-c", "from tocsin.views.cli import main; main()"]

pytestmark = pytest.mark.integration


def output(*command: str) -> str:
    """What a command says of the log on its standard output."""
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    return subprocess.run(
        command,
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout


@pytest.fixture(scope="module")
def stats() -> list[dict[str, Any]]:
    """The ten-second statistics of the whole log."""
    said = output(*TOCSIN, "watch", str(LOG), "--no-follow", "--output", "jsonl")
    rows = [json.loads(line) for line in said.splitlines()]
    return [row for row in rows if row["type"] == "stats" and not row["amended"]]


@pytest.fixture(scope="module")
def mtail() -> dict[str, list[tuple[list[str], int]]]:
    """Each counter of mtail: its labels and their values."""
    quiet = ["-logtostderr", "-address", "127.0.0.1", "-port", "0"]
    files = ["-progs", str(PROGRAM), "-logs", str(LOG)]
    said = output("mtail", "-one_shot", *files, *quiet)
    metrics = json.loads(said[said.index("{") :])
    return {
        name: [
            (value["Labels"], value["Value"]["Value"])
            for metric in found
            for value in metric["LabelValues"]
        ]
        for name, found in metrics.items()
    }


Counted = dict[str, list[tuple[list[str], int]]]


def test_mtail_counts_the_same_sections(
    stats: list[dict[str, Any]], mtail: Counted
) -> None:
    ours: Counter[str] = Counter()
    theirs: Counter[str] = Counter()
    for row in stats:
        ours.update(dict(row["sections"]))
    for (section, _), hits in mtail["hits"]:
        theirs[section] += hits
    assert ours == theirs


def test_mtail_counts_the_same_statuses(
    stats: list[dict[str, Any]], mtail: Counted
) -> None:
    ours: Counter[str] = Counter()
    theirs: Counter[str] = Counter()
    for row in stats:
        ours.update(row["statuses"])
    for (_, status), hits in mtail["hits"]:
        theirs[f"{status[0]}xx"] += hits
    assert +ours == theirs


def test_mtail_adds_up_the_same_bytes(
    stats: list[dict[str, Any]], mtail: Counted
) -> None:
    assert sum(row["bytes"] for row in stats) == sum(n for _, n in mtail["bytes"])


def test_goaccess_counts_the_same_requests_and_bytes(
    stats: list[dict[str, Any]], tmp_path: Path
) -> None:
    report = tmp_path / "report.json"
    quiet = ["--no-global-config", "--no-progress"]
    output("goaccess", str(LOG), "--log-format=COMBINED", *quiet, "-o", str(report))
    general = json.loads(report.read_text(encoding="utf-8"))["general"]
    assert (general["valid_requests"], general["bandwidth"]) == (
        sum(row["hits"] for row in stats),
        sum(row["bytes"] for row in stats),
    )
