"""Routes, silences, schedules and all else about notifications: every name is one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from msgspec.structs import replace

from tocsin.config.build_routes import build_routes
from tocsin.config.notify_labels import Known, check_match, check_names
from tocsin.config.notify_values import (
    CapConfig,
    DowntimeConfig,
    FlappingConfig,
    HeartbeatConfig,
    InhibitConfig,
    NotifyConfig,
    SilenceConfig,
)
from tocsin.config.problems import did_you_mean
from tocsin.model.schedule import Period, Schedule

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from tocsin.config.document import Path
    from tocsin.config.notify_models import (
        DowntimePart,
        NotificationsPart,
        SchedulePart,
    )
    from tocsin.config.part import Part
    from tocsin.config.problems import Problems
    from tocsin.config.sections import Sections


def build_notify(
    sections: Sections,
    keys: Mapping[str, tuple[str, ...]],
    own: frozenset[str],
    problems: Problems,
) -> NotifyConfig:
    """Return what the sections about notifications come to.

    `keys` has the key fields of every sound metric, `own` the labels of built-in alarms.
    """
    labels = _labels(sections, keys, problems.flawed)
    known = Known(
        sections.channels.names,
        sections.schedules.names,
        labels | own if labels else labels,
    )
    made = NotifyConfig(
        routes=build_routes(sections.routes.parts, known, problems),
        inhibit=_inhibitions(sections, known, problems),
        silences=_silences(sections, known, problems),
        schedules=tuple(_schedule(part) for _, part in sections.schedules.parts),
        downtimes=_downtimes(sections, known, problems),
    )
    general, way = sections.notifications, sections.path("notifications")
    if general is None:
        return made
    return replace(
        made,
        max_age=general.max_age,
        flapping=FlappingConfig(**general.flapping.model_dump()),
        cap=_shared_cap(general),
        caps=_caps(general, way, known, problems),
        heartbeat=_heartbeat(general, way, sections, known, problems),
    )


def _labels(
    sections: Sections, keys: Mapping[str, tuple[str, ...]], flawed: Collection[Path]
) -> frozenset[str]:
    """Return the labels that alarms have; none where that cannot be told."""
    alarms = [part for _, part in sections.alarms.parts]
    sound = all(alarm.metric in keys for alarm in alarms)
    if not alarms or not sound or len(alarms) < len(sections.alarms.names):
        return frozenset()
    if any(path in flawed for path, _ in sections.alarms.parts):
        return frozenset()
    fields = {name for alarm in alarms for name in keys[alarm.metric]}
    own = {name for alarm in alarms for name in alarm.labels}
    return frozenset({"alarm", "level", *fields, *own, *(f"key.{f}" for f in fields)})


def _inhibitions(
    sections: Sections, known: Known, problems: Problems
) -> tuple[InhibitConfig, ...]:
    for path, part in sections.inhibit.parts:
        check_match(part.source, (*path, "source"), known.labels, problems)
        check_match(part.target, (*path, "target"), known.labels, problems)
        check_names(part.equal, (*path, "equal"), known.labels, "labels", problems)
    return tuple(
        InhibitConfig(source=p.source, target=p.target, equal=p.equal)
        for _, p in sections.inhibit.parts
    )


def _silences(
    sections: Sections, known: Known, problems: Problems
) -> tuple[SilenceConfig, ...]:
    found: list[SilenceConfig] = []
    for path, part in sections.silences.parts:
        check_match(part.match, (*path, "match"), known.labels, problems)
        start = _instant(part.start, part.timezone, (*path, "start"), problems)
        end = _instant(part.end, part.timezone, (*path, "end"), problems)
        _check_order(start, end, part.end, path, problems)
        found.append(
            SilenceConfig(
                match=part.match,
                start=start or 0,
                end=end or 0,
                author=part.author,
                comment=part.comment,
            )
        )
    return tuple(found)


def _downtimes(
    sections: Sections, known: Known, problems: Problems
) -> tuple[DowntimeConfig, ...]:
    return tuple(
        _downtime(part, path, known, problems)
        for path, part in sections.downtimes.parts
    )


def _downtime(
    part: DowntimePart, path: Path, known: Known, problems: Problems
) -> DowntimeConfig:
    check_match(part.match, (*path, "match"), known.labels, problems)
    if part.schedule is not None:
        names = (part.schedule,)
        check_names(names, (*path, "schedule"), known.schedules, "schedules", problems)
    elif part.end is None and path not in problems.flawed:
        hint = "add start: and end:, or schedule: with the name of one"
        problems.add(path, "it never ends", hint)
    start = _instant(part.start, part.timezone, (*path, "start"), problems)
    end = _instant(part.end, part.timezone, (*path, "end"), problems)
    _check_order(start, end, part.end, path, problems)
    return DowntimeConfig(
        name=part.name,
        match=part.match,
        start=start,
        end=end,
        schedule=part.schedule,
        comment=part.comment,
    )


def _instant(
    text: str | None, timezone: str, path: Path, problems: Problems
) -> int | None:
    """Return the seconds of an ISO 8601 text, in a time zone if it names no offset."""
    if text is None:
        return None
    from zoneinfo import ZoneInfo  # noqa: PLC0415

    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        hint = "write it as 2026-11-22T18:00, or with an offset, 2026-11-22T18:00+01:00"
        problems.expected(path, "an instant", text, hint)
        return None
    zone = UTC if timezone == "UTC" else ZoneInfo(timezone)
    aware = found if found.tzinfo else found.replace(tzinfo=zone)
    return int(aware.timestamp())


def _check_order(
    start: int | None, end: int | None, text: str | None, path: Path, problems: Problems
) -> None:
    if start is not None and end is not None and end <= start:
        problems.expected((*path, "end"), "an instant after its start", text)


def _schedule(part: SchedulePart) -> Schedule:
    periods = tuple(Period(**p.model_dump()) for p in part.periods)
    return Schedule(
        name=part.name, timezone=part.timezone, periods=periods or (Period(),)
    )


def _shared_cap(part: NotificationsPart) -> CapConfig:
    for cap in part.caps:
        if cap.channel is None:
            return CapConfig(messages=cap.messages, per=cap.per)
    return CapConfig()


def _heartbeat(
    general: NotificationsPart,
    way: Path,
    sections: Sections,
    known: Known,
    problems: Problems,
) -> HeartbeatConfig | None:
    part = general.heartbeat
    if part is None:
        return None
    path = (*way, "heartbeat", "channels")
    check_names(part.channels, path, known.channels, "channels", problems)
    for _, channel in sections.channels.parts:
        if channel.name in part.channels and _goes_by_labels(channel):
            text = f"labels say to whom {channel.name!r} goes: a sign of life has none"
            hint = "add an address without {{ }} to its to:, or name another channel"
            problems.add(path, text, hint)
    return HeartbeatConfig(channels=tuple(part.channels), every=part.every)


def _goes_by_labels(part: Part) -> bool:
    """Whether all whom a channel tells are found by labels of alerts."""
    from tocsin.config.channel_models import EmailPart  # noqa: PLC0415 - it is of these

    return isinstance(part, EmailPart) and all("{" in to for to in part.to)


def _caps(
    part: NotificationsPart, way: Path, known: Known, problems: Problems
) -> dict[str, CapConfig]:
    found: dict[str, CapConfig] = {}
    seen: set[str | None] = set()
    for number, cap in enumerate(part.caps):
        path = (*way, "caps", number)
        if cap.channel in seen:
            whose = "the other channels" if cap.channel is None else f"'{cap.channel}'"
            problems.add(path, f"a second cap of {whose}", "remove one")
        seen.add(cap.channel)
        if cap.channel is None:
            continue
        if cap.channel not in known.channels:
            hint = did_you_mean(cap.channel, known.channels, what="channels")
            wanted = "the name of a channel"
            problems.expected((*path, "channel"), wanted, cap.channel, hint)
        found[cap.channel] = CapConfig(messages=cap.messages, per=cap.per)
    return found
