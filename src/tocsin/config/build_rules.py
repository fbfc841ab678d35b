"""The rules of an alarm: when it is at each of its levels, and what differs for some keys."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from tocsin.config.alarm_models import CONDITION, LevelPart, OverridePart
from tocsin.config.alarm_values import OverrideConfig, RuleConfig
from tocsin.config.problems import did_you_mean, show
from tocsin.config.wording import read_part
from tocsin.model.levels import LEVELS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tocsin.config.alarm_models import AlarmPart
    from tocsin.config.document import Path
    from tocsin.config.problems import Problems

_NEGATION = {">": "<=", ">=": "<", "<": ">=", "<=": ">", "==": "!=", "!=": "=="}
_FACING = {">": "at most", ">=": "at most", "<": "at least", "<=": "at least"}


class Sides(Struct, frozen=True):
    """The operators of an alarm: it rings on one side, and recovers on the other."""

    rings: str
    recovers: str
    given: bool
    """Whether the latter was given."""

    @classmethod
    def of(cls, part: AlarmPart) -> Sides:
        """Return those of an alarm."""
        rings = part.operator if part.operator != "=" else "=="
        recovers = part.recovery_operator or _NEGATION[rings]
        recovers = recovers if recovers != "=" else "=="
        return cls(rings, recovers, part.recovery_operator is not None)


class RuleReader:
    """Reads the rules of one alarm; what is wrong with them is noted."""

    def __init__(self, part: AlarmPart, path: Path, problems: Problems) -> None:
        self.part = part
        self.path = path
        self.problems = problems
        self.sides = Sides.of(part)

    def rules(self) -> tuple[RuleConfig, ...]:
        """Return the rules for keys in general, from the least level to the worst."""
        return self._of(self._given(self.part), self.path)

    def overrides(self, fields: Iterable[str]) -> tuple[OverrideConfig, ...]:
        """Return the rules for keys that match; `fields` are those of the key."""
        rows = self.part.overrides
        if not isinstance(rows, list):
            self.problems.expected((*self.path, "overrides"), "a list", rows)
            return ()
        found = []
        for i, row in enumerate(rows):
            way = (*self.path, "overrides", i)
            part = read_part(OverridePart, row, way, self.problems)
            if part is not None:
                self._check_match(part, set(fields), way)
                found.append(
                    OverrideConfig(match=part.match, rules=self._other(part, way))
                )
        return tuple(found)

    def _check_match(self, part: OverridePart, fields: set[str], path: Path) -> None:
        for matcher in part.match:
            if matcher.label not in fields:
                hint = did_you_mean(matcher.label, fields, what="fields of the key")
                hint = hint or "the metric has no group_by, so all is one key"
                way = (*path, "match")
                self.problems.expected(way, "fields of the key", matcher.label, hint)

    def _other(self, part: OverridePart, path: Path) -> tuple[RuleConfig, ...]:
        """Return the rules of an override: what it does not give is as in general."""
        if not part.enabled:
            return ()
        usual, other = self._given(self.part), self._given(part)
        for one, another in (("threshold", "levels"), ("levels", "threshold")):
            if one in other:
                usual.pop(another, None)
        if isinstance(usual.get("levels"), dict) and isinstance(
            other.get("levels"), dict
        ):
            other["levels"] = {**usual["levels"], **other["levels"]}
        return self._of({**usual, **other}, path)

    def _given(self, part: AlarmPart | OverridePart) -> dict[str, Any]:
        """Return the keys of a condition that are given."""
        named = part.model_fields_set & CONDITION
        found = {name: getattr(part, name) for name in sorted(named)}
        return {name: value for name, value in found.items() if value is not None}

    def _of(self, given: Mapping[str, Any], path: Path) -> tuple[RuleConfig, ...]:
        self._check_together(given, path)
        parts = list(self._levels(given, path))
        usual = given.get("recovery_threshold")
        found: list[RuleConfig] = []
        for level, part, way in parts:
            calm = part.recovery_threshold
            if calm is None and not found:  # what is below the least level is well
                calm = usual
            rule = self._rule(level, part, given, calm)
            self._check_recovery(rule, way)
            found.append(rule)
        self._check_order(found, path)
        return tuple(found)

    def _check_together(self, given: Mapping[str, Any], path: Path) -> None:
        if "levels" not in given:
            if "threshold" not in given and path == self.path:
                hint = "give one threshold, or levels: {warning: 2, critical: 5}"
                self.problems.miss(path, "threshold", hint)
            return
        fields = self.part.model_fields_set
        for key in ("threshold", "level"):
            if key in given or (key == "level" and key in fields):
                message = "cannot stand beside 'levels'"
                self.problems.add((*path, key), message, "each level has its own")

    def _levels(
        self, given: Mapping[str, Any], path: Path
    ) -> Iterator[tuple[str, LevelPart, Path]]:
        """Yield the levels that are given, from the least to the worst."""
        levels, way = given.get("levels"), (*path, "levels")
        if levels is None:
            threshold = given.get("threshold", 0.0)
            yield self.part.level, LevelPart.model_construct(threshold=threshold), path
            return
        if not isinstance(levels, dict) or not levels:
            hint = "write {warning: 2, critical: 5}"
            self.problems.expected(way, "levels and their thresholds", levels, hint)
            return
        for name in levels.keys() - set(LEVELS):
            hint = did_you_mean(str(name), LEVELS, what="one of")
            self.problems.expected((*way, name), "a level", name, hint)
        for name in (level for level in LEVELS if level in levels):
            value, here = levels[name], (*way, name)
            row = value if isinstance(value, dict) else {"threshold": value}
            part = read_part(LevelPart, row, here, self.problems)
            if part is not None:
                yield name, part, here

    def _rule(
        self, level: str, part: LevelPart, given: Mapping[str, Any], calm: float | None
    ) -> RuleConfig:
        def of(name: str, otherwise: int) -> int:
            own = getattr(part, name)
            return given.get(name, otherwise) if own is None else int(own)

        return RuleConfig(
            level=level,
            threshold=part.threshold,
            recovery_threshold=part.threshold if calm is None else calm,
            data_points_alarm=of("data_points_alarm", 1),
            data_points_recovery=of("data_points_recovery", 1),
            for_=of("for_", 0),
            keep_firing_for=of("keep_firing_for", 0),
            min_samples=given.get("min_samples", 0),
        )

    def _check_order(self, rules: list[RuleConfig], path: Path) -> None:
        """Check that what is worse is further out."""
        way = (*path, "levels")
        if len(rules) > 1 and self.sides.rings in {"==", "!="}:
            message = (
                f"several levels need an order, which '{self.sides.rings}' has not"
            )
            self.problems.add(way, message, "use one of > >= < <=")
            return
        up = self.sides.rings.startswith(">")
        for least, worse in pairwise(rules):
            ordered = least.threshold < worse.threshold
            if least.threshold == worse.threshold or ordered is not up:
                side = "above" if up else "below"
                wanted = f"a threshold {side} that of '{least.level}'"
                place = (*way, worse.level)
                hint = f"{least.level} is at {show(least.threshold)}"
                self.problems.expected(place, wanted, worse.threshold, hint)

    def _check_recovery(self, rule: RuleConfig, path: Path) -> None:
        sides, threshold = self.sides, rule.threshold
        calm = rule.recovery_threshold
        if not both_hold(sides.rings, threshold, sides.recovers, calm):
            return
        rings = f"value {self.part.operator} {show(threshold)}"
        if sides.given:
            message = f"some values would ring ({rings}) and recover at once"
            way = (*self.path, "recovery_operator")
            self.problems.add(way, message, "the two must exclude each other")
            return
        wanted = f"{_FACING.get(self.part.operator, 'exactly')} {show(threshold)}"
        hint = f"the alarm rings while {rings}, and recovers on the other side of it"
        self.problems.expected((*path, "recovery_threshold"), wanted, calm, hint)


def both_hold(alarm: str, threshold: float, recovery: str, calm: float) -> bool:
    """Say whether any value satisfies both conditions."""
    if alarm == "==":
        return _holds(threshold, recovery, calm)
    if recovery == "==":
        return _holds(calm, alarm, threshold)
    if "!=" in (alarm, recovery):
        return True  # each of the two leaves room for endlessly many values
    if alarm[0] == recovery[0]:
        return True  # two rays that point the same way
    low, high = (threshold, calm) if alarm[0] == ">" else (calm, threshold)
    touching = alarm.endswith("=") and recovery.endswith("=")
    return low < high or (low == high and touching)


def _holds(value: float, operator: str, threshold: float) -> bool:
    return {
        ">": value > threshold,
        ">=": value >= threshold,
        "<": value < threshold,
        "<=": value <= threshold,
        "==": value == threshold,
        "!=": value != threshold,
    }[operator]
