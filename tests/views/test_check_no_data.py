"""`check` warns of alarms on no data that can never be."""

from pathlib import Path

import pytest

from tocsin.views.cli import run

METRICS = """
metrics:
  - {name: count, type: COUNT, period: 1m}
  - {name: mean, type: AVG, field: took, period: 1m}
  - {name: most, type: MAX, field: took, period: 1m, group_by: [section]}
calculated_metrics:
  - {name: sums, input_metrics: [mean], period: 5m, aggregate: SUM}
  - {name: means, input_metrics: [count], period: 5m, aggregate: AVG}
  - {name: ratio, formula: "mean / nullif(count, 0)"}
alarms:
"""
FORMAT = "sources: [{name: default, path: a.log, format: logfmt}]"
ALARMS = {
    "a count is 0 of nothing": ("metric: count, no_data: alarm", "a COUNT is 0"),
    "so is a sum of datapoints": ("metric: sums, no_data: show", "a SUM is 0"),
    "an alarm that says nothing of it is fine": ("metric: count", ""),
    "no_data: keep is what it is without": ("metric: count, no_data: keep", ""),
    "a mean of nothing has no value": ("metric: mean, no_data: alarm", ""),
    "nor has a mean of datapoints": ("metric: means, no_data: ok", ""),
    "nor the greatest of a key": ("metric: most, no_data: alarm", ""),
    "a formula may divide by nothing": ("metric: ratio, no_data: alarm", ""),
    "of too few events there is no value": (
        "metric: count, no_data: alarm, min_samples: 5", "",
    ),
    "absence rings itself": ("kind: absence, no_data: alarm", "a COUNT is 0"),
}  # fmt: skip


@pytest.mark.parametrize(("alarm", "warned"), ALARMS.values(), ids=ALARMS)
def test_an_alarm_on_no_data(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], alarm: str, warned: str
) -> None:
    path = tmp_path / "a.yaml"
    threshold = "" if "absence" in alarm else ", threshold: 1"
    row = f"  - {{name: A, {alarm}{threshold}}}\n"
    path.write_text(FORMAT + METRICS + row, encoding="utf-8")
    assert run(["check", str(path)]) == 0
    said = capsys.readouterr()
    assert "fine" in said.out
    assert ("alarm 'A': no_data" in said.err) is bool(warned)
    assert warned in said.err
