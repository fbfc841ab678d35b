"""The plugins that docs/plugins.md shows do what the page says."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")
PYTHON = re.findall(r"```python\n(# my_plugins\.py\n.*?)```", PAGE, re.DOTALL)
YAML = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
LOG = "".join(
    f"10.0.0.{n % 3} - - [07/Feb/2019:21:11:{n:02d} +0000] "
    f'"GET /{"api" if n % 2 else "pages"}/{n} HTTP/1.1" 200 {n * n + 1}\n'
    for n in range(50)
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "my_plugins.py").write_text("\n\n".join(PYTHON), encoding="utf-8")
    (tmp_path / "access.log").write_text(LOG, encoding="utf-8")
    return tmp_path


def replay(
    folder: Path, config: str, *options: str, log: str = "access.log"
) -> list[dict[str, Any]]:
    (folder / "tocsin.yaml").write_text(config, encoding="utf-8")
    command = [
        "replay",
        "-c",
        "tocsin.yaml",
        log,
        "--output",
        "jsonl",
        *options,
    ]
    ran = subprocess.run(
        [sys.executable, "-m", "tocsin", *command],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT / "src"), "PATH": ""},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return [json.loads(line) for line in ran.stdout.splitlines()]


@pytest.mark.parametrize("workers", ["1", "2"])
def test_the_consumer_of_the_page_reports_by_period(folder: Path, workers: str) -> None:
    said = replay(folder, YAML[0], "--workers", workers)
    reports = {r["consumer"]: r["data"] for r in said if r["type"] == "report"}
    assert reports["largest answers"] == {"largest": "/api/49", "bytes": 2402}
    assert reports["sections"] == {"section": "/api", "hits": 5}


def test_the_aggregate_of_the_page_gives_its_number(folder: Path) -> None:
    said = replay(folder, YAML[1], "--datapoints")
    values = [r["value"] for r in said if r["type"] == "datapoint"]
    product = 1.0
    for n in range(50):
        product *= float(n * n + 1) ** (1 / 50)
    assert values == [pytest.approx(product, rel=1e-6)]


@pytest.mark.parametrize("workers", ["1", "2"])
def test_the_format_of_the_page_reads_its_lines(folder: Path, workers: str) -> None:
    rows = [f"{1549573860 + n}|{'ann' if n % 3 else 'bob'}|{n / 10}" for n in range(40)]
    text = "\n".join([*rows[:20], "soon|ann|1", *rows[20:]])
    (folder / "app.log").write_text(text, encoding="utf-8")
    said = replay(folder, YAML[2], "--datapoints", "--workers", workers, log="app.log")
    found = {r["key"]["user"]: r["value"] for r in said if r["type"] == "datapoint"}
    assert found == {"ann": 19, "bob": 10}
    assert (said[-1]["events"], said[-1]["parse_errors"]) == (40, 1)


def test_the_channel_of_the_page_is_told(folder: Path) -> None:
    (folder / "tocsin.yaml").write_text(YAML[3], encoding="utf-8")
    ran = subprocess.run(
        [
            sys.executable,
            "-m",
            "tocsin",
            "notify-test",
            "notebook",
            "-c",
            "tocsin.yaml",
        ],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT / "src"), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    told = (folder / "notebook.txt").read_text(encoding="utf-8")
    assert told == "firing: ['High traffic']\nresolved: ['High traffic']\n"


def test_the_kind_of_alarm_of_the_page_rings(folder: Path) -> None:
    said = replay(folder, YAML[4])
    moves = [(r["alarm"], r["to"]) for r in said if r["type"] == "transition"]
    assert ("Crowd on {section}", "firing") in moves


def test_a_kind_that_cannot_be_loaded_is_a_letter(folder: Path) -> None:
    wrong = YAML[4].replace("Crowd,", "Crowds,")
    (folder / "tocsin.yaml").write_text(wrong, encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, "-m", "tocsin", "check", "-c", "tocsin.yaml"],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT / "src"), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 2
    assert "alarms[0].kind: expected a kind of alarm that can be loaded" in ran.stderr


RAISES = """        return {}["nothing"]"""
BROKEN = """
class Broken:
    fields = ("path",)
    def observe(self, events):
        return {}["nothing"]
    def merge(self, left, right):
        return left
    def report(self, partial, start, end):
        return "never"
"""


def test_a_plugin_that_raises_is_named_and_left_out(folder: Path) -> None:
    with (folder / "my_plugins.py").open("a", encoding="utf-8") as file:
        file.write(BROKEN)
    config = "rawLogConsumers:\n  - {name: bad, type: my_plugins.Broken, period: 10s}\n"
    said = replay(folder, config)
    words = [r for r in said if r["type"] == "notice" and r["severity"] == "error"]
    assert [w["subject"] for w in words] == ["bad"]
    source = (folder / "my_plugins.py").read_text(encoding="utf-8").splitlines()
    place = f"(my_plugins.py, line {source.index(RAISES) + 1})"
    failure = f"observe: KeyError: 'nothing' {place}"
    assert said[-1]["plugin_failures"] == {"bad": failure}
    assert said[-1]["counted"] == 50


QUIET = """
class Quiet:
    fields = ("path",)
    def observe(self, events):
        return events.height
    def merge(self, left, right):
        return left + right
    def report(self, partial, start, end):
        return "many" if partial > 20 else None
"""


def test_a_plugin_with_nothing_to_report_says_nothing(folder: Path) -> None:
    with (folder / "my_plugins.py").open("a", encoding="utf-8") as file:
        file.write(QUIET)
    config = "rawLogConsumers:\n  - {name: odd, type: my_plugins.Quiet, period: 10s}\n"
    said = replay(folder, config)
    assert [r for r in said if r["type"] == "report"] == []
    assert said[-1].get("plugin_failures") is None
