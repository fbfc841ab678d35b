"""What the core says of windows, late lines and points, case by case."""

from __future__ import annotations

import math
import random
from fractions import Fraction

import pytest
from msgspec.structs import replace
from tests.cases import alarm, history, metric, series, source, stream, valued
from tests.plain import SECOND, Row, Stream
from tests.runs import Piece, final_points, final_transitions, run, whole

from tocsin.config.values import (
    Config,
)
from tocsin.model.records import Datapoint

# Windows.


def test_a_window_is_exactly_as_long_as_its_period() -> None:
    config = Config(metrics=(metric(period=120),))
    found = series(whole(config, [stream(1000, 1119, 1120, 1121)]).said, "hits")
    assert found[1120] == 2  # holds 1000 and 1119
    assert found[1121] == 2  # 1000 has left, 1120 has come
    assert found[1122] == 3


def test_windows_are_half_open() -> None:
    config = Config(metrics=(metric(period=10, every=10),))
    found = series(whole(config, [stream(9.999999, 10, 19.999999, 20)]).said, "hits")
    assert found == {10: 1, 20: 2, 30: 1}


def test_windows_are_aligned_to_the_epoch_also_before_it() -> None:
    config = Config(metrics=(metric(period=10, every=10),))
    found = series(whole(config, [stream(-11, -10, -1, 0)]).said, "hits")
    assert found == {-10: 1, 0: 2, 10: 1}


def test_no_full_first_window_is_needed_to_ring_above() -> None:
    config = Config(metrics=(metric(period=120),), alarms=(alarm(above=2),))
    found = whole(config, [stream(1000, 1001, 1002)]).said
    assert history(found) == ["firing 1003"]


def test_below_waits_for_a_full_first_window() -> None:
    low = alarm(above=3, operator="<", recovery_operator=">=")
    config = Config(metrics=(metric(period=20),), alarms=(low,))
    found = whole(config, [stream(1000, 1001, 1030)]).said
    assert history(found) == ["firing 1020"]


def test_below_waits_for_a_full_window_of_whole_slices() -> None:
    """The window [1000, 1060) is not full: the log begins at 1015."""
    low = alarm(above=9, operator="<", recovery_operator=">=")
    config = Config(metrics=(metric(period=60, every=60),), alarms=(low,))
    found = whole(config, [stream(1035, 1100, 1150)]).said
    assert history(found) == ["firing 1140"]


def test_below_does_not_judge_what_has_not_ended() -> None:
    low = alarm(above=9, operator="<", recovery_operator=">=")
    config = Config(metrics=(metric(period=10, every=10),), alarms=(low,))
    assert history(whole(config, [stream(1000, 1001)]).said) == []


def test_the_last_second_is_judged() -> None:
    config = Config(metrics=(metric(),), alarms=(alarm(above=2),))
    found = whole(config, [stream(1000, 1020, 1020.1, 1020.2)]).said
    assert history(found) == ["firing 1021"]


def test_the_last_fixed_window_is_judged_though_it_has_not_ended() -> None:
    config = Config(metrics=(metric(period=60, every=60),), alarms=(alarm(above=2),))
    found = whole(config, [stream(1000, 1021, 1022, 1023)])
    points = [r for r in found.records if isinstance(r, Datapoint)]
    assert [(p.end // SECOND, p.value, p.partial) for p in points] == [
        (1020, 1.0, False),
        (1080, 3.0, True),
    ]
    assert history(found.said) == ["firing 1080"]


def test_rolling_windows_that_have_not_ended_are_not_judged() -> None:
    config = Config(metrics=(metric(period=20, every=10),))
    found = series(whole(config, [stream(1000, 1011, 1012)]).said, "hits")
    assert list(found) == [1010]


# Lateness.


def test_late_lines_neither_flap_nor_move_time_back() -> None:
    config = Config(
        sources=(source(lateness=2, amend=30),),
        metrics=(metric(),),
        alarms=(alarm(above=2),),
    )
    times = [1000, 1001, 1002, 1000, 1003, 1001, 1004, 1002, 1005, 1003, 1030]
    rows = stream(*times)
    parts = [Piece("s", [row], advance=True) for row in rows.rows]
    found = run(config, [rows], parts)
    assert history(found.said) == ["firing 1002", "ok 1014"]
    marks = [m[0] for m in found.marks if m[0] is not None]
    assert marks == sorted(marks)


LATE = {
    "on time": [1000, 1001, 1001.5, 1002, 1040],
    "a late line makes it ring": [1000, 1001, 1030, 1002, 1040],
    "a late line makes it ring earlier": [1000, 1001, 1004, 1012, 1000.5, 1040],
    "a late line joins two": [1000, 1000, 1000, 1015, 1016, 1017, 1031, 1008, 1060],
    "beyond amending it is lost": [1000, 1001, 1070, 1002, 1071],
    "one makes the first second earlier": [1000, 1020, 990, 1040],
}


@pytest.mark.parametrize("times", LATE.values(), ids=LATE)
def test_a_late_line_counts_in_the_end_as_if_it_had_come_in_time(
    times: list[float],
) -> None:
    eager = Config(
        sources=(source(lateness=1, amend=60),),
        metrics=(metric(),),
        alarms=(alarm(above=2),),
    )
    patient = replace(eager, sources=(source(lateness=60, amend=60),))
    early, late = whole(eager, [stream(*times)]), whole(patient, [stream(*times)])
    assert final_transitions(early.said) == final_transitions(late.said)
    assert final_points(early.said) == final_points(late.said)
    assert early.total("late") == late.total("late")


def test_a_late_line_takes_effect_at_the_end_of_its_ten_seconds() -> None:
    config = Config(
        sources=(source(lateness=1, amend=60),),
        metrics=(metric(),),
        alarms=(alarm(above=3),),
    )
    rows = stream(1000, 1001, 1007, 1002, 1010.9, 1011)
    found = run(config, [rows], [Piece("s", rows.rows)]).said
    assert history(found)[0] == "firing 1008 amended"
    said = [s for s in found if s.kind == "point"]
    before = said[: next(i for i, s in enumerate(said) if s.amended)]
    assert max(s.end for s in before) == 1009


def test_a_row_that_comes_after_its_tick_amends_and_is_not_lost() -> None:
    config = Config(
        sources=(source(lateness=1, amend=60),),
        metrics=(metric(),),
        alarms=(alarm(above=1),),
    )
    rows = stream(1000, 1001, 1002).rows
    parts = [
        Piece("s", rows[:2], tick=1012 * SECOND, advance=True),
        Piece("s", rows[2:], advance=True),
    ]
    found = run(config, [stream(1000, 1001, 1002)], parts)
    assert (found.total("late"), found.total("amended")) == (0, 1)
    assert series(found.said, "hits")[1003] == 3


@pytest.mark.parametrize("lag", [24, 25])
def test_the_oldest_line_that_may_amend_does_however_often_time_moved_on(
    lag: int,
) -> None:
    config = Config(
        sources=(source(lateness=5, amend=30),),
        metrics=(metric(period=40), metric("slow", 40, 20)),
        alarms=(alarm(above=40),),
    )
    times = [*range(1000, 1100), 1099 - 5 - lag, 1100, 1101 - 5 - lag, 1140]
    rows = stream(*times)
    parts = [Piece("s", [row], advance=True) for row in rows.rows]
    found = run(config, [rows], parts)
    assert found.lines == whole(config, [rows]).lines
    assert (found.total("late"), found.total("amended")) == (0, 2)
    assert series(found.said, "hits")[1100] == 42


# Points.


def test_consecutive_points_are_those_of_the_metric_not_of_the_clock() -> None:
    config = Config(
        metrics=(metric(period=10, every=10),),
        alarms=(alarm(above=1, data_points_alarm=2, data_points_recovery=3),),
    )
    times = [1000, 1001, 1015, 1020, 1021, 1030, 1031, 1099]
    assert history(whole(config, [stream(*times)]).said) == ["firing 1040", "ok 1070"]


def test_points_without_a_value_neither_count_nor_clear() -> None:
    config = Config(
        metrics=(metric("mean", 1, 1, type="AVG", field="v"),),
        alarms=(alarm("mean", above=2, data_points_alarm=2),),
    )
    found = whole(config, [valued({1000: 3, 1001: None, 1005: 3, 1006: 1})])
    assert history(found.said) == ["firing 1006", "ok 1007"]
    assert series(found.said, "mean")[1003] is None


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("COUNT", 0), ("RATE", 0), ("SUM", 0), ("DISTINCT", 0), ("AVG", None),
     ("MIN", None), ("MAX", None), ("STDDEV", None), ("P95", None)],
)  # fmt: skip
def test_an_empty_window_is_nothing_or_has_no_value(
    kind: str, expected: float | None
) -> None:
    measured = None if kind in {"COUNT", "RATE"} else "v"
    config = Config(metrics=(metric("m", 5, 5, type=kind, field=measured),))
    found = series(whole(config, [valued({1000: 1.0, 1012: 1.0})]).said, "m")
    assert found[1010] == expected


VALUES = [3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0, 6.0]
KINDS = {
    "SUM": 31.0, "AVG": 3.875, "MIN": 1.0, "MAX": 9.0, "RATE": 0.8, "COUNT": 8.0,
    "STDDEV": math.sqrt(sum((v - 3.875) ** 2 for v in VALUES) / 8), "DISTINCT": 7.0,
    "P50": 3.0, "P99": 9.0, "P12.5": 1.0,
}  # fmt: skip


@pytest.mark.parametrize(("kind", "expected"), KINDS.items(), ids=KINDS)
def test_an_aggregate(kind: str, expected: float) -> None:
    measured = None if kind in {"COUNT", "RATE"} else "v"
    config = Config(metrics=(metric("m", 10, 10, type=kind, field=measured),))
    rows = valued({1000 + i: v for i, v in enumerate(VALUES)})
    value = series(whole(config, [rows]).said, "m")[1010]
    assert value is not None
    close = 0.01 if kind[0] == "P" else 0.001 if kind == "DISTINCT" else 1e-12
    assert math.isclose(value, expected, rel_tol=close)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.1] * 10, 1.0),
        ([1e15, 0.1, -1e15], 0.1),
        ([1e17, 1.0, -1e17, 1.0], 2.0),
        ([1e-7], 0.0),
        ([9e12] * 5, 4.5e13),
        ([math.inf, math.nan, 2.0], 2.0),
        ([1e300, -1e300, 2.0], 2.0),
    ],
)
def test_sums_are_exact_to_six_decimals(values: list[float], expected: float) -> None:
    config = Config(metrics=(metric("m", 60, 60, type="SUM", field="v"),))
    rows = Stream("s", "default", [Row(1020 * SECOND, {"v": v}) for v in values])
    assert series(whole(config, [rows]).said, "m") == {1080: expected}


def test_the_spread_of_large_numbers_close_together_is_kept() -> None:
    config = Config(metrics=(metric("m", 10, 10, type="STDDEV", field="v"),))
    rows = valued({1000: 1e9 + 1, 1001: 1e9 + 2, 1002: 1e9 + 3})
    value = series(whole(config, [rows]).said, "m")[1010]
    assert value is not None
    assert math.isclose(value, math.sqrt(2 / 3), rel_tol=1e-9)


def test_percentiles_are_within_one_percent_and_distinct_within_two() -> None:
    draw = random.Random(3)  # noqa: S311 - seeded data, no secrets
    values = [round(draw.lognormvariate(3, 1.5), 4) for _ in range(4000)]
    kinds = ["P50", "P90", "P99", "P99.9", "DISTINCT"]
    config = Config(metrics=tuple(metric(k, 60, 60, type=k, field="v") for k in kinds))
    rows = [Row(1020 * SECOND + i, {"v": v}) for i, v in enumerate(values)]
    said = whole(config, [Stream("s", "default", rows)]).said
    for kind in kinds:
        value = series(said, kind)[1080]
        assert value is not None
        if kind == "DISTINCT":
            assert math.isclose(value, len(set(values)), rel_tol=0.02)
        else:
            rank = math.ceil(Fraction(kind[1:]) / 100 * len(values))
            assert math.isclose(value, sorted(values)[rank - 1], rel_tol=0.01)
