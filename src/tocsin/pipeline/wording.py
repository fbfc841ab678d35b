"""Transitions and events of incidents, in words."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from tocsin.alarms.levels import states
from tocsin.alarms.rules import CODES, STANDING, Kind, specs_frame
from tocsin.alarms.threshold import FORGOTTEN, GONE
from tocsin.metrics.spec import CalculatedSpec
from tocsin.model.instant import SECOND, iso
from tocsin.model.naming import subject, titled
from tocsin.model.records import Transition
from tocsin.pipeline import messages

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars as pl

    from tocsin.alarms.rules import AlarmSpec, ThresholdSpec
    from tocsin.incidents.ledger import Event
    from tocsin.metrics.spec import MetricSpec
    from tocsin.pipeline.plan import Plan, Shard

_NO_DATA = CODES["no_data"]


class TransitionWords:
    """Words the transitions of one shard."""

    def __init__(self, plan: Plan, shard: Shard) -> None:
        self.plan = plan
        self.shard = shard
        self.rules = shard.rules

    def transition(self, row: Mapping[str, Any]) -> Transition:
        """Return what a row of `levels.TRANSITIONS`, with its `key`, says."""
        alarm, rule = self.shard.alarms[row["alarm"]], self.rules[row["rule"]]
        was, now, at = row["was"], row["now"], row["e"] * SECOND
        level, before = _level(alarm, now or was), _level(alarm, was)
        limit = rule.threshold if now > was else rule.recovery_threshold
        return Transition(
            id=self._identity(alarm, row, at),
            alarm=alarm.name,
            key=json.loads(row["key"]),
            level=level,
            from_state=_state(was),
            to_state=_state(now),
            at=at,
            value=row["value"],
            count=row["n"],
            threshold=limit if rule.kind is Kind.LEVEL else None,
            reason=self._reason(rule, row),
            from_level=before if was and now else "",
        )

    def _identity(self, alarm: AlarmSpec, row: Mapping[str, Any], at: int) -> str:
        print_ = self.plan.fingerprints.get(alarm.name, "")
        state = _state(row["now"])
        if alarm.levelled:  # it may stand in several ways at one end, once amended
            state = f"{state}:{STANDING[row['now']]}"
        identity = "\0".join((alarm.name, print_, row["key"], str(at), state))
        return hashlib.sha256(identity.encode()).hexdigest()[:16]

    def _reason(self, rule: ThresholdSpec, row: Mapping[str, Any]) -> str:
        spec = self.shard.spec(rule.metric)
        window = _window(spec, row["e"])
        worse = row["now"] > row["was"]
        if rule.kind is Kind.NO_DATA:
            said = _times(rule.points_alarm) if worse else " again"
            return f"{spec.name} had {'no value' if worse else 'a value'}{said}{window}"
        if row["symbol"] == GONE:
            few = f": {row['n']} of at least {rule.min_samples}"
            few = few if row["n"] < rule.min_samples else ""
            return f"{spec.name} had no value{few}{_times(rule.points_gone)}{window}"
        if row["symbol"] == FORGOTTEN:
            return f"nothing was heard of its key for long{window}"
        op = rule.operator if worse else rule.recovery_operator
        limit = rule.threshold if worse else rule.recovery_threshold
        times = _times(rule.points_alarm if worse else rule.points_recovery)
        value = messages.number(row["value"])
        bound = f"{op} {messages.number(limit)}"
        said = self._of_alarms(spec, row, bound) or f"{spec.name} was {value}, {bound}"
        return f"{said}{times}{window}"

    def _of_alarms(
        self, spec: MetricSpec | CalculatedSpec, row: Mapping[str, Any], bound: str
    ) -> str:
        """Say what it is about the alarms that a metric is made of; empty if of none."""
        inputs = spec.inputs if isinstance(spec, CalculatedSpec) else ()
        states = [self.shard.calculated.get(self.shard.number(n)) for n in inputs]
        names = [state.alarm for state in states if state is not None and state.alarm]
        if not names or not isinstance(spec, CalculatedSpec) or spec.alarm:
            return ""
        if spec.condition:
            holds = "holds" if row["now"] > row["was"] else "no longer holds"
            return f"{spec.condition} {holds}"
        key = json.loads(row["key"])
        told = ", ".join(titled(name, key) for name in names)
        ring = messages.number(row["value"])
        return f"{ring} of {len(names)} alarms ring ({told}), {bound}"


def _times(points: int) -> str:
    return "" if points == 1 else f" {points} times in a row"


def _state(code: int) -> str:
    return "firing" if code > _NO_DATA else STANDING[code] or "ok"


def _level(alarm: AlarmSpec, code: int) -> str:
    """Return the level of an alarm that stands like this."""
    if code == _NO_DATA:
        return alarm.no_data_level or "info"
    return STANDING[code]


def standing_states(
    shard: Shard, alarms: pl.DataFrame
) -> dict[tuple[int, int], tuple[str, str]]:
    """Return the state and the level of each alarm (number) for each series (sid)."""
    rows = states(specs_frame(shard.rules), alarms)
    columns = rows.select("of", "sid", "now", "pending", "recovering")
    return {
        (number, sid): _standing(now, pending=pending, recovering=recovering)
        for number, sid, now, pending, recovering in columns.iter_rows()
    }


def _standing(code: int, *, pending: bool, recovering: bool) -> tuple[str, str]:
    if code > _NO_DATA:
        return ("recovering" if recovering else "firing"), STANDING[code]
    if code == _NO_DATA:
        return "no_data", ""
    return ("pending" if pending else "ok"), ""


def called(name: str, key: Mapping[str, Any]) -> str:
    """Return what an alarm is called in a sentence, so that its keys are told apart.

    A name that holds any field of the key says enough: whoever gave it chose them.
    """
    title = titled(name, key)
    return title if title != name else subject(name, key)


def key_text(transition: Transition) -> str:
    """Return the key of a transition as JSON."""
    return json.dumps(dict(transition.key), separators=(",", ":"), ensure_ascii=False)


def _window(spec: MetricSpec | CalculatedSpec, end: int) -> str:
    start = iso((end - spec.period) * SECOND)
    return f", from {start} to {iso(end * SECOND)}"


def changed(title: str, transition: Transition) -> str:
    """Say how an incident stands now: its level, or that there is no data."""
    at = iso(transition.at)
    if transition.to_state == "no_data":
        return f"{title} has no data, noticed at {at}"
    was = transition.from_level
    before = "had no data" if transition.from_state == "no_data" else f"was {was}"
    value = messages.number(transition.value)
    return f"{title} is {transition.level}, {before} - {value}, since {at}"


def correction(title: str, event: Event) -> str:
    """Say what late lines showed of an incident."""
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
        case "escalated" | "eased":
            level = event.incident.level_at(event.at)
            return f"{title} #{number} is {level} since {at} - late lines show it"
        case _:
            began = event.was is None or event.was.opened != event.incident.opened
            what = "began" if began and event.at == event.incident.opened else "ended"
            return f"{title} #{number} corrected - late lines show it {what} at {at}"
