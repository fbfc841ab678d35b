"""What the core says, case by case."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from tests.plain import SECOND, Row, Said, Stream
from tests.runs import Piece, final_points, final_transitions, run, whole

from tocsin.config.expressions import expression
from tocsin.config.values import (
    AlarmConfig,
    CalculatedMetricConfig,
    Config,
    MetricConfig,
    SourceConfig,
)
from tocsin.model.message import FieldType
from tocsin.model.records import Datapoint, IncidentEvent


def source(lateness: float = 5, amend: float = 300, skew: float = 300) -> SourceConfig:
    """Return the only source, with times in seconds."""
    return SourceConfig(
        lateness=int(lateness * SECOND),
        amend_for=int(amend * SECOND),
        future_skew=int(skew * SECOND),
    )


def metric(
    name: str = "hits",
    period: int = 10,
    every: int = 1,
    **options: Any,  # noqa: ANN401
) -> MetricConfig:
    """Return a metric that counts."""
    return MetricConfig(
        name=name, period=period * SECOND, every=every * SECOND, **options
    )


def alarm(
    metric: str = "hits",
    above: float = 2,
    **options: Any,  # noqa: ANN401
) -> AlarmConfig:
    """Return an alarm above a value."""
    plain: dict[str, Any] = {
        "name": "alarm",
        "threshold": above,
        "recovery_threshold": above,
    }
    return AlarmConfig(metric=metric, **(plain | options))


def stream(*seconds: float, **fields: Any) -> Stream:  # noqa: ANN401
    """Return a stream of rows at these seconds."""
    return Stream("s", "default", [Row(int(s * SECOND), fields) for s in seconds])


def valued(values: dict[float, float | None], **fields: Any) -> Stream:  # noqa: ANN401
    """Return a stream of one value for each second."""
    rows = [Row(int(s * SECOND), {"v": v} | fields) for s, v in values.items()]
    return Stream("s", "default", rows)


def series(said: list[Said], name: str, key: str = "{}") -> dict[int, float | None]:
    """Return the last word on the values of a metric, by end."""
    points = final_points(said)
    found = {e: v for (n, k, e), (v, _) in points.items() if (n, k) == (name, key)}
    return dict(sorted(found.items()))


def history(said: list[Said]) -> list[str]:
    """Return the transitions as they were said, in short."""
    return [
        f"{s.kind} {s.end}" + " amended" * s.amended + " withdrawn" * s.flag
        for s in said
        if s.kind != "point"
    ]


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


# Keys.


KEYED = Config(metrics=(metric("m", 10, 10, group_by=("g",)),))


def test_a_key_lives_from_its_first_event_on() -> None:
    rows = [Row(1000 * SECOND, {"g": "a"}), Row(1025 * SECOND, {"g": "b"})]
    said = whole(KEYED, [Stream("s", "default", rows)]).said
    assert series(said, "m", '{"g": "a"}') == {1010: 1, 1020: 0, 1030: 0}
    assert series(said, "m", '{"g": "b"}') == {1030: 1}


def test_null_is_a_key_of_its_own_and_not_the_text_null() -> None:
    rows = [Row(1000 * SECOND, {"g": g}) for g in (None, "null", None)]
    said = whole(KEYED, [Stream("s", "default", rows)]).said
    assert series(said, "m", '{"g": null}') == {1010: 2}
    assert series(said, "m", '{"g": "null"}') == {1010: 1}


@pytest.mark.parametrize("cut", [1, 7, 1000])
def test_beyond_the_limit_of_keys_totals_stay_exact(cut: int) -> None:
    names = [f"k{i * 7 % 50}" for i in range(200)]
    rows = [Row((1000 + i // 20) * SECOND, {"g": g}) for i, g in enumerate(names)]
    config = Config(
        metrics=(
            metric("m", 10, 10, group_by=("g",), limit=5),
            metric("all", 10, 10),
            metric("distinct", 10, 10, type="DISTINCT", field="h", group_by=("g",), limit=5),
        )
    )  # fmt: skip
    found = [Stream("s", "default", rows)]
    parts = [Piece("s", rows[i : i + cut], advance=True) for i in range(0, 200, cut)]
    said = run(config, found, parts).said
    points = final_points(said)
    assert len({key for name, key, _ in points if name == "m"}) == 6
    total = sum(value for (name, _, _), (value, _) in points.items() if name == "m")
    assert total == series(said, "all")[1010] == 200
    assert (series(said, "m", '{"g": "__other__"}')[1010] or 0) > 100


def test_long_keys_are_cut_and_stay_different() -> None:
    rows = [Row(1000 * SECOND, {"g": "x" * 5000 + end}) for end in "abb"]
    said = whole(KEYED, [Stream("s", "default", rows)]).said
    found = {key: value for (_, key, _), (value, _) in final_points(said).items()}
    assert sorted(v for v in found.values() if v is not None) == [1, 2]
    assert all(len(key) < 300 for key in found)


# Calculated metrics.


def calculated(
    name: str,
    inputs: str,
    period: int,
    **options: Any,  # noqa: ANN401
) -> CalculatedMetricConfig:
    """Return a metric over others."""
    every = options.pop("every", period)
    return CalculatedMetricConfig(
        name=name,
        input_metrics=tuple(inputs.split()),
        period=period * SECOND,
        every=every * SECOND,
        **options,
    )


def test_an_aggregate_of_datapoints_holds_those_that_end_in_it() -> None:
    config = Config(
        metrics=(metric("m", 10, 10),),
        calculated_metrics=(calculated("sum", "m", 30, every=10, aggregate="SUM"),),
    )
    said = whole(config, [stream(1000, 1001, 1010, 1020, 1030, 1040, 1045)]).said
    assert series(said, "sum") == {1010: 2, 1020: 3, 1030: 4, 1040: 3}


def test_chains_of_any_depth_are_calculated_in_order() -> None:
    links = [
        calculated(f"c{i}", f"c{i - 1}" if i else "m", 10, aggregate="MAX")
        for i in reversed(range(12))
    ]
    config = Config(metrics=(metric("m", 10, 10),), calculated_metrics=tuple(links))
    said = whole(config, [stream(1000, 1001, 1015)]).said
    assert series(said, "c11") == series(said, "m") == {1010: 2, 1020: 1}


def test_a_late_line_reaches_the_end_of_a_chain() -> None:
    config = Config(
        sources=(source(lateness=1, amend=60),),
        metrics=(metric("m", 10, 10),),
        calculated_metrics=(
            calculated("b", "a", 40, every=10, aggregate="SUM"),
            calculated("a", "m", 20, every=10, aggregate="SUM"),
        ),
        alarms=(alarm("b", above=5),),
    )
    said = whole(config, [stream(1000, 1001, 1025, 1002, 1045)]).said
    assert series(said, "b")[1020] == 6
    assert "firing 1020 amended" in history(said)


def formula(
    name: str,
    text: str,
    inputs: str,
    **options: Any,  # noqa: ANN401
) -> CalculatedMetricConfig:
    """Return a formula over metrics of ten seconds."""
    tree = expression(text, want=FieldType.FLOAT)
    return calculated(name, inputs, 10, formula=tree, **options)


def shares(*rows: tuple[float, str, str]) -> dict[tuple[str, int], float | None]:
    """Return the share of each `g` in all rows of ten seconds."""
    config = Config(
        metrics=(metric("part", 10, 10, group_by=("g",)), metric("total", 10, 10)),
        calculated_metrics=(formula("share", "part / nullif(total, 0)", "part total"),),
    )
    found = [Row(int(t * SECOND), {"g": g, "h": h}) for t, g, h in rows]
    said = whole(config, [Stream("s", "default", found)]).said
    points = final_points(said)
    return {
        (key, end): value
        for (name, key, end), (value, _) in points.items()
        if name == "share"
    }


def test_an_input_with_fewer_keys_is_shared_by_all() -> None:
    found = shares((1000, "a", ""), (1001, "a", ""), (1002, "b", ""), (1003, "b", ""),
                   (1015, "b", ""), (1035, "a", ""))  # fmt: skip
    a, b = '{"g": "a"}', '{"g": "b"}'
    assert found[a, 1010] == found[b, 1010] == 0.5
    assert (found[a, 1020], found[b, 1020]) == (0, 1)
    assert found[a, 1030] is None
    assert (found[a, 1040], found[b, 1040]) == (1, 0)


def test_a_missing_key_is_nothing_for_counts_and_has_no_value_for_means() -> None:
    only_b = expression("g = 'b'")
    config = Config(
        metrics=(
            metric("n", 10, 10, group_by=("g",)),
            metric("nb", 10, 10, group_by=("g",), where=only_b),
            metric("mb", 10, 10, group_by=("g",), where=only_b, type="AVG", field="v"),
        ),
        calculated_metrics=(
            formula("counts", "n + nb", "n nb"),
            formula("means", "n + mb", "n mb"),
        ),
    )
    rows = [Row(1000 * SECOND, {"g": g, "v": 4.0}) for g in "ab"]
    said = whole(config, [Stream("s", "default", rows)]).said
    a, b = '{"g": "a"}', '{"g": "b"}'
    assert (series(said, "counts", a), series(said, "counts", b)) == (
        {1010: 1},
        {1010: 2},
    )
    assert (series(said, "means", a), series(said, "means", b)) == (
        {1010: None},
        {1010: 5},
    )


def test_too_few_samples_make_no_value() -> None:
    config = Config(
        metrics=(metric("total", 10, 10), metric("few", 10, 10)),
        calculated_metrics=(
            formula("ratio", "few / total", "few total", min_samples={"total": 2}),
        ),
    )
    said = whole(config, [stream(1000, 1010, 1011)]).said
    assert series(said, "ratio") == {1010: None, 1020: 1}


# The account, and what people read.


def test_incidents_have_ids_and_say_what_happened() -> None:
    config = Config(metrics=(metric(),), alarms=(alarm(above=2),))
    times = [1000, 1000, 1000, 1030, 1030, 1030, 1060]
    found = whole(config, [stream(*times)])
    incidents = [r for r in found.records if isinstance(r, IncidentEvent)]
    assert [(i.id, i.event, i.at // SECOND) for i in incidents] == [
        (1, "opened", 1001), (1, "resolved", 1011), (2, "opened", 1031),
        (2, "resolved", 1041),
    ]  # fmt: skip
    summary = found.engine.summary()
    assert (summary.alarms_opened, summary.alarms_open) == (2, 0)


def test_one_line_of_1970_costs_nothing() -> None:
    config = Config(
        metrics=(metric(), metric("p", 60, 1, type="P95", field="v")),
        calculated_metrics=(calculated("c", "hits", 60, every=1, aggregate="AVG"),),
        alarms=(alarm(above=0), alarm("c", above=0, name="c")),
    )
    rows = stream(0, 1, 1_790_000_000, 1_790_000_001)
    parts = [Piece("s", [row], advance=True) for row in rows.rows]
    records = run(config, [rows], parts).records
    assert len(records) < 400
    opened = [r.at // SECOND for r in records if isinstance(r, IncidentEvent)]
    assert opened == [1, 1, 12, 71, 1_790_000_001, 1_790_000_001]


@pytest.mark.parametrize("name", ["p", "a", "k", "n", "s", "b", "r", "m", "key", "sid"])
def test_a_field_may_be_called_as_ours_are(name: str) -> None:
    """Names of columns inside the core are no business of the user's."""
    import polars as pl  # noqa: PLC0415

    from tocsin.model.batch import TIME, EventBatch, Tally  # noqa: PLC0415
    from tocsin.pipeline.compile import compile_plan  # noqa: PLC0415
    from tocsin.pipeline.engine import Engine  # noqa: PLC0415

    kinds = ("COUNT", "SUM", "P50", "DISTINCT")
    config = Config(
        metrics=tuple(
            metric(k, 10, 10, type=k, group_by=(name,),
                   field=None if k == "COUNT" else name) for k in kinds
        )
    )  # fmt: skip
    engine = Engine(compile_plan(config), datapoints=True)
    engine.register("s", "default")
    frame = pl.DataFrame(
        {"time": [1000 * SECOND, 1020 * SECOND, 1001 * SECOND], name: [7, 7, 7]},
        schema={"time": TIME, name: pl.Int64},
    )
    clock = engine.state.streams["s"].clock
    batch = EventBatch(frame, Tally(lines=3, events=3))
    engine.absorb("s", engine.observers["default"].observe(batch, clock))
    engine.end("s")
    points = [r for r in engine.finish() if isinstance(r, Datapoint)]
    last = {p.metric: p.value for p in points if p.end == 1010 * SECOND}
    assert last["COUNT"] == 2
    assert last["SUM"] == 14
    assert {tuple(p.key.items()) for p in points} == {((name, 7),)}
