"""What a kind of alarm is: a shape of its own keys, and what they are made into."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import ConfigDict

from tocsin.config.alarm_models import AlarmPart
from tocsin.config.durations import step_of
from tocsin.config.made import Ground, Listed, Made
from tocsin.config.metric_models import CalculatedPart, Filters, MetricPart
from tocsin.config.part import Texts
from tocsin.config.types import Limit, Name, Seconds, Text
from tocsin.config.values import SECOND

__all__ = [
    "NUMBER",
    "Ground",
    "HiddenMetric",
    "KindPart",
    "Listed",
    "Made",
    "MeasuredPart",
    "UnknownKind",
    "formula",
    "quoted",
]

NUMBER = "{% if value is number %}{{ value | round(1) }}{% else %}no value{% endif %}"
"""The value of an alarm in a sentence, as people read it."""


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

    metric: Name = ""

    def made(self, ground: Ground) -> Made:
        """Return what the alarm is made of."""
        raise NotImplementedError

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


def formula(name: str, text: str, **own: Any) -> CalculatedPart:  # noqa: ANN401
    """Return a metric by a formula."""
    usual = {"name": name, "formula": text, "min_samples": {}}
    return CalculatedPart.model_construct(**{**usual, **own})


def quoted(name: str) -> str:
    """Return the name of a metric as a formula has it."""
    doubled = name.replace('"', '""')
    return f'"{doubled}"'
