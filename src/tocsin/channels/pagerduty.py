"""`pagerduty`: events of PagerDuty, version 2; a recovery resolves its incident there."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tocsin.channels import text as words
from tocsin.channels.links import web
from tocsin.channels.message import compose
from tocsin.channels.parcel import Parcel, Posting, packed
from tocsin.model.notification import Kind
from tocsin.model.secret import Secret
from tocsin.model.wire import moment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tocsin.channels.http import Site
    from tocsin.model.notification import Notification

API = "https://events.pagerduty.com"

_LONGEST_SUMMARY = 1_024
_LONGEST_DETAILS = 20_000
_ENDED = (Kind.RESOLVED, Kind.WITHDRAWN)


@dataclass(frozen=True, slots=True)
class PagerDuty(Posting):
    """Triggers and resolves by the routing key of a service.

    All messages of a thread are one incident there: its `dedup_key` is the thread's.
    """

    name: str
    site: Site
    routing_key: Secret
    url: Secret = field(default_factory=lambda: Secret(API))
    templates: Mapping[str, str] = field(default_factory=dict)

    def preview(self, notification: Notification) -> str:
        """Return the request, without the key, which is part of its body."""
        return self._keyed(notification, "***").shown()

    def _parcel(self, notification: Notification) -> Parcel:
        return self._keyed(notification, self.routing_key.reveal())

    def _keyed(self, notification: Notification, key: str) -> Parcel:
        url = Secret(f"{self.url.reveal().rstrip('/')}/v2/enqueue")
        return Parcel(url, packed({"routing_key": key, **self._event(notification)}))

    def _event(self, notification: Notification) -> dict[str, Any]:
        ends = notification.kind in _ENDED
        event: dict[str, Any] = {
            "event_action": "resolve" if ends else "trigger",
            "dedup_key": dedup(notification),
        }
        if ends:
            return event
        message = compose(notification, self.templates)
        links = dict.fromkeys(web(alert.runbook) for alert in notification.alerts)
        return event | {
            "client": "Tocsin",
            "links": [{"href": link, "text": "Runbook"} for link in links if link],
            "payload": {
                "summary": message.subject[:_LONGEST_SUMMARY],
                "source": words.pairs(notification.group) or "tocsin",
                "severity": notification.level,
                "timestamp": moment(notification.at),
                "custom_details": {"text": words.lines(message.text, _LONGEST_DETAILS)},
            },
        }


def dedup(notification: Notification) -> str:
    """Return what all messages of a thread share, short and plain."""
    return hashlib.sha256(notification.thread.encode("utf-8", "replace")).hexdigest()[
        :40
    ]
