"""What alarms with states and levels come to, by plain loops over the reference's points."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st
from tests.alarms.machine import Machine, Point
from tests.plain import SECOND
from tests.plain import Point as Value
from tests.reference import Group
from tests.runs import in_words
from tests.worlds import OPPOSITE

from tocsin.config.alarm_values import AlarmConfig, OverrideConfig, RuleConfig
from tocsin.model.matchers import Matcher, Operator, matches
from tocsin.model.records import Transition

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tests.plain import Key, Said

    from tocsin.config.values import CalculatedMetricConfig
    from tocsin.model.records import Record

Place = tuple[str, str, int, str]
"""An alarm, its key, when (s), and how it stands from then on."""


class Histories(Group):
    """Judges alarms with all they can be: what the fourth of a place says is a level."""

    def _judge(self, end: int, *, partial: bool) -> Iterable[Said]:
        if partial:
            self.partial.add(end)
        return super()._judge(end, partial=partial)

    def _aggregated(self, spec: CalculatedMetricConfig, key: Key, end: int) -> Value:
        if not spec.alarm:
            return super()._aggregated(spec, key, end)
        alarm = next(a for a in self.config.alarms if a.name == spec.alarm)
        points = self.points.get((alarm.metric, key), {})
        known = {e: point for e, point in points.items() if e <= end}
        said = self._history(alarm, key, known, end)
        last = max(said, key=lambda place: place[2], default=("", "", 0, ""))[3]
        rings = last not in ({"", "no_data"} if alarm.no_data == "show" else {""})
        return Value(float(rings), int(rings))

    def _transitions(self, until: int) -> Any:  # noqa: ANN401
        found: dict[Place, Any] = {}
        for alarm in self.alarms:
            for (name, key), points in self.points.items():
                if name == alarm.metric:
                    found |= self._history(alarm, key, points, until)
        return found

    def _history(
        self, alarm: AlarmConfig, key: Key, points: dict[int, Any], until: int
    ) -> dict[Place, Any]:
        spec = self.config.metric(alarm.metric)
        rules = rules_of(alarm, key)
        machine = Machine(
            alarm, rules, spec.every // SECOND, spec.period // SECOND,
            self.begun(alarm.metric, key),
        )  # fmt: skip
        ends = [e for e in sorted(points) if e <= until or e in self.partial]
        heard = [
            Point(e, p.value, p.n, self._counts(alarm, key, e), e in self.partial)
            for e, p in ((e, points[e]) for e in ends)
        ]
        least = rules[0].min_samples if rules else 0
        seen = {
            e: p if p.n >= least else p._replace(value=None) for e, p in points.items()
        }
        said = machine.says(heard)
        return {(alarm.name, key, e, stands): seen[e] for e, stands in said}


def rules_of(alarm: AlarmConfig, key: Key) -> tuple[RuleConfig, ...]:
    """Return the rules for a key: those of the first override that matches."""
    labels = {n: "" if v is None else str(v) for n, v in json.loads(key).items()}
    for override in alarm.overrides:
        if matches(override.match, labels):
            return override.rules
    return alarm.levels


def stated(records: Iterable[Record]) -> list[Said]:
    """Return records in the reference's words, with levels for states."""
    found: list[Said] = []
    for record in records:
        words = in_words(record)
        if isinstance(record, Transition):
            level = {"ok": "", "no_data": "no_data"}.get(record.to_state, record.level)
            words = [said._replace(kind=level) for said in words]
        found += words
    return found


def standing(said: Iterable[Said]) -> set[Place]:
    """Return the transitions that stand in the end."""
    found: set[Place] = set()
    for s in said:
        place = (s.name, s.key, s.end, s.kind)
        if s.kind == "point":
            continue
        if s.flag:
            found.remove(place)
        else:
            assert place not in found, f"made twice: {s}"
            found.add(place)
    return found


TIMES = st.sampled_from([0, 0, 0, 1, 2, 5, 9, 20])


@st.composite
def _rules(
    draw: st.DrawFn, operator: str, near: Sequence[float]
) -> tuple[RuleConfig, ...]:
    """One to three levels in order."""
    wanted = st.sets(st.sampled_from(["info", "warning", "critical"]), min_size=1)
    names = {"critical"} if operator[0] in "=!" else draw(wanted)
    levels = [n for n in ("info", "warning", "critical") if n in names]
    first = draw(st.integers(0, len(near) - len(levels)))
    ordered = list(near)[first : first + len(levels)]
    if operator[0] == "<":
        ordered.reverse()
    slack = draw(st.sampled_from([0.0, 0.0, 1.0])) if operator[0] in "<>" else 0.0
    slack = slack if operator[0] == "<" else -slack
    samples = draw(st.sampled_from([0, 0, 1, 2]))
    return tuple(
        RuleConfig(
            level=level,
            threshold=at,
            recovery_threshold=at + slack * (level == levels[0]),
            data_points_alarm=draw(st.sampled_from([1, 1, 2])),
            data_points_recovery=draw(st.sampled_from([1, 1, 2])),
            for_=draw(TIMES) * SECOND,
            keep_firing_for=draw(TIMES) * SECOND,
            min_samples=samples,
        )
        for level, at in zip(levels, ordered, strict=True)
    )


@st.composite
def alarms(draw: st.DrawFn, plain: AlarmConfig, fields: Sequence[str]) -> AlarmConfig:
    """An alarm like a plain one, with all that alarms can have."""
    operator = draw(st.sampled_from([">", ">", ">=", "<", "<=", "==", "!="]))
    whole = plain.threshold == int(plain.threshold)
    near = [0.0, 1.0, 2.0, 3.0] if whole else [0.513, 1.117, 2.319]
    rules = draw(_rules(operator, near))
    overrides: tuple[OverrideConfig, ...] = ()
    if draw(st.booleans()) and fields:
        match = (
            Matcher(fields[0], Operator.IS, draw(st.sampled_from(["a", "x", ""]))),
        )
        other = draw(st.one_of(st.just(()), _rules(operator, near)))
        overrides = (OverrideConfig(match=match, rules=other),)
    return AlarmConfig(
        name=plain.name,
        metric=plain.metric,
        operator=operator,
        threshold=rules[-1].threshold,
        recovery_operator=OPPOSITE[operator],
        recovery_threshold=rules[-1].recovery_threshold,
        rules=rules,
        overrides=overrides,
        new_key_delay=draw(TIMES) * SECOND,
        expire=draw(st.sampled_from([0, 0, 5, 12, 30])) * SECOND,
        no_data=draw(st.sampled_from(["keep", "ok", "show", "alarm"])),
        no_data_for=draw(TIMES) * SECOND,
        no_data_level="warning",
    )
