"""`telegram`: messages of a bot of Telegram, as plain text."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from tocsin.channels.message import compose
from tocsin.channels.parcel import Parcel, packed
from tocsin.model.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tocsin.channels.http import Reply, Site
    from tocsin.model.notification import Notification, Outcome

API = "https://api.telegram.org"

_LONGEST = 4_000  # a message takes 4,096 characters


class Telegram(Struct, frozen=True):
    """Sends to chats; the bot's token is part of the address, which is never shown."""

    name: str
    site: Site
    token: Secret
    chats: tuple[str, ...]
    url: Secret = field(default_factory=lambda: Secret(API))
    templates: Mapping[str, str] = field(default_factory=dict)

    def recipients(self, notification: Notification) -> tuple[str, ...]:  # noqa: ARG002
        """Return the chats."""
        return self.chats

    def preview(self, notification: Notification) -> str:
        """Return the requests, without what is secret of them."""
        return "\n\n".join(self._parcel(notification, c).shown() for c in self.chats)

    def send(
        self, notification: Notification, recipients: tuple[str, ...]
    ) -> tuple[Outcome, ...]:
        """Send to each chat once."""
        return tuple(self._send(notification, chat) for chat in recipients)

    def _send(self, notification: Notification, chat: str) -> Outcome:
        return self._parcel(notification, chat).send(self.site, chat, _after)

    def _parcel(self, notification: Notification, chat: str) -> Parcel:
        url = f"{self.url.reveal().rstrip('/')}/bot{self.token.reveal()}/sendMessage"
        said: dict[str, Any] = {
            "chat_id": chat,
            "text": compose(notification, self.templates).whole(_LONGEST),
            "link_preview_options": {"is_disabled": True},
        }
        return Parcel(Secret(url), packed(said))


def _after(reply: Reply) -> float | None:
    """Return how long to wait, which Telegram says in its answer."""
    try:
        wait = json.loads(reply.text)["parameters"]["retry_after"]
        return float(wait)
    except (ValueError, KeyError, TypeError):
        return reply.after
