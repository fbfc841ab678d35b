"""The threshold alarm, point by point and in runs, cut anywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.laws import law
from tests.plain import changes

from tocsin.alarms.threshold import STATE, Operator, ThresholdSpec, specs_frame, step
from tocsin.config.values import AlarmConfig

if TYPE_CHECKING:
    from collections.abc import Sequence

CALM = pl.DataFrame(schema=STATE)
RUNS = {
    "sid": pl.Int64, "m": pl.Int32, "e": pl.Int64, "steps": pl.Int64, "n": pl.Int64,
    "value": pl.Float64, "every": pl.Int64, "full": pl.Int64, "partial": pl.Boolean,
}  # fmt: skip
EVERY = 10
NEGATIONS = {">": "<=", "<=": ">", "<": ">=", ">=": "<", "==": "!=", "!=": "=="}


def alarm(**options: object) -> AlarmConfig:
    """Return an alarm above 5, with these options."""
    default = {"name": "a", "metric": "m", "threshold": 5.0, "recovery_threshold": 5.0}
    return AlarmConfig(**(default | options))  # type: ignore[arg-type]


def spec(config: AlarmConfig, metric: int = 0) -> ThresholdSpec:
    """Return the spec of an alarm's configuration."""
    return ThresholdSpec(
        config.name,
        metric,
        Operator(config.operator),
        config.threshold,
        Operator(config.recovery_operator),
        config.recovery_threshold,
        config.data_points_alarm,
        config.data_points_recovery,
    )


def runs(rows: Sequence[tuple[int, int, float | None]], sid: int = 7) -> pl.DataFrame:
    """Return runs of one series from (end, steps, value)."""
    filled = [(sid, 0, e, n, 1, v, EVERY, 0, False) for e, n, v in rows]
    return pl.DataFrame(filled, schema=RUNS, orient="row")


def said(config: AlarmConfig, values: str) -> str:
    """Return what an alarm says to values: `!` fires, `.` recovers, `-` nothing.

    A point without a value is written `x`.
    """
    numbers = [None if v == "x" else float(v) for v in values.split()]
    rows = [(EVERY * (i + 1), 1, v) for i, v in enumerate(numbers)]
    found, _ = step(specs_frame([spec(config)]), CALM, runs(rows))
    marks = dict(found.select("e", "firing").iter_rows())
    words = {None: "-", True: "!", False: "."}
    return " ".join(words[marks.get(e)] for e, _, _ in rows)


CASES = {
    "the threshold itself is no breach": ({}, "5 6", "- !"),
    "the recovery threshold itself is calm": ({}, "6 5", "! ."),
    "calm from the start says nothing": ({}, "1 1 1", "- - -"),
    "a breach that lasts is said once": ({}, "6 6 6 1 1", "! - - . -"),
    "three in a row are needed": ({"data_points_alarm": 3}, "6 6 6 1", "- - ! ."),
    "a calm point clears the breaches": (
        {"data_points_alarm": 2}, "6 1 6 1 6 6", "- - - - - !",
    ),
    "two calm points are needed": (
        {"data_points_recovery": 2}, "6 1 6 1 1", "! - - - .",
    ),
    "a point without a value neither counts nor clears": (
        {"data_points_alarm": 2}, "6 x x 6 x 1", "- - - ! - .",
    ),
    "between the thresholds is neither, and clears both": (
        {"recovery_threshold": 3.0, "data_points_alarm": 2, "data_points_recovery": 2},
        "6 4 6 6 2 4 2 2", "- - - ! - - - .",
    ),
    "an own recovery threshold holds the alarm": (
        {"recovery_threshold": 3.0}, "6 4 4 3", "! - - .",
    ),
    "at least": (
        {"operator": ">=", "recovery_operator": "<"}, "4 5 5 4", "- ! - .",
    ),
    "below": ({"operator": "<", "recovery_operator": ">="}, "5 4 5", "- ! ."),
    "at most": ({"operator": "<=", "recovery_operator": ">"}, "6 5 6", "- ! ."),
    "equal": ({"operator": "==", "recovery_operator": "!="}, "4 5 6", "- ! ."),
    "not equal": ({"operator": "!=", "recovery_operator": "=="}, "5 4 5", "- ! ."),
}  # fmt: skip


@pytest.mark.parametrize(("options", "values", "expected"), CASES.values(), ids=CASES)
def test_an_alarm(options: dict[str, object], values: str, expected: str) -> None:
    assert said(alarm(**options), values) == expected


def test_a_long_run_fires_at_the_point_that_made_it_so() -> None:
    config = alarm(data_points_alarm=3, data_points_recovery=4)
    rows = [(10, 10**9, 6.0), (10 * 10**9 + 10, 10**9, 1.0)]
    found, _ = step(specs_frame([spec(config)]), CALM, runs(rows))
    assert found.select("e", "firing").rows() == [
        (30, True),
        (10 * 10**9 + 40, False),
    ]


def test_an_alarm_below_waits_for_its_first_full_window() -> None:
    config = alarm(operator="<", recovery_operator=">=")
    points = runs([(10, 5, 1.0)]).with_columns(full=pl.lit(35, dtype=pl.Int64))
    found, _ = step(specs_frame([spec(config)]), CALM, points)
    assert found.get_column("e").to_list() == [40]


def test_an_alarm_below_does_not_judge_a_window_that_never_ended() -> None:
    config = alarm(operator="<", recovery_operator=">=")
    points = runs([(10, 1, 1.0)]).with_columns(partial=pl.lit(value=True))
    found, _ = step(specs_frame([spec(config)]), CALM, points)
    assert found.height == 0


def test_alarms_on_one_metric_and_series_of_one_alarm_do_not_mix() -> None:
    low, high = alarm(data_points_alarm=2), alarm(name="b", threshold=8.0)
    mixed = pl.concat([runs([(10, 1, 6.0), (20, 1, 6.0)], 2), runs([(10, 1, 9.0)], 1)])
    found, after = step(specs_frame([spec(low), spec(high)]), CALM, mixed)
    assert set(found.select("alarm", "sid", "e").rows()) == {(0, 2, 20), (1, 1, 10)}
    assert after.height == 4


@law(80)
@given(
    st.sampled_from([">", ">=", "<", "<=", "==", "!="]),
    st.integers(1, 3),
    st.integers(1, 3),
    st.lists(st.sampled_from([None, 3.0, 4.0, 5.0, 6.0]), max_size=40),
    st.sets(st.integers(0, 40)),
)
def test_runs_cut_anywhere_say_what_points_say_one_by_one(
    operator: str,
    need: int,
    need_calm: int,
    values: list[float | None],
    cuts: set[int],
) -> None:
    config = alarm(
        operator=operator,
        recovery_operator=NEGATIONS[operator],
        recovery_threshold={">": 4.0, "<": 6.0}.get(operator, 5.0),
        data_points_alarm=need,
        data_points_recovery=need_calm,
    )
    specs, state, found = specs_frame([spec(config)]), CALM, []
    pieces: list[list[tuple[int, int, float | None]]] = [[]]
    for i, value in enumerate(values):
        last = pieces[-1][-1] if pieces[-1] else None
        if last and last[2] == value and i % 3:
            pieces[-1][-1] = (last[0], last[1] + 1, value)
        else:
            pieces[-1].append(((i + 1) * EVERY, 1, value))
        if i in cuts:
            pieces.append([])
    for piece in pieces:
        some, state = step(specs, state, runs(piece))
        found += some.select("e", "firing").rows()
    expected = [
        ((i + 1) * EVERY, change)
        for i, change in enumerate(changes(config, values))
        if change is not None
    ]
    assert found == expected


@pytest.mark.parametrize("operator", list(Operator))
def test_an_operator_holds_exactly_where_its_negation_does_not(
    operator: Operator,
) -> None:
    frame = pl.DataFrame({"v": [4.0, 5.0, 6.0], "t": [5.0, 5.0, 5.0]})
    holds = frame.select(
        a=operator.test(pl.col("v"), pl.col("t")),
        b=Operator(NEGATIONS[operator]).test(pl.col("v"), pl.col("t")),
    )
    assert all(a != b for a, b in holds.iter_rows())
