"""A configuration, compiled to a plan. Refuses nothing: the configuration is checked."""

from __future__ import annotations

import hashlib
from fractions import Fraction
from typing import TYPE_CHECKING

import polars as pl
from msgspec.structs import replace

from tocsin.config.values import MessagesConfig
from tocsin.metrics.spec import (
    LINE,
    CalculatedSpec,
    Kind,
    MetricSpec,
    Ratio,
    TimeSpec,
    column,
    value_of,
)
from tocsin.model.aggregate import compile_aggregate
from tocsin.model.expression import Call
from tocsin.model.instant import SECOND
from tocsin.model.message import FieldType
from tocsin.pipeline import messages, supporting
from tocsin.pipeline.compile_alarms import alarm_spec
from tocsin.pipeline.expressions import to_polars
from tocsin.pipeline.lineage import series_plan
from tocsin.pipeline.plan import (
    EVENTS,
    ConsumerSpec,
    Plan,
    Shard,
    SourcePlan,
    Templates,
)
from tocsin.pipeline.prints import prints

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tocsin.config.values import (
        AlarmConfig,
        CalculatedMetricConfig,
        Config,
        MetricConfig,
    )
    from tocsin.model.expression import Expression


def compile_plan(config: Config, statistics: Iterable[MetricConfig] = ()) -> Plan:
    """Return the plan of a configuration.

    `statistics` are further metrics, whose datapoints are not shown as such: what
    the periodic report is made from.
    """
    own, config, hidden = config.builtin, config.whole(), tuple(statistics)
    measured = [_events(s.name) for s in config.sources]
    more = (*hidden, *supporting.counts_by(config))
    measured += [_metric(m) for m in (*config.metrics, *more)]
    metrics = dict(enumerate(measured))
    calculated = dict(enumerate(_calculated(config, metrics), start=len(metrics)))
    metrics, calculated = _with_history(metrics, calculated)
    metrics = supporting.with_lines(metrics, config)
    times = {
        s.name: TimeSpec(s.lateness, s.amend_for, s.future_skew) for s in config.sources
    }
    everything = replace(config, metrics=(*config.metrics, *more))
    groups = _connected(config, metrics, calculated)
    shards = tuple(
        _shard(group, metrics, calculated, times, config) for group in groups
    )
    sources = {
        name: _source(name, metrics, everything, time) for name, time in times.items()
    }
    return Plan(
        sources=sources,
        shards=shards,
        templates={a.name: _templates(a, config) for a in config.alarms},
        fingerprints={a.name: _fingerprint(a, config) for a in config.alarms},
        runbooks={a.name: a.runbook for a in config.alarms if a.runbook},
        definition=_definition(everything),
        prints=prints(everything),
        hidden=frozenset(
            {EVENTS, *(m.name for m in hidden)}
            | {c.name for c in config.calculated_metrics if c.hidden}
            | config.hidden
        ),
        builtin=frozenset(a.name for a in own.alarms),
        own=frozenset(s.name for s in own.sources),
    )


def _events(source: str) -> MetricSpec:
    return MetricSpec(EVENTS, source, Kind.COUNT, period=1, every=1)


def _metric(config: MetricConfig) -> MetricSpec:
    where = config.where
    field = config.field
    kind = _kind(config.type)
    value = None if field is None else pl.col(column(field))
    result = None
    if kind is Kind.PLUGIN:
        if value is not None:  # it may be used as text elsewhere
            value = value.cast(pl.Float64, strict=False)
        value, result = compile_aggregate(config.type, value)
    return MetricSpec(
        name=config.name,
        source=config.source,
        kind=kind,
        period=config.period // SECOND,
        every=config.every // SECOND,
        value=value,
        value_reads=frozenset() if field is None else frozenset({field}),
        where=None if where is None else _over_fields(where),
        where_reads=frozenset() if where is None else where.columns(),
        group_by=config.group_by,
        quantile=_quantile(config.type),
        result=result,
        limit=config.limit,
        quiet=config.quiet,
        offset=config.offset // SECOND,
        expected=config.expected,
        unseen_for=config.unseen_for // SECOND,
        mishap=config.mishap,
    )


def _over_fields(expression: Expression) -> pl.Expr:
    return to_polars(expression, {n: column(n) for n in expression.columns()})


def _over_inputs(expression: Expression) -> pl.Expr:
    return to_polars(expression, {n: value_of(n) for n in expression.columns()})


def _kind(name: str) -> Kind:
    if _quantile(name):
        return Kind.PERCENTILE
    return Kind(name) if name in Kind.__members__ else Kind.PLUGIN


def _quantile(name: str) -> Ratio | None:
    if not (name.startswith("P") and name[1:2].isdigit()):
        return None
    share = Fraction(name[1:]) / 100
    return Ratio(share.numerator, share.denominator)


def _calculated(
    config: Config, metrics: Mapping[int, MetricSpec]
) -> list[CalculatedSpec]:
    """Return the calculated metrics in topological order."""
    fixed = {m.name: m.fixed for m in metrics.values()}
    past = {m.name: m.offset > 0 for m in metrics.values()}
    specs = []
    for c in config.calculated_in_order():
        spec = _one_calculated(c, config.key_fields(c.name))
        whole = all(fixed[name] for name in spec.inputs)
        own = spec.period == spec.every if spec.formula is None else whole
        fixed[spec.name] = own and whole
        past[spec.name] = all(past[name] for name in spec.inputs)
        fits = replace(spec, fixed=fixed[spec.name], past=past[spec.name])
        specs.append(fits)
    return specs


def _one_calculated(
    config: CalculatedMetricConfig, group_by: tuple[str, ...]
) -> CalculatedSpec:
    aggregate = config.aggregate
    return CalculatedSpec(
        name=config.name,
        inputs=config.input_metrics,
        period=config.period // SECOND,
        every=config.every // SECOND,
        group_by=group_by,
        kind=None if aggregate is None else _kind(aggregate),
        quantile=None if aggregate is None else _quantile(aggregate),
        formula=None if config.formula is None else _over_inputs(config.formula),
        min_samples=tuple(config.min_samples.items()),
        alarm=config.alarm,
        condition=_condition(config),
    )


def _condition(config: CalculatedMetricConfig) -> str:
    """Return the text of a formula that says whether something holds, and not how much."""
    if config.formula is None or not isinstance(config.formula.root, Call):
        return ""
    return config.formula.text if config.formula.root.function == "case" else ""


def _with_history(
    metrics: dict[int, MetricSpec], calculated: dict[int, CalculatedSpec]
) -> tuple[dict[int, MetricSpec], dict[int, CalculatedSpec]]:
    """Say how long before the newest datapoint each metric is still needed."""
    need: dict[str, int] = {}
    for number, spec in reversed(list(calculated.items())):
        own = need.get(spec.name, 0)
        calculated[number] = replace(spec, history=own)
        reach = own + (spec.period if spec.kind is not None else 0)
        for name in spec.inputs:
            need[name] = max(need.get(name, 0), reach)
    for number, metric in metrics.items():
        history = need.get(metric.name, 0) + metric.unseen_for
        metrics[number] = replace(metric, history=history)
    return metrics, calculated


def _connected(
    config: Config,
    metrics: Mapping[int, MetricSpec],
    calculated: Mapping[int, CalculatedSpec],
) -> list[frozenset[str]]:
    """Return the groups of sources whose metrics are calculated together."""
    home = {m.name: frozenset({m.source}) for m in metrics.values()}
    groups = {frozenset({s.name}) for s in config.sources}
    for spec in calculated.values():
        together: frozenset[str] = frozenset()
        for name in spec.inputs:
            together |= home[name]
        home[spec.name] = together
        touched = {g for g in groups if g & together}
        groups = (groups - touched) | {frozenset().union(*touched)}
    order = {s.name: i for i, s in enumerate(config.sources)}
    return sorted(groups, key=lambda g: min(order[name] for name in g))


def _shard(
    group: frozenset[str],
    metrics: Mapping[int, MetricSpec],
    calculated: Mapping[int, CalculatedSpec],
    times: Mapping[str, TimeSpec],
    config: Config,
) -> Shard:
    mine = {n: m for n, m in metrics.items() if m.source in group}
    names = {m.name: n for n, m in mine.items() if m.name != EVENTS}
    derived: dict[int, CalculatedSpec] = {}
    for number, spec in calculated.items():
        if all(name in names for name in spec.inputs):
            derived[number] = spec
            names[spec.name] = number
    everything: dict[int, MetricSpec | CalculatedSpec] = {**mine, **derived}
    alarms = [a for a in config.alarms if a.metric in names]
    longest = [times[name] for name in sorted(group)]
    return Shard(
        sources=tuple(sorted(group)),
        metrics=mine,
        calculated=derived,
        alarms=tuple(
            alarm_spec(a, i, names[a.metric], everything[names[a.metric]])
            for i, a in enumerate(alarms)
        ),
        series=series_plan(mine, derived, names),
        events=tuple(n for n, m in mine.items() if m.name == EVENTS),
        time=max(longest, key=lambda t: t.amend_for + t.lateness),
        witnesses=supporting.witnesses(alarms, config, names),
    )


def _source(
    name: str,
    metrics: Mapping[int, MetricSpec],
    config: Config,
    time: TimeSpec,
) -> SourcePlan:
    own = [(n, m) for n, m in metrics.items() if m.source == name]
    mine = [(n, m) for n, m in own if not m.mishap]
    consumers = tuple(
        ConsumerSpec(c.name, c.type, c.period // SECOND, c.source, c.options)
        for c in config.raw_log_consumers
        if c.source == name
    )
    uses: dict[str, set[FieldType]] = {}
    for metric in config.metrics:
        if metric.source == name and not metric.mishap:
            for field, kind in _uses(metric):
                uses.setdefault(field, set()).add(kind)
    fields = {
        field: _type(uses.get(field, set()))
        for _, spec in mine
        for field in sorted(spec.reads.union([LINE] if spec.lines else ()))
    }
    befell = [(n, m) for n, m in own if m.mishap]
    return SourcePlan(name, mine, consumers, fields, time, befell)


def _uses(metric: MetricConfig) -> Iterator[tuple[str, FieldType]]:
    """Yield the fields of a metric, each with the type that it is used as."""
    for name in metric.group_by:
        yield name, FieldType.STRING
    if metric.field is not None:
        text = metric.type == Kind.DISTINCT
        yield metric.field, FieldType.STRING if text else FieldType.FLOAT
    for column_ in () if metric.where is None else metric.where.column_nodes():
        yield column_.name, column_.type or FieldType.STRING


def _type(uses: set[FieldType]) -> FieldType:
    """Return the one type of all uses; of mixed ones, text: each use reads it so."""
    return next(iter(uses)) if len(uses) == 1 else FieldType.STRING


def _templates(alarm: AlarmConfig, config: Config) -> Templates:
    rings = alarm.messages.alarm or config.messages.alarm or messages.ALARM
    over = alarm.messages.recovery or config.messages.recovery or messages.RECOVERY
    return Templates(rings, over)


def _fingerprint(alarm: AlarmConfig, config: Config) -> str:
    """Return what stands for the definition of an alarm and of all it is made from."""
    parts, waiting = [repr(alarm), *map(repr, alarm.added())], [alarm.metric]
    while waiting:
        metric = config.metric(waiting.pop())
        parts.append(repr(metric))
        waiting += getattr(metric, "input_metrics", ())
        heard = getattr(metric, "alarm", "")
        parts += [repr(a) + repr(a.added()) for a in config.alarms if a.name == heard]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _definition(config: Config) -> str:
    """Return what stands for all that the numbers and windows of a state depend on."""
    times = [(s.name, s.lateness, s.amend_for, s.future_skew) for s in config.sources]
    alarms = [replace(a, level="", messages=MessagesConfig()) for a in config.alarms]
    added = [a.added() for a in config.alarms if a.added()]
    parts = (times, config.metrics, config.calculated_metrics, alarms, *added)
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]
