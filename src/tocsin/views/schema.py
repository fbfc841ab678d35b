"""The published shape of the JSON lines: a JSON Schema of every type of record.

A new version of Tocsin may add types and keys; a reader passes over those it does not
know. Keys that are required today stay.
"""

from collections.abc import Mapping
from typing import Any

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_INSTANT = {
    "type": "string",
    "pattern": r"^([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}(\.[0-9]{6})?Z|-?[0-9]+s)$",
    "description": "ISO 8601 in UTC; outside the years 1 to 9999, seconds since 1970",
}
_MAYBE_INSTANT = {"anyOf": [_INSTANT, {"type": "null"}]}
_COUNT = {"type": "integer", "minimum": 0}
_MAYBE_COUNT = {"type": ["integer", "null"], "minimum": 0}
_NUMBER = {"type": ["number", "null"]}
_TEXT = {"type": "string"}
_FLAG = {"type": "boolean"}
_COUNTS = {"type": "object", "additionalProperties": _COUNT}
_TEXTS = {"type": "object", "additionalProperties": _TEXT}
_KEY = {
    "type": "object",
    "description": "what it is about; {} is the whole",
    "additionalProperties": {"type": ["string", "number", "boolean", "null"]},
}
_PAIR = {
    "type": "array",
    "prefixItems": [_TEXT, _COUNT],
    "items": False,
    "minItems": 2,
}
_ACCOUNT = dict.fromkeys(
    (
        "lines", "events", "counted", "joined", "skipped", "parse_errors", "late",
        "future", "amended", "known_lost_bytes",
    ),
    _COUNT,
)  # fmt: skip


def output_schema() -> dict[str, Any]:
    """Return the JSON Schema of one line of `--output jsonl`."""
    types = _types()
    return {
        "$schema": DIALECT,
        "title": "A line of tocsin --output jsonl",
        "oneOf": [{"$ref": f"#/$defs/{name}"} for name in types],
        "$defs": types,
    }


def _types() -> dict[str, dict[str, Any]]:
    return {
        "stats": _record(
            "stats",
            "Statistics of the report period [start, end)",
            _stats(),
            {"partial": _FLAG},
        ),
        "datapoint": _record(
            "datapoint",
            "A metric's value for one key over the window that ends at `end`",
            _datapoint(),
            {"partial": _FLAG, "approx": _FLAG, "steps": _COUNT, "until": _INSTANT},
        ),
        "transition": _record(
            "transition",
            "One change of state of an alarm for one key",
            _transition(),
            {"withdrawn": _FLAG, "from_level": _TEXT, **_support()},
        ),
        "incident": _record(
            "incident", "What became of an incident", _incident(), {"level": _TEXT}
        ),
        "report": _record("report", "What a raw log consumer says", _report()),
        "notice": _record("notice", "A word about the run itself", _notice()),
        "summary": _record(
            "summary",
            "The account of all lines, at the end of the run",
            _summary(),
            {"plugin_failures": _TEXTS},
        ),
    }


def _record(
    name: str,
    about: str,
    required: Mapping[str, Any],
    optional: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    properties = {"type": {"const": name}, **required, **(optional or {})}
    return {
        "type": "object",
        "description": about,
        "properties": properties,
        "required": ["type", *required],
    }


def _stats() -> dict[str, Any]:
    return {
        "start": _INSTANT,
        "end": _INSTANT,
        "hits": _COUNT,
        "rate": _NUMBER | {"description": "hits a second"},
        "bytes": _MAYBE_COUNT,
        "success": _MAYBE_COUNT | {"description": "status below 400"},
        "errors": _MAYBE_COUNT,
        "clients": _MAYBE_COUNT,
        "sections": {"type": "array", "items": _PAIR},
        "statuses": _COUNTS,
        "methods": _COUNTS,
        "amended": _FLAG,
    }


def _datapoint() -> dict[str, Any]:
    return {
        "metric": _TEXT,
        "key": _KEY,
        "end": _INSTANT,
        "value": _NUMBER,
        "count": _COUNT,
        "amended": _FLAG,
    }


def _transition() -> dict[str, Any]:
    return {
        "id": _TEXT,
        "alarm": _TEXT,
        "key": _KEY,
        "level": _TEXT,
        "from": _TEXT,
        "to": _TEXT,
        "at": _INSTANT,
        "value": _NUMBER,
        "count": _COUNT,
        "threshold": _NUMBER,
        "amended": _FLAG,
        "reason": _TEXT,
    }


def _support() -> dict[str, Any]:
    window = _object({"start": _INSTANT, "end": _INSTANT})
    amounts = {"now": {"type": "number"}, "before": {"type": "number"}}
    one = _object({"field": _TEXT, "value": _TEXT, **amounts})
    return {
        "window": window,
        "evidence": {
            "type": "array",
            "items": _TEXT,
            "description": "lines of the log: the first of the window, and the last",
        },
        "contributors": {
            "type": "array",
            "items": one,
            "description": "whose events made the difference to the window before",
        },
        "runbook": _TEXT,
    }


def _incident() -> dict[str, Any]:
    events = (
        "opened", "escalated", "eased", "resolved", "reopened", "corrected", "withdrawn",
    )  # fmt: skip
    return {
        "id": {"type": "integer", "minimum": 1},
        "event": {"enum": list(events)},
        "alarm": _TEXT,
        "key": _KEY,
        "at": _INSTANT,
        "amended": _FLAG,
        "message": _TEXT,
    }


def _report() -> dict[str, Any]:
    return {
        "consumer": _TEXT,
        "start": _INSTANT,
        "end": _INSTANT,
        "text": _TEXT,
        "data": {"type": ["object", "null"]},
    }


def _notice() -> dict[str, Any]:
    return {
        "severity": {"enum": ["info", "warning", "error"]},
        "subject": _TEXT,
        "text": _TEXT,
    }


def _summary() -> dict[str, Any]:
    sample = {"line": _TEXT, "reason": _TEXT}
    samples = {"type": "array", "items": _object(sample)}
    loss = {"path": _TEXT, "start": _COUNT, "end": _COUNT, "more": _FLAG}
    lost = {"type": "array", "items": _object(loss)}
    listed = {"lost": lost, "samples": samples}
    stream = {"stream": _TEXT, "format": _TEXT} | _ACCOUNT | listed
    account = _object(stream)
    account["properties"] |= {"misfits": _COUNTS}
    return {
        "streams": {"type": "array", "items": account},
        **_ACCOUNT,
        "incidents": _COUNT,
        "open_incidents": _COUNT,
        "start": _MAYBE_INSTANT,
        "end": _MAYBE_INSTANT,
    }


def _object(required: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(required),
        "required": list(required),
    }
