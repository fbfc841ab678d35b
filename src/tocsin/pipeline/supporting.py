"""What alarms are supported by: which lines are kept for them, and which counts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tocsin.config.values import MetricConfig
from tocsin.model.instant import SECOND
from tocsin.pipeline.plan import Witness

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tocsin.config.values import AlarmConfig, Config
    from tocsin.metrics.spec import MetricSpec


@dataclass(frozen=True, slots=True)
class Origin:
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
    found = [origin(config, inner) for inner in metric.input_metrics]
    named = zip(found, metric.input_metrics, strict=True)
    best, inner = min(named, key=lambda pair: _remoteness(pair[0].metric))
    if metric.formula is not None:
        return best
    longer = metric.period - config.metric(inner).every
    return Origin(best.metric, best.span + longer // SECOND)


def _remoteness(metric: MetricConfig) -> tuple[bool, bool]:
    """Return what tells how badly the events of an input explain a metric."""
    return metric.offset > 0, metric.where is None


def with_lines(
    metrics: Mapping[int, MetricSpec], config: Config
) -> dict[int, MetricSpec]:
    """Return the metrics that say how many lines of theirs alarms ask for."""
    found = dict(metrics)
    numbers = {spec.name: number for number, spec in metrics.items()}
    for alarm in config.alarms:
        if not alarm.support.evidence:
            continue
        whence = origin(config, alarm.metric)
        number = numbers[whence.metric.name]
        spec = found[number]
        found[number] = replace(
            spec,
            lines=max(spec.lines, alarm.support.evidence),
            span=max(spec.span, whence.span),
        )
    return found


def witnesses(
    alarms: Iterable[AlarmConfig], config: Config, names: Mapping[str, int]
) -> dict[int, Witness]:
    """Return what supports the alarms of a shard, by their numbers in it."""
    found: dict[int, Witness] = {}
    for number, alarm in enumerate(alarms):
        if alarm.support.evidence:
            whence = origin(config, alarm.metric)
            metric = names[whence.metric.name]
            found[number] = Witness(metric, whence.span, alarm.support.evidence)
    return found
