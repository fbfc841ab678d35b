"""`apprise`: the other hundred services, through the library Apprise (extra `notify`)."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from tocsin.channels.message import compose
from tocsin.channels.text import line
from tocsin.model.notification import Fate, Kind, Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tocsin.model.notification import Notification
    from tocsin.model.secret import Secret

MISSING = "the library is not installed: pip install 'tocsin[notify]'"

_LONGEST = 10_000
_TYPES = {
    "critical": "failure",
    "error": "failure",
    "warning": "warning",
    "info": "info",
}


class Apprise(Struct, frozen=True):
    """Sends to addresses in Apprise's own form, which hold secrets and are never shown.

    Apprise opens its own connections: no address is refused here, and a redirect is
    followed if a service of Apprise follows it. It does not tell why a message was
    not taken, so that each is tried again until its deadline.
    """

    name: str
    urls: tuple[Secret, ...]
    templates: Mapping[str, str] = field(default_factory=dict)

    def recipients(self, notification: Notification) -> tuple[str, ...]:  # noqa: ARG002
        """Return the addresses by their services and places: `1 (ntfy)`."""
        return tuple(self._named())

    def preview(self, notification: Notification) -> str:
        """Return title and text, and to which services they go."""
        message = compose(notification, self.templates)
        return f"to {', '.join(self._named())}\n\n{message.whole(_LONGEST)}"

    def send(
        self, notification: Notification, recipients: tuple[str, ...]
    ) -> tuple[Outcome, ...]:
        """Send to each address once."""
        known = self._named()
        return tuple(self._send(known.get(w), w, notification) for w in recipients)

    def _named(self) -> dict[str, Secret]:
        return {
            f"{n} ({line(url.reveal().partition(':')[0], 30)})": url
            for n, url in enumerate(self.urls, start=1)
        }

    def _send(
        self, url: Secret | None, recipient: str, notification: Notification
    ) -> Outcome:
        try:
            import apprise  # noqa: PLC0415 - an extra
        except ImportError:
            return Outcome(recipient, Fate.RETRY, MISSING)
        if url is None:
            return Outcome(recipient, Fate.REFUSED, "it is no longer configured")
        message = compose(notification, self.templates)
        # Its own words hold the addresses, and they are secrets.
        logging.getLogger("apprise").disabled = True
        target = apprise.Apprise()
        if not target.add(url.reveal()):
            return Outcome(recipient, Fate.REFUSED, "Apprise knows no such address")
        try:
            taken = target.notify(
                body=message.text[:_LONGEST],
                title=message.subject,
                notify_type=_type(notification, apprise),
                body_format=apprise.NotifyFormat.TEXT,
                interpret_escapes=False,
            )
        except Exception as error:  # noqa: BLE001 - its plugins may raise anything
            return Outcome(recipient, Fate.RETRY, type(error).__name__)
        if taken:
            return Outcome(recipient, Fate.DELIVERED, "taken")
        return Outcome(recipient, Fate.RETRY, "not taken; Apprise does not say why")


def _type(notification: Notification, apprise: Any) -> Any:  # noqa: ANN401 - of an extra
    if notification.kind in (Kind.RESOLVED, Kind.WITHDRAWN):
        return apprise.NotifyType.SUCCESS
    return apprise.NotifyType(_TYPES.get(notification.level, "info"))
