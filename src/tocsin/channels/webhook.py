"""`webhook`: a notification as JSON to a program of yours, signed.

The signature follows Standard Webhooks, for which every language has a library: the
HMAC-SHA256 of `id.timestamp.body`. The id is the notification's key, the same however
often it is sent.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tocsin.channels.alertmanager import webhook_payload
from tocsin.channels.message import compose
from tocsin.channels.parcel import Parcel, Posting, packed
from tocsin.channels.text import line
from tocsin.model.wire import to_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tocsin.channels.http import Site
    from tocsin.model.notification import Notification
    from tocsin.model.secret import Secret

PAYLOADS = ("tocsin", "alertmanager")


@dataclass(frozen=True, slots=True)
class Webhook(Posting):
    """Posts JSON: our own by `tocsin schema notification`, or Alertmanager's version 4.

    A template for `json` takes the place of both, if what it makes is JSON. `now` is
    the wall clock (s), for the signature.
    """

    name: str
    site: Site
    url: Secret
    now: Callable[[], float] = field(repr=False)
    secret: Secret | None = None
    payload: str = "tocsin"
    headers: Mapping[str, Secret] = field(default_factory=dict)
    templates: Mapping[str, str] = field(default_factory=dict)

    def _parcel(self, notification: Notification) -> Parcel:
        body = self._body(notification)
        key = ascii_line(notification.key)
        headers = {"Idempotency-Key": key, "webhook-id": key}
        secrets = {name: value.reveal() for name, value in self.headers.items()}
        if self.secret is not None:
            at = str(int(self.now()))
            headers["webhook-timestamp"] = at
            secrets["webhook-signature"] = signature(self.secret, key, at, body)
        return Parcel(self.url, body, headers, secrets)

    def _body(self, notification: Notification) -> bytes:
        message = compose(notification, self.templates)
        failed = message.failed
        if message.json is not None:
            try:
                return packed(json.loads(message.json, parse_constant=_refused))
            except ValueError as error:
                failed = f"the template for json makes none: {error}"
        if self.payload == "alertmanager":
            return packed(webhook_payload(notification, self.name))
        noted = {"template_failed": line(failed)} if failed else {}
        return packed(to_json(notification) | noted)


def signature(secret: Secret, key: str, at: str, body: bytes) -> str:
    """Return the signature of Standard Webhooks: `v1,` and an HMAC-SHA256 in base64."""
    signed = b".".join([key.encode(), at.encode(), body])
    made = hmac.new(_bytes(secret.reveal()), signed, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(made).decode()}"


def ascii_line(text: str) -> str:
    """Return a text as it may stand in a header."""
    return line(text).encode("ascii", "replace").decode()


def _bytes(secret: str) -> bytes:
    """Return the key of a secret: `whsec_` begins one in base64."""
    if secret.startswith("whsec_"):
        try:
            return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        except binascii.Error:
            pass  # then it is text like any other
    return secret.encode()


def _refused(constant: str) -> Any:  # noqa: ANN401 - it never returns
    message = f"{constant} is not JSON"
    raise ValueError(message)
