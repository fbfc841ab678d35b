"""Alarms: what they watch, and conditions of alarm and recovery that never meet."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec.structs import replace

from tocsin.config.alarm_models import MessagesPart
from tocsin.config.alarm_values import SupportConfig
from tocsin.config.build_rules import RuleReader
from tocsin.config.problems import did_you_mean
from tocsin.config.templates import check_template
from tocsin.config.values import AlarmConfig, MessagesConfig
from tocsin.config.wording import read_part

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tocsin.config.alarm_models import AlarmPart
    from tocsin.config.alarm_values import RuleConfig
    from tocsin.config.document import Path
    from tocsin.config.problems import Problems
    from tocsin.config.sections import Sections

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


def build_alarms(
    sections: Sections, keys: Mapping[str, tuple[str, ...]], problems: Problems
) -> tuple[AlarmConfig, ...]:
    """Return the alarms. `keys` has the key fields of every sound metric."""
    known = sections.metrics.names | sections.calculated_metrics.names
    found = [
        (part, path, _messages(part, path, problems))
        for path, part in sections.alarms.parts
    ]
    for part, path, messages in found:
        if part.metric not in known and "metric" not in problems.flawed.get(path, ()):
            hint = did_you_mean(part.metric, known, what="metrics")
            way = (*path, "metric")
            problems.expected(way, "the name of a metric", part.metric, hint)
        if part.metric in keys:
            _check_keys(part, keys[part.metric], path, problems)
            _check_name(part.name, keys[part.metric], path, problems)
            _check_own(messages, keys[part.metric], path, problems)
    users = [(messages, keys.get(part.metric)) for part, _, messages in found]
    _check_shared(sections, users, problems)
    shared = _shared(sections)
    alarms = (
        _alarm(
            part,
            path,
            _joined(part, messages, shared),
            keys.get(part.metric),
            problems,
        )
        for part, path, messages in found
    )
    return tuple(alarm for alarm in alarms if alarm is not None)


def _messages(part: AlarmPart, path: Path, problems: Problems) -> MessagesPart:
    way = (*path, "messages")
    return (
        read_part(MessagesPart, part.messages, way, problems)
        or MessagesPart.model_construct()
    )


def _shared(sections: Sections) -> MessagesPart:
    return sections.messages or MessagesPart.model_construct()


def _joined(part: AlarmPart, own: MessagesPart, shared: MessagesPart) -> MessagesConfig:
    """Return the sentences of an alarm: its own, else those of all, else its kind's."""
    rings, over = part.said()
    return MessagesConfig(
        alarm=next((t for t in (own.alarm, shared.alarm, rings or None) if t), None),
        recovery=next(
            (t for t in (own.recovery, shared.recovery, over or None) if t), None
        ),
    )


def _check_name(
    name: str, fields: tuple[str, ...], path: Path, problems: Problems
) -> None:
    for match in _PLACEHOLDER.finditer(name):
        if match[1] not in fields:
            hint = did_you_mean(match[1], fields, what="fields") or (
                "the metric has no group_by, so its alarm has no fields to name"
            )
            problems.add((*path, "name"), f"'{match[0]}' is no field of the key", hint)
    if re.search(r"[{}]", _PLACEHOLDER.sub("", name)):
        problems.expected((*path, "name"), "braces in pairs", name)


def _check_own(
    messages: MessagesPart, fields: tuple[str, ...], path: Path, problems: Problems
) -> None:
    for event, text in messages.model_dump(exclude_none=True).items():
        check_template(text, fields, (*path, "messages", event), problems)


def _check_shared(
    sections: Sections,
    users: list[tuple[MessagesPart, tuple[str, ...] | None]],
    problems: Problems,
) -> None:
    """Check the templates for all alarms by the fields that all of their users have."""
    shared = _shared(sections)
    for event, text in shared.model_dump(exclude_none=True).items():
        keys = [
            set(fields)
            for messages, fields in users
            if fields is not None and getattr(messages, event) is None
        ]
        fields = set.intersection(*keys) if keys else set[str]()
        way = (*sections.paths.get("messages", ("messages",)), event)
        check_template(text, fields, way, problems)


def _alarm(
    part: AlarmPart,
    path: Path,
    messages: MessagesConfig,
    fields: tuple[str, ...] | None,
    problems: Problems,
) -> AlarmConfig | None:
    reader = RuleReader(part, path, problems)
    rules = reader.rules()
    if not rules:
        return None
    worst = rules[-1]
    alarm = AlarmConfig(
        name=part.name,
        metric=part.metric,
        operator=reader.sides.rings,
        threshold=worst.threshold,
        recovery_operator=reader.sides.recovers,
        recovery_threshold=worst.recovery_threshold,
        data_points_alarm=worst.data_points_alarm,
        data_points_recovery=worst.data_points_recovery,
        level=worst.level,
        messages=messages,
        labels=part.labels,
        runbook=part.runbook or "",
        overrides=() if fields is None else reader.overrides(fields),
        new_key_delay=part.new_key_delay or 0,
        expire=part.expire or 0,
        no_data=part.no_data,
        no_data_for=part.no_data_for or 0,
        no_data_level=_no_data_level(part, rules),
        support=SupportConfig(
            evidence=part.evidence, contributors=tuple(dict.fromkeys(part.contributors))
        ),
    )
    return alarm if alarm.levels == rules else replace(alarm, rules=rules)


def _no_data_level(part: AlarmPart, rules: tuple[RuleConfig, ...]) -> str:
    if part.no_data != "alarm":
        return ""
    return part.no_data_level or rules[-1].level


def _check_keys(
    part: AlarmPart, fields: tuple[str, ...], path: Path, problems: Problems
) -> None:
    """Check what means something for a metric with several keys only, or with no data."""
    for key in ("new_key_delay", "expire"):
        if getattr(part, key) is not None and not fields:
            hint = "it is about keys, and the metric has no group_by"
            problems.add((*path, key), "means nothing here", hint)
    for key in ("no_data_for", "no_data_level"):
        needs = ("ok", "show", "alarm") if key == "no_data_for" else ("alarm",)
        if getattr(part, key) is not None and part.no_data not in needs:
            hint = f"add no_data: {needs[-1]}"
            problems.add(
                (*path, key), f"means nothing with no_data: {part.no_data}", hint
            )
