"""What the core says of keys and calculated metrics, case by case."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.cases import alarm, history, metric, series, source, stream
from tests.plain import SECOND, Row, Stream
from tests.runs import Piece, final_points, run, whole

from tocsin.config.expressions import expression
from tocsin.config.values import (
    CalculatedMetricConfig,
    Config,
)
from tocsin.model.message import FieldType
from tocsin.model.records import Datapoint, IncidentEvent

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


def test_a_value_called_as_the_rest_is_not_the_rest() -> None:
    rest, own, escaped = "__other__", r"\__other__", r"\\__other__"
    rows = [Row(1000 * SECOND, {"g": g}) for g in [rest, own, "zz", "zz", "zzz", own]]
    config = Config(metrics=(metric("m", 10, 10, group_by=("g",), limit=2),))
    said = whole(config, [Stream("s", "default", rows)]).said
    found = {json.loads(k)["g"]: v for (_, k, _), (v, _) in final_points(said).items()}
    assert found == {own: 1, escaped: 2, rest: 3}


def test_long_keys_are_cut_and_stay_different() -> None:
    rows = [Row(1000 * SECOND, {"g": "x" * 5000 + end}) for end in "abb"]
    said = whole(KEYED, [Stream("s", "default", rows)]).said
    found = {key: value for (_, key, _), (value, _) in final_points(said).items()}
    assert sorted(v for v in found.values() if v is not None) == [1, 2]
    assert all(len(key) < 300 for key in found)


def test_a_new_key_is_left_alone_from_the_end_of_the_slice_that_it_came_in() -> None:
    """When in the minute [1020, 1080) it came is not known: 30 s more are up at 1110."""
    late = alarm("m", above=0, new_key_delay=30 * SECOND)
    config = Config(metrics=(metric("m", 60, 60),), alarms=(late,))
    said = whole(config, [stream(1021, 1079, 1090, 1130, 1150, 1205)]).said
    assert history(said) == ["firing 1140"]


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


def test_zero_has_one_sign() -> None:
    config = Config(
        metrics=(metric("n", 10, 10), metric("v", 10, 10, type="SUM", field="v")),
        calculated_metrics=(
            formula("less", "(n - 1) / v", "n v"),
            calculated("least", "less", 20, aggregate="MIN"),
        ),
    )
    rows = [Row(at * SECOND, {"v": v}) for at, v in [(1000, -1.0), (1010, 1.0)]]
    said = whole(config, [Stream("s", "default", rows)]).said
    for name in ("less", "least"):
        assert set(map(repr, series(said, name).values())) == {"0.0"}


def test_below_waits_until_all_that_a_formula_is_made_of_has_been_seen_whole() -> None:
    """A slice of seven seconds says that there was an event, and not since when."""
    inputs = metric("m", 7, 7, group_by=("g",)), metric("n", group_by=("g",))
    tree = expression("m + n", want=FieldType.FLOAT)
    low = alarm("both", above=5, operator="<", recovery_operator=">=")
    config = Config(
        metrics=inputs,
        calculated_metrics=(calculated("both", "m n", 7, formula=tree),),
        alarms=(low,),
    )
    said = whole(config, [stream(1000, 1030, g="a")]).said
    assert history(said) == ["firing 1015"]  # [998, 1008) of n was not seen whole


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
