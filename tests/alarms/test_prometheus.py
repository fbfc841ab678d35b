"""Prometheus' states of alerts, sample by sample: the same series, held the same way.

Sources, of github.com/prometheus/prometheus: TestAlertingRule in rules/manager_test.go,
TestKeepFiringFor in rules/alerting_test.go, the tests that promtool has of itself
(cmd/promtool/testdata/unittest.yml), and AlertingRule.Eval in rules/alerting.go. Series
are written as promtool has them: `0+1x3` is 0 1 2 3, `7x2` is 7 7 7, `_` is no sample,
`stale` the end of a series.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from tests.alarms.machine import Point
from tests.alarms.test_states import runs
from tests.kinds import config, rang

from tocsin.alarms.levels import states
from tocsin.alarms.threshold import STATE, specs_frame, step
from tocsin.config import from_data
from tocsin.pipeline.compile import compile_plan

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tocsin.alarms.rules import Rules

_RUN = re.compile(r"(-?\d+)(?:([+-]\d+))?x(\d+)")


def series(text: str) -> Iterator[float | None]:
    """Yield the samples of a series; None is none."""
    for word in text.split():
        run = _RUN.fullmatch(word)
        if run is not None:
            first, more = float(run[1]), float(run[2] or 0)
            yield from (first + i * more for i in range(int(run[3]) + 1))
        else:
            yield None if word in {"_", "stale"} else float(word)


def rules(every: str, **keys: Any) -> Rules:  # noqa: ANN401
    """Return the rules of an alert on a gauge that is looked at so often."""
    gauge = {"name": "gauge", "type": "AVG", "field": "v", "period": every}
    row = {"name": "a", "metric": "gauge", "no_data": "ok", **keys}
    plan = compile_plan(from_data({"metrics": [gauge], "alarms": [row]}))
    (shard,) = plan.shards
    return specs_frame(shard.rules)


def stood(table: Rules, text: str, every: int) -> str:
    """Return how the alert stands after each sample, a letter for each."""
    state, found = pl.DataFrame(schema=STATE), []
    metric = int(table.table.item(0, "m"))
    for i, value in enumerate(series(text)):
        some = runs([Point(every * (i + 1), value)])
        some = some.with_columns(
            m=pl.lit(metric, pl.Int32), every=pl.lit(every, pl.Int64)
        )
        _, state = step(table, state, some)
        ((now, pending, recovering),) = states(table, state).select(
            "now", "pending", "recovering"
        ).rows() or [(0, False, False)]
        rings = "kept" if recovering else "firing"
        found.append(rings if now else "pending" if pending else "inactive")
    return "".join(state[0] for state in found)


LOW = {"operator": "<", "threshold": 100}
HIGH = {"threshold": 50}
DOWN = {"operator": "==", "threshold": 0}
CASES: dict[str, tuple[str, dict[str, Any], str, str]] = {
    "TestAlertingRule, instance 0: pending at first, then firing, and again": (
        "5m", LOW | {"for": "1m"}, "75 85 95 105 105 95 85", "pffiipf",
    ),
    "TestAlertingRule, instance 1: the threshold itself is no breach": (
        "5m", LOW | {"for": "1m"}, "80 90 100 110 120 130 140", "pfiiiii",
    ),
    "TestKeepFiringFor: it fires for a minute more": (
        "1m", HIGH | {"for": "1m", "keep_firing_for": "1m"}, "75 85 70 70 10x5",
        "pfffkiiiii",
    ),
    "keep_firing_for: a breach inside it clears its time": (
        "1m", HIGH | {"keep_firing_for": "2m"}, "75 10 10 75 10 10 10", "fkkfkki",
    ),
    "keep_firing_for does not keep what is pending": (
        "1m", HIGH | {"for": "2m", "keep_firing_for": "5m"}, "75 75 10 75 75 75", "ppippf",
    ),
    "unittest.yml, InstanceDown: pending for five minutes, firing from then on": (
        "1m", DOWN | {"for": "5m"}, "0+0x7", "pppppfff",
    ),
    "unittest.yml, AlwaysFiring: without for it fires at once": (
        "1m", {"operator": ">=", "threshold": 1}, "1x3", "ffff",
    ),
    "unittest.yml, test_stale: what is stale is gone at once": (
        "1m", DOWN, "0 stale", "fi",
    ),
    "unittest.yml, test_missing: a sample counts for five minutes more": (
        "1m", DOWN | {"no_data_for": "5m"}, "0 _ _ _ _ _ _ 0", "ffffffif",
    ),
    "Eval: what is pending and has no sample begins anew": (
        "1m", HIGH | {"for": "2m"}, "75 75 stale 75 75 75", "ppippf",
    ),
    "Eval: for is met at just its time, and not before": (
        "15s", HIGH | {"for": "1m"}, "75x5", "ppppff",
    ),
    "Eval: for that is no whole number of evaluations is met at the next": (
        "1m", HIGH | {"for": "90s"}, "75x3", "ppff",
    ),
    "a ramp, as promtool writes it": ("1m", HIGH, "0+20x4", "iiiff"),
}  # fmt: skip
SECONDS = {"15s": 15, "1m": 60, "5m": 300}


@pytest.mark.parametrize(
    ("every", "keys", "text", "expected"), CASES.values(), ids=CASES
)
def test_an_alert_stands_as_in_prometheus(
    every: str, keys: dict[str, Any], text: str, expected: str
) -> None:
    assert stood(rules(every, **keys), text, SECONDS[every]) == expected


def test_absent_rings_until_the_series_is_there_and_again_when_it_is_gone() -> None:
    """absent(up): 1 while there is no sample. Here time is that of other lines."""
    made = config("kind: absence, where: \"g = 'up'\", period: 10s, every: 1s")
    others = [(float(at), "other") for at in range(0, 60, 5)]
    seen = [(float(at), "up") for at in range(20, 40, 5)]
    found = rang(made, *sorted(others + seen))
    assert found == ["firing 10", "ok 21", "firing 46"]


def test_absent_of_what_was_never_there_waits_for_one_whole_window() -> None:
    """Unlike absent(up), which is true of the first instant that is looked at."""
    made = config("kind: absence, where: \"g = 'up'\", period: 10s, every: 1s")
    assert rang(made, (0, "other"), (8, "other")) == []
    assert rang(made, (0, "other"), (11, "other")) == ["firing 10"]
