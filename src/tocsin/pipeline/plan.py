"""The plan: a configuration, compiled to the frozen specs that every step takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tocsin.alarms.rules import AlarmSpec, ThresholdSpec
    from tocsin.metrics.series import SeriesPlan
    from tocsin.metrics.spec import CalculatedSpec, MetricSpec, TimeSpec
    from tocsin.model.message import FieldType

EVENTS = "_events"
"""The metric that counts all events of a source, whatever its name in a message."""


class Witness(Struct, frozen=True):
    """What supports the transitions of an alarm.

    `lines` of the window of `span` seconds, of the events that a `metric` counts; and
    `by` which quiet metrics they are counted by a field more.
    """

    metric: int
    span: int
    lines: int
    by: Mapping[str, int] = field(default_factory=dict)


class Shard(Struct, frozen=True, eq=False):
    """A connected set of metrics: the unit of state and of evaluation.

    Metrics are numbered over the whole plan. `calculated` is in topological order.
    """

    sources: tuple[str, ...]
    metrics: Mapping[int, MetricSpec]
    calculated: Mapping[int, CalculatedSpec]
    alarms: tuple[AlarmSpec, ...]
    series: SeriesPlan
    events: tuple[int, ...]
    """The numbers of the metrics that count all events of each source."""
    time: TimeSpec
    witnesses: Mapping[int, Witness] = field(default_factory=dict)
    """What supports the transitions of alarms, by their numbers here."""

    @property
    def rules(self) -> tuple[ThresholdSpec, ...]:
        """The rules of all alarms: what a state of alarms is about, by number."""
        return tuple(rule for alarm in self.alarms for rule in alarm.rules)

    def number(self, name: str) -> int:
        """Return the number of a metric of this shard."""
        for table in (self.metrics, self.calculated):
            for number, spec in table.items():
                if spec.name == name:
                    return number
        raise KeyError(name)

    def spec(self, number: int) -> MetricSpec | CalculatedSpec:
        """Return the spec of a metric by its number."""
        return self.metrics.get(number) or self.calculated[number]


class Templates(Struct, frozen=True):
    """The sentences of an alarm, as templates."""

    alarm: str
    recovery: str


class ConsumerSpec(Struct, frozen=True, eq=False):
    """A raw log consumer: where its class is found, and how long its period is (s)."""

    name: str
    type: str
    period: int
    source: str
    options: Mapping[str, object] = field(default_factory=dict)


class SourcePlan(Struct, frozen=True, eq=False):
    """What is done with the events of one source, wherever they are read.

    `fields` are what its metrics and consumers read of an event; `mishaps` are the
    metrics of lines that something befell.
    """

    name: str
    metrics: Sequence[tuple[int, MetricSpec]]
    consumers: Sequence[ConsumerSpec]
    fields: Mapping[str, FieldType | None]
    time: TimeSpec
    mishaps: Sequence[tuple[int, MetricSpec]] = ()


class SourcePrint(Struct, frozen=True):
    """What stands for a source: where it is, how its times and its fields are read.

    Where `clock` differs, its times are not the same; where `whole` does, it cannot be
    told whether its events are.
    """

    path: tuple[str, ...]
    clock: str
    whole: str


class Prints(Struct, frozen=True):
    """What stands for the definitions of a plan's parts, by name, apart from names."""

    sources: Mapping[str, SourcePrint] = field(default_factory=dict)
    metrics: Mapping[str, str] = field(default_factory=dict)
    inputs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    alarms: Mapping[str, str] = field(default_factory=dict)
    consumers: Mapping[str, str] = field(default_factory=dict)


class Plan(Struct, frozen=True, eq=False):
    """All that is to be done."""

    sources: Mapping[str, SourcePlan]
    shards: tuple[Shard, ...]
    templates: Mapping[str, Templates]
    """The sentences of each alarm, by its name."""
    fingerprints: Mapping[str, str] = field(default_factory=dict)
    """What stands for the definition of each alarm, by its name."""
    runbooks: Mapping[str, str] = field(default_factory=dict)
    """Where it stands what to do about an alarm, by its name."""
    definition: str = ""
    """What stands for all that a saved state depends on: metrics, alarms, times."""
    prints: Prints = field(default_factory=Prints)
    hidden: frozenset[str] = frozenset()
    """Metrics that no datapoint is shown of: those that other outputs are made from."""
    builtin: frozenset[str] = frozenset()
    """The alarms that are built in: screens show them when there is something to show."""
    own: frozenset[str] = frozenset()
    """The sources that are no logs of users: how theirs are read."""
