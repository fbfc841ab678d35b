"""From verdicts to records: names, reasons, incidents and sentences."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import polars as pl

from tocsin.incidents import ledger
from tocsin.incidents.ledger import Change, Event, Ledger
from tocsin.model.instant import SECOND, iso
from tocsin.model.records import Datapoint, IncidentEvent, Key, Record, Transition
from tocsin.pipeline import messages

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tocsin.alarms.threshold import ThresholdSpec
    from tocsin.metrics.series import SeriesTable
    from tocsin.metrics.spec import CalculatedSpec, MetricSpec
    from tocsin.pipeline.evaluate import ShardState, Verdict
    from tocsin.pipeline.plan import Plan, Shard

_MOST_STANDINGS = 20
_EXPANDED = 3600
"""A run of up to so many equal datapoints is said one by one."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How an alarm stands: the newest datapoint of one of its series."""

    title: str
    key: Key
    value: float | None
    count: int
    threshold: float
    operator: str
    firing: bool


_RANG = {"opened": 1, "withdrawn": -1}
"""What events do to the number of incidents that were."""

Order = tuple[int, int, int, int]
"""When something is said: tick, corrections first, shard, and kind of record."""

_AT_LAST = 2**62
"""A tick after all others: that of windows which had not ended when the input did."""


def moment(verdict: Verdict, end: int, shard: int, kind: int) -> Order:
    """Return when a verdict says something of a window that ends at `end` (s)."""
    if verdict.amended:
        return (verdict.tick, 0, shard, kind)
    if verdict.partial:
        return (_AT_LAST, end, shard, kind)
    return (end, 1, shard, kind)


@dataclass(frozen=True, slots=True)
class Utterance:
    """What is said at once: records, and transitions that the ledger must hear of.

    The order of utterances is fixed by time alone, so that neither the size of a
    batch nor the number of shards shows in the output.
    """

    order: Order
    records: list[Record] = field(default_factory=list)
    made: list[Transition] = field(default_factory=list)
    withdrawn: list[Transition] = field(default_factory=list)
    amended: bool = False


class Speaker:
    """Says what verdicts mean, by the names of a plan."""

    def __init__(self, plan: Plan, *, datapoints: bool) -> None:
        self.plan = plan
        self.datapoints = datapoints
        self._newest: dict[int, dict[int, tuple[int, float | None, int]]] = {}
        self.alarms = {
            alarm.name: (shard, alarm)
            for shard in plan.shards
            for alarm in shard.alarms
        }

    def say(self, shard: int, known: SeriesTable, verdict: Verdict) -> list[Utterance]:
        """Return what one verdict says."""
        voice = _Voice(self.plan, self.plan.shards[shard], verdict)
        self._note(shard, verdict)
        points = voice.datapoints(known) if self.datapoints else []
        made = voice.transitions(known, verdict.transitions)
        if verdict.amended:
            gone = voice.transitions(known, verdict.withdrawn, withdrawn=True)
            if not (points or made or gone):
                return []
            order = moment(verdict, verdict.tick, shard, 0)
            return [Utterance(order, [*points, *gone, *made], made, gone, amended=True)]
        said = [
            Utterance(moment(verdict, p.end // SECOND, shard, 0), [p]) for p in points
        ]
        return said + [
            Utterance(moment(verdict, t.at // SECOND, shard, 2), [t], [t]) for t in made
        ]

    def hear(self, known: Ledger, said: Utterance) -> tuple[Ledger, list[Record], int]:
        """Let the ledger hear of transitions; return the incidents, and how many opened."""
        if not said.made and not said.withdrawn:
            return known, [], 0
        told = {_change(t): t for t in said.made}
        if said.amended:
            unmade = [_change(t) for t in said.withdrawn]
            after, events = ledger.amend(known, told, unmade)
        else:
            after, events = ledger.record(known, told)
        records: list[Record] = [self._incident(event, told) for event in events]
        rang = sum(_RANG.get(event.what, 0) for event in events)
        return after, records, rang

    def _note(self, shard: int, verdict: Verdict) -> None:
        """Note the newest datapoint of every series with an alarm, for a screen."""
        metrics = {alarm.metric for alarm in self.plan.shards[shard].alarms}
        if not metrics or verdict.amended:
            return
        mine = verdict.runs.filter(pl.col("m").is_in(list(metrics)))
        newest = mine.group_by("sid", maintain_order=True).last()
        noted = self._newest.setdefault(shard, {})
        for sid, value, n, m in newest.select("sid", "value", "n", "m").iter_rows():
            noted[sid] = (m, value, n)

    def standings(self, states: Sequence[ShardState]) -> list[Standing]:
        """Return how the alarms stand: the newest datapoint of their series."""
        found: list[Standing] = []
        for i, shard in enumerate(self.plan.shards):
            noted = self._newest.get(i, {})
            keys = dict(states[i].series.table.select("sid", "key").iter_rows())
            firing = set(
                states[i]
                .now.filter(pl.col("firing"))
                .select("alarm", "sid")
                .iter_rows()
            )
            for number, alarm in enumerate(shard.alarms):
                for sid, (metric, value, count) in noted.items():
                    if metric != alarm.metric:
                        continue
                    key = json.loads(keys[sid])
                    found.append(
                        Standing(
                            title=_title(alarm.name, key),
                            key=key,
                            value=value,
                            count=count,
                            threshold=alarm.threshold,
                            operator=alarm.operator.value,
                            firing=(number, sid) in firing,
                        )
                    )
        found.sort(key=lambda s: (not s.firing, -(s.value or 0.0), s.title))
        return found[:_MOST_STANDINGS]

    def _incident(self, event: Event, told: dict[Change, Transition]) -> IncidentEvent:
        """Return what became of an incident, with its sentence."""
        name, key = event.place
        fields = json.loads(key)
        firing = event.what != "resolved"
        transition = told.get(Change(event.place, event.at, firing))
        title = _title(name, fields)
        if event.what in {"opened", "resolved"} and transition is not None:
            message = self._sentence(name, fields, transition)
        else:
            message = _correction(title, event)
        return IncidentEvent(
            id=event.incident.id,
            event=event.what,
            alarm=title,
            key=fields,
            at=event.at * SECOND,
            message=message,
            amended=event.amended,
        )

    def _sentence(self, name: str, key: dict[str, Any], transition: Transition) -> str:
        templates = self.plan.templates[name]
        firing = transition.to_state == "firing"
        shard, alarm = self.alarms[name]
        spec = shard.spec(alarm.metric)
        values = {
            **key,
            "alarm": _title(name, key),
            "metric": spec.name,
            "value": messages.number(transition.value),
            "hits": transition.count,
            "count": transition.count,
            "threshold": messages.number(transition.threshold),
            "level": transition.level,
            "period": f"{spec.period}s",
        }
        template = templates.alarm if firing else templates.recovery
        return messages.render(template, values, transition.at)


class _Voice:
    """Words one verdict."""

    def __init__(self, plan: Plan, shard: Shard, verdict: Verdict) -> None:
        self.plan = plan
        self.shard = shard
        self.verdict = verdict

    def datapoints(self, known: SeriesTable) -> list[Datapoint]:
        """Return the datapoints of the metrics that are shown, by time and name."""
        specs: dict[int, MetricSpec | CalculatedSpec]
        specs = {**self.shard.metrics, **self.shard.calculated}
        names = {n: s.name for n, s in specs.items() if s.name not in self.plan.hidden}
        rows = self.verdict.runs.filter(pl.col("m").is_in(list(names)))
        rows = rows.join(known.table.select("sid", "key"), on="sid")
        points: list[Datapoint] = []
        for row in rows.iter_rows(named=True):
            approx = row["m"] in known.limited
            points += self._points(names[row["m"]], row, approx=approx)
        points.sort(key=lambda p: (p.end, p.metric, json.dumps(dict(p.key))))
        return points

    def _points(
        self, name: str, row: dict[str, Any], *, approx: bool
    ) -> Iterable[Datapoint]:
        every = row["every"] * SECOND
        alone = 1 < row["steps"] <= _EXPANDED
        for step in range(row["steps"] if alone else 1):
            yield Datapoint(
                metric=name,
                key=json.loads(row["key"]),
                end=row["e"] * SECOND + step * every,
                value=row["value"],
                count=row["n"],
                amended=self.verdict.amended,
                partial=self.verdict.partial,
                steps=1 if alone else row["steps"],
                every=every,
                approx=approx,
            )

    def transitions(
        self, known: SeriesTable, rows: pl.DataFrame, *, withdrawn: bool = False
    ) -> list[Transition]:
        """Return transitions in order of time, alarm and key."""
        if rows.height == 0:
            return []
        rows = rows.join(known.table.select("sid", "key"), on="sid")
        found = [
            self._transition(row, withdrawn=withdrawn)
            for row in rows.iter_rows(named=True)
        ]
        return sorted(found, key=lambda t: (t.at, t.alarm, _text(t), t.to_state))

    def _transition(self, row: dict[str, Any], *, withdrawn: bool) -> Transition:
        alarm = self.shard.alarms[row["alarm"]]
        firing = row["firing"]
        at = row["e"] * SECOND
        print_ = self.plan.fingerprints.get(alarm.name, "")
        to_state = "firing" if firing else "ok"
        identity = "\0".join((alarm.name, print_, row["key"], str(at), to_state))
        return Transition(
            id=hashlib.sha256(identity.encode()).hexdigest()[:16],
            alarm=alarm.name,
            key=json.loads(row["key"]),
            level=alarm.level,
            from_state="ok" if firing else "firing",
            to_state=to_state,
            at=at,
            value=row["value"],
            count=row["n"],
            threshold=alarm.threshold if firing else alarm.recovery_threshold,
            reason=self._reason(alarm, row),
            amended=self.verdict.amended,
            withdrawn=withdrawn,
        )

    def _reason(self, alarm: ThresholdSpec, row: dict[str, Any]) -> str:
        spec = self.shard.spec(alarm.metric)
        firing = row["firing"]
        op = alarm.operator if firing else alarm.recovery_operator
        limit = alarm.threshold if firing else alarm.recovery_threshold
        points = alarm.points_alarm if firing else alarm.points_recovery
        times = "" if points == 1 else f" {points} times in a row"
        value = messages.number(row["value"])
        return (
            f"{spec.name} was {value}, {op} {messages.number(limit)}{times}"
            f"{_window(spec, row['e'])}"
        )


def _change(transition: Transition) -> Change:
    """Return a transition as the ledger knows it."""
    place = (transition.alarm, _text(transition))
    return Change(place, transition.at // SECOND, transition.to_state == "firing")


def _title(name: str, key: dict[str, Any]) -> str:
    """Return an alarm's name with the fields of its key filled in."""
    for field_name, value in key.items():
        name = name.replace("{" + field_name + "}", str(value))
    return name


def _text(transition: Transition) -> str:
    return json.dumps(dict(transition.key), separators=(",", ":"), ensure_ascii=False)


def _window(spec: MetricSpec | CalculatedSpec, end: int) -> str:
    start = iso((end - spec.period) * SECOND)
    return f", from {start} to {iso(end * SECOND)}"


def _correction(title: str, event: Event) -> str:
    number = event.incident.id
    at = iso(event.at * SECOND)
    match event.what:
        case "withdrawn":
            return f"{title} #{number} withdrawn - late lines show it did not happen"
        case "reopened":
            return f"{title} #{number} reopened - late lines show it is not over"
        case "resolved":
            return f"{title} #{number} recovered at {at}"
        case "opened":
            return f"{title} rings, triggered at {at}"
        case _:
            began = event.was is None or event.was.opened != event.incident.opened
            what = "began" if began and event.at == event.incident.opened else "ended"
            return f"{title} #{number} corrected - late lines show it {what} at {at}"
