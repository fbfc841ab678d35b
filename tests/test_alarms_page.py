"""The page on alarms: its rules are sound, and its example says what the page shows."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tocsin.config import parse

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "alarms.md").read_text(encoding="utf-8")
RULES = re.findall(r"^```yaml\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
SHOWN = re.findall(r"^```text\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("text", RULES)
def test_its_rules_are_accepted(text: str) -> None:
    assert parse(text, syntax="yaml").alarms


def test_its_example_says_what_it_shows() -> None:
    code = "from tocsin.views.cli import main; main()"
    rules = str(ROOT / "examples" / "alarms" / "tocsin.yaml")
    said = subprocess.run(
        [sys.executable, "-c", code, "replay", "-c", rules],
        env=os.environ | {"PYTHONPATH": str(ROOT / "src"), "PYTHONUTF8": "1"},
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    # Beside its sentences, the lines that are behind each.
    lines = said.stdout.partition("\n\nsummary")[0].splitlines()
    told = [line for line in lines if not line.startswith("    |")]
    assert ["\n".join(told) + "\n"] == SHOWN
