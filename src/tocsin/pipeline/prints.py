"""What stands for the definitions of a configuration, apart from their names.

A metric or alarm whose print is the same is the same, whatever it is called and wherever
it is written: so a state can be carried over to a configuration that has changed.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from tocsin.config.values import MessagesConfig
from tocsin.model.expression import Call, Column, Node
from tocsin.pipeline.plan import EVENTS, Prints, SourcePrint

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tocsin.config.values import (
        AlarmConfig,
        CalculatedMetricConfig,
        Config,
        MetricConfig,
        SourceConfig,
    )


def prints(config: Config) -> Prints:
    """Return the prints of all parts of a configuration, by their names."""
    metrics = {m.name: _metric(m) for m in config.metrics}
    inputs = {c.name: _inputs(c) for c in config.calculated_metrics}
    alarms = {a.name: _alarm(a) for a in config.alarms}
    calculated = {
        c.name: _print("state", alarms[c.alarm])
        if c.alarm
        else _calculated(c, inputs[c.name])
        for c in config.calculated_metrics
    }
    return Prints(
        sources={s.name: _source(s) for s in config.sources},
        metrics={EVENTS: _print(EVENTS), **metrics, **calculated},
        inputs=inputs,
        alarms=alarms,
        consumers={
            c.name: _print(replace(c, name="", source=""))
            for c in config.raw_log_consumers
        },
    )


def _source(source: SourceConfig) -> SourcePrint:
    form = source.format
    clock = (form.type, form.time_field, form.time_format, source.timezone)
    waits = (source.lateness, source.amend_for, source.future_skew)
    shape: tuple[object, ...] = (form.columns, form.header, form.delimiter)
    shape += (sorted(form.fields.items()),)
    shape += () if source.enrich is None else (source.enrich,)
    return SourcePrint(source.places, _print(clock), _print(clock, waits, shape))


def _metric(metric: MetricConfig) -> str:
    where = None if metric.where is None else metric.where.root
    return _print(replace(metric, name="", source="", where=None), where)


def _inputs(metric: CalculatedMetricConfig) -> tuple[str, ...]:
    """Return the inputs of a metric in an order that does not depend on their names."""
    if metric.formula is None:
        return metric.input_metrics
    return tuple(dict.fromkeys(c.name for c in metric.formula.column_nodes()))


def _calculated(metric: CalculatedMetricConfig, inputs: tuple[str, ...]) -> str:
    """Return the print of a calculated metric: its inputs are numbered, not named."""
    numbers = {name: str(n) for n, name in enumerate(inputs)}
    formula = metric.formula
    tree = None if formula is None else (_renamed(formula.root, numbers), formula.type)
    least = sorted((numbers[name], n) for name, n in metric.min_samples.items())
    return _print(metric.period, metric.every, metric.aggregate, tree, least)


def _renamed(node: Node, names: Mapping[str, str]) -> Node:
    if isinstance(node, Column):
        return replace(node, name=names[node.name])
    if isinstance(node, Call):
        return replace(node, args=tuple(_renamed(arg, names) for arg in node.args))
    return node


def _alarm(alarm: AlarmConfig) -> str:
    bare = replace(alarm, name="", metric="", level="", messages=MessagesConfig())
    return _print(bare, *alarm.added())


def _print(*parts: Any) -> str:  # noqa: ANN401 - plain values, whose repr is their text
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]
