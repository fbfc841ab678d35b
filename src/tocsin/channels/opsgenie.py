"""`opsgenie`: alerts of Opsgenie (or Jira Service Management); a recovery closes its."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tocsin.channels import text as words
from tocsin.channels.message import compose
from tocsin.channels.pagerduty import dedup
from tocsin.channels.parcel import Parcel, Posting, packed
from tocsin.model.notification import Kind
from tocsin.model.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tocsin.channels.http import Site
    from tocsin.model.notification import Notification

API = "https://api.opsgenie.com"

_LONGEST_MESSAGE = 130
_LONGEST_TEXT = 15_000
_PRIORITIES = {"critical": "P1", "error": "P2", "warning": "P3", "info": "P5"}
_ENDED = (Kind.RESOLVED, Kind.WITHDRAWN)


@dataclass(frozen=True, slots=True)
class Opsgenie(Posting):
    """Opens and closes alerts by an API key; `url` is another in Europe.

    All messages of a thread are one alert there: its alias is the thread's.
    """

    name: str
    site: Site
    api_key: Secret
    url: Secret = field(default_factory=lambda: Secret(API))
    tags: tuple[str, ...] = ()
    templates: Mapping[str, str] = field(default_factory=dict)

    def _parcel(self, notification: Notification) -> Parcel:
        top = f"{self.url.reveal().rstrip('/')}/v2/alerts"
        keys = {"Authorization": f"GenieKey {self.api_key.reveal()}"}
        if notification.kind in _ENDED:
            way = f"{top}/{dedup(notification)}/close?identifierType=alias"
            note = {"source": "Tocsin", "note": words.title(notification)}
            return Parcel(Secret(way), packed(note), {}, keys)
        return Parcel(Secret(top), packed(self._alert(notification)), {}, keys)

    def _alert(self, notification: Notification) -> dict[str, Any]:
        message = compose(notification, self.templates)
        return {
            "message": words.line(message.subject, _LONGEST_MESSAGE),
            "alias": dedup(notification),
            "description": words.lines(message.text, _LONGEST_TEXT),
            "tags": list(self.tags),
            "details": {words.line(k, 80): words.line(v) for k, v in notification.group.items()},
            "source": "Tocsin",
            "priority": _PRIORITIES.get(notification.level, "P3"),
        }  # fmt: skip
