"""Alarms of a configuration, compiled to rules: one for each level and kind of key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tocsin.alarms.rules import AlarmSpec, Kind, Operator, ThresholdSpec
from tocsin.model.instant import SECOND

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tocsin.config.alarm_values import RuleConfig
    from tocsin.config.values import AlarmConfig
    from tocsin.metrics.spec import CalculatedSpec, MetricSpec


def alarm_spec(
    config: AlarmConfig, number: int, metric: int, spec: MetricSpec | CalculatedSpec
) -> AlarmSpec:
    """Return the spec of alarm `number` (of its shard) on metric number `metric`."""
    groups = [config.levels, *(o.rules for o in config.overrides)]
    rules = tuple(
        rule
        for variant, levels in enumerate(groups)
        for rule in _Compiler(config, (number, metric, variant), spec).rules(levels)
    )
    return AlarmSpec(
        name=config.name,
        metric=metric,
        level=config.level,
        operator=Operator(config.operator),
        threshold=config.threshold,
        rules=rules,
        variants=tuple(o.match for o in config.overrides),
        quiet=config.no_data != "alarm",
        no_data_level=config.no_data_level,
    )


class _Compiler:
    """Makes the rules of one variant of an alarm."""

    def __init__(
        self,
        config: AlarmConfig,
        place: tuple[int, int, int],
        spec: MetricSpec | CalculatedSpec,
    ) -> None:
        self.config = config
        self.place = place
        self.spec = spec

    def rules(self, levels: tuple[RuleConfig, ...]) -> Iterator[ThresholdSpec]:
        """Yield the rules: one for each level, then those for what is not there."""
        for level in levels:
            yield self._level(level)
        if levels and self.config.no_data in {"show", "alarm"}:
            points = self._points(1, self.config.no_data_for)
            yield self._other(Kind.NO_DATA, points, levels[-1].min_samples)
        if levels and self.config.expire:
            silent = self.config.expire - self.spec.period * SECOND
            yield self._other(Kind.SILENCE, self._points(1, max(silent, 0)))

    def _level(self, level: RuleConfig) -> ThresholdSpec:
        config = self.config
        number, metric, variant = self.place
        ends = config.no_data == "ok"
        return ThresholdSpec(
            name=config.name,
            metric=metric,
            operator=Operator(config.operator),
            threshold=level.threshold,
            recovery_operator=Operator(config.recovery_operator),
            recovery_threshold=level.recovery_threshold,
            points_alarm=self._points(level.data_points_alarm, level.for_),
            points_recovery=self._points(
                level.data_points_recovery, level.keep_firing_for
            ),
            level=level.level,
            alarm=number,
            variant=variant,
            min_samples=level.min_samples,
            points_gone=self._points(1, config.no_data_for) if ends else 0,
            delay=config.new_key_delay // SECOND,
        )

    def _other(self, kind: Kind, points: int, min_samples: int = 0) -> ThresholdSpec:
        number, metric, variant = self.place
        return ThresholdSpec(
            name=self.config.name,
            metric=metric,
            operator=Operator.NE,
            threshold=0.0,
            recovery_operator=Operator.EQ,
            recovery_threshold=0.0,
            points_alarm=points,
            level="",
            alarm=number,
            kind=kind,
            variant=variant,
            min_samples=min_samples,
        )

    def _points(self, least: int, time: int) -> int:
        """Return how many points in a row span a time (µs): the first begins it."""
        step = self.spec.every * SECOND
        return max(least, -(-time // step) + 1 if time else 1)
