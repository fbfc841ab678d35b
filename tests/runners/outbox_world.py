"""An outbox in memory, channels that answer as they are told, and a made clock."""

import threading
from collections.abc import Callable, Iterable
from random import Random
from typing import TYPE_CHECKING

from msgspec.structs import replace

from tocsin.channels.mask import Masking
from tocsin.model import samples
from tocsin.model.instant import SECOND
from tocsin.model.notification import Fate, Kind, Notification, Outcome
from tocsin.model.state import Outgoing
from tocsin.runners.outbox import outgoing
from tocsin.runners.sender import Sender
from tocsin.testing import ManualClock

if TYPE_CHECKING:
    from tocsin.model.records import Notice

PATIENCE = 30.0
Answer = Callable[[Notification, str], Outcome]


def taken(_: Notification, who: str) -> Outcome:
    return Outcome(who, Fate.DELIVERED)


def down(_: Notification, who: str) -> Outcome:
    return Outcome(who, Fate.RETRY, "cannot connect")


class Scripted:
    """A channel that answers as it is told, and remembers what it was asked."""

    def __init__(self, name: str, answer: Answer = taken, *to: str) -> None:
        self.name = name
        self.answer = answer
        self.to = to or ("somebody",)
        self.asked: list[tuple[str, str]] = []
        self.lock = threading.Lock()

    def recipients(self, notification: Notification) -> tuple[str, ...]:
        return self.to if notification.alerts else ()

    def preview(self, notification: Notification) -> str:
        return notification.key

    def send(
        self, notification: Notification, recipients: tuple[str, ...]
    ) -> tuple[Outcome, ...]:
        with self.lock:
            self.asked += [(notification.key, who) for who in recipients]
        return tuple(self.answer(notification, who) for who in recipients)

    @property
    def keys(self) -> list[str]:
        return [key for key, _ in self.asked]


class World:
    """An outbox in memory, a clock, and the sender between them."""

    def __init__(self, *channels: Scripted, seed: int = 0) -> None:
        self.clock = ManualClock()
        self.channels = {c.name: c for c in channels}
        self.random = Random(seed)  # noqa: S311 - waits, no secrets
        self.sender = Sender(self.channels, self.clock, self.random)
        self.rows: dict[str, Outgoing] = {}
        self.dead: list[Outgoing] = []
        self.said: list[Notice] = []

    def add(self, *notifications: Notification) -> None:
        for one in notifications:
            place = len(self.rows)
            row = outgoing(one, Masking(), place, self.clock.now())
            self.rows[row.key] = row

    def waiting(self) -> list[Outgoing]:
        return [row for row in self.rows.values() if row.status == "waiting"]

    def commit(self, rows: Iterable[Outgoing]) -> None:
        self.rows |= {row.key: row for row in rows}

    def turn(self) -> int | None:
        turn = self.sender.turn(self.waiting())
        self.commit(turn.rows)
        self.dead += turn.dead
        self.said += turn.said
        return turn.next

    def run(self, seconds: float) -> None:
        """Let so much time pass, turning whenever it is time."""
        end = self.clock.now() + int(seconds * SECOND)
        while True:
            due = self.turn()
            if self.sender.flying:
                assert self.sender.settle(PATIENCE)
                continue
            if due is None or due > end:
                break
            self.clock.move(max(due - self.clock.now(), 1) / SECOND)
        self.clock.move(max(end - self.clock.now(), 0) / SECOND)

    def status(self) -> dict[str, str]:
        return {key: row.status for key, row in self.rows.items()}


def message(
    key: str, *, thread: str = "", channel: str = "a", kind: Kind = Kind.FIRING
) -> Notification:
    one = samples.notification(kind, samples.firing(), channel=channel)
    return replace(one, key=key, thread=thread or key)
