"""The built-in alarms where nothing is said of them, written out.

They are those that `build_builtin` makes: a test holds the two together. But that one
loads the shapes of documents, which takes longer than all else that a person waits for
who just wants to see a log.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from tocsin.config.alarm_values import RuleConfig, SupportConfig
from tocsin.config.builtin_metrics import (
    LIVE,
    MISHAPS,
    OURS,
    STEP,
    WHILE,
    Builtin,
    called,
    share,
    shared_keys,
    standing,
    twice_a_slice,
)
from tocsin.config.values import (
    AlarmConfig,
    BuiltinConfig,
    MessagesConfig,
    MetricConfig,
    SourceConfig,
)

if TYPE_CHECKING:
    from tocsin.config.values import Config

_SHARES = MessagesConfig(
    alarm="{{ alarm }} ring - {{ count }} lines, {% if value is number %}"
    "{{ value | round(1) }}{% else %}no value{% endif %} %, at {{ time }}",
    recovery="{{ alarm }} are over - {{ count }} lines, at {{ time }}",
)
_LIMITS = MessagesConfig(
    alarm="{{ alarm }} is reached - {{ count }} events share __other__, at {{ time }}",
    recovery="{{ alarm }} is kept again - no event shares __other__, at {{ time }}",
)
_STANDS = {
    "source_behind": (60.0, "warning", "{{ value }} s"),
    "source_gone": (0.0, "error", "for {{ value }} s"),
}


def untold(config: Config) -> Config:
    """Return a configuration that is in no document with its built-in alarms."""
    made = written_out(config.sources, config.metrics)
    return replace(config, builtin=made.always, live=made.live)


def written_out(
    sources: tuple[SourceConfig, ...], metrics: tuple[MetricConfig, ...]
) -> Builtin:
    """Return the built-in alarms of sources and metrics, and what they are on."""
    made = [_share(name, source.name) for name in MISHAPS for source in sources]
    made += [
        _key_limit(source.name, least)
        for source in sources
        if (least := twice_a_slice(metrics, source.name))
    ]
    live = [_standing(name) for name in LIVE]
    return Builtin(
        BuiltinConfig(
            metrics=tuple(metric for metric, _ in made),
            alarms=tuple(alarm for _, alarm in made),
        ),
        BuiltinConfig(
            sources=(OURS,),
            metrics=tuple(metric for metric, _ in live),
            alarms=tuple(alarm for _, alarm in live),
        ),
    )


def _share(name: str, source: str) -> tuple[MetricConfig, AlarmConfig]:
    """Return the metric and the alarm of what befalls the lines of a source."""
    metric = share(name, source, WHILE)
    rule = RuleConfig(
        level="warning", threshold=1.0, recovery_threshold=0.5, min_samples=10
    )
    alarm = AlarmConfig(
        name=called(name, source),
        metric=metric.name,
        threshold=rule.threshold,
        recovery_threshold=rule.recovery_threshold,
        level=rule.level,
        messages=_SHARES,
        labels={"builtin": name},
        rules=(rule,),
        no_data="ok",
        support=SupportConfig(evidence=5),
    )
    return metric, alarm


def _key_limit(source: str, least: int) -> tuple[MetricConfig, AlarmConfig]:
    """Return the metric and the alarm of keys of a source for which there is no room."""
    metric = shared_keys(source, max(WHILE, least))
    alarm = AlarmConfig(
        name=called("key_limit", source),
        metric=metric.name,
        threshold=0.0,
        recovery_threshold=0.0,
        level="warning",
        messages=_LIMITS,
        labels={"builtin": "key_limit"},
        support=SupportConfig(evidence=5),
    )
    return metric, alarm


def _standing(name: str) -> tuple[MetricConfig, AlarmConfig]:
    """Return the metric and the alarm of how sources are read."""
    threshold, level, value = _STANDS[name]
    metric = standing(name, STEP)
    rule = RuleConfig(
        level=level, threshold=threshold, recovery_threshold=threshold, for_=WHILE
    )
    messages = MessagesConfig(
        alarm=f"{{{{ alarm }}}} - {value}, triggered at {{{{ time }}}}",
        recovery="{{ alarm }} no more, at {{ time }}",
    )
    alarm = AlarmConfig(
        name=called(name),
        metric=metric.name,
        threshold=rule.threshold,
        recovery_threshold=rule.recovery_threshold,
        level=rule.level,
        messages=messages,
        labels={"builtin": name},
        rules=(rule,),
        support=SupportConfig(evidence=1),
    )
    return metric, alarm
