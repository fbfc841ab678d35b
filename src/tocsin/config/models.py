"""The shape of a document: what keys there are and what each may hold.

References between the parts (a metric's source, an alarm's metric) are checked later,
when the parts are known: `tocsin.config.build`.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import Field

from tocsin.config.alarm_models import REFERENCE, AlarmPart, as_it_is, reference
from tocsin.config.part import Part, Texts
from tocsin.config.source_models import SourcePart
from tocsin.config.types import (
    Aggregate,
    CalculatedAggregate,
    Checked,
    Delay,
    FieldTypeName,
    Flag,
    Limit,
    Name,
    Points,
    Seconds,
    Text,
)
from tocsin.config.values import SECOND

__all__ = ["REFERENCE", "AlarmPart", "SourcePart"]

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
Filters = Annotated[
    Any,
    Checked(
        as_it_is,
        {
            "anyOf": [
                {"type": "array", "items": reference("filter")},
                reference("filter"),
            ]
        },
    ),
]

_KEY = {"type": "object", "additionalProperties": _TEXT, "minProperties": 1}
Expected = Annotated[
    Any,
    Checked(
        as_it_is,
        {"anyOf": [_TEXT, {"type": "array", "items": {"anyOf": [_TEXT, _KEY]}}]},
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


class MetricPart(Part):
    """A number measured from events."""

    stand_ins: ClassVar[dict[str, Any]] = {"type": "COUNT", "period": "1m"}
    optional = frozenset(
        {"every", "where", "group_by", "limit", "offset", "expected", "unseen_for"}
    )
    with_it: ClassVar[dict[str, tuple[str, ...]]] = {
        "type": ("field",),
        "period": ("every",),
    }

    name: Name
    type: Aggregate
    source: Name | None = None
    field: Name | None = None
    period: Seconds
    every: Seconds | None = None
    where: Text | None = None
    filters: Filters = None
    group_by: Texts = ()
    limit: Limit = 10_000
    offset: Seconds | None = None
    expected: Expected = None
    unseen_for: Seconds | None = None


class CalculatedPart(Part):
    """A number computed from other metrics."""

    name: Name
    period: Seconds | None = None
    every: Seconds | None = None
    aggregate: CalculatedAggregate | None = None
    input_metrics: Texts | None = None
    formula: Text | None = None
    min_samples: dict[str, Points] = Field(default_factory=dict)


class MessagesPart(Part):
    """Templates of the printed messages."""

    optional = frozenset({"alarm", "recovery"})

    alarm: Text | None = None
    recovery: Text | None = None


class ConsumerPart(Part):
    """A plugin that sees events and reports by period."""

    stand_ins: ClassVar[dict[str, Any]] = {"period": "1m"}

    name: Name
    type: Name | None = None
    class_: Name | None = Field(default=None, alias="class")
    period: Seconds
    source: Name | None = None
    options: dict[str, Any] = Field(default_factory=dict)


class ReportPart(Part):
    """The statistics of the screen."""

    alone = "every"

    every: Seconds = 10 * SECOND
    top: Points = 10
