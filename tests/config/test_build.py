"""What a document comes to, part by part."""

import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.config import (
    Config,
    FormatConfig,
    MessagesConfig,
    SourceConfig,
    from_data,
    json_schema,
    load,
    parse,
)
from tocsin.config.build_rules import both_hold
from tocsin.config.graph import CycleError, in_order
from tocsin.model.errors import ConfigError, UsageError
from tocsin.model.message import Field, FieldType, MessageType

S = 1_000_000


def test_defaults_of_a_source() -> None:
    (source,) = parse("sources: [{name: web}]").sources

    assert source == SourceConfig(name="web")
    assert (source.lateness, source.amend_for, source.future_skew) == (
        5 * S,
        300 * S,
        300 * S,
    )


def test_formats_by_name_inline_and_declared() -> None:
    config = parse("""
formats: [{name: app, type: csv, delimiter: "\\t", fields: {took: float}}]
sources:
- {name: a, path: [x.log, y/*.log], format: combined}
- {name: b, format: app}
- {name: c, format: {type: json, time_field: ts, time_format: ms}}
""")
    a, b, c = config.sources

    assert a.path == ("x.log", "y/*.log")
    assert a.format == FormatConfig(name="combined", type="combined")
    assert b.format == config.formats[0]
    assert (b.format.delimiter, b.format.fields) == ("\t", {"took": FieldType.FLOAT})
    assert (c.format.name, c.format.time_field) == ("c", "ts")


def test_a_metric_of_the_only_source_needs_not_name_it() -> None:
    config = parse("""
sources: [{name: web}]
metrics: [{name: m, type: p99.9, field: took, period: 1m, every: 5s}]
""")

    assert config.metrics[0].source == "web"
    assert config.metrics[0].type == "P99.9"
    assert config.metrics[0].every == 5 * S
    assert config.source("web") is config.sources[0]
    assert config.metric("m") is config.metrics[0]
    with pytest.raises(KeyError):
        config.metric("n")


CHAIN = """
metrics:
- {name: hits, type: COUNT, period: 1m, group_by: [section]}
- {name: all, type: COUNT, period: 1m, every: 10s}
calculated_metrics:
- {name: top, formula: "share * 100", min_samples: {share: 5}}
- {name: share, formula: '"hits" / nullif("all", 0)'}
- {name: smooth, aggregate: p50, period: 10m, every: 5m, input_metrics: [top]}
"""


def test_calculated_metrics_come_in_an_order_that_works() -> None:
    config = parse(CHAIN)

    assert [c.name for c in config.calculated_in_order()] == ["share", "top", "smooth"]
    assert [c.name for c in config.calculated_metrics] == ["top", "share", "smooth"]


def test_a_formula_takes_its_inputs_steps_and_keys() -> None:
    config = parse(CHAIN)
    top, share, smooth = config.calculated_metrics

    assert share.input_metrics == ("all", "hits")
    assert (share.every, share.period) == (60 * S, 60 * S)
    assert (top.every, top.min_samples) == (60 * S, {"share": 5})
    assert (smooth.every, smooth.period, smooth.aggregate) == (300 * S, 600 * S, "P50")
    assert config.key_fields("smooth") == ("section",)
    assert config.key_fields("all") == ()


def test_a_chain_may_be_longer_than_the_stack() -> None:
    rows = [{"name": f"c{i}", "formula": f"c{i + 1} + 1"} for i in range(1500)]
    hits = {"name": "c1500", "type": "COUNT", "period": "1m", "group_by": "section"}

    config = from_data({"metrics": [hits], "calculated_metrics": rows})

    assert config.calculated_in_order()[0].name == "c1499"
    assert config.key_fields("c0") == ("section",)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=20))
def test_an_order_puts_inputs_first_or_names_a_cycle(
    edges: list[tuple[int, int]],
) -> None:
    inputs: dict[str, list[str]] = {str(n): [] for n in range(10)}
    for name, other in edges:
        inputs[str(name)].append(str(other))
    try:
        order = in_order(inputs)
    except CycleError as error:
        steps = zip(error.path, error.path[1:], strict=False)
        assert error.path[0] == error.path[-1]  # noqa: PT017
        assert all(after in inputs[before] for before, after in steps)
    else:
        places = {name: i for i, name in enumerate(order)}
        assert sorted(order) == sorted(inputs)
        assert all(places[i] < places[n] for n in inputs for i in inputs[n])


RECOVERIES = {
    "above, by default": ({}, (">", "<=", 10.0)),
    "at least": ({"operator": ">="}, (">=", "<", 10.0)),
    "below": ({"operator": "<"}, ("<", ">=", 10.0)),
    "at most": ({"operator": "<="}, ("<=", ">", 10.0)),
    "equal": ({"operator": "="}, ("==", "!=", 10.0)),
    "unlike": ({"operator": "!="}, ("!=", "==", 10.0)),
    "a calmer threshold": ({"recovery_threshold": 5}, (">", "<=", 5.0)),
    "another operator": ({"recoveryOperator": "<"}, (">", "<", 10.0)),
    "equal to something else": (
        {"recovery_operator": "=", "recovery_threshold": 0},
        (">", "==", 0.0),
    ),
}


@pytest.mark.parametrize(("given_", "expected"), RECOVERIES.values(), ids=RECOVERIES)
def test_recovery(given_: dict[str, object], expected: tuple[str, str, float]) -> None:
    row = {"name": "a", "metric": "m", "threshold": 10, **given_}
    metrics = [{"name": "m", "type": "COUNT", "period": "1m"}]
    (alarm,) = from_data({"metrics": metrics, "alarms": [row]}).alarms

    assert (alarm.operator, alarm.recovery_operator, alarm.recovery_threshold) == (
        expected
    )


OPERATORS = [">", ">=", "<", "<=", "==", "!="]
HOLDS = {
    ">": float.__gt__,
    ">=": float.__ge__,
    "<": float.__lt__,
    "<=": float.__le__,
    "==": float.__eq__,
    "!=": float.__ne__,
}


@given(
    st.sampled_from(OPERATORS),
    st.integers(0, 2),
    st.sampled_from(OPERATORS),
    st.integers(0, 2),
)
def test_both_conditions_hold_if_some_value_satisfies_both(
    alarm: str, threshold: int, recovery: str, calm: int
) -> None:
    values = [n / 2 for n in range(-2, 8)]
    some = any(
        HOLDS[alarm](v, float(threshold)) and HOLDS[recovery](v, float(calm))
        for v in values
    )

    assert both_hold(alarm, threshold, recovery, calm) is some


def test_an_alarm_has_its_own_messages_or_those_of_all() -> None:
    config = parse("""
metrics: [{name: m, type: COUNT, period: 1m, group_by: section}]
alarms:
- {name: "a {section}", metric: m, threshold: 1, messages: {alarm: "{{ section }}!"}}
- {name: b, metric: m, threshold: 1}
messages: {alarm: "{{ alarm }}: {{ value | round(1) }}", recovery: "{{ section }} ok"}
""")
    a, b = config.alarms

    assert a.messages == MessagesConfig(
        alarm="{{ section }}!", recovery="{{ section }} ok"
    )
    assert b.messages == config.messages


def test_csv_columns_without_a_type_show_it_by_their_values() -> None:
    def message_types(found: FormatConfig) -> MessageType:
        fields = tuple(Field(c) for c in found.columns or ())
        return MessageType("csv", (Field("time", FieldType.TIME), *fields))

    config = parse(
        """
sources: [{name: a, format: {type: csv, columns: [took, what], fields: {what: string}}}]
metrics:
- {name: m, type: AVG, field: took, period: 1m, where: "took > 0 and what = 'x'"}
""",
        message_types=message_types,
    )

    assert config.metrics[0].field == "took"


def test_what_a_format_refuses_is_said_at_its_place() -> None:
    def message_types(found: FormatConfig) -> MessageType:
        said = f"{found.type} cannot work"
        raise UsageError(said)

    with pytest.raises(ConfigError) as caught:
        parse(
            "formats: [{name: app, type: odd}]\nsources: [{name: a, format: app}]",
            "f",
            message_types=message_types,
        )

    assert str(caught.value) == "f:1: formats[0]: odd cannot work"


def test_a_file_knows_its_folder(tmp_path: Path) -> None:
    path = tmp_path / "tocsin.toml"
    path.write_text("[report]\ntop = 5\n", encoding="utf-8")

    assert load(path).base == tmp_path
    assert load(path).report.top == 5


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.yaml: cannot be read: No such"):
        load(tmp_path / "nowhere.yaml")


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "tocsin.yaml"
    path.write_bytes(b"report:\n  top: \xff\n")

    with pytest.raises(
        ConfigError, match=r"yaml:2: not UTF-8 text\n.*save it as UTF-8"
    ):
        load(path)


def test_plain_data_is_checked_like_a_document() -> None:
    with pytest.raises(ConfigError) as caught:
        from_data({"report": {"every": "soon"}}, "options")

    assert str(caught.value).startswith("options: report.every: expected a duration")


def test_a_configuration_may_be_made_without_a_document() -> None:
    assert Config().sources == parse("").sources


def test_the_schema_takes_both_spellings_and_refuses_strangers() -> None:
    schema = json_schema()
    jsonschema.Draft7Validator.check_schema(schema)
    validator = jsonschema.Draft7Validator(schema)
    metric = {"name": "m", "type": "COUNT", "period": "1m"}

    for good in ({}, {"x-a": 1}, {"calculatedMetrics": [], "$schema": "x"}):
        assert validator.is_valid(good)
    for key in ("groupBy", "group_by"):
        assert validator.is_valid({"metrics": [{**metric, key: ["section"]}]})
    strangers: list[dict[str, object]] = [
        {"metric": []},
        {"version": 2},
        {"metrics": [{"name": "m"}]},
    ]
    assert not any(map(validator.is_valid, strangers))
    assert not validator.is_valid({"metrics": [{**metric, "period": 5}]})
    json.dumps(schema)


def test_reading_a_plain_document_loads_no_heavy_library() -> None:
    script = (
        "import sys; from tocsin.config import parse; "
        'parse(\'{"metrics": [{"name": "m", "type": "COUNT", "period": '
        '"1m", "filters": [{"operand": "a", "operator": "=~", "value": '
        '"b"}]}]}\'); '
        "print({'polars', 'sqlglot', 'minijinja', 'yaml'} & set(sys.modules))"
    )

    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "set()"
