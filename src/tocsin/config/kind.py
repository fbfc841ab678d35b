"""What a kind of alarm is: a shape of its own keys, and what they are made into."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from msgspec import Struct, field
from pydantic import ConfigDict

from tocsin.config.alarm_models import AlarmPart
from tocsin.config.metric_models import CalculatedPart, Filters, MetricPart
from tocsin.config.part import Texts
from tocsin.config.types import Limit, Name, Seconds, Text
from tocsin.config.values import SECOND

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path as FilePath

    from tocsin.config.document import Path
    from tocsin.config.problems import Problems

NUMBER = "{% if value is number %}{{ value | round(1) }}{% else %}no value{% endif %}"
"""The value of an alarm in a sentence, as people read it."""
_FINE = 60
"""Into how many steps a window is divided where nobody says."""


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


class HiddenMetric(MetricPart):
    """A metric that an alarm is made of: its keys are those of the alarm.

    All `conditions` (key and expression) must hold, and `listed`. The key of the alarm
    that says by what it is grouped is `grouped`.
    """

    grouped: str = "group_by"
    conditions: tuple[tuple[str, str], ...] = ()
    listed: Any = None


class KindPart(AlarmPart):
    """An alarm of a kind. A subclass adds keys, and says in `made` what they come to."""

    stand_ins: ClassVar[dict[str, Any]] = {}
    refused: ClassVar[frozenset[str]] = frozenset({"metric"})
    """Keys of alarms that mean nothing to this kind: it knows better."""
    sentences: ClassVar[tuple[str, str]] = ("", "")

    metric: Name = ""

    def made(self, ground: Ground) -> Made:
        """Return what the alarm is made of."""
        raise NotImplementedError

    def said(self) -> tuple[str, str]:
        """Return what is printed when it rings and recovers, where nobody says."""
        return self.sentences

    def row(self, metric: str, **given: Any) -> AlarmPart:  # noqa: ANN401
        """Return the alarm on the threshold of a metric; what was written goes before."""
        new = {k: v for k, v in given.items() if k not in self.model_fields_set}
        return self.model_copy(update={"metric": metric, **new})


class UnknownKind(KindPart):
    """An alarm of a kind that there is not: which keys it has is not known."""

    model_config = ConfigDict(extra="ignore")
    refused: ClassVar[frozenset[str]] = frozenset()

    def made(self, ground: Ground) -> Made:  # noqa: ARG002
        """Return nothing: its kind has been told of."""
        return Made(None)


class MeasuredPart(KindPart):
    """An alarm of a kind that measures events itself."""

    optional = AlarmPart.optional | {"every", "where", "group_by", "limit", "period"}

    source: Name | None = None
    period: Seconds = 300 * SECOND
    every: Seconds | None = None
    where: Text | None = None
    filters: Filters = None
    group_by: Texts = ()
    limit: Limit = 10_000

    @property
    def step(self) -> int:
        """How often it is judged, in microseconds."""
        return self.every or step_of(self.period)

    def measured(self, name: str, **own: Any) -> HiddenMetric:  # noqa: ANN401
        """Return a metric over the events that the alarm is about."""
        conditions = own.pop("conditions", ())
        if self.where is not None:
            conditions = (("where", self.where), *conditions)
        usual = {
            "name": name,
            "type": "COUNT",
            "source": self.source,
            "period": self.period,
            "every": self.step,
            "filters": self.filters,
            "group_by": self.group_by,
            "limit": self.limit,
        }
        return HiddenMetric.model_construct(
            **{**usual, **own, "conditions": conditions}
        )


def step_of(period: int) -> int:
    """Return the longest whole number of seconds that makes enough steps of a period."""
    seconds = period // SECOND
    fits = (n for n in range(max(seconds // _FINE, 1), 0, -1) if seconds % n == 0)
    return next(fits) * SECOND


def formula(name: str, text: str, **own: Any) -> CalculatedPart:  # noqa: ANN401
    """Return a metric by a formula."""
    usual = {"name": name, "formula": text, "min_samples": {}}
    return CalculatedPart.model_construct(**{**usual, **own})


def quoted(name: str) -> str:
    """Return the name of a metric as a formula has it."""
    doubled = name.replace('"', '""')
    return f'"{doubled}"'
