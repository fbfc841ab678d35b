"""`alertmanager`: alerts to an existing Prometheus Alertmanager, by its API v2.

Also the payload of version 4 that an Alertmanager sends to webhooks, which many
programs understand.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tocsin.channels import text as words
from tocsin.channels.message import compose
from tocsin.channels.parcel import Parcel, Posting, packed
from tocsin.model.secret import Secret
from tocsin.model.wire import moment, status

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tocsin.channels.http import Site
    from tocsin.model.notification import Alert, Notification

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_]")
_NEVER = "0001-01-01T00:00:00Z"
_LONGEST_VALUE = 1_000

DAY = 86_400_000_000


@dataclass(frozen=True, slots=True)
class Alertmanager(Posting):
    """Posts alerts to `/api/v2/alerts`.

    An Alertmanager takes an alert for resolved when nobody repeats it: `hold` says for
    how long (µs) it is to believe one, so it must be longer than notifications repeat.
    """

    name: str
    site: Site
    url: Secret
    hold: int = DAY
    headers: Mapping[str, Secret] = field(default_factory=dict)
    templates: Mapping[str, str] = field(default_factory=dict)

    def _parcel(self, notification: Notification) -> Parcel:
        url = Secret(f"{self.url.reveal().rstrip('/')}/api/v2/alerts")
        secrets = {name: value.reveal() for name, value in self.headers.items()}
        return Parcel(url, packed(self._alerts(notification)), {}, secrets)

    def _alerts(self, notification: Notification) -> list[dict[str, Any]]:
        told = compose(notification, self.templates)
        hold = notification.at + self.hold // 1_000_000
        own = {"summary": told.subject} if self.templates else {}
        if not notification.alerts:
            return [_life_sign(notification, hold)]
        return [
            {
                "labels": labels_of(alert),
                "annotations": annotations_of(alert) | own,
                "startsAt": moment(alert.opened),
                "endsAt": moment(alert.closed or hold),
            }
            for alert in notification.alerts
        ]


def webhook_payload(notification: Notification, receiver: str) -> dict[str, Any]:
    """Return what an Alertmanager would post to a webhook, version 4."""
    alerts = [_posted(alert) for alert in notification.alerts]
    state = "firing" if status(notification) == "firing" else "resolved"
    return {
        "version": "4",
        "groupKey": notification.thread,
        "truncatedAlerts": notification.held,
        "status": state,
        "receiver": receiver,
        "groupLabels": _clean(notification.group),
        "commonLabels": _common(alert["labels"] for alert in alerts),
        "commonAnnotations": _common(alert["annotations"] for alert in alerts),
        "externalURL": "",
        "alerts": alerts,
    }


def labels_of(alert: Alert) -> dict[str, str]:
    """Return what identifies an alert, by names that Prometheus takes.

    The level is among them: an alert that grows worse is another one there.
    """
    found = _clean({**alert.labels, **alert.key})
    found |= {"alertname": words.line(alert.alarm), "severity": words.line(alert.level)}
    return {name: value for name, value in sorted(found.items()) if value}


def annotations_of(alert: Alert) -> dict[str, str]:
    """Return what is said about an alert."""
    found = {
        "summary": words.line(alert.text) or words.named(alert),
        "description": words.line(alert.reason),
        "runbook_url": words.line(alert.runbook),
        "value": "" if alert.value is None else words.number(alert.value),
        "evidence": "\n".join(words.line(e) for e in alert.evidence[:10]),
    }
    return {name: value for name, value in found.items() if value}


def _posted(alert: Alert) -> dict[str, Any]:
    found = labels_of(alert)
    return {
        "status": "firing" if alert.status == "firing" else "resolved",
        "labels": found,
        "annotations": annotations_of(alert),
        "startsAt": moment(alert.opened),
        "endsAt": _NEVER if alert.closed is None else moment(alert.closed),
        "generatorURL": "",
        "fingerprint": hashlib.sha256(repr(found).encode()).hexdigest()[:16],
    }


def _life_sign(notification: Notification, until: int) -> dict[str, Any]:
    return {
        "labels": {"alertname": f"tocsin {notification.kind}", "severity": "info"},
        "annotations": {"summary": words.title(notification)},
        "startsAt": moment(notification.at),
        "endsAt": moment(until),
    }


def _clean(found: Mapping[str, str]) -> dict[str, str]:
    """Return labels with names that Prometheus takes, in order."""
    return {
        _label(name): words.line(value, _LONGEST_VALUE)
        for name, value in sorted(found.items())
    }


def _label(name: str) -> str:
    clean = _NOT_IN_NAMES.sub("_", name) or "_"
    return f"_{clean}" if clean[0].isdigit() else clean


def _common(every: Iterable[Mapping[str, str]]) -> dict[str, str]:
    first, *rest = [*every] or [{}]
    return {k: v for k, v in first.items() if all(m.get(k) == v for m in rest)}
