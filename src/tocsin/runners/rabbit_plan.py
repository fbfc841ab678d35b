"""What is declared at a broker, how a message travels, and where it goes next: pure.

A message waits in the work queue; one that failed waits in a queue of its own, for as
long as that queue's name says, and comes back by itself: so it holds up no other. All
waits of one queue are equal, since messages leave a queue only in their order.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from tocsin.model import wire
from tocsin.model.instant import SECOND
from tocsin.model.state import DONE, Outgoing
from tocsin.runners.outbox import KEEP_TRYING
from tocsin.runners.retrying import give_up, wait

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tocsin.config.rabbit_values import RabbitConfig
    from tocsin.model.notification import Notification
    from tocsin.runners.retrying import Lane

MISSING = "RabbitMQ needs a library: pip install 'tocsin[rabbitmq]'"

WAITS = (10, 30, 120, 300)
"""Seconds for which the queues of messages that failed hold them."""

REDELIVERIES = 10
"""So often a message comes back from notifiers that died with it; then it is dead."""

ATTEMPTS, DEADLINE, DUE = "tocsin-attempts", "tocsin-deadline", "tocsin-due"
_ROOM = 255
OUTCOME, DEFERRED = "tocsin-outcome", "tocsin-deferred"


class Topology(Struct, frozen=True):
    """The names of what is declared, and with which arguments.

    Every queue is a quorum queue: a message that was confirmed is on the disks of most
    of the broker's machines. Dead-lettering is at least once, too.
    """

    exchange: str
    queue: str

    @classmethod
    def of(cls, config: RabbitConfig) -> Topology:
        """Return the topology that a configuration names."""
        return cls(config.exchange, config.queue)

    @property
    def dead(self) -> str:
        """The queue of messages that were given up."""
        return f"{self.queue}.dead"

    def waiting(self, seconds: float) -> str:
        """Return the queue for a wait: the shortest that is long enough, or the longest."""
        found = next((w for w in WAITS if w >= seconds), WAITS[-1])
        return f"{self.queue}.retry.{found}s"

    def queues(self) -> dict[str, dict[str, Any]]:
        """Return the arguments of each queue; the first is the work queue."""
        waiting = {
            self.waiting(s): {**_forward(self.queue), "x-message-ttl": s * 1000}
            for s in WAITS
        }
        work = {**_forward(self.dead), "x-delivery-limit": REDELIVERIES}
        return {self.queue: work, self.dead: {"x-queue-type": "quorum"}, **waiting}


def _forward(queue: str) -> dict[str, Any]:
    """Return the arguments of a queue whose messages go on to another."""
    return {
        "x-queue-type": "quorum",
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": queue,
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    }


class Letter(Struct, frozen=True):
    """A message on its way: the row of the outbox as it travels.

    `deferred` counts how often it was put off since its channel was last asked.
    """

    row: Outgoing
    deferred: int = 0

    def headers(self) -> dict[str, int | str]:
        """Return what travels beside the body."""
        row = self.row
        found: dict[str, int | str] = {ATTEMPTS: row.attempts, DUE: row.due}
        if row.deadline is not None:
            found[DEADLINE] = row.deadline
        outcome = json.dumps(dict(row.outcome), separators=(",", ":"))
        return {**found, OUTCOME: outcome, DEFERRED: self.deferred}


def short(text: str) -> str:
    """Return a name as it may stand beside a message: there, 255 bytes have room."""
    raw = text.encode("utf-8", "replace")
    if len(raw) <= _ROOM:
        return raw.decode()
    return hashlib.sha256(raw).hexdigest()


def sealed(notification: Notification) -> Letter:
    """Return the letter of a notification that nobody has tried to send yet."""
    made = notification.at * SECOND
    row = Outgoing(
        key=notification.key,
        incident=min((a.incident for a in notification.alerts), default=0),
        channel=notification.channel,
        place=made,
        body=wire.to_bytes(notification),
        deadline=made + KEEP_TRYING,
    )
    return Letter(row)


def opened(body: bytes, headers: Mapping[str, Any]) -> tuple[Letter, Notification]:
    """Return a letter and what it says.

    Raises:
        ValueError: It is none of ours.
    """
    notification = wire.from_bytes(body)
    names: tuple[object, ...] = (notification.key, notification.channel)
    if not all(isinstance(name, str) for name in names):
        message = "its key or its channel is no text"
        raise ValueError(message)
    letter = sealed(notification)
    outcome = json.loads(headers.get(OUTCOME, "{}"))
    if not isinstance(outcome, dict) or not all(map(_is_entry, outcome.values())):
        message = f"{OUTCOME} is no record of outcomes"
        raise ValueError(message)
    row = replace(
        letter.row,
        body=body,
        attempts=_number(headers, ATTEMPTS, 0),
        due=_number(headers, DUE, 0),
        deadline=_number(headers, DEADLINE, letter.row.deadline or 0),
        outcome=outcome,
    )
    return Letter(row, _number(headers, DEFERRED, 0)), notification


def _is_entry(found: object) -> bool:
    if not isinstance(found, dict):
        return False
    return all(isinstance(found.get(key), str) for key in ("fate", "detail"))


def _number(headers: Mapping[str, Any], name: str, otherwise: int) -> int:
    found = headers.get(name, otherwise)
    if isinstance(found, bool) or not isinstance(found, int):
        message = f"{name} is no number"
        raise ValueError(message)  # noqa: TRY004 - whoever reads it asks for no type
    return found


def ended(letter: Letter, channels: Mapping[str, Lane], now: int) -> Outgoing | None:
    """Return the row as dead if there is nothing to try any more; None if there is."""
    row = letter.row
    if row.channel not in channels:
        return give_up(row, "there is no channel of this name", now)
    if row.deadline is not None and now > row.deadline:
        return give_up(row, "its time is over", now)
    if gone := channels[row.channel].gone:
        return give_up(row, f"the channel takes nothing any more ({gone})", now)
    return None


def put_off(
    letter: Letter, lane: Lane, flying: int, now: int, random: float
) -> Letter | None:
    """Return the letter as it is to wait, if it may not be tried now; None if it may.

    A channel that fails, or is slow, gets no more messages than its lane has room
    for. Those put off wait longer each time, and come back apart.
    """
    row = letter.row
    if row.due > now:
        return letter
    if now >= lane.closed_until and flying < lane.room:
        return None
    due = max(lane.closed_until, now + wait(letter.deferred + 1, random))
    return Letter(replace(row, due=due), letter.deferred + 1)


def bounded(row: Outgoing, most: int, now: int) -> Outgoing:
    """Return the row after an attempt: dead if it has had `most` of them."""
    if row.status in DONE or row.attempts < most:
        return row
    return replace(row, status="dead", due=now)


def onward(row: Outgoing, topology: Topology, now: int) -> str | None:
    """Return the queue where a row goes next; None when nothing is left to do."""
    if row.status == "dead":
        return topology.dead
    if row.status in DONE:
        return None
    return topology.waiting(max(row.due - now, 0) / SECOND)
