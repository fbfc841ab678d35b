"""The shape of metrics in a document: measured from events, or calculated from others."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import Field

from tocsin.config.alarm_models import as_it_is, reference
from tocsin.config.part import Part, Texts
from tocsin.config.types import (
    Aggregate,
    CalculatedAggregate,
    Checked,
    Limit,
    Name,
    Points,
    Seconds,
    Text,
)

_TEXT = {"type": "string", "minLength": 1}

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
