"""Row B9 of the fault matrix: a rule that would take for ever elsewhere takes no time.

There is no timing here: with an engine that goes back, one line would take 2 to the 32
steps, and the test would not end.
"""

import json
from pathlib import Path

import pytest

from tocsin.views.cli import run

_GOOD = 10_000
_SLOW = "a" * 32 + "!"

RULES = {
    "a filter": "formats: [{name: app, regex: '^(?P<time>\\S+) (?P<word>.*)$'}]\n"
    "metrics: [{name: n, source: log, type: COUNT, period: 10s, every: 10s,"
    " filters: [{operand: word, operator: '=~', value: '(a+)+'}]}]\n",
    "a where": "formats: [{name: app, regex: '^(?P<time>\\S+) (?P<word>.*)$'}]\n"
    "metrics: [{name: n, source: log, type: COUNT, period: 10s, every: 10s,"
    " where: \"regexp_like(word, '^(a+)+$')\"}]\n",
    "a format": "formats: [{name: app, regex: '^(?P<time>\\S+) (?P<word>(a+)+)$'}]\n"
    "metrics: [{name: n, source: log, type: COUNT, period: 10s, every: 10s}]\n",
    "a computed field": "formats: [{name: app, regex: '^(?P<time>\\S+) (?P<word>.*)$',"
    " derive: {found: \"regexp_extract(word, '^((a+)+)$', 1)\"}}]\n"
    "metrics: [{name: n, source: log, type: COUNT, period: 10s, every: 10s,"
    " where: \"found != ''\"}]\n",
    "the start of an event": "formats: [{name: app, regex: '^(?P<time>\\S+) (?P<word>a+)$',"
    " multiline: {starts_with: '\\S+ (a+)+$|\\S+ a+!'}}]\n"
    "metrics: [{name: n, source: log, type: COUNT, period: 10s, every: 10s}]\n",
}


@pytest.mark.parametrize("rules", RULES.values(), ids=RULES)
def test_b9_good_lines_behind_one_made_to_be_slow_are_counted(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], rules: str
) -> None:
    log, config = tmp_path / "app.log", tmp_path / "tocsin.yaml"
    stamp = "2026-03-02T00:00:00Z"
    log.write_text(f"{stamp} {_SLOW}\n" + f"{stamp} {'a' * 32}\n" * _GOOD)
    config.write_text(f"sources: [{{name: log, path: {log}, format: app}}]\n{rules}")
    arguments = ["replay", "-c", str(config), "--datapoints", "--output", "jsonl"]
    assert run(arguments) == 0
    said = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    points = [r["value"] for r in said if r["type"] == "datapoint"]
    assert max(points) == _GOOD
    (summary,) = [r for r in said if r["type"] == "summary"]
    assert summary["lines"] == _GOOD + 1


@pytest.mark.parametrize("pattern", [r"(a+)+\1", "(?=a)b", "(?>a+)+$"])
def test_b9_a_pattern_that_only_a_slow_engine_knows_is_refused_with_its_place(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], pattern: str
) -> None:
    config = tmp_path / "tocsin.yaml"
    config.write_text(
        "metrics:\n  - name: n\n    type: COUNT\n    period: 10s\n    filters:\n"
        f"      - {{operand: request, operator: '=~', value: '{pattern}'}}\n"
    )
    assert run(["check", "-c", str(config)]) == 2
    assert "tocsin.yaml:6: metrics[0].filters[0].value" in capfd.readouterr().err
