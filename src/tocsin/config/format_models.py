"""The shape of a format in a document: how lines are read, and which of them are joined."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from tocsin.config.alarm_models import as_it_is
from tocsin.config.part import Part
from tocsin.config.types import (
    Checked,
    Delay,
    FieldTypeName,
    Flag,
    Name,
    Points,
    Text,
)
from tocsin.config.values import SECOND

_TEXT = {"type": "string", "minLength": 1}
_RULE = {
    **dict.fromkeys(
        ("startsWith", "starts_with", "continuesWith", "continues_with", "wait"), _TEXT
    ),
    **{
        key: {"type": "integer", "minimum": 1}
        for key in ("maxLines", "max_lines", "maxBytes", "max_bytes")
    },
}
Multiline = Annotated[
    Any,
    Checked(
        as_it_is,
        {"type": "object", "properties": _RULE, "additionalProperties": False},
    ),
]


class MultilinePart(Part):
    """Which lines belong to the event of a line before them."""

    starts_with: Text | None = None
    continues_with: Text | None = None
    max_lines: Points = 500
    max_bytes: Points = 65_536
    wait: Delay = SECOND


class FormatPart(Part):
    """How lines are read."""

    optional = frozenset({"derive", "fields"})

    name: Name | None = None
    type: Name | None = None
    pattern: Text | None = None
    log_format: Text | None = None
    regex: Text | None = None
    grok: Text | None = None
    columns: list[Name] | None = None
    header: Flag | None = None
    delimiter: Text | None = None
    time_field: Name | None = None
    time_format: Text | None = None
    fields: dict[str, FieldTypeName] = Field(default_factory=dict)
    derive: dict[str, Text] = Field(default_factory=dict)
    multiline: Multiline = None
