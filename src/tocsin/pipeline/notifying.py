"""What a configuration says of notifications, for the room that makes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from tocsin.incidents.alerts import AlarmNotes
from tocsin.incidents.draft import NotifySpec
from tocsin.incidents.flapping import Flapping
from tocsin.incidents.meter import Cap
from tocsin.incidents.mute import Downtime, Inhibition, Silence, named
from tocsin.incidents.routes import Route
from tocsin.model.instant import SECOND

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tocsin.config.notify_values import (
        CapConfig,
        DowntimeConfig,
        RouteConfig,
        SilenceConfig,
    )
    from tocsin.config.values import Config
    from tocsin.model.schedule import Schedule

_REMEMBERED = 3600


def notify_spec(config: Config) -> NotifySpec:
    """Return who is told what. Without routes, every channel is told of everything."""
    notify = config.notify
    schedules = {s.name: s for s in notify.schedules}
    everybody = Route(id="/", channels=tuple(c.name for c in config.channels))
    routes = tuple(_route(r, schedules) for r in notify.routes)
    corrected = max((s.amend_for for s in config.sources), default=0) // SECOND
    flapping = notify.flapping
    return NotifySpec(
        routes=routes or (everybody,),
        inhibitions=tuple(
            Inhibition(source=i.source, target=i.target, equal=i.equal)
            for i in notify.inhibit
        ),
        silences=tuple(_silence(s) for s in notify.silences),
        downtimes=tuple(_downtime(d, schedules) for d in notify.downtimes),
        flapping=Flapping(
            changes=flapping.changes,
            within=flapping.within // SECOND,
            quiet=flapping.quiet // SECOND,
        ),
        cap=_cap(notify.cap),
        caps={name: _cap(cap) for name, cap in notify.caps.items()},
        max_age=notify.max_age // SECOND,
        remember=_REMEMBERED + corrected,
    )


def alarm_notes(config: Config) -> dict[str, AlarmNotes]:
    """Return what alerts say of their alarms, by the names of the alarms."""
    return {
        alarm.name: AlarmNotes(
            name=alarm.name,
            level=alarm.level,
            threshold=alarm.threshold,
            labels=alarm.labels,
            runbook=alarm.runbook,
            metric=alarm.metric,
        )
        for alarm in config.whole().alarms
    }


def _route(route: RouteConfig, schedules: Mapping[str, Schedule]) -> Route:
    return Route(
        id=route.id,
        match=route.match,
        channels=route.channels,
        group_by=route.group_by,
        group_wait=-(-route.group_wait // SECOND),
        group_interval=route.group_interval // SECOND,
        repeat_interval=route.repeat_interval // SECOND,
        repeat_backoff=route.repeat_backoff,
        repeat_cap=route.repeat_cap // SECOND,
        active=tuple(schedules[name] for name in route.active),
        mute=tuple(schedules[name] for name in route.mute),
        goes_on=route.goes_on,
        routes=tuple(_route(r, schedules) for r in route.routes),
    )


def _silence(silence: SilenceConfig) -> Silence:
    return named(
        Silence(
            match=silence.match,
            start=silence.start,
            end=silence.end,
            author=silence.author,
            comment=silence.comment,
        )
    )


def _downtime(downtime: DowntimeConfig, schedules: Mapping[str, Schedule]) -> Downtime:
    made = Downtime(
        name=downtime.name,
        match=downtime.match,
        start=downtime.start,
        end=downtime.end,
        comment=downtime.comment,
    )
    if downtime.schedule is None:
        return made
    return replace(made, schedule=schedules[downtime.schedule])


def _cap(cap: CapConfig) -> Cap:
    return Cap(messages=cap.messages, per=cap.per // SECOND)
