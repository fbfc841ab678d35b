"""Handing over to RabbitMQ: the outbox is relayed to an exchange, with confirms.

A relay looks like a channel to the sender, which keeps the order of each thread, tries
again and gives up as ever. A row is done with once the broker has said that it keeps
the message: then it is in a queue, on the disks of most of the broker's machines.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from functools import cache
from threading import Thread
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from msgspec import Struct

from tocsin.channels.text import line
from tocsin.model.errors import UsageError
from tocsin.model.notification import Fate, Outcome
from tocsin.runners.rabbit_plan import MISSING, Topology, sealed, short

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aio_pika import Message
    from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractExchange

    from tocsin.config.rabbit_values import RabbitConfig
    from tocsin.model.notification import Notification
    from tocsin.model.protocols import Channel
    from tocsin.model.secret import Secret
    from tocsin.runners.rabbit_plan import Letter

PATIENCE = 15.0
"""Seconds for which a broker is waited for: to connect, to declare, to confirm."""

WHO = "rabbitmq"
"""How the broker is called where a row tells what became of it."""

_EVERYTHING = "#"
_SHORTEST_SECRET = 4
_FAREWELL = 5.0


class Link(Struct, frozen=True):
    """One connection to a broker, where everything is declared."""

    connection: AbstractConnection
    channel: AbstractChannel
    exchange: AbstractExchange

    @property
    def is_open(self) -> bool:
        """Whether it can be used still."""
        return not (self.connection.is_closed or self.channel.is_closed)


def require() -> None:
    """Raise UsageError, with a remedy, if the library is not installed."""
    try:
        import aio_pika  # noqa: F401, PLC0415 - an extra
    except ImportError:
        raise UsageError(MISSING) from None
    for name in ("aio_pika", "aiormq"):
        # They would print what we say in a line; who wants it may add handlers.
        logging.getLogger(name).addHandler(logging.NullHandler())


async def link(config: RabbitConfig, prefetch: int = 0) -> Link:
    """Connect and declare everything, which changes nothing that is there already.

    Raises:
        UsageError: Something of that name is there, and is another.
        Exception: The broker cannot be reached, or does not let us in; see `words`.
    """
    from aio_pika import connect  # noqa: PLC0415 - an extra
    from aio_pika.exceptions import ChannelPreconditionFailed  # noqa: PLC0415

    connection = await connect(config.url.reveal(), timeout=PATIENCE)
    try:
        async with asyncio.timeout(PATIENCE):
            channel = await connection.channel(
                publisher_confirms=True, on_return_raises=True
            )
            await channel.set_qos(prefetch_count=prefetch)
            exchange = await _declare(channel, Topology.of(config))
            return Link(connection, channel, exchange)
    except ChannelPreconditionFailed as error:
        await let_go(connection)
        told = (
            f"the broker has something else of that name: {words(error, config.url)}\n"
            "  choose another exchange: or queue:, or delete the old one"
        )
        raise UsageError(told) from None
    except BaseException:
        await let_go(connection)
        raise


async def _declare(channel: AbstractChannel, topology: Topology) -> AbstractExchange:
    exchange = await channel.declare_exchange(topology.exchange, "topic", durable=True)
    work, *others = topology.queues().items()
    for name, arguments in others:
        await channel.declare_queue(name, durable=True, arguments=arguments)
    name, arguments = work
    queue = await channel.declare_queue(name, durable=True, arguments=arguments)
    await queue.bind(exchange, _EVERYTHING)
    return exchange


async def let_go(connection: AbstractConnection) -> None:
    """Close a connection; one whose other side is dead must not be waited for."""
    with suppress(Exception):
        async with asyncio.timeout(_FAREWELL):
            await connection.close()


def message_of(letter: Letter) -> Message:
    """Return what is published: persistent, its id the key of the notification."""
    from aio_pika import DeliveryMode, Message  # noqa: PLC0415 - an extra

    return Message(
        letter.row.body,
        headers={**letter.headers()},
        content_type="application/json",
        delivery_mode=DeliveryMode.PERSISTENT,
        message_id=short(letter.row.key),
        app_id="tocsin",
    )


def words(error: BaseException, url: Secret) -> str:
    """Return what went wrong, in one line, without what is secret in the address."""
    from aio_pika.exceptions import DeliveryError, PublishError  # noqa: PLC0415

    if isinstance(error, PublishError):
        return "no queue takes it: is the exchange bound?"
    if isinstance(error, DeliveryError):
        return "the broker did not take it (nack)"
    if isinstance(error, TimeoutError):
        return f"no answer within {PATIENCE:.0f} s"
    text = f"{type(error).__name__}: {error}"
    password = urlsplit(url.reveal()).password or ""
    hidden = (url.reveal(), password, unquote(password))
    for secret in hidden:
        if len(secret) >= _SHORTEST_SECRET:
            text = text.replace(secret, "***")
    return line(text, 200)


class Relay:
    """Publishes from any thread, over one connection that is opened when it is needed.

    A connection that is lost is opened anew for the next message; when that is, the
    sender decides, by its back-off.
    """

    def __init__(self, config: RabbitConfig) -> None:
        """Begin; nothing is asked of the broker yet. Raises UsageError: see `require`."""
        require()
        self._config = config
        self._link: Link | None = None
        self._opening = asyncio.Lock()
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name=WHO, daemon=True)
        self._thread.start()

    def hand_over(self, notification: Notification) -> Outcome:
        """Publish a notification; delivered means that the broker has confirmed it."""
        work = self._publish(sealed(notification))
        try:
            asyncio.run_coroutine_threadsafe(work, self._loop).result()
        except Exception as error:  # noqa: BLE001 - they have no class in common
            return Outcome(WHO, Fate.RETRY, words(error, self._config.url))
        return Outcome(WHO, Fate.DELIVERED, f"kept by {self._config.exchange!r}")

    def close(self) -> None:
        """Let go of the connection. Idempotent; nothing may be handed over after it."""
        if self._loop.is_closed():
            return
        asyncio.run_coroutine_threadsafe(self._drop(self._link), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _publish(self, letter: Letter) -> None:
        from aio_pika.exceptions import DeliveryError, PublishError  # noqa: PLC0415

        found = await self._opened()
        try:
            await found.exchange.publish(
                message_of(letter),
                short(letter.row.channel),
                mandatory=True,
                timeout=PATIENCE,
            )
        except PublishError:  # the queue is gone: whoever connects declares it
            await self._drop(found)
            raise
        except DeliveryError:
            raise
        except BaseException:
            await self._drop(found)
            raise

    async def _opened(self) -> Link:
        async with self._opening:
            if self._link is None or not self._link.is_open:
                await self._drop(self._link)
                self._link = await link(self._config)
            return self._link

    async def _drop(self, found: Link | None) -> None:
        """Let go of a connection, unless there is another by now."""
        if found is None:
            return
        if self._link is found:
            self._link = None
        await let_go(found.connection)


class Relayed(Struct, frozen=True):
    """A channel whose messages go to the broker; notifiers send them through it."""

    name: str
    relay: Relay

    def recipients(self, notification: Notification) -> tuple[str, ...]:  # noqa: ARG002
        """Return the broker: to whom it goes on, its notifiers know."""
        return (WHO,)

    def preview(self, notification: Notification) -> str:
        """Return the message, as it would be published."""
        return sealed(notification).row.body.decode()

    def send(
        self, notification: Notification, recipients: tuple[str, ...]
    ) -> tuple[Outcome, ...]:
        """Hand it over, once."""
        return tuple(self.relay.hand_over(notification) for _ in recipients)


def relayed(names: Iterable[str], relay: Relay) -> dict[str, Channel]:
    """Return what a sender is given in place of its channels, by their names."""
    return {name: Relayed(name, relay) for name in names}


@cache
def relay_to(config: RabbitConfig) -> Relay:
    """Return the relay to a broker, for the rest of this process.

    A configuration that is taken up anew keeps its connection, and what is on its way.
    """
    return Relay(config)
