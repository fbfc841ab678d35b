"""The published shape of a notification: what webhooks, programs and files are told."""

from __future__ import annotations

from typing import Any

from tocsin.model.notification import Kind
from tocsin.model.wire import VERSION
from tocsin.views.schema import DIALECT

_TEXT = {"type": "string"}
_NUMBER = {"type": ["number", "null"]}
_COUNT = {"type": "integer", "minimum": 0}
_LABELS = {"type": "object", "additionalProperties": _TEXT}
_INSTANT = {
    "type": "string",
    "pattern": r"^([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z|-?[0-9]+s)$",
    "description": "ISO 8601 in UTC; outside the years 1 to 9999, seconds since 1970",
}
_POINT = {
    "type": "array",
    "prefixItems": [{"type": "integer"}, _NUMBER],
    "items": False,
    "minItems": 2,
}


def notification_schema() -> dict[str, Any]:
    """Return the JSON Schema of a notification."""
    return {
        "$schema": DIALECT,
        "title": "A notification of tocsin",
        **_object(
            {
                "version": {"const": VERSION},
                "key": {**_TEXT, "description": "the same at every attempt"},
                "channel": _TEXT,
                "thread": {**_TEXT, "description": "shared by all about one group"},
                "answers": {**_TEXT, "description": "the key it continues, or empty"},
                "kind": {"enum": [kind.value for kind in Kind]},
                "status": _TEXT,
                "level": _TEXT,
                "at": _INSTANT,
                "why": {**_TEXT, "description": "the named reason for sending it"},
                "group": _LABELS,
                "held": {**_COUNT, "description": "alerts counted, and not named"},
                "tally": {"type": "object", "additionalProperties": _COUNT},
                "alerts": {"type": "array", "items": _alert()},
            }
        ),
    }


def _alert() -> dict[str, Any]:
    return _object(
        {
            "incident": {"type": "integer"},
            "alarm": _TEXT,
            "key": _LABELS,
            "status": {"enum": ["firing", "resolved", "withdrawn"]},
            "level": _TEXT,
            "opened": _INSTANT,
            "closed": {"anyOf": [_INSTANT, {"type": "null"}]},
            "value": _NUMBER,
            "count": {"type": ["integer", "null"]},
            "threshold": _NUMBER,
            "labels": _LABELS,
            "text": _TEXT,
            "reason": _TEXT,
            "runbook": _TEXT,
            "evidence": {"type": "array", "items": _TEXT},
            "contributors": {"type": "array", "items": _TEXT},
            "acknowledged_by": _TEXT,
            "amended": {"type": "boolean"},
            "metric": _TEXT,
            "series": {"type": "array", "items": _POINT},
        }
    )


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": [*properties]}
