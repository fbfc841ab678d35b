"""Rows of the outbox: how a notification gets in, and the alarm about those that died."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from tocsin.model import wire
from tocsin.model.instant import SECOND
from tocsin.model.notification import Alert, Kind, Notification
from tocsin.model.state import Outgoing

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tocsin.channels.mask import Masking

KEEP_TRYING = 24 * 3600 * SECOND
"""For how long a notification is tried before it is given up."""

ABOUT_DEAD = "dead-letter"
"""How the keys of alarms about dead notifications begin: those never beget another."""

_MOST_NAMED = 5


def outgoing(
    notification: Notification, masking: Masking, place: int, now: int
) -> Outgoing:
    """Return the row of a notification, its evidence masked.

    `place` grows from notification to notification: those of one thread are sent in
    its order. The row is due at once; times are in microseconds.
    """
    return Outgoing(
        key=notification.key,
        incident=min((a.incident for a in notification.alerts), default=0),
        channel=notification.channel,
        place=place,
        body=wire.to_bytes(masking.masked(notification)),
        due=now,
        deadline=now + KEEP_TRYING,
    )


def about_dead(
    channel: str, rows: Sequence[Outgoing], others: Iterable[str], now: int
) -> list[Outgoing]:
    """Return the alarm about notifications that a channel did not take, for the others.

    It names the first few of them and why; what they said goes with it.
    """
    named = rows[:_MOST_NAMED]
    hashed = hashlib.sha256("\n".join(row.key for row in rows).encode()).hexdigest()[
        :24
    ]
    alerts = (_alarm(channel, rows, now), *_lost(named))
    return [
        _row(
            Notification(
                key=f"{ABOUT_DEAD}-{hashed}-{other}",
                channel=other,
                thread=f"{ABOUT_DEAD}-{channel}-{hashed}",
                kind=Kind.FIRING,
                alerts=alerts,
                at=now // SECOND,
                why=f"the channel {channel!r} could not deliver",
                group={"channel": channel},
                held=len(rows) - len(named),
            ),
            now,
        )
        for other in others
    ]


def reasons(row: Outgoing) -> str:
    """Return who was not reached by a row, and why."""
    told = [
        f"{who}: {one['detail']}" if who else str(one["detail"])
        for who, one in row.outcome.items()
        if one["fate"] != "delivered"
    ]
    return "; ".join(told)


def _alarm(channel: str, rows: Sequence[Outgoing], now: int) -> Alert:
    count = len(rows)
    said = "a notification was" if count == 1 else f"{count} notifications were"
    return Alert(
        incident=0,
        alarm="Notifications cannot be delivered",
        key={"channel": channel},
        status="firing",
        level="critical",
        opened=now // SECOND,
        labels={"alarm": "Notifications cannot be delivered", "channel": channel},
        text=f"{said} given up on the channel {channel!r}",
        reason=" | ".join(dict.fromkeys(reasons(row) for row in rows[:_MOST_NAMED])),
    )


def _lost(rows: Iterable[Outgoing]) -> tuple[Alert, ...]:
    found = dict[Any, Alert]()
    for row in rows:
        try:
            alerts = wire.from_bytes(row.body).alerts
        except ValueError:
            continue
        found |= {(alert.incident, alert.alarm): alert for alert in alerts}
    return tuple(found.values())[:_MOST_NAMED]


def _row(notification: Notification, now: int) -> Outgoing:
    return Outgoing(
        key=notification.key,
        incident=0,
        channel=notification.channel,
        place=now,
        body=wire.to_bytes(notification),
        due=now,
        deadline=now + KEEP_TRYING,
    )
