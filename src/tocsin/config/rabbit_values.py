"""Where messages are handed over to RabbitMQ."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from tocsin.model.secret import Secret


class RabbitConfig(Struct, frozen=True, kw_only=True):
    """A broker, and the names of what is declared there.

    `attempts` is how often a message is tried by `tocsin notifier` before it is given
    up, `prefetch` how many messages one of them has in hand at most.
    """

    url: Secret
    exchange: str = "tocsin"
    queue: str = "tocsin.notifications"
    attempts: int = 60
    prefetch: int = 16
