"""Rows of the outbox: how a notification gets in, and letters about channels in trouble."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field
from msgspec.structs import replace

from tocsin.model import wire
from tocsin.model.instant import SECOND, iso
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


class Trouble(Struct):
    """What the others were told of a channel: one thread, from `since` (s) on.

    `first` are the keys of the letters that began it, by the channel they went to.
    """

    thread: str
    since: int
    first: dict[str, str] = field(default_factory=dict)


def about_dead(
    channel: str,
    rows: Sequence[Outgoing],
    others: Iterable[str],
    now: int,
    trouble: Trouble,
) -> list[Outgoing]:
    """Return the alarm about notifications that a channel did not take, for the others.

    It names the first few of them and why; what they said goes with it. It is part of
    a trouble, which then knows of it.
    """
    alerts = (_alarm(channel, rows, trouble), *_lost(rows[:_MOST_NAMED]))
    held = max(len(rows) - _MOST_NAMED, 0)
    said = _Letter(channel, alerts, f"the channel {channel!r} could not deliver", held)
    mark = _hash("\n".join(row.key for row in rows))
    return _begun(said, mark, others, now, trouble)


def about_silence(
    channel: str, why: str, others: Iterable[str], now: int, trouble: Trouble
) -> list[Outgoing]:
    """Return the alarm about a channel that takes nothing for long, for the others."""
    alert = replace(
        _alarm(channel, (), trouble),
        text=f"the channel {channel!r} has taken nothing since {iso(trouble.since * SECOND)}:"
        " what it is to say waits, and is tried again",
        reason=why,
    )
    said = _Letter(channel, (alert,), f"the channel {channel!r} takes nothing")
    return _begun(said, _hash(f"since {trouble.since}"), others, now, trouble)


def about_end(
    channel: str, trouble: Trouble, others: Iterable[str], now: int
) -> list[Outgoing]:
    """Return the word that a channel delivers again, for those who were told of it."""
    alert = replace(
        _alarm(channel, (), trouble),
        status="resolved",
        closed=now // SECOND,
        text=f"the channel {channel!r} delivers again",
    )
    said = _Letter(channel, (alert,), alert.text, kind=Kind.RESOLVED)
    return [
        said.row(f"{trouble.thread}-over", other, now, trouble)
        for other in others
        if other in trouble.first
    ]


class _Letter(Struct, frozen=True):
    """What is said about a channel."""

    channel: str
    alerts: tuple[Alert, ...]
    why: str
    held: int = 0
    kind: Kind = Kind.FIRING

    def row(self, key: str, other: str, now: int, trouble: Trouble) -> Outgoing:
        """Return the letter to another channel."""
        notification = Notification(
            key=f"{key}-{other}",
            channel=other,
            thread=trouble.thread,
            kind=self.kind,
            alerts=self.alerts,
            at=now // SECOND,
            why=self.why,
            group={"channel": self.channel},
            held=self.held,
            answers=trouble.first.get(other, ""),
        )
        return _row(notification, now)


def _begun(
    said: _Letter, mark: str, others: Iterable[str], now: int, trouble: Trouble
) -> list[Outgoing]:
    """Return letters that are part of a trouble, and let it know of them."""
    trouble.thread = trouble.thread or f"{ABOUT_DEAD}-{said.channel}-{mark}"
    rows = [said.row(f"{ABOUT_DEAD}-{mark}", one, now, trouble) for one in others]
    for row in rows:
        trouble.first.setdefault(row.channel, row.key)
    return rows


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def reasons(row: Outgoing) -> str:
    """Return who was not reached by a row, and why."""
    told = [
        f"{who}: {one['detail']}" if who else str(one["detail"])
        for who, one in row.outcome.items()
        if one["fate"] != "delivered"
    ]
    return "; ".join(told)


def _alarm(channel: str, rows: Sequence[Outgoing], trouble: Trouble) -> Alert:
    count = len(rows)
    said = "a notification was" if count == 1 else f"{count} notifications were"
    return Alert(
        incident=0,
        alarm="Notifications cannot be delivered",
        key={"channel": channel},
        status="firing",
        level="critical",
        opened=trouble.since,
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
