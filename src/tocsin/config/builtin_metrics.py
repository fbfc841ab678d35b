"""What built-in alarms are called, and the hidden metrics that they are on.

Of lines: what befell them. Of the sources themselves: how they stand in a live run.
Periods are microseconds.
"""

from __future__ import annotations

from math import gcd
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from tocsin.config.durations import step_of
from tocsin.config.values import (
    SECOND,
    SELF,
    BuiltinConfig,
    MetricConfig,
    SourceConfig,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

OWN: Final = "tocsin: "
"""How the names of built-in alarms begin, and of all that they are made of."""
OURS: Final = SourceConfig(name=SELF, path=(), lateness=0, amend_for=0)
STEP: Final = 10 * SECOND
WHILE: Final = 300 * SECOND
"""How long lines are looked at, where nobody says."""
_FIELDS = ("source", "metric", "stream", "path")
"""The fields of their keys."""

_CALLED = {
    "parse_failures": "parse failures in ",
    "late_lines": "late lines in ",
    "future_lines": "future lines in ",
    "key_limit": "key limit of {metric} in ",
    "source_behind": "{stream} is behind",
    "source_gone": "{path} is gone",
}
MISHAPS: Final = {
    "parse_failures": ("unread", "not read"),
    "late_lines": ("late", "late"),
    "future_lines": ("future", "in the future"),
}
"""What befell lines, and how that is said of them."""
LIVE: Final = {"source_behind": ("behind", "stream"), "source_gone": ("gone", "path")}
"""The field of an event of `SELF`, and what its key has beside the source."""


class Builtin(Struct, frozen=True):
    """What built-in alarms come to; `live` is what only a live run has."""

    always: BuiltinConfig
    live: BuiltinConfig

    @property
    def labels(self) -> frozenset[str]:
        """The labels that they have; or would have, were they on."""
        alarms = (*self.always.alarms, *self.live.alarms)
        own = {name for alarm in alarms for name in alarm.labels}
        return frozenset({"builtin", *own, *_FIELDS, *(f"key.{n}" for n in _FIELDS)})


def called(name: str, source: str = "") -> str:
    """Return what a built-in alarm is called; in its name, braces are about its key."""
    return f"{OWN}{_CALLED[name]}{source.replace('{', '(').replace('}', ')')}"


def share(name: str, source: str, period: int) -> MetricConfig:
    """Return the metric of how many percent of the lines of a source had a mishap."""
    mishap, said = MISHAPS[name]
    return MetricConfig(
        name=f"{OWN}percent of the lines {said}, in {source}",
        type="SHARE",
        source=source,
        period=period,
        every=_step(period),
        group_by=("source",),
        mishap=mishap,
    )


def shared_keys(source: str, period: int) -> MetricConfig:
    """Return the metric of the events of a source that share a key."""
    return MetricConfig(
        name=f"{OWN}events that share a key, in {source}",
        type="COUNT",
        source=source,
        period=period,
        every=_step(period),
        group_by=("source", "metric"),
        mishap="shared",
    )


def standing(name: str, period: int) -> MetricConfig:
    """Return the metric of how many seconds sources are behind, or gone."""
    field, key = LIVE[name]
    return MetricConfig(
        name=f"{OWN}seconds {field}",
        type="MAX",
        source=SELF,
        field=field,
        period=period,
        every=period,
        group_by=("source", key),
    )


def twice_a_slice(metrics: Iterable[MetricConfig], source: str) -> int:
    """Return twice the longest slice that metrics with keys of a source count in.

    None have keys: 0. An alarm looks at two slices at least: else it would be over
    between one and the next.
    """
    keyed = (m for m in metrics if m.source == source and m.group_by)
    return 2 * max((gcd(m.period, m.every) for m in keyed), default=0)


def _step(period: int) -> int:
    return STEP if period % STEP == 0 else step_of(period)
