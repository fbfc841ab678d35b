"""Alarms on no data, of metrics that always have a value: right, but of no use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tocsin.config.values import MetricConfig

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tocsin.config.alarm_values import AlarmConfig
    from tocsin.config.values import CalculatedMetricConfig, Config

_ZERO = frozenset({"COUNT", "RATE", "SUM", "DISTINCT"})
"""What is 0 of no events; all else has no value then."""


def pointless(config: Config) -> Iterator[tuple[AlarmConfig, str]]:
    """Yield the alarms whose `no_data` never comes true, and what their metric is.

    Formulas are not looked into: they may divide by nothing.
    """
    for alarm in config.alarms:
        rules = (*alarm.levels, *(r for o in alarm.overrides for r in o.rules))
        if alarm.no_data == "keep" or any(rule.min_samples for rule in rules):
            continue
        kind = _kind(config.metric(alarm.metric))
        if kind in _ZERO:
            yield alarm, kind


def _kind(metric: MetricConfig | CalculatedMetricConfig) -> str:
    if isinstance(metric, MetricConfig):
        return metric.type
    return metric.aggregate or ""
