"""`tocsin check` names places as compilers do, so that editors can go there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tocsin.views.cli import run

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_each_problem_in_a_file_begins_with_its_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text("metrics:\n  - {name: a, type: COUNT, period: 2}\nsorces: []\n")
    assert run(["check", str(rules)]) == 2
    said = [x for x in capsys.readouterr().err.splitlines() if not x.startswith(" ")]
    assert [x.split(": ")[0] for x in said] == [f"{rules}:2", f"{rules}:3"]
