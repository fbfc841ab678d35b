"""The pages of kinds of alarms: what they show as output is what comes out."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tocsin.config import kinds

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "alarms"
PAGES = sorted(FOLDER.glob("*.md"))


def block(language: str, page: Path) -> str:
    text = page.read_text(encoding="utf-8")
    (found,) = re.findall(
        rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE
    )
    return str(found)


def test_every_kind_has_a_page() -> None:
    assert set(kinds.built_in()) <= {page.stem for page in PAGES}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_example_says_what_the_page_shows(page: Path, tmp_path: Path) -> None:
    (tmp_path / "tocsin.yaml").write_text(block("yaml", page), encoding="utf-8")
    (tmp_path / "app.log").write_text(block("log", page), encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, "-m", "tocsin", "replay", "-c", "tocsin.yaml"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    shown, _, _ = ran.stdout.partition("\nsummary")
    assert shown == block("text", page)
