"""A round: at one instant, what the groups that are due have to tell.

The order of what can keep an alert quiet is Alertmanager's, with ours after it:
inhibition, schedules of the route, downtimes and silences, flapping.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from tocsin.incidents.draft import FLAPPING, Draft, Standing
from tocsin.incidents.groups import (
    DAMPED,
    FIRING,
    Group,
    Said,
    difference,
    kind_of,
)
from tocsin.incidents.mute import Hold
from tocsin.incidents.reasons import Reason
from tocsin.model.levels import gravity
from tocsin.model.notification import Kind

if TYPE_CHECKING:
    from tocsin.incidents.routes import Route


class Message(Struct, frozen=True):
    """What a group has to tell, before channels are asked whether they take it."""

    group: str
    kind: Kind
    why: Reason
    incidents: tuple[int, ...]
    late: bool = False

    def gravity(self, draft: Draft) -> int:
        """Return the gravest level in it."""
        return max(gravity(draft.alert(i).level) for i in self.incidents)


def look(draft: Draft, name: str, at: int) -> list[Message]:
    """Return what a group that is due has to tell, and set when it is due next."""
    group = draft.group(name)
    route = draft.routes[group.route]
    if group.idle:
        _forget(draft, name)
        return []
    reasons = _changes(draft, name, route, at)
    found = _messages(draft, name, reasons, at)
    if not reasons:
        found = _repeat(draft, name, route, at)
    _rest(draft, name, route, at)
    return found


def _changes(draft: Draft, name: str, route: Route, at: int) -> dict[int, Reason]:
    """Return what there is to tell, and why; what is withheld is noted."""
    group = draft.group(name)
    carriers = _carriers(draft, group, at)
    found: dict[int, Reason] = {}
    for incident, said in sorted(group.members.items()):
        standing = draft.alerts[incident]
        reason = difference(said, standing.alert)
        carries = carriers.get(standing.place) == incident
        if reason is None and not carries:
            continue
        if reason is Reason.NEVER_TOLD:
            draft.withhold(incident, Hold(reason), at, route=route.id)
            _leave(draft, name, incident)
            continue
        hold = draft.quiet(standing, route, at)
        if hold is None and carries:
            reason = Reason.FLAPPING
            group.flaps[standing.place] = draft.damped_since(standing.place, at) or 0
        elif hold is None and draft.damped_since(standing.place, at) is not None:
            hold = FLAPPING
        if hold is None and reason is not None:
            found[incident] = reason
        elif hold is not None:
            _held(draft, name, incident, hold, at)
    return found


def _carriers(draft: Draft, group: Group, at: int) -> dict[str, int]:
    """Return the newest incident of each alarm whose flapping is to be told."""
    newest: dict[str, int] = {}
    for incident in group.members:
        place = draft.alerts[incident].place
        since = draft.damped_since(place, at)
        if since is not None and group.flaps.get(place) != since:
            newest[place] = max(incident, newest.get(place, 0))
    return newest


def _held(draft: Draft, name: str, incident: int, hold: Hold, at: int) -> None:
    """Note why something is not told, once; let go of what never will be."""
    group = draft.group(name)
    said = group.members[incident]
    if said.held != hold.reason:
        draft.withhold(incident, hold, at, route=group.route)
        group.members[incident] = replace(said, held=hold.reason.value)
    if not said.status and draft.alert(incident).status != FIRING:
        _leave(draft, name, incident)


def _messages(
    draft: Draft, name: str, reasons: dict[int, Reason], at: int
) -> list[Message]:
    """Return the message about what has changed, and the one about what is long ago."""
    group = draft.group(name)
    found: list[Message] = []
    long_ago = {i for i in reasons if _is_late(draft, group, i)}
    for late in (False, True):
        mine = {i: r for i, r in reasons.items() if (i in long_ago) == late}
        if not mine:
            continue
        for incident, reason in mine.items():
            alert = draft.alert(incident)
            status = DAMPED if reason is Reason.FLAPPING else alert.status
            group.members[incident] = Said(status, alert.level, at)
        why = set(mine.values())
        only = why.pop() if len(why) == 1 else Reason.SEVERAL
        rings = any(s.status in {FIRING, DAMPED} for s in group.members.values())
        alerts = [draft.alert(incident) for incident in mine]
        kind = kind_of(mine.values(), alerts, rings=rings)
        found.append(Message(name, kind, only, tuple(mine), late))
    return found


def _is_late(draft: Draft, group: Group, incident: int) -> bool:
    """Return whether a change was too long ago, and not only kept quiet since."""
    return draft.alerts[incident].late and not group.members[incident].held


def _repeat(draft: Draft, name: str, route: Route, at: int) -> list[Message]:
    """Return the message that says again what still rings, if it is time for one."""
    group = draft.group(name)
    ringing = {
        i: s
        for i, s in group.members.items()
        if s.status == draft.alert(i).status == FIRING
    }
    due = {i for i, s in ringing.items() if at >= s.at + route.repeats_after(s.repeats)}
    if not due:
        return []
    told: list[int] = []
    for incident, said in sorted(ringing.items()):
        hold = _unrepeated(draft, draft.alerts[incident], route, at)
        if hold is None:
            told.append(incident)
        elif incident in due and said.held != hold.reason:
            draft.withhold(incident, hold, at, route=group.route)
            group.members[incident] = replace(said, held=hold.reason.value)
    if not due.intersection(told):
        return []
    for incident in told:
        said = group.members[incident]
        group.members[incident] = Said(FIRING, said.level, at, said.repeats + 1)
    return [Message(name, Kind.REPEAT, Reason.REPEAT, tuple(told))]


def _unrepeated(draft: Draft, standing: Standing, route: Route, at: int) -> Hold | None:
    if standing.alert.acknowledged_by:
        return Hold(Reason.ACKNOWLEDGED, standing.alert.acknowledged_by)
    hold = draft.quiet(standing, route, at)
    if hold is None and draft.damped_since(standing.place, at) is not None:
        return FLAPPING
    return hold


def _rest(draft: Draft, name: str, route: Route, at: int) -> None:
    """Say when a group is due next: to be forgotten, once all of it is over and told.

    What is kept quiet is looked at in each turn, since nobody says when that ends.
    """
    group = draft.group(name)
    group.looked = at
    alerts = [(s, draft.alert(i)) for i, s in group.members.items()]
    ringing = [(s, alert) for s, alert in alerts if alert.status == FIRING]
    if any(difference(s, alert) is not None for s, alert in alerts):
        group.due = at + route.group_interval
        return
    group.idle = not ringing
    again = [
        s.at + route.repeats_after(s.repeats)
        for s, alert in ringing
        if not (alert.acknowledged_by and s.held)
    ]
    wanted = min(again, default=at + route.repeat_cap)
    group.due = group.turn(route.group_interval, wanted)
    if group.idle:
        group.due = at + draft.spec.remember


def _forget(draft: Draft, name: str) -> None:
    """Let go of a group in which nothing has happened for long."""
    for incident in tuple(draft.group(name).members):
        _leave(draft, name, incident)
    del draft.groups[name]


def _leave(draft: Draft, name: str, incident: int) -> None:
    """Take an alert out of a group; forget it if it is in none."""
    draft.group(name).members.pop(incident)
    standing = draft.alerts[incident]
    left = tuple(n for n in standing.groups if n != name)
    draft.set(replace(standing, groups=left))
    draft.let_go(incident)
