"""A notifier: takes messages from RabbitMQ and sends them; as many run as are wanted.

A message is acknowledged when it was sent, or is kept elsewhere at the broker: until
then a notifier that dies gives it back. Those that fail wait in other queues, and a
channel that is slow or fails gets few of the places, so that nothing waits for it.
"""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict
from contextlib import suppress
from threading import Thread
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from tocsin.model.errors import UsageError
from tocsin.model.records import Notice
from tocsin.runners import rabbit_plan as plan
from tocsin.runners.herald import Herald
from tocsin.runners.outbox import reasons
from tocsin.runners.rabbit import PATIENCE, let_go, link, message_of, require, words
from tocsin.runners.rabbit_plan import Letter, Topology
from tocsin.runners.retrying import Lane, decide
from tocsin.runners.sender import attempt
from tocsin.runners.trouble import changes

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping
    from random import Random

    from aio_pika.abc import AbstractIncomingMessage

    from tocsin.config.rabbit_values import RabbitConfig
    from tocsin.model.notification import Notification, Outcome
    from tocsin.model.protocols import Channel
    from tocsin.model.state import Outgoing
    from tocsin.runners.clock import Clock
    from tocsin.runners.herald import Publish
    from tocsin.runners.rabbit import Link

GRACE = 20.0
"""Seconds that messages on their way are given when a notifier is asked to end."""

_REMEMBERED = 10_000
_LONGEST_REST = 30.0


class Notifier:
    """Sends what the work queue holds through the channels of a configuration."""

    def __init__(
        self,
        config: RabbitConfig,
        channels: Mapping[str, Channel],
        clock: Clock,
        random: Random,
        say: Callable[[Notice], None],
    ) -> None:
        """Begin; nothing is asked of the broker yet. Raises UsageError: see `require`."""
        require()
        self._config = config
        self._topology = Topology.of(config)
        self._channels = dict(channels)
        self._clock = clock
        self._random = random
        self._say = say
        self._lanes = {name: Lane() for name in channels}
        self._flying: Counter[str] = Counter()
        self._known: OrderedDict[str, tuple[Letter, bool]] = OrderedDict()
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._tasks: set[asyncio.Task[None]] = set()
        self._herald = Herald(self._lanes, clock)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopped = asyncio.Event()

    def run(self) -> None:
        """Take and send until `stop` is called; a lost connection is opened anew.

        Raises:
            UsageError: What is to be declared is there, and is something else.
        """
        asyncio.run(self._run())

    def stop(self) -> None:
        """Ask for the end, from any thread or signal: what is on its way is finished."""
        if self._loop is None:
            self._stopped.set()
        else:
            self._loop.call_soon_threadsafe(self._stopped.set)

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        failures = 0
        while not self._stopped.is_set():
            try:
                found = await link(self._config, self._config.prefetch)
            except UsageError:
                raise
            except Exception as error:  # noqa: BLE001 - they have no class in common
                failures += 1
                self._warn(f"no broker: {words(error, self._config.url)}")
                await self._rest(failures)
                continue
            failures = 0
            await self._serve(found)
            if not self._stopped.is_set():
                self._warn("the connection to the broker is lost; opening another")
                await self._rest(1)

    async def _serve(self, found: Link) -> None:
        """Take messages until the connection is lost or the end is asked for."""
        lost = asyncio.Event()
        standing = self._guarded(lost, self._herald.stand(self._publishing(found)))
        try:
            queue = await found.channel.get_queue(self._topology.queue, ensure=False)
            for one in (found.connection, found.channel, queue):
                one.close_callbacks.add(lambda *_: lost.set())

            async def take(message: AbstractIncomingMessage) -> None:
                self._begin(found, lost, message)

            tag = await queue.consume(take, timeout=PATIENCE)
            self._say(Notice(f"ready: takes from {self._topology.queue!r}"))
            await _first(lost, self._stopped)
            if not lost.is_set():
                await queue.cancel(tag, timeout=PATIENCE)
                if self._tasks:
                    await asyncio.wait(self._tasks, timeout=GRACE)
        except Exception as error:  # noqa: BLE001 - they have no class in common
            self._warn(words(error, self._config.url))
        finally:
            standing.cancel()
            await let_go(found.connection)

    def _begin(
        self, found: Link, lost: asyncio.Event, message: AbstractIncomingMessage
    ) -> None:
        task = self._guarded(lost, self._one(found, message))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _guarded(
        self, lost: asyncio.Event, work: Coroutine[None, None, None]
    ) -> asyncio.Task[None]:
        """Begin some work; if it fails, the connection is given up."""

        async def whole() -> None:
            try:
                await work
            except Exception as error:  # noqa: BLE001 - they have no class in common
                # Whatever it was, the broker still has the message.
                self._warn(words(error, self._config.url))
                lost.set()

        return asyncio.create_task(whole())

    async def _one(self, found: Link, message: AbstractIncomingMessage) -> None:
        """Bring one message to the end of its stay here."""
        try:
            letter, notification = plan.opened(message.body, message.headers)
        except (ValueError, RecursionError) as error:
            self._warn(f"a message that cannot be read is put aside: {error}")
            await message.reject(requeue=False)
            return
        key = letter.row.key
        # The same message may be here twice: given back, while the first is still sent.
        async with self._locks.setdefault(key, asyncio.Lock()):
            after = await self._handled(letter, notification)
            if after is not None:
                await self._settle(found, after)
            await message.ack()

    async def _handled(
        self, letter: Letter, notification: Notification
    ) -> Letter | None:
        """Return the letter as it is now; None if it is settled already."""
        row, now = letter.row, self._clock.now()
        known, settled = self._known.get(row.key, (letter, False))
        if known.row.attempts > row.attempts:
            return None if settled else known
        dead = plan.ended(letter, self._lanes, now)
        if dead is not None:
            return Letter(dead)
        lane, flying = self._lanes[row.channel], self._flying[row.channel]
        waiting = plan.put_off(letter, lane, flying, now, self._random.random())
        if waiting is not None:
            return waiting
        return self._decided(row, await self._sent(row, notification))

    async def _sent(
        self, row: Outgoing, notification: Notification
    ) -> tuple[Outcome, ...]:
        channel = self._channels[row.channel]
        self._flying[row.channel] += 1
        try:
            return await _in_thread(lambda: attempt(channel, notification, row))
        finally:
            self._flying[row.channel] -= 1

    def _decided(self, row: Outgoing, outcomes: tuple[Outcome, ...]) -> Letter:
        now = self._clock.now()
        lane = self._lanes[row.channel]
        here = lane.after(outcomes, now, self._random.random())
        self._lanes[row.channel] = here
        self._herald.tried(row.channel)
        for notice in changes(row.channel, lane, here):
            self._say(notice)
        after = decide(row, outcomes, now, self._random.random())
        letter = Letter(plan.bounded(after, self._config.attempts, now))
        self._remember(letter, settled=False)
        return letter

    async def _settle(self, found: Link, letter: Letter) -> None:
        """See to it that nothing is left to do here for a letter, but to acknowledge."""
        row = letter.row
        queue = plan.onward(row, self._topology, self._clock.now())
        if queue is not None:
            await found.channel.default_exchange.publish(
                message_of(letter), queue, mandatory=True, timeout=PATIENCE
            )
        if letter.deferred == 0:
            self._herald.ended(row)
            self._remember(letter, settled=True)
            self._tell(row)
            await self._herald.tell(self._publishing(found))

    def _publishing(self, found: Link) -> Publish:
        """Return what publishes a letter about a channel as any other message."""
        from aio_pika.exceptions import DeliveryError  # noqa: PLC0415 - an extra

        async def publish(row: Outgoing) -> bool:
            message, key = message_of(Letter(row)), plan.short(row.channel)
            try:
                await found.exchange.publish(
                    message, key, mandatory=True, timeout=PATIENCE
                )
            except DeliveryError as error:  # of this letter alone; others go on
                self._warn(f"{row.key}: {words(error, self._config.url)}")
                return False
            return True

        return publish

    def _remember(self, letter: Letter, *, settled: bool) -> None:
        """Keep in mind what became of a message, should it be given to us again."""
        self._known[letter.row.key] = (letter, settled)
        self._known.move_to_end(letter.row.key)
        while len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)

    def _tell(self, row: Outgoing) -> None:
        why = reasons(row)
        told = f"{row.key}: {row.status}{f': {why}' if why else ''}"
        calm = row.status == "delivered"
        self._say(Notice(told, "info" if calm else "warning", row.channel))

    def _warn(self, text: str) -> None:
        self._say(Notice(text, "warning"))

    async def _rest(self, failures: int) -> None:
        """Wait longer after each failure; not all notifiers for as long."""
        whole = min(2.0 ** min(failures - 1, 10), _LONGEST_REST)
        seconds = whole * (0.5 + 0.5 * self._random.random())
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopped.wait()


async def _first(*events: asyncio.Event) -> None:
    """Wait until one of the events happens."""
    tasks = [asyncio.create_task(event.wait()) for event in events]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()


async def _in_thread(
    work: Callable[[], tuple[Outcome, ...]],
) -> tuple[Outcome, ...]:
    """Do work that blocks in a thread of its own, which nothing waits for at the end."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[tuple[Outcome, ...]] = loop.create_future()

    def put(found: tuple[Outcome, ...]) -> None:
        if not done.done():
            done.set_result(found)

    def whole() -> None:
        found = work()
        with suppress(RuntimeError):  # the loop is gone, and the message not ours
            loop.call_soon_threadsafe(put, found)

    Thread(target=whole, daemon=True).start()
    return await done
