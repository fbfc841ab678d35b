"""From verdicts to records: names, reasons, incidents and sentences."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import polars as pl

from tocsin.incidents import ledger
from tocsin.incidents.ledger import Change, Event, Ledger
from tocsin.metrics.spec import CalculatedSpec, MetricSpec
from tocsin.model.instant import SECOND, iso
from tocsin.model.records import Datapoint, IncidentEvent, Record, Transition
from tocsin.pipeline import messages

if TYPE_CHECKING:
    from tocsin.alarms.threshold import ThresholdSpec
    from tocsin.pipeline.evaluate import Verdict
    from tocsin.pipeline.plan import Plan, Shard

_EXPANDED = 3600
"""A run of up to so many equal datapoints is said one by one."""


@dataclass(frozen=True, slots=True)
class Said:
    """What was said, and the ledger after it."""

    ledger: Ledger
    records: list[Record] = field(default_factory=list)
    opened: int = 0


class Speaker:
    """Says what verdicts mean, by the names of a plan."""

    def __init__(self, plan: Plan, *, datapoints: bool) -> None:
        self.plan = plan
        self.datapoints = datapoints

    def say(
        self, shard: int, series: pl.DataFrame, verdict: Verdict, known: Ledger
    ) -> Said:
        """Return the records of one verdict, in order of time."""
        voice = _Voice(self.plan, self.plan.shards[shard], verdict)
        records: list[Record] = []
        if self.datapoints:
            records += voice.datapoints(series)
        keys = series.select("sid", "key")
        made = voice.transitions(verdict.transitions.join(keys, on="sid"))
        gone = voice.transitions(
            verdict.withdrawn.join(keys, on="sid"), withdrawn=True
        )
        if not made and not gone:
            return Said(known, records)
        changes = [voice.change(t) for t in made]
        unmade = [voice.change(t) for t in gone]
        if verdict.amended:
            after, events = ledger.amend(known, changes, unmade)
        else:
            after, events = ledger.record(known, changes)
        told = {voice.change(t): t for t in made}
        records += gone
        records += made
        records += [voice.incident(event, told) for event in events]
        opened = sum(e.what == "opened" for e in events)
        return Said(after, records, opened)


class _Voice:
    """Words one verdict."""

    def __init__(self, plan: Plan, shard: Shard, verdict: Verdict) -> None:
        self.plan = plan
        self.shard = shard
        self.verdict = verdict
        self.alarms = {a.name: a for a in shard.alarms}

    def datapoints(self, series: pl.DataFrame) -> list[Datapoint]:
        """Return the datapoints of the metrics that are shown, by time and name."""
        specs = {**self.shard.metrics, **self.shard.calculated}
        names = {
            n: s.name for n, s in specs.items() if s.name not in self.plan.hidden
        }
        rows = self.verdict.runs.filter(pl.col("m").is_in(list(names)))
        rows = rows.join(series.select("sid", "key"), on="sid")
        points: list[Datapoint] = []
        for row in rows.iter_rows(named=True):
            points += self._points(names[row["m"]], row)
        points.sort(key=lambda p: (p.end, p.metric, json.dumps(dict(p.key))))
        return points

    def _points(self, name: str, row: dict[str, Any]) -> Iterable[Datapoint]:
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
            )

    def transitions(
        self, rows: pl.DataFrame, *, withdrawn: bool = False
    ) -> list[Transition]:
        """Return transitions in order of time, alarm and key."""
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

    def change(self, transition: Transition) -> Change:
        """Return a transition as the ledger knows it."""
        place = (transition.alarm, _text(transition))
        return Change(place, transition.at // SECOND, transition.to_state == "firing")

    def incident(
        self, event: Event, told: dict[Change, Transition]
    ) -> IncidentEvent:
        """Return what became of an incident, with its sentence."""
        name, key = event.place
        fields = json.loads(key)
        firing = event.what != "resolved"
        transition = told.get(Change(event.place, event.at, firing))
        at = event.at * SECOND
        plain = event.what in {"opened", "resolved"}
        if plain and transition is not None:
            message = self._sentence(name, fields, transition)
        else:
            message = _correction(self._title(name, fields), event)
        return IncidentEvent(
            id=event.incident.id,
            event=event.what,
            alarm=self._title(name, fields),
            key=fields,
            at=at,
            message=message,
            amended=event.amended,
        )

    def _title(self, name: str, key: dict[str, Any]) -> str:
        for field_name, value in key.items():
            name = name.replace("{" + field_name + "}", str(value))
        return name

    def _sentence(
        self, name: str, key: dict[str, Any], transition: Transition
    ) -> str:
        templates = self.plan.templates[name]
        firing = transition.to_state == "firing"
        spec = self.shard.spec(self.alarms[name].metric)
        values = {
            **key,
            "alarm": self._title(name, key),
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


def _text(transition: Transition) -> str:
    return json.dumps(
        dict(transition.key), separators=(",", ":"), ensure_ascii=False
    )


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
