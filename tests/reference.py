"""The core's laws as plain loops: slow, and so plain that it can be read for truth.

Nothing here knows of columns, batches, cells or watermarks. It takes whole streams and
says, tick by tick, what a run must say of them, in the order in which it must be said.
Times of rows are in microseconds, everything else in whole seconds.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.plain import (
    AT_LAST,
    SECOND,
    ZERO_WHEN_EMPTY,
    AnyMetric,
    Key,
    Known,
    Meaning,
    Point,
    Said,
    Stream,
    aggregate,
    changes,
    connected,
    grain,
    is_past,
    judge,
    key_of,
    kind_of,
    only_new,
    order,
    point_of,
    slice_of,
    sources_of,
    usable,
    worded,
)

from tocsin.config.values import (
    AlarmConfig,
    CalculatedMetricConfig,
    Config,
    MetricConfig,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


@dataclass
class Outcome:
    """What a run comes to."""

    said: list[Said] = field(default_factory=list)
    late: int = 0
    future: int = 0
    amended: int = 0
    points: dict[tuple[str, Key], dict[int, Point]] = field(default_factory=dict)
    transitions: set[tuple[str, Key, int, bool]] = field(default_factory=set)


def evaluate(
    config: Config,
    streams: Sequence[Stream],
    meanings: Mapping[str, Meaning],
    now: int | None = None,
    group: type[Group] | None = None,
) -> Outcome:
    """Return what these streams come to; `meanings` maps texts of expressions.

    `group` is what judges sources that belong together.
    """
    outcome = Outcome()
    known: list[Known] = []
    for stream in streams:
        judged = judge(stream, config.source(stream.source), now)
        known += judged.known
        outcome.late += judged.late
        outcome.future += judged.future
        outcome.amended += judged.amended
    timed: list[tuple[tuple[int, int, int], Said]] = []
    for i, names in enumerate(connected(config)):
        mine = [k for k in known if k.source in names]
        run = (group or Group)(config, names, mine, meanings)
        timed += [((*at, i), said) for at, said in run.said()]
        outcome.points |= run.points
        outcome.transitions |= run.transitions(run.last_end)
    outcome.said = [said for _, said in sorted(timed, key=lambda pair: pair[0])]
    return outcome


class Group:
    """The sources that are evaluated together, over their whole history."""

    def __init__(
        self,
        config: Config,
        group: set[str],
        known: list[Known],
        meanings: Mapping[str, Meaning],
    ) -> None:
        self.config = config
        self.known = known
        self.meanings = meanings
        home = {
            name: set(sources_of(config, name))
            for name in [m.name for m in config.metrics]
            + [c.name for c in config.calculated_metrics]
        }
        self.metrics = [m for m in config.metrics if home[m.name] <= group]
        self.derived = [
            c for c in config.calculated_in_order() if home[c.name] <= group
        ]
        self.everything: list[AnyMetric] = [*self.metrics, *self.derived]
        self.alarms = [a for a in config.alarms if home[a.metric] <= group]
        self.fields = {n: config.key_fields(n) for n in home}
        self.events = {m.name: self._events(m) for m in self.metrics}
        self.points: dict[tuple[str, Key], dict[int, Point]] = {}
        self.partial: set[int] = set()
        self.last_end = 0
        self.tick = 0
        self.births: dict[str, dict[Key, int]] = {}

    def said(self) -> Iterable[tuple[tuple[int, int], Said]]:
        """Yield all that is said, with its moment: tick, and corrections first."""
        if not self.known:
            return
        self.last_end = max(k.second for k in self.known) + 1
        ticks = self._correction_ticks()
        for tick in range(min(k.second for k in self.known), self.last_end + 1):
            if tick in ticks:
                yield from (((tick, 0), s) for s in self._correct(tick, tick - 1))
            self._know(tick)
            yield from (((tick, 1), s) for s in self._judge(tick, partial=False))
        for tick in sorted(t for t in ticks if t > self.last_end):
            yield from (((tick, 0), s) for s in self._correct(tick, self.last_end))
        self._know(AT_LAST)
        yield from (((AT_LAST, s.end), s) for s in self._last_windows())

    def transitions(self, until: int) -> set[tuple[str, Key, int, bool]]:
        """Return all transitions by the datapoints as they are now known."""
        return set(self._transitions(until))

    # Who is there, and since when.

    def _events(self, metric: MetricConfig) -> dict[Key, list[tuple[Known, Any]]]:
        """Return the events that a metric measures, with their values, by key."""
        found: dict[Key, list[tuple[Known, Any]]] = {}
        for event in self.known:
            value = None if metric.field is None else event.fields.get(metric.field)
            counts = event.source == metric.source
            if metric.where is not None:
                counts = counts and self.meanings[metric.where.text](event.fields)
            if counts and (metric.field is None or value is not None):
                key = key_of(event.fields, metric.group_by)
                later = event.second + metric.offset // SECOND
                moved = event._replace(
                    second=later, effective=max(event.effective, later)
                )
                found.setdefault(key, []).append((moved, value))
        return found

    def _know(self, tick: int) -> None:
        """Move to a tick: note since which second each key of a metric has lived."""
        self.tick = tick
        for metric in self.metrics:
            if metric.group_by:
                born = {
                    key: [e.second for e, _ in events if usable(e, metric, tick)]
                    for key, events in self.events[metric.name].items()
                }
            else:
                born = {"{}": self._began(metric, tick)}
            for text in metric.expected:
                key = json.dumps(json.loads(text))
                born[key] = [*born.get(key, []), *self._began(metric, tick)]
            self.births[metric.name] = {
                key: self._since(metric, min(seconds))
                for key, seconds in born.items()
                if seconds
            }
        for spec in self.derived:
            alike = [
                self.births[name]
                for name in spec.input_metrics
                if self.fields[name] == self.fields[spec.name]
            ]
            keys = {key for births in alike for key in births}
            more = self._whole_after(spec)
            self.births[spec.name] = {
                key: min(births[key] for births in alike if key in births) + more
                for key in keys
            }

    def _began(self, metric: MetricConfig, tick: int) -> list[int]:
        """Return the seconds of all events of a metric's source, as it sees them."""
        mine = [k for k in self.known if k.source == metric.source]
        return [k.second + metric.offset // SECOND for k in mine if k.effective < tick]

    def _since(self, metric: MetricConfig, second: int) -> int:
        """Return after which second datapoints begin: those of a past are whole."""
        if not metric.offset:
            return second
        step = grain(metric)
        slice_ = step if step > 1 else 0
        return second // step * step + slice_ + metric.period // SECOND - 1

    def _whole_after(self, spec: CalculatedMetricConfig) -> int:
        """Return how much later than its inputs an aggregate of a past is whole."""
        if spec.formula is not None or not is_past(self.config, spec):
            return 0
        inputs = [self.config.metric(n) for n in spec.input_metrics]
        alike = [i for i in inputs if self.fields[i.name] == self.fields[spec.name]]
        return max((spec.period - i.every for i in alike), default=0) // SECOND

    # Datapoints.

    def _correction_ticks(self) -> set[int]:
        """Return the ticks at which an event takes effect later than it should."""
        grains = {1} | {grain(m) for m in self.metrics}
        return {
            (k.effective // g + 1) * g
            for k in self.known
            for g in grains
            if k.effective // g > k.second // g
        }

    def _values(self, spec: AnyMetric, end: int) -> Iterable[tuple[Key, Point]]:
        """Yield the datapoint of each key at an end, with what is known by now."""
        if end % (spec.every // SECOND):
            return
        for key, first in self.births[spec.name].items():
            if end <= first:
                continue
            if isinstance(spec, MetricConfig):
                yield key, self._measured(spec, key, end)
            elif spec.formula is None:
                yield key, self._aggregated(spec, key, end)
            else:
                yield key, self._formula(spec, key, end)

    def _measured(self, spec: MetricConfig, key: Key, end: int) -> Point:
        period = spec.period // SECOND
        known = [
            (event, value)
            for event, value in self.events[spec.name].get(key, [])
            if usable(event, spec, self.tick)
        ]
        if spec.unseen_for:
            known = only_new(spec, known)
        values = [v for event, v in known if end - period <= event.second < end]
        return Point(aggregate(spec.type, values, period), len(values))

    def _aggregated(self, spec: CalculatedMetricConfig, key: Key, end: int) -> Point:
        period = spec.period // SECOND
        held = [
            point
            for name in spec.input_metrics
            for e, point in self._series(name, key).items()
            if end - period < e <= end and point.value is not None
        ]
        values = [point.value for point in held]
        value = aggregate(spec.aggregate or "", values, period)
        return Point(value, sum(point.n for point in held))

    def _formula(self, spec: CalculatedMetricConfig, key: Key, end: int) -> Point:
        assert spec.formula is not None
        counts: dict[str, int] = {}
        values: dict[str, float | None] = {}
        for name in spec.input_metrics:
            at = self._series(name, key).get(end)
            kind = kind_of(self.config.metric(name))
            past = getattr(self.config.metric(name), "offset", 0)
            zero = kind in ZERO_WHEN_EMPTY and not past
            missing = Point(0.0 if zero else None, 0)
            values[name], counts[name] = at or missing
        value = self.meanings[spec.formula.text](values)
        if any(counts[name] < least for name, least in spec.min_samples.items()):
            value = None
        if value is not None and not math.isfinite(value):
            value = None
        return Point(value, max(counts.values()))

    def _series(self, name: str, key: Key) -> dict[int, Point]:
        """Return the datapoints of an input that a key is made of."""
        whole = json.loads(key)
        return self.points.get((name, key_of(whole, self.fields[name])), {})

    # What is said.

    def _judge(self, end: int, *, partial: bool) -> Iterable[Said]:
        """Judge the windows that end at `end`; say their datapoints and transitions."""
        said = []
        for spec in self.everything:
            if partial and (not self._fixed(spec.name) or end != self._over(spec)):
                continue
            for key, point in self._values(spec, end):
                self.points.setdefault((spec.name, key), {})[end] = point
                said.append(point_of(spec.name, key, end, point, partial=partial))
        yield from sorted(said, key=order)
        if partial:
            self.partial.add(end)
        found = self._transitions(end)
        now = {place: point for place, point in found.items() if place[2] == end}
        yield from worded(now, amended=False)

    def _correct(self, tick: int, until: int) -> Iterable[Said]:
        """Say again what late events change of all that was said up to `until`."""
        before = {place: dict(points) for place, points in self.points.items()}
        found = self._transitions(until)
        self._know(tick)
        said = []
        for spec in self.everything:
            for end in range(min(k.second for k in self.known), until + 1):
                for key, point in self._values(spec, end):
                    self.points.setdefault((spec.name, key), {})[end] = point
                    if before.get((spec.name, key), {}).get(end) != point:
                        said.append(point_of(spec.name, key, end, point, amended=True))
        yield from sorted(said, key=order)
        after = self._transitions(until)
        gone = {place: p for place, p in found.items() if place not in after}
        made = {place: p for place, p in after.items() if place not in found}
        yield from worded(gone, amended=True, withdrawn=True)
        yield from worded(made, amended=True)

    def _last_windows(self) -> Iterable[Said]:
        """Judge the fixed windows that hold the last event and had not ended."""
        specs = [s for s in self.everything if self._fixed(s.name)]
        for end in sorted({self._over(s) for s in specs} - {self.last_end}):
            yield from self._judge(end, partial=True)

    def _over(self, spec: AnyMetric) -> int:
        every = spec.every // SECOND
        return ((self.last_end - 1) // every + 1) * every

    def _fixed(self, name: str) -> bool:
        spec = self.config.metric(name)
        if isinstance(spec, MetricConfig):
            return spec.period == spec.every
        own = spec.formula is not None or spec.period == spec.every
        return own and all(map(self._fixed, spec.input_metrics))

    def _transitions(self, until: int) -> dict[tuple[str, Key, int, bool], Point]:
        """Return every transition by the datapoints as they are now known."""
        found: dict[tuple[str, Key, int, bool], Point] = {}
        for alarm in self.alarms:
            for (name, key), points in self.points.items():
                if name != alarm.metric:
                    continue
                ends = [e for e in sorted(points) if self._counts(alarm, key, e)]
                ends = [e for e in ends if e <= until or e in self.partial]
                said = changes(alarm, [points[e].value for e in ends])
                for end, change in zip(ends, said, strict=True):
                    if change is not None:
                        found[alarm.name, key, end, change] = points[end]
        return found

    def _counts(self, alarm: AlarmConfig, key: Key, end: int) -> bool:
        """Whether a datapoint may be judged: *below* waits for a full window."""
        if alarm.operator not in {"<", "<="}:
            return True
        spec = self.config.metric(alarm.metric)
        start = self.begun(alarm.metric, key)
        return end not in self.partial and self._full(spec, end, start)

    def begun(self, metric: str, key: Key) -> int:
        """Return since when a key is known to be there.

        What is made of slices longer than a second starts after the slice that its
        first event came in.
        """
        spec = self.config.metric(metric)
        first, step = self.births[metric][key], slice_of(self.config, spec)
        return first if step == 1 else (first // step + 1) * step

    def _full(self, spec: AnyMetric, end: int, start: int) -> bool:
        """Whether a window holds no time before the first event."""
        period = spec.period // SECOND
        if is_past(self.config, spec):
            return True  # none has a datapoint before it is full
        if isinstance(spec, MetricConfig):
            return end - period >= start
        inputs = [self.config.metric(name) for name in spec.input_metrics]
        if spec.formula is not None:
            return all(self._full(i, end, start) for i in inputs)
        return all(
            self._full(i, at, start)
            for i in inputs
            for at in range(end - period + 1, end + 1)
            if at % (i.every // SECOND) == 0
        )
