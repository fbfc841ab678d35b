"""From a document to a checked configuration, or to all of its problems at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tocsin.config.build_alarms import build_alarms
from tocsin.config.build_calculated import build_calculated
from tocsin.config.build_consumers import build_consumers
from tocsin.config.build_kinds import with_kinds
from tocsin.config.build_masking import build_masking
from tocsin.config.build_metrics import build_metrics
from tocsin.config.build_notify import build_notify
from tocsin.config.build_rabbit import build_rabbit
from tocsin.config.build_sources import MessageTypes, build_sources
from tocsin.config.build_state import build_state
from tocsin.config.builtin_metrics import OWN, Builtin
from tocsin.config.composites import with_composites
from tocsin.config.environment import substitute
from tocsin.config.problems import Problems
from tocsin.config.sections import Sections, check_unique, read_sections
from tocsin.config.support import with_fields
from tocsin.config.untold import written_out
from tocsin.config.values import (
    CalculatedMetricConfig,
    ChannelConfig,
    Config,
    MessagesConfig,
    MetricConfig,
    ReportConfig,
    SourceConfig,
)
from tocsin.model.discovery import look_in

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tocsin.config.document import Document
    from tocsin.config.part import Part


def build(
    document: Document,
    *,
    base: Path | None,
    message_types: MessageTypes | None,
    environ: Mapping[str, str],
) -> Config:
    """Return the configuration that a document describes.

    Raises:
        ConfigError: With every problem of the document.
    """
    problems = Problems(document)
    data = substitute(document.data, environ, problems)
    look_in(base)
    sections = with_kinds(read_sections(data, problems), problems, base)
    _check_names(sections, problems)
    sources = build_sources(sections, problems, message_types, base)
    metrics = build_metrics(sections, sources, problems, base)
    calculated = build_calculated(sections, metrics, problems)
    sections, calculated = with_composites(sections, metrics, calculated, problems)
    alarms = build_alarms(sections, _keys(metrics, calculated), problems)
    own = _builtin(sections, sources.configs, metrics, problems)
    consumers = build_consumers(sections, sources, problems, base)
    keys = {name for key in _keys(metrics, calculated).values() for name in key}
    names = keys | {label for alarm in alarms for label in alarm.labels} | own.labels
    channels = _channels(sections, sorted(names), problems, base)
    masking = build_masking(sections.masking, sections.path("masking"), problems)
    way = sections.path("rabbitmq")
    rabbitmq = build_rabbit(sections.rabbitmq, way, problems, base)
    notify = build_notify(sections, _keys(metrics, calculated), own.labels, problems)
    state = build_state(sections.state, sections.path("state"), problems, base)
    measured = Config(metrics=metrics, calculated_metrics=calculated)
    if not problems.flawed:
        alarms = with_fields(alarms, measured, sections, sources, problems)
    problems.raise_any()
    return Config(
        sources=sources.configs,
        formats=sources.formats,
        metrics=metrics,
        calculated_metrics=calculated,
        alarms=alarms,
        raw_log_consumers=consumers,
        channels=channels,
        masking=masking,
        rabbitmq=rabbitmq,
        notify=notify,
        state=state,
        report=ReportConfig(**_written(sections.report)),
        messages=MessagesConfig(**_written(sections.messages)),
        base=base,
        hidden=sections.hidden,
        builtin=own.always,
        live=own.live,
    )


def _builtin(
    sections: Sections,
    sources: tuple[SourceConfig, ...],
    metrics: tuple[MetricConfig, ...],
    problems: Problems,
) -> Builtin:
    if sections.builtin_alarms is True:
        return written_out(sources, metrics)
    from tocsin.config.build_builtin import build_builtin  # noqa: PLC0415 - if told of

    return build_builtin(sections, sources, metrics, problems)


def _channels(
    sections: Sections, names: Sequence[str], problems: Problems, base: Path | None
) -> tuple[ChannelConfig, ...]:
    if not sections.channels.parts:
        return ()
    from tocsin.config.build_channels import build_channels  # noqa: PLC0415 - if any

    return build_channels(sections.channels, names, problems, base)


def _written(part: Part | None) -> dict[str, Any]:
    """Return what is written in a section; of one that is not there, nothing."""
    return {} if part is None else part.model_dump()


def _check_names(sections: Sections, problems: Problems) -> None:
    metrics: dict[str, tuple[str | int, ...]] = {}
    check_unique(sections.metrics, metrics, problems)
    check_unique(sections.calculated_metrics, metrics, problems)
    check_unique(sections.sources, {}, problems)
    check_unique(sections.formats, {}, problems)
    check_unique(sections.alarms, {}, problems)
    check_unique(sections.raw_log_consumers, {}, problems)
    check_unique(sections.channels, {}, problems)
    check_unique(sections.schedules, {}, problems)
    check_unique(sections.downtimes, {}, problems)
    _check_reserved(sections, problems)


def _check_reserved(sections: Sections, problems: Problems) -> None:
    """Note names that only built-in alarms, and what they are made of, may have."""
    for section in (
        sections.sources,
        sections.metrics,
        sections.calculated_metrics,
        sections.alarms,
    ):
        for path, part in section.parts:
            if part.name.startswith(OWN.strip()):
                hint = "built-in alarms are called so: see builtin_alarms"
                wanted = f"a name that does not begin with '{OWN.strip()}'"
                problems.expected((*path, "name"), wanted, part.name, hint)


def _keys(
    metrics: tuple[MetricConfig, ...],
    calculated: tuple[CalculatedMetricConfig, ...],
) -> dict[str, tuple[str, ...]]:
    return Config(metrics=metrics, calculated_metrics=calculated).keys()
