"""The pages tell the truth: their links lead somewhere, their rules are sound."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
LINK = re.compile(r"\]\((?!\w+:|#)([^)#\s]+)")
RULES = re.compile(r"^```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def configurations() -> dict[str, str]:
    """Everything the pages and the project offer as a configuration."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = {f"README {n}": text for n, text in enumerate(RULES.findall(readme), 1)}
    shipped = [*ROOT.glob("bench/*.yaml"), *ROOT.glob("examples/**/*.yaml")]
    return shown | {name(path): path.read_text(encoding="utf-8") for path in shipped}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_to_a_file_leads_somewhere(page: Path) -> None:
    links = LINK.findall(page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_readme_shows_rules_to_check() -> None:
    assert "README 1" in configurations()


@pytest.mark.parametrize("text", configurations().values(), ids=configurations())
def test_every_configuration_we_show_is_accepted(text: str, tmp_path: Path) -> None:
    config = tmp_path / "tocsin.yaml"
    config.write_text(text, encoding="utf-8")
    code = "from tocsin.views.cli import main; main()"
    checked = subprocess.run(
        [sys.executable, "-c", code, "check", "-c", str(config)],
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
