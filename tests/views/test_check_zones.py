"""`check` warns of zones in which an hour comes twice."""

from pathlib import Path

import pytest

from tocsin.views.cli import run

ZONES = {
    "Europe/Rome": True,
    "Australia/Sydney": True,
    "UTC": False,
    "Asia/Tokyo": False,
}


@pytest.mark.parametrize(("zone", "warned"), ZONES.items(), ids=ZONES)
def test_a_zone_whose_clocks_change_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], zone: str, *, warned: bool
) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(f"sources: [{{name: web, path: a.log, timezone: {zone}}}]\n")
    assert run(["check", str(path)]) == 0
    said = capsys.readouterr()
    assert "fine" in said.out
    assert (f"'web': clocks in {zone} are put back" in said.err) is warned
