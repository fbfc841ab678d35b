"""What most channels send: one body of JSON to one address, for one recipient."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from msgspec.structs import replace

from tocsin.channels.http import Site, Unreachable, failed, host_of, outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tocsin.channels.http import Reply
    from tocsin.model.notification import Notification, Outcome
    from tocsin.model.secret import Secret

_JSON = {"Content-Type": "application/json; charset=utf-8"}
_SHORTEST_SECRET = 6


@dataclass(frozen=True, slots=True)
class Parcel:
    """A body and where it goes. `headers` may be shown, `secrets` may not."""

    url: Secret
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)

    def send(
        self,
        site: Site,
        recipient: str,
        wait: Callable[[Reply], float | None] | None = None,
    ) -> Outcome:
        """Send it, once; return what became of it.

        `wait` finds out how long to wait, where that is not said in a header.
        """
        headers = {**_JSON, **self.headers, **self.secrets}
        try:
            reply = site.post(self.url.reveal(), self.body, headers)
        except Unreachable as error:
            return failed(recipient, error)
        if wait is not None:
            reply = replace(reply, after=wait(reply))
        return self._redacted(outcome(recipient, reply))

    def _redacted(self, found: Outcome) -> Outcome:
        """Return what was said without our secrets: some sites repeat the request."""
        parts = urlsplit(self.url.reveal())
        hidden = [*self.secrets.values(), parts.query, parts.path.lstrip("/")]
        hidden += [value.rpartition(" ")[2] for value in self.secrets.values()]
        hidden += parts.path.split("/")
        detail = found.detail
        for secret in sorted(hidden, key=len, reverse=True):
            if len(secret) >= _SHORTEST_SECRET:
                detail = detail.replace(secret, "***")
        return replace(found, detail=detail)

    def shown(self) -> str:
        """Return it for people to read: of the address, only the host."""
        headers = {**self.headers, **dict.fromkeys(self.secrets, "***")}
        told = [f"POST {host_of(self.url.reveal())}/***"]
        told += [f"{name}: {value}" for name, value in headers.items()]
        return "\n".join([*told, "", self.body.decode("utf-8", "replace")])


class Posting(ABC):
    """A channel that posts each notification as one parcel, to whoever its address is.

    Those who inherit have a `site` and a `url`, and make the parcel.
    """

    __slots__ = ()

    site: Site
    url: Secret

    def recipients(self, notification: Notification) -> tuple[str, ...]:  # noqa: ARG002
        """Return the host; a room, a team or a service is part of the secret."""
        return (host_of(self.url.reveal()),)

    def preview(self, notification: Notification) -> str:
        """Return the request, without what is secret of it."""
        return self._parcel(notification).shown()

    def send(
        self, notification: Notification, recipients: tuple[str, ...]
    ) -> tuple[Outcome, ...]:
        """Post it once."""
        parcel = self._parcel(notification)
        return tuple(parcel.send(self.site, who) for who in recipients)

    @abstractmethod
    def _parcel(self, notification: Notification) -> Parcel:
        """Return what is posted."""


def packed(data: Any) -> bytes:  # noqa: ANN401 - anything that JSON has
    """Return JSON in UTF-8; half characters, which it cannot have, become `?`."""
    text = json.dumps(data, ensure_ascii=False, indent=1, allow_nan=False)
    return text.encode("utf-8", "replace")
