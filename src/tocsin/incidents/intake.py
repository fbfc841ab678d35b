"""Taking in what happened: alerts find their routes and groups, and groups wake up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from tocsin.incidents.alerts import Acknowledged, Happening
from tocsin.incidents.draft import Draft, Standing, place_of
from tocsin.incidents.flapping import Flap, noted
from tocsin.incidents.groups import FIRING, Group, Said, difference
from tocsin.incidents.mute import Hold
from tocsin.incidents.reasons import Reason
from tocsin.incidents.routes import Route, matching

if TYPE_CHECKING:
    from tocsin.model.notification import Alert

Event = Happening | Acknowledged


def take(draft: Draft, event: Event, now: int) -> None:
    """Take in one event, heard of at `now` (s)."""
    if isinstance(event, Acknowledged):
        _acknowledge(draft, event)
    else:
        _happen(draft, event, now)


def _acknowledge(draft: Draft, event: Acknowledged) -> None:
    known = draft.alerts.get(event.incident)
    if known is not None:
        alert = replace(known.alert, acknowledged_by=event.by)
        draft.heard(replace(known, alert=alert))


def _happen(draft: Draft, event: Happening, now: int) -> None:
    alert = event.alert
    before = draft.alerts.get(alert.incident)
    if before is None and alert.status != FIRING:
        draft.withhold(alert.incident, Hold(Reason.UNKNOWN), now)
        return
    if before is not None:
        alert = replace(alert, acknowledged_by=before.alert.acknowledged_by)
        if (alert.status, alert.level) == (before.alert.status, before.alert.level):
            draft.heard(replace(before, alert=alert))
            draft.withhold(alert.incident, Hold(Reason.TIMES_ONLY), now)
            return
    late = event.at < now - draft.spec.max_age
    groups = before.groups if before is not None else ()
    standing = Standing(alert, now, late, groups, place_of(alert))
    if not late and (before is None or before.alert.status != alert.status):
        _flap(draft, standing.place, event.at, now)
    _join(draft, standing, now)


def _flap(draft: Draft, place: str, at: int, now: int) -> None:
    known = draft.flaps.get(place, Flap())
    draft.flaps[place] = noted(draft.spec.flapping, known, at, now)


def _join(draft: Draft, standing: Standing, now: int) -> None:
    """Bring an alert into the groups it belongs to, and wake those it is in."""
    alert = standing.alert
    mine = standing.groups
    if alert.status == FIRING:
        homes = {draft.groups[name].route for name in mine}
        routes = matching(draft.spec.routes, alert.labels)
        new = [route for route in routes if route.id not in homes]
        mine = (*mine, *(enter(draft, route, alert, now) for route in new))
        if not mine:
            draft.withhold(alert.incident, Hold(Reason.NO_ROUTE), now)
    draft.heard(replace(standing, groups=mine))
    for name in mine:
        _wake(draft, name, now)
    draft.let_go(alert.incident)


def enter(draft: Draft, route: Route, alert: Alert, now: int) -> str:
    """Make an alert a member of its group on a route; return the group's name."""
    name = route.group(alert.labels)
    if name not in draft.groups:
        due = now + route.group_wait
        draft.add(name, Group(route.id, route.labels(alert.labels), now, due))
    group = draft.group(name)
    if group.idle:
        group.born, group.first, group.rings = now, {}, []
    group.members[alert.incident] = Said()
    return name


def _wake(draft: Draft, name: str, now: int) -> None:
    """See to it that a group speaks of what is new as soon as it may."""
    group = draft.group(name)
    route = draft.routes[group.route]
    if group.idle:
        group.idle = False
        group.looked = None
        group.due = now + route.group_wait
    elif group.looked is not None:
        group.due = min(group.due, group.turn(route.group_interval, now + 1))


def lead_anew(draft: Draft, now: int) -> None:
    """Bring alerts into the groups of another configuration, without telling anybody.

    What was told on any route counts as told on all: a reload is no news.
    """
    old = draft.groups
    draft.groups = {}
    for incident, standing in sorted(draft.alerts.items()):
        said = {old[n].route: old[n].members[incident] for n in standing.groups}
        told = max((s for s in said.values() if s.status), key=_at, default=Said())
        names: list[str] = []
        for route in _ways(draft, standing.alert, said):
            name = route.group(standing.alert.labels)
            if name not in draft.groups:
                draft.add(name, _renewed(old.get(name), route, standing.alert, now))
            draft.group(name).members[incident] = said.get(route.id, told)
            names.append(name)
        draft.set(replace(standing, groups=tuple(names)))


def _ways(draft: Draft, alert: Alert, said: dict[str, Said]) -> list[Route]:
    """Return the routes of an alert: those that match, and those where it was told."""
    live = alert.status == FIRING
    pending = any(difference(s, alert) is not None for s in said.values())
    found = matching(draft.spec.routes, alert.labels) if live or pending else []
    stays = [draft.routes[r] for r in said if r in draft.routes]
    return list({route.id: route for route in (*stays, *found)}.values())


def _renewed(old: Group | None, route: Route, alert: Alert, now: int) -> Group:
    """Return a group without members: the one there was, or a new one."""
    if old is None:
        due = now + route.group_wait
        return Group(route.id, route.labels(alert.labels), now, due)
    group = old.copied()
    group.members = {}
    return group


def _at(said: Said) -> int:
    return said.at
