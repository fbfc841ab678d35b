"""The shape of the sections about notifications."""

from __future__ import annotations

from pydantic import Field

from tocsin.config.notify_types import (
    Days,
    Instant,
    Match,
    Months,
    Times,
    Weekdays,
    Years,
)
from tocsin.config.part import Part, Texts
from tocsin.config.types import Delay, Flag, Name, Points, Seconds, Text, Timezone
from tocsin.config.values import SECOND


class RoutePart(Part):
    """A node of the tree of routes; what it leaves out it has from its parent."""

    optional = frozenset(
        {
            "name", "match", "continue_", "channels", "group_by", "group_wait",
            "group_interval", "repeat_interval", "repeat_backoff", "repeat_cap",
            "active", "mute", "routes",
        }
    )  # fmt: skip

    name: Name | None = None
    match: Match = ()
    continue_: Flag = Field(default=False, alias="continue")
    channels: Texts | None = None
    group_by: Texts | None = None
    group_wait: Delay | None = None
    group_interval: Seconds | None = None
    repeat_interval: Seconds | None = None
    repeat_backoff: Points | None = None
    repeat_cap: Seconds | None = None
    active: Texts | None = None
    mute: Texts | None = None
    routes: list[RoutePart] = Field(default_factory=list)


class InhibitPart(Part):
    """Which alarms explain which others."""

    source: Match
    target: Match
    equal: Texts = ()


class SilencePart(Part):
    """A mute by a person."""

    optional = frozenset({"comment", "timezone"})

    match: Match
    start: Instant
    end: Instant
    timezone: Timezone = "UTC"
    author: Name
    comment: Text = ""


class PeriodPart(Part):
    """A time that comes again."""

    optional = frozenset({"times", "weekdays", "days", "months", "years"})

    times: Times = ()
    weekdays: Weekdays = ()
    days: Days = ()
    months: Months = ()
    years: Years = ()


class SchedulePart(Part):
    """A name for times that come again."""

    optional = frozenset({"timezone", "periods"})

    name: Name
    timezone: Timezone = "UTC"
    periods: list[PeriodPart] = Field(default_factory=list)


class DowntimePart(Part):
    """Planned work."""

    optional = frozenset({"comment", "timezone", "start", "end", "schedule"})

    name: Name
    match: Match
    start: Instant | None = None
    end: Instant | None = None
    timezone: Timezone = "UTC"
    schedule: Name | None = None
    comment: Text = ""


class FlappingPart(Part):
    """When an alarm comes and goes too often."""

    changes: Points = 6
    within: Seconds = 600 * SECOND
    quiet: Seconds = 600 * SECOND


class HeartbeatPart(Part):
    """A sign of life: whoever expects it rings when it stays away."""

    channels: Texts
    every: Seconds = 3600 * SECOND


class CapPart(Part):
    """How many messages a channel takes."""

    channel: Name | None = None
    messages: Points = 20
    per: Seconds = 300 * SECOND


class NotificationsPart(Part):
    """What holds for all notifications."""

    optional = frozenset({"max_age", "flapping", "caps", "heartbeat"})

    max_age: Seconds = 3600 * SECOND
    flapping: FlappingPart = FlappingPart.model_construct()
    caps: list[CapPart] = Field(default_factory=list)
    heartbeat: HeartbeatPart | None = None
