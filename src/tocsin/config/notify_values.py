"""What the sections about notifications come to: who is told what, and when not.

Durations are whole microseconds, instants seconds since the epoch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tocsin.model.matchers import Matchers
    from tocsin.model.schedule import Schedule

SECOND = 1_000_000


class RouteConfig(Struct, frozen=True, kw_only=True):
    """A node of the tree of routes, with what it has inherited.

    `active` and `mute` are names of schedules; `goes_on` is `continue`.
    """

    id: str
    match: Matchers = ()
    channels: tuple[str, ...] = ()
    group_by: tuple[str, ...] = ("alarm",)
    group_wait: int = 30 * SECOND
    group_interval: int = 300 * SECOND
    repeat_interval: int = 4 * 3600 * SECOND
    repeat_backoff: int = 2
    repeat_cap: int = 24 * 3600 * SECOND
    active: tuple[str, ...] = ()
    mute: tuple[str, ...] = ()
    goes_on: bool = False
    routes: tuple[RouteConfig, ...] = ()


class InhibitConfig(Struct, frozen=True, kw_only=True):
    """While a source rings, targets with the same labels `equal` are not told."""

    source: Matchers
    target: Matchers
    equal: tuple[str, ...] = ()


class SilenceConfig(Struct, frozen=True, kw_only=True):
    """A mute by a person, from `start` until before `end`."""

    match: Matchers
    start: int
    end: int
    author: str
    comment: str = ""


class DowntimeConfig(Struct, frozen=True, kw_only=True):
    """Planned work: from `start` until before `end`, or by a schedule."""

    name: str
    match: Matchers
    start: int | None = None
    end: int | None = None
    schedule: str | None = None
    comment: str = ""


class FlappingConfig(Struct, frozen=True, kw_only=True):
    """So many changes within a time are too many, until none for `quiet`."""

    changes: int = 6
    within: int = 600 * SECOND
    quiet: int = 600 * SECOND


class CapConfig(Struct, frozen=True, kw_only=True):
    """At most so many messages in a time, and digests of what is above."""

    messages: int = 20
    per: int = 300 * SECOND


class HeartbeatConfig(Struct, frozen=True, kw_only=True):
    """A sign of life to some channels, every so often (µs)."""

    channels: tuple[str, ...]
    every: int = 3600 * SECOND


class NotifyConfig(Struct, frozen=True, kw_only=True):
    """All about notifications but the channels themselves.

    Without `routes`, every channel is told of every alarm. `caps` are those of
    channels by their names, `cap` that of all others.
    """

    routes: tuple[RouteConfig, ...] = ()
    inhibit: tuple[InhibitConfig, ...] = ()
    silences: tuple[SilenceConfig, ...] = ()
    schedules: tuple[Schedule, ...] = ()
    downtimes: tuple[DowntimeConfig, ...] = ()
    max_age: int = 3600 * SECOND
    flapping: FlappingConfig = FlappingConfig()
    cap: CapConfig = CapConfig()
    caps: Mapping[str, CapConfig] = field(default_factory=dict)
    heartbeat: HeartbeatConfig | None = None
