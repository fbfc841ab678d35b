"""What an alarm of a kind is made on, and what it is made into."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path as FilePath

    from tocsin.config.alarm_models import AlarmPart
    from tocsin.config.document import Path
    from tocsin.config.metric_models import CalculatedPart, MetricPart
    from tocsin.config.problems import Problems


class Ground(Struct, frozen=True):
    """Where an alarm stands: its path, the metrics that there are, where files are.

    What is wrong with its keys is noted in `problems`.
    """

    path: Path
    problems: Problems
    base: FilePath | None
    metrics: Mapping[str, MetricPart | CalculatedPart] = field(default_factory=dict)
    paths: Mapping[str, Path] = field(default_factory=dict)
    """Where those metrics are written."""


class Made(Struct, frozen=True):
    """What an alarm is made of: metrics, and the alarm as one on a threshold.

    None is an alarm that cannot be made: why has been noted. The datapoints of `hidden`
    metrics are not shown: only the others mean something. Metrics stand where the alarm
    does, so that what is wrong with their keys is told of its own; but those of another
    metric (`paths`) stand where that does.
    """

    alarm: AlarmPart | None
    metrics: tuple[MetricPart, ...] = ()
    calculated: tuple[CalculatedPart, ...] = ()
    hidden: frozenset[str] = frozenset()
    paths: Mapping[str, Path] = field(default_factory=dict)


class Listed(Struct, frozen=True):
    """Values of a field that count, or all but these; `key` is where they are written."""

    key: str
    field: str
    values: tuple[Any, ...]
    others: bool = False
    missing: bool = False
