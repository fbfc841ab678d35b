"""An alarm over alarms says why it rings: how many of which, or what holds."""

from __future__ import annotations

import pytest
from tests.kinds import BAD, GOOD, each, ran, rows

from tocsin.config import parse
from tocsin.model.records import Transition

RULES = """
sources: [{name: default, path: x, format: logfmt, lateness: 0s}]
metrics:
  - {name: bad, type: COUNT, period: 10s, every: 1s, where: "status >= 500"}
  - {name: hits, type: COUNT, period: 10s, every: 1s}
alarms:
  - {name: Bad, metric: bad, threshold: 1}
  - {name: Busy, metric: hits, threshold: 3}
"""
WORDS = {
    "all": (
        "alarms: [Bad, Busy]",
        "2 of 2 alarms ring (Bad, Busy), >= 2",
        "1 of 2 alarms ring (Bad, Busy), < 2",
    ),
    "any, for a while": (
        "alarms: [Bad, Busy], of: any, for: 2s",
        "2 of 2 alarms ring (Bad, Busy), >= 1 3 times in a row",
        "0 of 2 alarms ring (Bad, Busy), < 1",
    ),
    "a condition": (
        "condition: Bad and not (not Busy)",
        "Bad and not (not Busy) holds",
        "Bad and not (not Busy) no longer holds",
    ),
}


@pytest.mark.parametrize(("alarm", "rings", "over"), WORDS.values(), ids=WORDS)
def test_why(alarm: str, rings: str, over: str) -> None:
    made = parse(f"{RULES}  - {{name: A, kind: composite, {alarm}}}\n")
    events = [*each(1, 5, BAD), *each(0.5, 16, GOOD, start=5), (40.0, GOOD)]
    found = ran(made, rows(*events)).records
    said = [r.reason for r in found if isinstance(r, Transition) and r.alarm == "A"]
    assert [text.split(", from ")[0] for text in said] == [rings, over]
