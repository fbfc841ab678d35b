"""What alarms are supported by: which lines are kept for them, and which counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from tocsin.config.support import Origin, origin
from tocsin.model.instant import SECOND
from tocsin.pipeline.plan import Witness

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tocsin.config.values import AlarmConfig, Config, MetricConfig
    from tocsin.metrics.spec import MetricSpec


_MOST_KEYS = 1_000
_MOST_KEYS_EACH = 10_000


def counts_by(config: Config) -> tuple[MetricConfig, ...]:
    """Return the quiet metrics by which it is said whose events made a difference.

    They count what an alarm comes from by one field more; of sums, they are sums.
    """
    found: dict[str, MetricConfig] = {}
    for alarm in config.alarms:
        whence = origin(config, alarm.metric)
        for field in alarm.support.contributors:
            made = _count_by(whence, field)
            if made is not None:
                found[made.name] = made
    return tuple(found.values())


def _count_by(whence: Origin, field: str) -> MetricConfig | None:
    """Return the metric that counts by a field; None if the key says it already."""
    metric = whence.metric
    if field in metric.group_by:
        return None
    return replace(
        metric,
        name=_name(whence, field),
        type="SUM" if metric.type == "SUM" else "COUNT",
        field=metric.field if metric.type == "SUM" else None,
        period=whence.span * SECOND,
        group_by=(*metric.group_by, field),
        limit=_MOST_KEYS_EACH if metric.group_by else _MOST_KEYS,
        quiet=True,
        expected=(),
        unseen_for=0,
    )


def _name(whence: Origin, field: str) -> str:
    return f"_{whence.metric.name} of {whence.span}s by {field}"


def with_lines(
    metrics: Mapping[int, MetricSpec], config: Config
) -> dict[int, MetricSpec]:
    """Return the metrics that say how many lines of theirs alarms ask for."""
    found = {
        n: replace(spec, history=spec.period) if spec.quiet else spec
        for n, spec in metrics.items()
    }
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
        support = alarm.support
        if not (support.evidence or support.contributors):
            continue
        whence = origin(config, alarm.metric)
        by = {f: names.get(_name(whence, f)) for f in support.contributors}
        found[number] = Witness(
            metric=names[whence.metric.name],
            span=whence.span,
            lines=support.evidence,
            by={field: metric for field, metric in by.items() if metric is not None},
        )
    return found
