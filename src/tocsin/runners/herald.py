"""The herald: other channels are told through the broker how one in trouble does.

It knows what its own notifier saw, and forgets it with it; what it has begun to tell it
keeps until the broker has it, over as many connections as that takes.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, TypeAlias

from tocsin.model.instant import SECOND
from tocsin.runners.trouble import Troubles

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from tocsin.model.state import Outgoing
    from tocsin.runners.clock import Clock
    from tocsin.runners.retrying import Lane


_AGAIN = 30.0
"""Seconds after which a letter that was refused is offered again."""

Publish: TypeAlias = "Callable[[Outgoing], Awaitable[bool]]"
"""Publishes a letter; says whether the broker has taken it."""


class Herald:
    """Tells of channels in trouble, and when it is over. Used by one event loop.

    `lanes` are how the channels do, kept by whoever sends.
    """

    def __init__(self, lanes: Mapping[str, Lane], clock: Clock) -> None:
        self._lanes = lanes
        self._clock = clock
        self._troubles = Troubles()
        self._letters: dict[str, Outgoing] = {}
        self._telling = asyncio.Lock()
        self._news = asyncio.Event()

    def tried(self, channel: str) -> None:
        """Note that a channel was asked, and does as its lane says now."""
        self._troubles.tried(channel, self._lanes[channel], self._clock.now())

    def ended(self, row: Outgoing) -> None:
        """Note that a message has arrived, or was given up; another says nothing."""
        if row.status == "dead":
            self._troubles.gave_up(row, self._clock.now())
        elif row.status == "delivered":
            self._troubles.delivered(row.channel)
        self._news.set()

    async def tell(self, publish: Publish) -> None:
        """Publish what is to be told now, and what could not be published before.

        Raises:
            Exception: What `publish` raised; it is asked again the next time.
        """
        async with self._telling:
            made = self._troubles.letters(self._lanes, self._clock.now())
            self._letters |= {row.key: row for row in made}
            for key, row in list(self._letters.items()):
                if await publish(row):
                    del self._letters[key]

    async def stand(self, publish: Publish) -> None:
        """Tell whenever the time has come, until somebody cancels this."""
        while True:
            await self.tell(publish)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._calm()):
                    await self._news.wait()
            self._news.clear()

    def _calm(self) -> float | None:
        """Return for how many seconds there is nothing to tell; None: for ever."""
        due, now = self._troubles.next(), self._clock.now()
        times = [] if due is None else [(due - now) / SECOND]
        return min([*times, *([_AGAIN] if self._letters else [])], default=None)
