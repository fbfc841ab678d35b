"""What the reference is made of: rows, the rule of time, aggregates, alarms, as loops."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from msgspec import Struct, field

from tocsin.config.values import (
    AlarmConfig,
    CalculatedMetricConfig,
    Config,
    MetricConfig,
    SourceConfig,
)

SECOND = 1_000_000
AT_LAST = 2**60
"""A tick after all others: the input has ended."""
ZERO_WHEN_EMPTY = {"COUNT", "RATE", "SUM", "DISTINCT"}

AnyMetric = MetricConfig | CalculatedMetricConfig
Fields = Mapping[str, Any]
Meaning = Callable[[Fields], Any]
Key = str
"""A group key as JSON, its fields in the order of the configuration."""


class Row(NamedTuple):
    """One event: its time (µs) and its fields."""

    time: int
    fields: Fields


class Stream(Struct, frozen=True):
    """The rows of one stream, in the order in which they were written."""

    name: str
    source: str
    rows: Sequence[Row]


class Known(NamedTuple):
    """An event that counts: its second, and the second in which it takes effect."""

    source: str
    fields: Fields
    second: int
    effective: int


class Point(NamedTuple):
    """The value of a datapoint, and how many events it stands for."""

    value: float | None
    n: int


class Said(NamedTuple):
    """A datapoint, or a transition to firing or ok, as it must be said."""

    kind: str
    name: str
    key: Key
    end: int
    value: float | None
    n: int
    amended: bool
    flag: bool = False
    """Of a datapoint: partial; of a transition: withdrawn."""


class Judged(Struct):
    """The events of a stream that count, and what became of the others."""

    known: list[Known] = field(default_factory=list)
    late: int = 0
    future: int = 0
    amended: int = 0


def judge(stream: Stream, source: SourceConfig, now: int | None) -> Judged:
    """Judge every row of a stream by the rule of time."""
    found = Judged()
    skew, lateness = source.future_skew, source.lateness
    rows = [r for r in stream.rows if now is None or r.time <= now + skew]
    found.future += len(stream.rows) - len(rows)
    newest: int | None = None
    for i, row in enumerate(rows):
        following = rows[i + 1].time if i + 1 < len(rows) else row.time
        ahead = newest is None or row.time > newest + skew
        if ahead and row.time - following > skew:
            found.future += 1
            continue
        if now is None or row.time <= now:
            newest = row.time if newest is None else max(newest, row.time)
        second = row.time // SECOND
        closed = second if newest is None else (newest - lateness) // SECOND
        arrives = max(second, closed)
        if (arrives - second) * SECOND > source.amend_for - lateness:
            found.late += 1
        elif arrives == second:
            found.known.append(Known(stream.source, row.fields, second, second))
        else:
            found.amended += 1
            effective = (arrives // 10 + 1) * 10 - 1
            found.known.append(Known(stream.source, row.fields, second, effective))
    return found


def connected(config: Config) -> list[set[str]]:
    """Return the groups of sources whose metrics are calculated together."""
    groups = [{s.name} for s in config.sources]
    for calculated in config.calculated_metrics:
        needed = set(sources_of(config, calculated.name))
        together = [g for g in groups if g & needed]
        groups = [g for g in groups if not g & needed]
        groups.append(set().union(*together))
    order = [s.name for s in config.sources]
    return sorted(groups, key=lambda g: min(order.index(name) for name in g))


def sources_of(config: Config, metric: str) -> Iterable[str]:
    spec = config.metric(metric)
    if isinstance(spec, MetricConfig):
        return [spec.source]
    return [s for name in spec.input_metrics for s in sources_of(config, name)]


def aggregate(kind: str, values: list[Any], period: int) -> float | None:
    """Return one number for the values of a window, exactly where it can be exact."""
    if not values:
        return 0.0 if kind in ZERO_WHEN_EMPTY else None
    count = len(values)
    plain: dict[str, Callable[[], float]] = {
        "COUNT": lambda: count,
        "RATE": lambda: count / period,
        "DISTINCT": lambda: len(set(values)),
        "SUM": lambda: float(sum(map(Fraction, values))),
        "AVG": lambda: float(sum(map(Fraction, values)) / count),
        "STDDEV": lambda: statistics.pstdev(values),
        "MIN": lambda: min(values),
        "MAX": lambda: max(values),
    }
    if kind in plain:
        return float(plain[kind]())
    rank = math.ceil(Fraction(kind[1:]) / 100 * len(values))
    return float(sorted(values)[max(rank, 1) - 1])


HOLDS: Mapping[str, Callable[[float, float], bool]] = {
    "==": lambda value, limit: value == limit,
    "!=": lambda value, limit: value != limit,
    "<": lambda value, limit: value < limit,
    "<=": lambda value, limit: value <= limit,
    ">": lambda value, limit: value > limit,
    ">=": lambda value, limit: value >= limit,
}


def changes(alarm: AlarmConfig, values: Sequence[float | None]) -> list[bool | None]:
    """Return for each consecutive datapoint: True it fires, False it recovers, None."""
    firing, breaches, calms = False, 0, 0
    found: list[bool | None] = []
    for value in values:
        change = None
        if value is not None:
            breach = HOLDS[alarm.operator](value, alarm.threshold)
            calm = HOLDS[alarm.recovery_operator](value, alarm.recovery_threshold)
            breaches = breaches + 1 if breach else 0
            calms = calms + 1 if calm and not breach else 0
            if not firing and breaches >= alarm.data_points_alarm:
                firing = change = True
            elif firing and calms >= alarm.data_points_recovery:
                firing = change = False
        found.append(change)
    return found


def grain(metric: MetricConfig) -> int:
    return math.gcd(metric.period, metric.every) // SECOND


def is_past(config: Config, spec: AnyMetric) -> bool:
    """Whether all that a metric is made of is of the past."""
    if isinstance(spec, MetricConfig):
        return spec.offset > 0
    return all(is_past(config, config.metric(n)) for n in spec.input_metrics)


def slice_of(config: Config, spec: AnyMetric) -> int:
    """Return the slices of time that a metric is made of, those of a past left out."""
    if is_past(config, spec):
        return 1
    if isinstance(spec, MetricConfig):
        return grain(spec)
    return math.lcm(*(slice_of(config, config.metric(n)) for n in spec.input_metrics))


def usable(event: Known, metric: MetricConfig, tick: int) -> bool:
    """Whether a metric, judged at multiples of its grain, may use an event at a tick."""
    step = grain(metric)
    return (event.effective // step + 1) * step <= tick


def only_new(
    metric: MetricConfig, events: list[tuple[Known, Any]]
) -> list[tuple[Known, Any]]:
    """Return the events whose key had none for long enough before, slice by slice."""
    step, memory = grain(metric), metric.unseen_for // SECOND
    slices = {event.second // step * step for event, _ in events}
    return [
        (event, value)
        for event, value in events
        if not any(
            0 < event.second // step * step - other <= memory for other in slices
        )
    ]


def kind_of(spec: AnyMetric) -> str:
    if isinstance(spec, MetricConfig):
        return spec.type
    return "COUNT" if spec.alarm else spec.aggregate or ""


def key_of(fields: Fields, names: Sequence[str]) -> Key:
    return json.dumps({name: fields[name] for name in names})


def order(said: Said) -> tuple[int, str, Key]:
    return said.end, said.name, said.key


def point_of(name: str, key: Key, end: int, point: Point, **flags: bool) -> Said:
    """Return a datapoint as it must be said; `flags` are amended and partial."""
    amended, partial = flags.get("amended", False), flags.get("partial", False)
    return Said("point", name, key, end, *point, amended, partial)


def worded(
    found: Mapping[tuple[str, Key, int, bool | str], Point],
    *,
    amended: bool,
    withdrawn: bool = False,
) -> Iterable[Said]:
    for name, key, end, firing in sorted(found, key=lambda p: (p[2], p[0], p[1], p[3])):
        point = found[name, key, end, firing]
        kind = firing if isinstance(firing, str) else "firing" if firing else "ok"
        yield Said(kind, name, key, end, *point, amended, withdrawn)
