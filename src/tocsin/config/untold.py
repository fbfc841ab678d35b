"""The built-in alarms where no document says anything of them, written out.

They are those that `build_builtin.standard` makes: a test holds the two together. But
that one loads the shapes of documents, which takes longer than all else that a person
waits for who just wants to see a log.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from tocsin.config.alarm_values import RuleConfig, SupportConfig
from tocsin.config.values import (
    SECOND,
    SELF,
    AlarmConfig,
    BuiltinConfig,
    MessagesConfig,
    MetricConfig,
    SourceConfig,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tocsin.config.values import Config

_OWN = "tocsin: "
_STEP = 10 * SECOND
_WHILE = 300 * SECOND
_MISHAPS = (
    ("parse_failures", "unread", "parse failures", "not read"),
    ("late_lines", "late", "late lines", "late"),
    ("future_lines", "future", "future lines", "in the future"),
)
_SHARES = MessagesConfig(
    alarm="{{ alarm }} ring - {{ count }} lines, {% if value is number %}"
    "{{ value | round(1) }}{% else %}no value{% endif %} %, at {{ time }}",
    recovery="{{ alarm }} are over - {{ count }} lines, at {{ time }}",
)
_LIVE = (
    ("source_behind", "behind", "stream", 60.0, "warning", "{{ value }} s"),
    ("source_gone", "gone", "path", 0.0, "error", "for {{ value }} s"),
)


def untold(config: Config) -> Config:
    """Return a configuration that is in no document with its built-in alarms.

    None of its metrics has keys: there is no limit to tell of.
    """
    sources = [source.name for source in config.sources]
    made = [_share(source, *mishap) for mishap in _MISHAPS for source in sources]
    live = list(_of_files())
    ours = SourceConfig(name=SELF, path=(), lateness=0, amend_for=0)
    return replace(
        config,
        builtin=BuiltinConfig(
            metrics=tuple(metric for metric, _ in made),
            alarms=tuple(alarm for _, alarm in made),
        ),
        live=BuiltinConfig(
            sources=(ours,),
            metrics=tuple(metric for metric, _ in live),
            alarms=tuple(alarm for _, alarm in live),
        ),
    )


def _share(
    source: str, label: str, mishap: str, called: str, measured: str
) -> tuple[MetricConfig, AlarmConfig]:
    """Return the metric and the alarm of what befalls the lines of a source."""
    metric = MetricConfig(
        name=f"{_OWN}percent of the lines {measured}, in {source}",
        type="SHARE",
        source=source,
        period=_WHILE,
        every=_STEP,
        group_by=("source",),
        mishap=mishap,
    )
    rule = RuleConfig(
        level="warning", threshold=1.0, recovery_threshold=0.5, min_samples=10
    )
    alarm = AlarmConfig(
        name=f"{_OWN}{called} in {source}",
        metric=metric.name,
        threshold=rule.threshold,
        recovery_threshold=rule.recovery_threshold,
        level=rule.level,
        messages=_SHARES,
        labels={"builtin": label},
        rules=(rule,),
        no_data="ok",
        support=SupportConfig(evidence=5),
    )
    return metric, alarm


def _of_files() -> Iterator[tuple[MetricConfig, AlarmConfig]]:
    """Yield the metrics and alarms of how sources are read."""
    for label, field, key, threshold, level, value in _LIVE:
        metric = MetricConfig(
            name=f"{_OWN}seconds {field}",
            type="MAX",
            source=SELF,
            field=field,
            period=_STEP,
            every=_STEP,
            group_by=("source", key),
        )
        rule = RuleConfig(
            level=level, threshold=threshold, recovery_threshold=threshold, for_=_WHILE
        )
        messages = MessagesConfig(
            alarm=f"{{{{ alarm }}}} - {value}, triggered at {{{{ time }}}}",
            recovery="{{ alarm }} no more, at {{ time }}",
        )
        alarm = AlarmConfig(
            name=f"{_OWN}{{{key}}} is {field}",
            metric=metric.name,
            threshold=rule.threshold,
            recovery_threshold=rule.recovery_threshold,
            level=rule.level,
            messages=messages,
            labels={"builtin": label},
            rules=(rule,),
            support=SupportConfig(evidence=1),
        )
        yield metric, alarm
