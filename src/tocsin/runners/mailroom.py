"""The mailroom: sends what waits in the outbox, and says what became of it.

It looks at the outbox when there is a reason to: a message was made, one has come back
from its channel, or the time for another try has come.
"""

from __future__ import annotations

from threading import Event
from typing import TYPE_CHECKING

from tocsin.channels.registry import make
from tocsin.model.records import Notice
from tocsin.model.state import Change
from tocsin.runners.outbox import reasons
from tocsin.runners.sender import Sender

if TYPE_CHECKING:
    from collections.abc import Mapping
    from random import Random

    from tocsin.config.values import Config
    from tocsin.model.protocols import Channel, Store
    from tocsin.model.records import Record
    from tocsin.runners.clock import Clock

_MICROSECONDS = 1_000_000


class Mailroom:
    """Keeps one outbox moving. All its methods are called by one thread."""

    def __init__(
        self,
        store: Store,
        channels: Mapping[str, Channel],
        clock: Clock,
        random: Random,
    ) -> None:
        self._store = store
        self._clock = clock
        self._back = Event()
        self._waiting = True
        self._next: int | None = None
        self._sender = Sender(channels, clock, random, self._back.set)
        self._sender.restore(store.outbox())

    def change(self, channels: Mapping[str, Channel]) -> None:
        """Send through other channels from now on."""
        self._sender.change(channels)
        self._waiting = True

    def expect(self) -> None:
        """Say that there are new messages in the outbox, or will be."""
        self._waiting = True

    def turn(self) -> tuple[Change, list[Record]]:
        """Send what is due; return what is to be saved, and what is to be said."""
        now = self._clock.now()
        due = self._next is not None and now >= self._next
        if not (self._waiting or due or self._back.is_set()):
            return Change(), []
        self._back.clear()
        turn = self._sender.turn(self._store.outbox(("waiting",)))
        # Until it is seen that they are saved, rows are returned again.
        self._waiting = bool(turn.rows)
        self._next = turn.next
        said: list[Record] = [
            Notice(
                f"a message could not be delivered: {reasons(row)}",
                "error",
                row.channel,
            )
            for row in turn.dead
        ]
        return Change(outbox=turn.rows), [*said, *turn.said]

    def settle(self, seconds: float) -> None:
        """Wait for what is on its way, at most so long."""
        self._sender.settle(seconds)
        self._waiting = True


def outlets_of(config: Config, clock: Clock) -> dict[str, Channel]:
    """Return what messages leave by: channels; with a broker, what hands over to it.

    Raises:
        UsageError: A channel cannot be made, or a library is not installed.
    """
    channels = channels_of(config, clock)
    if config.rabbitmq is None:
        return channels
    from tocsin.runners.rabbit import relay_to, relayed  # noqa: PLC0415 - an extra

    return relayed(channels, relay_to(config.rabbitmq))


def channels_of(config: Config, clock: Clock) -> dict[str, Channel]:
    """Return the channels of a configuration, by their names.

    Raises:
        UsageError: One cannot be made.
    """

    def now() -> float:
        return clock.now() / _MICROSECONDS

    return {c.name: make(c.name, c.type, c.options, now) for c in config.channels}
