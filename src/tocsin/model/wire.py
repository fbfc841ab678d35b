"""A notification as JSON: how it waits in the outbox, and what programs are sent.

Version 1. A later version may add keys; whoever reads it passes over those it does not
know. Numbers that JSON does not have (NaN, infinities) become null.
"""

from __future__ import annotations

import json
import math
from datetime import datetime
from typing import TYPE_CHECKING, Any

from msgspec.structs import asdict

from tocsin.model.instant import SECOND, from_datetime, iso
from tocsin.model.notification import Alert, Kind, Notification

if TYPE_CHECKING:
    from collections.abc import Mapping

VERSION = 1

_TIMES = ("opened", "closed")


def to_json(notification: Notification) -> dict[str, Any]:
    """Return a notification as plain data, with `level` and `status` told as well."""
    return {
        "version": VERSION,
        "key": notification.key,
        "channel": notification.channel,
        "thread": notification.thread,
        "answers": notification.answers,
        "kind": notification.kind.value,
        "status": status(notification),
        "level": notification.level,
        "at": moment(notification.at),
        "why": notification.why,
        "group": dict(notification.group),
        "held": notification.held,
        "tally": dict(notification.tally),
        "alerts": [_alert(alert) for alert in notification.alerts],
    }


def status(notification: Notification) -> str:
    """Return `firing` while anything of the group fires, else what its alerts are.

    A notification without alerts has its kind for a status.
    """
    found = [alert.status for alert in notification.alerts]
    if not found:
        return notification.kind.value
    # A change is told while others of the group ring on, though it may not name them.
    rings = notification.kind is Kind.CHANGED or "firing" in found
    return "firing" if rings else found[0]


def from_json(data: Mapping[str, Any]) -> Notification:
    """Return the notification that was written.

    Raises:
        ValueError: It is none of this version.
    """
    if data.get("version") != VERSION:
        message = f"a notification of version {data.get('version')!r}, not {VERSION}"
        raise ValueError(message)
    try:
        return _notification(data)
    except (KeyError, TypeError, AttributeError) as error:
        message = f"not a notification: {type(error).__name__}: {error}"
        raise ValueError(message) from error


def to_bytes(notification: Notification) -> bytes:
    """Return a notification as the bytes of a row in the outbox."""
    return json.dumps(to_json(notification), separators=(",", ":")).encode()


def from_bytes(body: bytes) -> Notification:
    """Return the notification of a row in the outbox. Raises ValueError."""
    data = json.loads(body)
    if not isinstance(data, dict):
        message = "not a notification: no object"
        raise ValueError(message)  # noqa: TRY004 - whoever reads it asks for no type
    return from_json(data)


def moment(seconds: int) -> str:
    """Return seconds since the epoch in ISO 8601."""
    return iso(seconds * SECOND)


def _notification(data: Mapping[str, Any]) -> Notification:
    return Notification(
        key=data["key"],
        channel=data["channel"],
        thread=data["thread"],
        kind=Kind(data["kind"]),
        alerts=tuple(_read_alert(alert) for alert in data["alerts"]),
        at=_seconds(data["at"]),
        why=data["why"],
        group=dict(data["group"]),
        held=data["held"],
        answers=data.get("answers", ""),
        tally=dict(data.get("tally", {})),
    )


def _alert(alert: Alert) -> dict[str, Any]:
    data = asdict(alert)
    for name in ("value", "threshold"):
        data[name] = _number(data[name])
    for name in _TIMES:
        data[name] = None if data[name] is None else moment(data[name])
    for name in ("key", "labels"):
        data[name] = dict(data[name])
    data["evidence"] = list(alert.evidence)
    data["contributors"] = list(alert.contributors)
    data["series"] = [[at, _number(value)] for at, value in alert.series]
    return data


def _read_alert(data: Mapping[str, Any]) -> Alert:
    known = Alert.__struct_fields__
    kept = {name: value for name, value in data.items() if name in known}
    for name in _TIMES:
        kept[name] = None if kept.get(name) is None else _seconds(kept[name])
    kept["evidence"] = tuple(kept.get("evidence", ()))
    kept["contributors"] = tuple(kept.get("contributors", ()))
    kept["series"] = tuple((at, value) for at, value in kept.get("series", ()))
    return Alert(**kept)


def _number(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _seconds(text: str) -> int:
    if text.endswith("s"):
        return int(text[:-1])
    return from_datetime(datetime.fromisoformat(text)) // SECOND
