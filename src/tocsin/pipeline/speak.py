"""From verdicts to records: names, reasons, incidents and sentences."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeAlias

import polars as pl
from msgspec import Struct, field
from msgspec.structs import replace

from tocsin.incidents import ledger
from tocsin.incidents.ledger import Change, Event, Ledger
from tocsin.model.instant import SECOND
from tocsin.model.naming import titled
from tocsin.model.records import Datapoint, IncidentEvent, Key, Record, Transition
from tocsin.pipeline import messages
from tocsin.pipeline.witnesses import NOTHING
from tocsin.pipeline.wording import (
    TransitionWords,
    called,
    changed,
    correction,
    key_text,
    standing_states,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tocsin.metrics.series import SeriesTable
    from tocsin.metrics.spec import CalculatedSpec, MetricSpec
    from tocsin.pipeline.evaluate import ShardState
    from tocsin.pipeline.plan import Plan, Shard
    from tocsin.pipeline.verdict import Verdict

Mask: TypeAlias = "Callable[[tuple[str, ...]], tuple[str, ...]]"
"""Hides personal data in lines of the log."""

_MOST_STANDINGS = 20
_EXPANDED = 3600
"""A run of up to so many equal datapoints is said one by one."""


class Standing(Struct, frozen=True):
    """How an alarm stands: the newest datapoint of one of its series."""

    title: str
    key: Key
    value: float | None
    count: int
    threshold: float
    operator: str
    firing: bool
    state: str = "ok"
    level: str = ""
    sources: tuple[str, ...] = ()


_TOLD = {"opened", "resolved", "escalated", "eased"}
"""Events whose sentence gives the value; those of late lines say what they corrected."""
_RANG = {"opened": 1, "withdrawn": -1}
"""What events do to the number of incidents that were."""

Order = tuple[int, int, int, int]
"""When something is said: tick, corrections first, shard, and kind of record."""

_MOST_NOTED = 16
"""Notes of datapoints that are kept before they are joined."""
_AT_LAST = 2**62
"""A tick after all others: that of windows which had not ended when the input did."""


def moment(verdict: Verdict, end: int, shard: int, kind: int) -> Order:
    """Return when a verdict says something of a window that ends at `end` (s)."""
    if verdict.amended:
        return (verdict.tick, 0, shard, kind)
    if verdict.partial:
        return (_AT_LAST, end, shard, kind)
    return (end, 1, shard, kind)


class Utterance(Struct, frozen=True):
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

    def __init__(
        self, plan: Plan, *, datapoints: bool, mask: Mask | None = None
    ) -> None:
        """Speak of a plan; `mask` hides personal data in lines of the log."""
        self.plan = plan
        self.mask: Mask = mask or tuple
        self.datapoints = datapoints
        self._noted: dict[int, list[pl.DataFrame]] = {}
        self.alarms = {
            alarm.name: (shard, alarm)
            for shard in plan.shards
            for alarm in shard.alarms
        }

    def say(self, shard: int, known: SeriesTable, verdict: Verdict) -> list[Utterance]:
        """Return what one verdict says."""
        voice = _Voice(self.plan, self.plan.shards[shard], verdict, self.mask)
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
        told = {self._change(t): t for t in said.made}
        if said.amended:
            unmade = [self._change(t) for t in said.withdrawn]
            after, events = ledger.amend(known, told, unmade)
        else:
            after, events = ledger.record(known, told)
        records: list[Record] = [self._incident(event, told) for event in events]
        rang = sum(_RANG.get(event.what, 0) for event in events)
        return after, records, rang

    def _note(self, shard: int, verdict: Verdict) -> None:
        """Keep what was said last, for a screen that may ask for it."""
        if not self.plan.shards[shard].alarms or verdict.amended:
            return
        noted = self._noted.setdefault(shard, [])
        noted.append(verdict.runs)
        if len(noted) >= _MOST_NOTED:
            self._noted[shard] = [self._newest(shard)]

    def _newest(self, shard: int) -> pl.DataFrame:
        """Return the newest datapoint of every series with an alarm."""
        metrics = {alarm.metric for alarm in self.plan.shards[shard].alarms}
        heard = pl.col("m").is_in(list(metrics))
        noted = [runs.select("sid", "m", "value", "n") for runs in self._noted[shard]]
        return pl.concat(noted).filter(heard).unique("sid", keep="last")

    def standings(self, states: Sequence[ShardState]) -> list[Standing]:
        """Return how the alarms stand: the newest datapoint of their series."""
        found: list[Standing] = []
        for i, shard in enumerate(self.plan.shards):
            if i not in self._noted:
                continue
            noted = self._newest(i)
            keys = dict(states[i].series.table.select("sid", "key").iter_rows())
            stands = standing_states(shard, states[i].now)
            for number, alarm in enumerate(shard.alarms):
                mine = noted.filter(pl.col("m") == alarm.metric)
                for sid, _, value, count in mine.iter_rows():
                    key = json.loads(keys[sid])
                    state, level = stands.get((number, sid), ("ok", ""))
                    if state == "ok" and alarm.name in self.plan.builtin:
                        continue
                    found.append(
                        Standing(
                            title=titled(alarm.name, key),
                            key=key,
                            value=value,
                            count=count,
                            threshold=alarm.threshold_at(level),
                            operator=alarm.operator.value,
                            firing=state in {"firing", "recovering"},
                            state=state,
                            level=level,
                            sources=shard.sources,
                        )
                    )
        found.sort(key=lambda s: (not s.firing, -(s.value or 0.0), s.title))
        return found[:_MOST_STANDINGS]

    def _change(self, transition: Transition) -> Change:
        """Return a transition as the ledger knows it."""
        alarm = self.alarms[transition.alarm][1]
        rings = {"firing"} if alarm.quiet else {"firing", "no_data"}
        firing = transition.to_state in rings
        level = transition.level if firing and alarm.levelled else ""
        place = (transition.alarm, key_text(transition))
        return Change(place, transition.at // SECOND, firing, level)

    def _incident(self, event: Event, told: dict[Change, Transition]) -> IncidentEvent:
        """Return what became of an incident, with its sentence."""
        name, key = event.place
        fields = json.loads(key)
        incident = event.incident
        level = incident.level_at(event.at) if event.what != "resolved" else ""
        transition = told.get(
            Change(event.place, event.at, event.what != "resolved", level)
        )
        title = called(name, fields)
        if transition is None or event.what not in _TOLD:
            message = correction(title, event)
        elif event.what in {"opened", "resolved"} and transition.to_state != "no_data":
            message = self._sentence(name, fields, transition)
        else:
            message = changed(title, transition)
        return IncidentEvent(
            id=event.incident.id,
            event=event.what,
            alarm=titled(name, fields),
            key=fields,
            at=event.at * SECOND,
            message=message,
            amended=event.amended,
            level=incident.level_at(event.at),
        )

    def _sentence(self, name: str, key: dict[str, Any], transition: Transition) -> str:
        templates = self.plan.templates[name]
        firing = transition.to_state == "firing"
        shard, alarm = self.alarms[name]
        spec = shard.spec(alarm.metric)
        values = {
            **key,
            "alarm": called(name, key),
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

    def __init__(self, plan: Plan, shard: Shard, verdict: Verdict, mask: Mask) -> None:
        self.plan = plan
        self.mask = mask
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
        words = TransitionWords(self.plan, self.shard)
        found = [
            self._supported(row, words.transition(row), withdrawn=withdrawn)
            for row in rows.iter_rows(named=True)
        ]
        return sorted(found, key=lambda t: (t.at, t.alarm, key_text(t), t.to_state))

    def _supported(
        self, row: dict[str, Any], said: Transition, *, withdrawn: bool
    ) -> Transition:
        """Return a transition with what supports it."""
        alarm = self.shard.alarms[row["alarm"]]
        place = row["alarm"], row["sid"], row["e"]
        support = self.verdict.support.get(place, NOTHING)
        return replace(
            said,
            amended=self.verdict.amended,
            withdrawn=withdrawn,
            window=self.shard.spec(alarm.metric).period * SECOND,
            evidence=self.mask(support.lines),
            contributors=support.contributors,
            runbook=self.plan.runbooks.get(alarm.name, ""),
        )
