"""From what groups have to tell to notifications: caps, digests, and stable keys."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from typing import TYPE_CHECKING

from tocsin.incidents.groups import gravest_first
from tocsin.incidents.mute import Hold
from tocsin.incidents.reasons import Reason
from tocsin.model.levels import gravity
from tocsin.model.notification import Alert, Kind, Notification

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tocsin.incidents.draft import Draft
    from tocsin.incidents.rounds import Message

_ENDS = (Kind.RESOLVED, Kind.WITHDRAWN)


def post(draft: Draft, message: Message, at: int) -> None:
    """Send a message to the channels of its route, or leave it to their digests."""
    group = draft.group(message.group)
    route = draft.routes[group.route]
    group.number += 1
    for channel in route.channels:
        # Who was told by a message of its own that it rings may have opened an incident
        # there, which only its recovery closes: of these there are no more than of those.
        owed = message.kind in _ENDS and channel in group.rings
        if message.late and not owed:
            _hold(draft, channel, message, Hold(Reason.CATCH_UP), at)
        elif (
            not draft.meter(channel).takes(draft.spec.cap_of(channel), at) and not owed
        ):
            _hold(draft, channel, message, Hold(Reason.RATE_CAP), at)
        else:
            draft.notifications.append(_notification(draft, channel, message, at))
    if not route.channels:
        for incident in message.incidents:
            draft.withhold(incident, Hold(Reason.NO_CHANNEL), at, route=route.id)


def digest(draft: Draft, channel: str, at: int) -> None:
    """Send what a channel could not be told one by one, in one message."""
    meter = draft.meter(channel)
    held = meter.held
    alerts = [draft.alert(incident) for incident in sorted(held)]
    meter.held, meter.digested = {}, at
    meter.number += 1
    why = Reason.RATE_CAP if Reason.RATE_CAP in held.values() else Reason.CATCH_UP
    named = gravest_first(_top(alerts, draft.spec.top))
    made = Notification(
        key=_hash(channel, why, meter.number, *map(_transition, alerts)),
        channel=channel,
        thread=_hash(channel, "digest", meter.number),
        kind=Kind.DIGEST,
        alerts=tuple(named),
        at=at,
        why=why.told,
        held=len(alerts) - len(named),
        tally=_tally(alerts),
    )
    draft.notifications.append(made)
    for incident in held:
        draft.let_go(incident)


def _hold(draft: Draft, channel: str, message: Message, hold: Hold, at: int) -> None:
    route = draft.groups[message.group].route
    for incident in message.incidents:
        draft.meter(channel).hold(incident, hold.reason, at)
        draft.withhold(incident, hold, at, route=route, channel=channel)


def _notification(
    draft: Draft, channel: str, message: Message, at: int
) -> Notification:
    group = draft.group(message.group)
    alerts = [draft.alert(incident) for incident in message.incidents]
    most = draft.spec.most_named
    named = gravest_first(alerts)[:most]
    for alert in gravest_first(alerts)[most:]:
        hold = Hold(Reason.COUNTED)
        draft.withhold(alert.incident, hold, at, route=group.route, channel=channel)
    moved = map(_transition, alerts)
    thread = _hash(channel, message.group, group.born)
    key = _hash(thread, group.number, message.kind, *moved)
    first = group.first.setdefault(channel, key)
    ended = message.kind in _ENDS
    group.rings = [name for name in group.rings if name != channel]
    group.rings += [] if ended else [channel]
    return Notification(
        key=key,
        channel=channel,
        thread=thread,
        kind=message.kind,
        alerts=tuple(named),
        at=at,
        why=message.why.told,
        group=group.labels,
        held=len(alerts) - len(named),
        answers="" if first == key else first,
        tally=_tally(alerts) if len(alerts) > most else {},
    )


def _transition(alert: Alert) -> str:
    """Return what identifies how an alert came to stand as it does."""
    return (
        f"{alert.incident} {alert.status} {alert.level} {alert.opened} {alert.closed}"
    )


def _hash(*parts: object) -> str:
    text = json.dumps([str(part) for part in parts], ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _top(alerts: Sequence[Alert], most: int) -> list[Alert]:
    """Return the gravest alerts, those of each alarm in turn, so that none hides others."""
    turns: Counter[str] = Counter()
    ranked: list[tuple[int, int, Alert]] = []
    for alert in gravest_first(alerts):
        name = _name(alert)
        ranked.append((-gravity(alert.level), turns[name], alert))
        turns[name] += 1
    ranked.sort(key=lambda r: r[:2])
    return [alert for _, _, alert in ranked[:most]]


def _tally(alerts: Iterable[Alert]) -> dict[str, int]:
    """Return how many alerts there are of each alarm, the gravest and most first."""
    counts: Counter[str] = Counter()
    gravest: dict[str, int] = {}
    for alert in alerts:
        name = _name(alert)
        counts[name] += 1
        gravest[name] = max(gravest.get(name, -1), gravity(alert.level))
    order = sorted(counts, key=lambda n: (-gravest[n], -counts[n], n))
    return {name: counts[name] for name in order}


def _name(alert: Alert) -> str:
    return alert.labels.get("alarm", alert.alarm)
