"""Burn rates after the Site Reliability Workbook, chapter 5; and all kinds cut anywhere."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace
from tests.kinds import BAD, GOOD, config, each, ran, rang, rows
from tests.plain import SECOND, Row, Stream
from tests.runs import Piece, run, whole

from tocsin.config.kinds.slo_burn import WORKBOOK

# slo_burn.


def test_the_windows_are_those_of_the_workbook() -> None:
    hours = [(w.long / 3600e6, w.short / 3600e6, w.factor, w.level) for w in WORKBOOK]
    assert hours == [
        (1, pytest.approx(1 / 12), 14.4, "critical"),
        (6, 0.5, 6, "critical"),
        (24, 2, 3, "warning"),
        (72, 6, 1, "warning"),
    ]
    spent = [w.factor * w.long / (30 * 86_400e6) for w in WORKBOOK]
    assert spent == pytest.approx([0.02, 0.05, 0.10, 0.10])


SLO = (
    'kind: slo_burn, objective: 90, bad: "status >= 500", every: 1s, '
    "budget_period: 120s, windows: ["
    "{long: 60s, short: 5s, factor: 5, level: critical}, "
    "{long: 100s, short: 10s, factor: 2, level: warning}]"
)


def burned(options: str, *events: tuple[float, Any]) -> list[str]:
    """Return the levels that are reached, and the end, with their seconds."""
    found = ran(config(SLO + options), rows(*events))
    said = [r.as_json() for r in found.records if r.as_json()["type"] == "transition"]
    return [
        f"{t['level'] if t['to'] == 'firing' else t['to']} {_second(t['at'])}"
        for t in said
    ]


def _second(at: str) -> int:
    """Return the second after 1000 of an instant of the first hour of 1970."""
    return int(at[14:16]) * 60 + int(at[17:19]) - 1000


def test_both_windows_must_burn() -> None:
    """A short burst does not ring, though the short window is all bad."""
    assert burned("", *each(1, 60, GOOD), *each(1, 65, BAD, start=60)) == []


def test_what_burns_long_enough_rings_and_ends_soon_after() -> None:
    events = [*each(1, 60, GOOD), *each(1, 120, BAD, start=60)]
    found = burned("", *events, *each(1, 150, GOOD, start=120))
    assert [f.split()[0] for f in found] == ["warning", "critical", "warning", "ok"]
    ends = [int(f.split()[1]) for f in found]
    assert ends[1] == 91  # 31 of 60 are more than half
    assert ends[2] - 120 <= 5


def test_good_is_what_is_not_bad() -> None:
    events = [*each(1, 60, GOOD), *each(1, 120, BAD, start=60)]
    other = SLO.replace("bad:", "good:").replace(">= 500", "< 500")
    made, same = config(SLO), config(other)
    assert rang(made, *events) == rang(same, *events)


def test_few_events_burn_nothing() -> None:
    assert burned(", min_samples: 10", *each(20, 100, BAD)) == []
    assert burned("", *each(20, 100, BAD)) != []


def test_the_budget_that_is_left_is_shown() -> None:
    events = [*each(1, 10, GOOD), *each(1, 15, BAD, start=10)]
    found = ran(config(SLO), rows(*events, *each(1, 85, GOOD, start=15)))
    left = [s.value for s in found.said if s.kind == "point" and "left" in s.name]
    assert left[-1] == pytest.approx(37.5)  # 5 of 80 are bad; 8 may be


# All of them, cut anywhere.

ALL = {
    "share": 'kind: share, matching: "status >= 500", period: 10s, every: 1s, threshold: 30',
    "cardinality": "kind: cardinality, field: g, period: 10s, every: 1s, threshold: 2",
    "absence": "kind: absence, period: 10s, every: 1s, group_by: g, expected: [never]",
    "match": "kind: match, field: g, allow: [a, b], quiet: 10s",
    "new_value": "kind: new_value, field: g, period: 5s, memory: 30s, learning: 10s",
    "slo_burn": SLO,
    "change": "kind: change, metric: hits, threshold: 50, direction: both",
}


@pytest.mark.parametrize("alarm", ALL.values(), ids=ALL)
def test_neither_cuts_nor_saves_change_a_word(alarm: str) -> None:
    made = config(alarm, "{name: hits, type: COUNT, period: 10s, every: 1s}")
    made = replace(made, sources=(replace(made.sources[0], lateness=2 * SECOND),))
    found = []
    for i in range(90):
        at = 1000 + i * 0.7 + i // 40 * 15 - (7 if i % 11 == 5 else 0)
        own = {"g": "abcdefgh"[i * i // 20 % 8], "status": 200 + 100 * (i * i % 5)}
        found.append(Row(int(at * SECOND), own))
    stream = Stream("s", "default", found)
    once = whole(made, [stream])
    assert [s for s in once.said if s.kind == "firing"]
    for size in (1, 7, 40):
        parts = [
            Piece(
                "s",
                found[i : i + size],
                ranged=i % 2 == 0,
                advance=True,
                save=i % 3 == 0,
            )
            for i in range(0, len(found), size)
        ]
        assert run(made, [stream], parts).lines == once.lines
