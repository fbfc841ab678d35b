"""Where messages are handed over to RabbitMQ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tocsin.model.secret import Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class RabbitConfig:
    """A broker, and the names of what is declared there.

    `attempts` is how often a message is tried by `tocsin notifier` before it is given
    up, `prefetch` how many messages one of them has in hand at most.
    """

    url: Secret
    exchange: str = "tocsin"
    queue: str = "tocsin.notifications"
    attempts: int = 60
    prefetch: int = 16
