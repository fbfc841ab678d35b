"""An alarm as a loop over datapoints, for one key: slow, and plainly right."""

from __future__ import annotations

from dataclasses import dataclass, field
from operator import eq, ge, gt, le, lt, ne
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tocsin.config.alarm_values import AlarmConfig, RuleConfig

SECOND = 1_000_000
HOLDS = {"==": eq, "!=": ne, "<": lt, "<=": le, ">": gt, ">=": ge}
LEVELS = ("info", "warning", "error", "critical")


class Point(NamedTuple):
    """A datapoint: its end (s), its value, and how many events it stands for."""

    e: int
    value: float | None
    n: int = 1
    full: bool = True
    """Whether levels may judge it: those below a value wait for a full window."""
    partial: bool = False


@dataclass
class Level:
    """One level of an alarm, and how often in a row each thing came."""

    rule: RuleConfig
    breaches: int = 0
    calms: int = 0
    gone: int = 0
    firing: bool = False


@dataclass
class Machine:
    """An alarm on a metric with a datapoint every so many seconds."""

    alarm: AlarmConfig
    rules: tuple[RuleConfig, ...]
    every: int
    period: int
    born: int = 0
    levels: list[Level] = field(default_factory=list)
    silent: int = 0
    missing: int = 0
    had: bool = False
    no_data: bool = False

    def __post_init__(self) -> None:
        self.levels = [Level(rule) for rule in self.rules]

    def says(self, points: Iterable[Point]) -> Iterator[tuple[int, str]]:
        """Yield each change of how the alarm stands, as a level, no_data or nothing."""
        stands = ""
        for point in points:
            self.hear(point)
            if self.stands != stands:
                stands = self.stands
                yield point.e, stands

    @property
    def stands(self) -> str:
        """The worst level that fires; else no_data, if so; else nothing."""
        firing = [level.rule.level for level in self.levels if level.firing]
        if firing:
            return max(firing, key=LEVELS.index)
        return "no_data" if self.no_data else ""

    def hear(self, point: Point) -> None:
        """Take in the next datapoint."""
        self.silent = self.silent + 1 if point.n == 0 else 0
        if self.alarm.expire and self.rules and self.silent >= self.points_of_silence:
            self.forget()
            return
        least = self.rules[-1].min_samples if self.rules else 0
        nothing = point.value is None or point.n < least
        if nothing and point.partial:
            return
        self.miss(nothing)
        delay = self.alarm.new_key_delay // SECOND
        if not point.full or (delay and point.e < self.born + delay):
            return
        for level in self.levels:
            if point.value is None or point.n < level.rule.min_samples:
                self.lack(level)
            else:
                self.judge(level, point.value)

    @property
    def points_of_silence(self) -> int:
        """How many windows without events in a row make a key forgotten."""
        rest = self.alarm.expire // SECOND - self.period
        return self.points(rest) if rest > 0 else 1

    def points(self, seconds: int) -> int:
        """How many points in a row it takes until the last is so long after the first."""
        count = 1
        while (count - 1) * self.every < seconds:
            count += 1
        return count

    def forget(self) -> None:
        for level in self.levels:
            level.firing = False
            level.breaches = level.calms = level.gone = 0
        self.no_data, self.missing = False, 0

    def miss(self, nothing: bool) -> None:  # noqa: FBT001
        self.had |= not nothing
        self.missing = self.missing + 1 if nothing and self.had else 0
        if self.alarm.no_data in {"show", "alarm"}:
            need = self.points(self.alarm.no_data_for // SECOND)
            self.no_data = bool(self.rules) and self.missing >= need

    def lack(self, level: Level) -> None:
        """Hear a point without a value."""
        if self.alarm.no_data != "ok":
            return
        level.breaches = level.calms = 0
        level.gone += 1
        if level.gone >= self.points(self.alarm.no_data_for // SECOND):
            level.firing = False

    def judge(self, level: Level, value: float) -> None:
        """Hear a value."""
        alarm, rule = self.alarm, level.rule
        breach = HOLDS[alarm.operator](value, rule.threshold)
        calm = HOLDS[alarm.recovery_operator](value, rule.recovery_threshold)
        level.gone = 0
        level.breaches = level.breaches + 1 if breach else 0
        level.calms = level.calms + 1 if calm and not breach else 0
        held = self.points(rule.for_ // SECOND)
        if level.breaches >= max(rule.data_points_alarm, held):
            level.firing = True
        held = self.points(rule.keep_firing_for // SECOND)
        if level.calms >= max(rule.data_points_recovery, held):
            level.firing = False
