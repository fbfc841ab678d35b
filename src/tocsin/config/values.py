"""What a configuration comes to: frozen values, checked, in our own units.

Durations and periods are whole microseconds. Importing this module loads no parser,
so that worker processes can hold these values cheaply.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from msgspec import Struct, field
from msgspec.structs import replace

from tocsin.config.alarm_values import AlarmConfig, MessagesConfig
from tocsin.config.graph import in_order
from tocsin.config.known import Known
from tocsin.config.notify_values import NotifyConfig
from tocsin.config.state_values import StateConfig

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from tocsin.config.enrich_values import EnrichConfig
    from tocsin.config.intake_values import IntakeConfig
    from tocsin.config.rabbit_values import RabbitConfig
    from tocsin.model.expression import Expression
    from tocsin.model.message import FieldType

Named = TypeVar("Named", "SourceConfig", "MetricConfig | CalculatedMetricConfig")

__all__ = [
    "DEFAULT_PATH",
    "SECOND",
    "SELF",
    "AlarmConfig",
    "CalculatedMetricConfig",
    "ChannelConfig",
    "Config",
    "ConsumerConfig",
    "FormatConfig",
    "MaskingConfig",
    "MessagesConfig",
    "MetricConfig",
    "MultilineConfig",
    "NotifyConfig",
    "ReportConfig",
    "SourceConfig",
    "StateConfig",
]

SECOND = 1_000_000
SELF = "tocsin: sources"
"""The source whose events say how the others stand: there is one in a live run."""
DEFAULT_PATH = "/tmp/access.log"  # noqa: S108  (named by the original description)


class MultilineConfig(Struct, frozen=True, kw_only=True):
    """Which lines belong to the event of a line before them; regular expressions.

    One of `starts_with` and `continues_with` is given. Of an event, `max_lines` lines
    and `max_bytes` bytes are kept; the last is waited for, for `wait`.
    """

    starts_with: str = ""
    continues_with: str = ""
    max_lines: int = 500
    max_bytes: int = 65_536
    wait: int = SECOND


class FormatConfig(Struct, frozen=True, kw_only=True):
    """How the lines of a source are read.

    `type` is the name of a built-in or a plugin's format; or `pattern`, `log_format`,
    `regex` or `grok`: then `text` is what the user wrote. `columns`, `header` and
    `delimiter` are for csv; None leaves the choice to it. `fields` gives types to
    fields that the format would take for text, `derive` adds fields.
    """

    name: str = "auto"
    type: str = "auto"
    columns: tuple[str, ...] | None = None
    header: bool | None = None
    delimiter: str | None = None
    time_field: str | None = None
    time_format: str | None = None
    fields: Mapping[str, FieldType] = field(default_factory=dict)
    text: str = ""
    derive: Mapping[str, Expression] = field(default_factory=dict)
    multiline: MultilineConfig | None = None


class SourceConfig(Struct, frozen=True, kw_only=True):
    """Where lines come from, and how time is judged.

    They are in files by path, glob pattern or folder, unless there is an `intake`.
    """

    name: str = "default"
    path: tuple[str, ...] = (DEFAULT_PATH,)
    format: FormatConfig = FormatConfig()
    enrich: EnrichConfig | None = None
    timezone: str = "UTC"
    lateness: int = 5 * SECOND
    amend_for: int = 300 * SECOND
    future_skew: int = 300 * SECOND
    intake: IntakeConfig | None = None

    @property
    def places(self) -> tuple[str, ...]:
        """Where it is read, in words that change when that does."""
        return self.path if self.intake is None else (self.intake.place,)


class MetricConfig(Known, frozen=True, kw_only=True):
    """A number measured from events, per window and per key.

    `type` is upper case: COUNT, RATE, SUM, AVG, MIN, MAX, STDDEV, DISTINCT or a
    percentile such as P99.9. `field` is None only for COUNT and RATE.

    With `offset`, a window holds the events of so long ago. The `expected` keys (JSON)
    are there from the first event of the source on. With `unseen_for`, only events
    whose key had none for so long before are counted. One of a `mishap` counts lines
    that something befell, and no events.
    """

    later = frozenset({"offset", "expected", "unseen_for", "mishap"})
    aside = frozenset({"quiet"})

    name: str
    type: str = "COUNT"
    source: str = "default"
    field: str | None = None
    period: int
    every: int
    where: Expression | None = None
    group_by: tuple[str, ...] = ()
    limit: int = 10_000
    offset: int = 0
    expected: tuple[str, ...] = ()
    unseen_for: int = 0
    mishap: str = ""
    quiet: bool = False
    """Whether it is measured for others only, and has no datapoints of its own."""


class CalculatedMetricConfig(Known, frozen=True, kw_only=True):
    """A number computed from other metrics.

    Either `aggregate` over the datapoints of `input_metrics` whose end lies in
    `(end - period, end]`, or `formula` over the latest value of each input.
    `min_samples` says how many events an input's datapoint must stand for. Or it is the
    state of `alarm`, 0 or 1, which is on its one input. Of what is `hidden`, no
    datapoints are shown.
    """

    aside = frozenset({"alarm", "hidden"})

    name: str
    input_metrics: tuple[str, ...]
    period: int
    every: int
    aggregate: str | None = None
    formula: Expression | None = None
    min_samples: Mapping[str, int] = field(default_factory=dict)
    alarm: str = ""
    hidden: bool = False


class ConsumerConfig(Struct, frozen=True, kw_only=True):
    """A plugin that sees the events of a source and reports by period.

    `type` is a dotted path (`tocsin.plugins.SectionLoad`) or an entry point's name.
    Strings in `options` that were written as `file:` are `Secret`s.
    """

    name: str
    type: str
    period: int
    source: str = "default"
    options: Mapping[str, Any] = field(default_factory=dict)


class ChannelConfig(Struct, frozen=True, kw_only=True):
    """A way to people: its `type` and what that needs.

    `options` are those of the type's class in `tocsin.channels`: durations in
    microseconds, whatever is secret as `Secret`s. `tocsin.channels.registry` makes it.
    """

    name: str
    type: str
    options: Mapping[str, Any] = field(default_factory=dict)


class MaskingConfig(Struct, frozen=True, kw_only=True):
    """What of log lines is masked before they leave; `rules` are patterns and texts."""

    addresses: bool = True
    emails: bool = True
    tokens: bool = True
    rules: tuple[tuple[str, str], ...] = ()


class ReportConfig(Struct, frozen=True, kw_only=True):
    """The statistics of the screen: how often, and how many rows of each list."""

    every: int = 10 * SECOND
    top: int = 10


class BuiltinConfig(Struct, frozen=True, kw_only=True):
    """What is there beside what a user writes: alarms, and what they are made of."""

    sources: tuple[SourceConfig, ...] = ()
    metrics: tuple[MetricConfig, ...] = ()
    alarms: tuple[AlarmConfig, ...] = ()

    def __add__(self, other: BuiltinConfig) -> BuiltinConfig:
        return BuiltinConfig(
            sources=self.sources + other.sources,
            metrics=self.metrics + other.metrics,
            alarms=self.alarms + other.alarms,
        )


class Config(Struct, frozen=True, kw_only=True):
    """One checked configuration: every name in it means something."""

    sources: tuple[SourceConfig, ...] = (SourceConfig(),)
    formats: tuple[FormatConfig, ...] = ()
    metrics: tuple[MetricConfig, ...] = ()
    calculated_metrics: tuple[CalculatedMetricConfig, ...] = ()
    alarms: tuple[AlarmConfig, ...] = ()
    raw_log_consumers: tuple[ConsumerConfig, ...] = ()
    channels: tuple[ChannelConfig, ...] = ()
    masking: MaskingConfig = MaskingConfig()
    rabbitmq: RabbitConfig | None = None
    notify: NotifyConfig = field(default_factory=NotifyConfig)
    report: ReportConfig = ReportConfig()
    state: StateConfig = field(default_factory=StateConfig)
    messages: MessagesConfig = field(default_factory=MessagesConfig)
    base: Path | None = None
    """The folder that relative paths start from; None when there is no file."""
    hidden: frozenset[str] = frozenset()
    """Metrics that alarms are made of: their datapoints are not shown."""
    builtin: BuiltinConfig = BuiltinConfig()
    live: BuiltinConfig = BuiltinConfig()
    """The same for a live run alone: see `watched`."""

    def watched(self) -> Config:
        """Return the configuration of a live run, which looks at its own sources."""
        return replace(self, builtin=self.builtin + self.live, live=BuiltinConfig())

    def whole(self) -> Config:
        """Return the configuration with all that is built in among the rest."""
        own = self.builtin
        return replace(
            self,
            sources=self.sources + own.sources,
            metrics=self.metrics + own.metrics,
            alarms=self.alarms + own.alarms,
            hidden=self.hidden | {m.name for m in own.metrics},
            builtin=BuiltinConfig(),
        )

    def source(self, name: str) -> SourceConfig:
        """Return the source of that name. Raises KeyError."""
        return _by_name(self.sources, name)

    def metric(self, name: str) -> MetricConfig | CalculatedMetricConfig:
        """Return the measured or calculated metric of that name. Raises KeyError."""
        found: list[MetricConfig | CalculatedMetricConfig] = [*self.metrics]
        found += self.calculated_metrics
        return _by_name(found, name)

    def key_fields(self, metric: str) -> tuple[str, ...]:
        """Return the fields of the key of a metric's datapoints. Raises KeyError.

        A calculated metric has those of its input with the most; the others are
        broadcast over it.
        """
        return self.keys()[metric]

    def keys(self) -> dict[str, tuple[str, ...]]:
        """Return the key fields of every metric, by its name."""
        keys = {m.name: m.group_by for m in self.metrics}
        for calculated in self.calculated_in_order():
            inputs = (keys[name] for name in calculated.input_metrics)
            keys[calculated.name] = max(inputs, key=len)
        return keys

    def calculated_in_order(self) -> tuple[CalculatedMetricConfig, ...]:
        """Return calculated metrics, each after all of its inputs; else as written."""
        by_name = {c.name: c for c in self.calculated_metrics}
        inputs = {name: c.input_metrics for name, c in by_name.items()}
        return tuple(by_name[name] for name in in_order(inputs))


def _by_name(values: Iterable[Named], name: str) -> Named:
    for value in values:
        if value.name == name:
            return value
    raise KeyError(name)
