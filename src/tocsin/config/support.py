"""What supports an alarm: the metric that its events are of, and fields to tell them by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from tocsin.config.fields import Fields, UnknownFieldError
from tocsin.config.values import SECOND, Config, MetricConfig

if TYPE_CHECKING:
    from tocsin.config.alarm_values import AlarmConfig
    from tocsin.config.build_sources import Sources
    from tocsin.config.problems import Problems
    from tocsin.config.sections import Sections


class Origin(Struct, frozen=True):
    """The measured metric that an alarm comes from: its events, for `span` seconds."""

    metric: MetricConfig
    span: int


def origin(config: Config, name: str) -> Origin:
    """Return the measured metric whose events explain a metric.

    Of a calculated metric that is the first of its inputs with a condition, or else
    the first, but none of the past: of `errors / requests` it is the errors.
    """
    metric = config.metric(name)
    if isinstance(metric, MetricConfig):
        return Origin(metric, metric.period // SECOND)
    found = [(origin(config, inner), inner) for inner in metric.input_metrics]
    best, inner = min(found, key=lambda pair: _remoteness(pair[0].metric))
    if metric.formula is not None:
        return best
    longer = metric.period - config.metric(inner).every
    return Origin(best.metric, best.span + longer // SECOND)


def _remoteness(metric: MetricConfig) -> tuple[bool, bool]:
    """Return what tells how badly the events of an input explain a metric."""
    return metric.offset > 0, metric.where is None


def with_fields(
    alarms: tuple[AlarmConfig, ...],
    config: Config,
    sections: Sections,
    sources: Sources,
    problems: Problems,
) -> tuple[AlarmConfig, ...]:
    """Return the alarms with the fields of their contributors by our own names.

    `config` has the metrics. Alarms of metrics that are not sound are left alone.
    """
    places = {part.name: path for path, part in sections.alarms.parts}
    known = config.keys()
    found = []
    for alarm in alarms:
        fields = alarm.support.contributors
        if fields and alarm.metric in known and alarm.name in places:
            source = origin(config, alarm.metric).metric.source
            there = sources.fields.get(source, Fields())
            way = (*places[alarm.name], "contributors")
            own = tuple(
                _field(n, i, there, way, problems) for i, n in enumerate(fields)
            )
            alarm = replace(alarm, support=replace(alarm.support, contributors=own))  # noqa: PLW2901
        found.append(alarm)
    return tuple(found)


def _field(
    name: str, i: int, fields: Fields, way: tuple[str | int, ...], problems: Problems
) -> str:
    try:
        return str(fields.find(name).name)
    except UnknownFieldError as error:
        problems.add((*way, i), f"expected {error}", error.hint)
        return name
