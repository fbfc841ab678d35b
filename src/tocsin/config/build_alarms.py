"""Alarms: what they watch, and conditions of alarm and recovery that never meet."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tocsin.config.models import MessagesPart
from tocsin.config.problems import did_you_mean, show
from tocsin.config.templates import check_template
from tocsin.config.values import AlarmConfig, MessagesConfig
from tocsin.config.wording import read_part

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tocsin.config.document import Path
    from tocsin.config.models import AlarmPart
    from tocsin.config.problems import Problems
    from tocsin.config.sections import Sections

_NEGATION = {">": "<=", ">=": "<", "<": ">=", "<=": ">", "==": "!=", "!=": "=="}
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
        if part.metric not in known:
            hint = did_you_mean(part.metric, known, what="metrics")
            way = (*path, "metric")
            problems.expected(way, "the name of a metric", part.metric, hint)
        if part.metric in keys:
            _check_name(part.name, keys[part.metric], path, problems)
            _check_own(messages, keys[part.metric], path, problems)
    users = [(messages, keys.get(part.metric)) for part, _, messages in found]
    _check_shared(sections, users, problems)
    shared = sections.messages
    return tuple(
        _alarm(part, path, _joined(messages, shared), problems)
        for part, path, messages in found
    )


def _messages(part: AlarmPart, path: Path, problems: Problems) -> MessagesPart:
    way = (*path, "messages")
    return read_part(MessagesPart, part.messages, way, problems) or MessagesPart()


def _joined(own: MessagesPart, shared: MessagesPart) -> MessagesConfig:
    return MessagesConfig(
        alarm=own.alarm if own.alarm is not None else shared.alarm,
        recovery=own.recovery if own.recovery is not None else shared.recovery,
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
    for event, text in sections.messages.model_dump(exclude_none=True).items():
        keys = [
            set(fields)
            for messages, fields in users
            if fields is not None and getattr(messages, event) is None
        ]
        fields = set.intersection(*keys) if keys else set[str]()
        way = (*sections.paths.get("messages", ("messages",)), event)
        check_template(text, fields, way, problems)


def _alarm(
    part: AlarmPart, path: Path, messages: MessagesConfig, problems: Problems
) -> AlarmConfig:
    operator = part.operator if part.operator != "=" else "=="
    recovery = part.recovery_operator or _NEGATION[operator]
    recovery = recovery if recovery != "=" else "=="
    threshold, calm = part.threshold, part.recovery_threshold
    calm = threshold if calm is None else calm
    if both_hold(operator, threshold, recovery, calm):
        _refuse_recovery(part, path, problems)
    return AlarmConfig(
        name=part.name,
        metric=part.metric,
        operator=operator,
        threshold=threshold,
        recovery_operator=recovery,
        recovery_threshold=calm,
        data_points_alarm=part.data_points_alarm,
        data_points_recovery=part.data_points_recovery,
        level=part.level,
        messages=messages,
        labels=part.labels,
        runbook=part.runbook or "",
    )


def _refuse_recovery(part: AlarmPart, path: Path, problems: Problems) -> None:
    rings = f"value {part.operator} {show(part.threshold)}"
    if part.recovery_operator is not None:
        message = f"some values would ring ({rings}) and recover at once"
        problems.add(
            (*path, "recovery_operator"), message, "the two must exclude each other"
        )
        return
    side = {">": "at most", ">=": "at most", "<": "at least", "<=": "at least"}
    wanted = f"{side.get(part.operator, 'exactly')} {show(part.threshold)}"
    hint = f"the alarm rings while {rings}, and recovers on the other side of it"
    problems.expected(
        (*path, "recovery_threshold"), wanted, part.recovery_threshold, hint
    )


def both_hold(alarm: str, threshold: float, recovery: str, calm: float) -> bool:
    """Say whether any value satisfies both conditions."""
    if alarm == "==":
        return _holds(threshold, recovery, calm)
    if recovery == "==":
        return _holds(calm, alarm, threshold)
    if "!=" in (alarm, recovery):
        return True  # each of the two leaves room for endlessly many values
    if alarm[0] == recovery[0]:
        return True  # two rays that point the same way
    low, high = (threshold, calm) if alarm[0] == ">" else (calm, threshold)
    touching = alarm.endswith("=") and recovery.endswith("=")
    return low < high or (low == high and touching)


def _holds(value: float, operator: str, threshold: float) -> bool:
    return {
        ">": value > threshold,
        ">=": value >= threshold,
        "<": value < threshold,
        "<=": value <= threshold,
        "==": value == threshold,
        "!=": value != threshold,
    }[operator]
