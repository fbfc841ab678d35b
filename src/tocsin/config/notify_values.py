"""What the sections about notifications come to: who is told what, and when not.

Durations are whole microseconds, instants seconds since the epoch.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tocsin.model.matchers import Matchers
    from tocsin.model.schedule import Schedule

SECOND = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteConfig:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class InhibitConfig:
    """While a source rings, targets with the same labels `equal` are not told."""

    source: Matchers
    target: Matchers
    equal: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SilenceConfig:
    """A mute by a person, from `start` until before `end`."""

    match: Matchers
    start: int
    end: int
    author: str
    comment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DowntimeConfig:
    """Planned work: from `start` until before `end`, or by a schedule."""

    name: str
    match: Matchers
    start: int | None = None
    end: int | None = None
    schedule: str | None = None
    comment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FlappingConfig:
    """So many changes within a time are too many, until none for `quiet`."""

    changes: int = 6
    within: int = 600 * SECOND
    quiet: int = 600 * SECOND


@dataclass(frozen=True, slots=True, kw_only=True)
class CapConfig:
    """At most so many messages in a time, and digests of what is above."""

    messages: int = 20
    per: int = 300 * SECOND


@dataclass(frozen=True, slots=True, kw_only=True)
class HeartbeatConfig:
    """A sign of life to some channels, every so often (µs)."""

    channels: tuple[str, ...]
    every: int = 3600 * SECOND


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifyConfig:
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
