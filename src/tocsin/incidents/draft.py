"""The memory of notifications, and a draft of it that one step works on."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from msgspec import Struct, field

from tocsin.incidents.flapping import Flap, Flapping, damped
from tocsin.incidents.groups import FIRING, Group
from tocsin.incidents.meter import Cap, Meter
from tocsin.incidents.mute import (
    Downtime,
    Hold,
    Inhibition,
    Silence,
    Sources,
    by_people,
    by_schedule,
)
from tocsin.incidents.reasons import Reason, Withheld
from tocsin.incidents.routes import Route, every

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tocsin.model.notification import Alert, Notification


class NotifySpec(Struct, frozen=True, kw_only=True):
    """Who is told what, when, and how often. Times are in seconds.

    What is older than `max_age` when it is heard of is summed up, and a gap of that
    length between two steps is an outage. What is over is remembered for `remember`,
    for corrections; a message names `most_named` alerts, and counts the others.
    """

    routes: tuple[Route, ...] = ()
    inhibitions: tuple[Inhibition, ...] = ()
    silences: tuple[Silence, ...] = ()
    downtimes: tuple[Downtime, ...] = ()
    flapping: Flapping = field(default_factory=Flapping)
    cap: Cap = field(default_factory=Cap)
    caps: Mapping[str, Cap] = field(default_factory=dict)
    max_age: int = 3600
    remember: int = 3600
    most_named: int = 50
    top: int = 10

    def cap_of(self, channel: str) -> Cap:
        """Return the rate cap of a channel."""
        return self.caps.get(channel, self.cap)

    def by_id(self) -> dict[str, Route]:
        """Return all routes by their ids."""
        return {route.id: route for route in every(self.routes)}

    def ways(self) -> str:
        """Return what decides where alerts go: when it changes, they are led anew."""
        ways = [[r.id, *r.channels, "", *r.group_by] for r in every(self.routes)]
        return json.dumps(ways, ensure_ascii=False)


class Standing(Struct, frozen=True):
    """An alert that is or was told, and the groups that it belongs to.

    `seen` (s) is when its newest change was heard of, `late` says that it was too
    long ago by then to be told on its own; `place` is its alarm and key, whatever the
    incident.
    """

    alert: Alert
    seen: int
    late: bool = False
    groups: tuple[str, ...] = ()
    place: str = ""


def place_of(alert: Alert) -> str:
    """Return the alarm and key that an alert is about, as text."""
    name = alert.labels.get("alarm", alert.alarm)
    return json.dumps([name, *sorted(alert.key.items())], ensure_ascii=False)


class State(Struct, frozen=True):
    """All that is remembered between two steps; nothing in it is ever changed.

    `now` (s) is the time of a late step, though not always of the last; `ways` are
    those of the spec that it was made with. `silences` were added while running.
    """

    now: int | None = None
    ways: str = ""
    alerts: Mapping[int, Standing] = field(default_factory=dict)
    groups: Mapping[str, Group] = field(default_factory=dict)
    meters: Mapping[str, Meter] = field(default_factory=dict)
    flaps: Mapping[str, Flap] = field(default_factory=dict)
    silences: Mapping[str, Silence] = field(default_factory=dict)

    def known(self) -> dict[int, Alert]:
        """Return the alerts that are remembered, by their incidents."""
        return {i: standing.alert for i, standing in self.alerts.items()}


class Draft:
    """A state that is being worked on, and what comes of it.

    Groups and meters are copied before they are changed, so that the state it began
    with stays what it was.
    """

    def __init__(self, spec: NotifySpec, state: State) -> None:
        self.spec = spec
        self.routes = spec.by_id()
        self.alerts = dict(state.alerts)
        self.groups = dict(state.groups)
        self.meters = dict(state.meters)
        self.flaps = dict(state.flaps)
        self.notifications: list[Notification] = []
        self.withheld: list[Withheld] = []
        self.changed = False
        self.silences = dict(state.silences)
        self._silences = (*spec.silences, *state.silences.values())
        self._own_groups: set[str] = set()
        self._own_meters: set[str] = set()
        self._sources: Sources | None = None

    def after(self, now: int, ways: str) -> State:
        """Return the state that this draft has become."""
        return State(
            now,
            ways,
            self.alerts,
            self.groups,
            self.meters,
            self.flaps,
            self.silences,
        )

    def group(self, name: str) -> Group:
        """Return a group, to be changed."""
        self.changed = True
        if name not in self._own_groups:
            self._own_groups.add(name)
            self.groups[name] = self.groups[name].copied()
        return self.groups[name]

    def meter(self, channel: str) -> Meter:
        """Return the meter of a channel, to be changed."""
        self.changed = True
        if channel not in self._own_meters:
            self._own_meters.add(channel)
            self.meters[channel] = self.meters.get(channel, Meter()).copied()
        return self.meters[channel]

    def add(self, name: str, group: Group) -> None:
        """Begin a group."""
        self.changed = True
        self._own_groups.add(name)
        self.groups[name] = group

    def alert(self, incident: int) -> Alert:
        """Return the alert of an incident."""
        return self.alerts[incident].alert

    def set(self, standing: Standing) -> None:
        """Remember how an alert stands now."""
        self.changed = True
        self.alerts[standing.alert.incident] = standing

    def heard(self, standing: Standing) -> None:
        """Remember how an alert stands after news of it, which may explain others."""
        self._sources = None
        self.set(standing)

    def let_go(self, incident: int) -> None:
        """Forget an alert that is over, unless a group or a digest still needs it."""
        known = self.alerts[incident]
        waits = any(incident in m.held for m in self.meters.values())
        if not waits and not known.groups and known.alert.status != FIRING:
            del self.alerts[incident]

    def withhold(
        self, incident: int, hold: Hold, at: int, *, route: str = "", channel: str = ""
    ) -> None:
        """Say that something is not told, and why."""
        said = Withheld(incident, hold.reason, at, route, channel, hold.detail)
        self.withheld.append(said)

    def quiet(self, standing: Standing, route: Route, at: int) -> Hold | None:
        """Return what keeps an alert quiet on a route at an instant, but flapping."""
        if self._sources is None:
            firing = (s.alert for s in self.alerts.values() if s.alert.status == FIRING)
            self._sources = Sources(self.spec.inhibitions, firing)
        return (
            self._sources.explain(standing.alert)
            or by_schedule(route.active, route.mute, at)
            or by_people(self._silences, self.spec.downtimes, standing.alert.labels, at)
        )

    def damped_since(self, place: str, at: int) -> int | None:
        """Return since when an alarm comes and goes; None if it does not."""
        flap = self.flaps.get(place)
        if flap is None or not damped(self.spec.flapping, flap, at):
            return None
        return flap.since


FLAPPING = Hold(Reason.FLAPPING)
