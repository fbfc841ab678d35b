"""The document of the original description, in every syntax and spelling."""

import pytest

from tocsin.config import parse
from tocsin.config.values import DEFAULT_PATH
from tocsin.model.expression import Call, Column, Literal
from tocsin.model.message import FieldType

JSON = """
{"metrics": [{"name": "hits", "period": "PT1M", "type": "COUNT",
              "filters": [{"operand": "request", "operator": "=~", "value": ".*/api/.*"}]}],
 "calculatedMetrics": [{"name": "avgHits", "period": "PT5M", "aggregate": "AVG", "inputMetrics": ["hits"]}],
 "alarms": [{"name": "busy", "metric": "avgHits", "threshold": 10.0, "dataPointsAlarm": 2, "dataPointsRecovery": 3}],
 "rawLogConsumers": [{"name": "sections", "type": "tocsin.plugins.SectionLoad", "period": "PT10S"}]}
"""  # noqa: E501

YAML = r"""
metrics:
  - name: hits
    period: PT1M
    type: COUNT
    filters:
      - {operand: request, operator: =~, value: .*/api/.*}
calculatedMetrics:
  - {name: avgHits, period: PT5M, aggregate: AVG, inputMetrics: [hits]}
alarms:
  - name: busy
    metric: avgHits
    threshold: 10.0
    dataPointsAlarm: 2
    dataPointsRecovery: 3
rawLogConsumers:
  - {name: sections, type: tocsin.plugins.SectionLoad, period: PT10S}
"""

SNAKE_YAML = r"""
version: 1
$schema: https://example.org/tocsin.json
x-period: &period 1m
metrics:
- name: hits
  period: *period
  type: count
  filters: {operand: request, operator: "=~", value: ".*/api/.*"}
calculated_metrics:
- {name: avgHits, period: 5m, aggregate: avg, input_metrics: hits}
alarms:
- {name: busy, metric: avgHits, threshold: 10, data_points_alarm: 2,
   data_points_recovery: 3}
raw_log_consumers:
- {name: sections, class: tocsin.plugins.SectionLoad, period: 10s}
"""

TOML = r"""
[[metrics]]
name = "hits"
period = "PT1M"
type = "COUNT"
  [[metrics.filters]]
  operand = "request"
  operator = "=~"
  value = '.*/api/.*'

[[calculatedMetrics]]
name = "avgHits"
period = "PT5M"
aggregate = "AVG"
inputMetrics = ["hits"]

[[alarms]]
name = "busy"
metric = "avgHits"
threshold = 10.0
dataPointsAlarm = 2
dataPointsRecovery = 3

[[rawLogConsumers]]
name = "sections"
type = "tocsin.plugins.SectionLoad"
period = "PT10S"
"""

MINUTE = 60_000_000
TWINS = {
    "JSON, word for word": (JSON, "json"),
    "JSON, its syntax guessed": (JSON, None),
    "JSON, read as the YAML it also is": (JSON, "yaml"),
    "YAML, its syntax guessed": (YAML, None),
    "YAML in snake_case with an anchor": (SNAKE_YAML, "yaml"),
    "TOML": (TOML, "toml"),
    "TOML, its syntax guessed": (TOML, None),
}


@pytest.mark.parametrize(("text", "syntax"), TWINS.values(), ids=TWINS)
def test_every_twin_of_the_document_gives_the_same_configuration(
    text: str, syntax: str | None
) -> None:
    assert parse(text, syntax=syntax) == parse(JSON, syntax="json")


def test_the_document_means_what_its_author_said() -> None:
    config = parse(JSON)

    (hits,) = config.metrics
    assert (hits.name, hits.type, hits.period, hits.every) == (
        "hits",
        "COUNT",
        MINUTE,
        MINUTE,
    )
    assert hits.where is not None
    assert hits.where.root == Call(
        "matches_whole", (Column("request", FieldType.STRING), Literal(".*/api/.*"))
    )
    (average,) = config.calculated_in_order()
    assert (average.aggregate, average.input_metrics) == ("AVG", ("hits",))
    assert (average.period, average.every) == (5 * MINUTE, 5 * MINUTE)
    (busy,) = config.alarms
    assert (busy.operator, busy.threshold) == (">", 10.0)
    assert (busy.recovery_operator, busy.recovery_threshold) == ("<=", 10.0)
    assert (busy.data_points_alarm, busy.data_points_recovery) == (2, 3)
    (sections,) = config.raw_log_consumers
    assert (sections.type, sections.period) == (
        "tocsin.plugins.SectionLoad",
        10_000_000,
    )
    (source,) = config.sources
    assert (source.name, source.path) == ("default", (DEFAULT_PATH,))
