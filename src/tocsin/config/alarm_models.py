"""The shape of an alarm: its condition, its levels, and what is otherwise for some keys."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import Field

from tocsin.config.notify_types import Labels, Match, WebAddress
from tocsin.config.part import Part, Texts
from tocsin.config.types import (
    Checked,
    Comparison,
    Few,
    Flag,
    Level,
    Name,
    Number,
    Points,
    Seconds,
    Text,
    one_of,
    refuse,
)
from tocsin.model.levels import LEVELS

REFERENCE = "x-definition"

NO_DATA = ("keep", "ok", "show", "alarm")
"""What a point without a value may mean."""


def reference(name: str) -> dict[str, str]:
    """Return what stands for a definition: pydantic knows no references but its own."""
    return {REFERENCE: name}


def as_it_is(value: Any) -> Any:  # noqa: ANN401
    """Take anything: it is checked later, with the other parts at hand."""
    return value


_LEVEL = {"anyOf": [{"type": "number"}, reference("LevelPart")]}
_LEVELS = {
    "type": "object",
    "properties": dict.fromkeys(LEVELS, _LEVEL),
    "minProperties": 1,
    "additionalProperties": False,
}
_OVERRIDES = {"type": "array", "items": reference("OverridePart")}

Levels = Annotated[Any, Checked(as_it_is, _LEVELS)]
Overrides = Annotated[Any, Checked(as_it_is, _OVERRIDES)]
Messages = Annotated[Any, Checked(as_it_is, reference("MessagesPart"))]


def _kind(value: Any) -> str:  # noqa: ANN401
    if isinstance(value, str):
        return value  # which kinds there are is known where alarms are read
    raise refuse("a kind of alarm")


KindName = Annotated[str, Checked(_kind, {"type": "string"})]
NoData = Annotated[
    str, Checked(one_of(NO_DATA, "what no data means"), {"enum": list(NO_DATA)})
]

CONDITION = frozenset(
    {
        "threshold", "recovery_threshold", "levels", "for_", "keep_firing_for",
        "data_points_alarm", "data_points_recovery", "min_samples",
    }
)  # fmt: skip
"""The keys that say when an alarm rings; an override may give each of them anew."""


class LevelPart(Part):
    """When one level of an alarm rings, where it differs from the others."""

    threshold: Number
    recovery_threshold: Number | None = None
    for_: Seconds | None = Field(default=None, alias="for")
    keep_firing_for: Seconds | None = None
    data_points_alarm: Points | None = None
    data_points_recovery: Points | None = None


class OverridePart(Part):
    """What is otherwise for keys that match; `enabled: false` keeps them quiet."""

    match: Match
    enabled: Flag = True
    threshold: Number | None = None
    recovery_threshold: Number | None = None
    levels: Levels = None
    for_: Seconds | None = Field(default=None, alias="for")
    keep_firing_for: Seconds | None = None
    data_points_alarm: Points | None = None
    data_points_recovery: Points | None = None
    min_samples: Points | None = None


class AlarmPart(Part):
    """A threshold with memory."""

    sentences: ClassVar[tuple[str, str]] = ("", "")
    """What is printed when it rings and recovers, where nobody says: each kind has its own."""
    stand_ins: ClassVar[dict[str, Any]] = {"threshold": 0}
    names: ClassVar[frozenset[str]] = frozenset({"name", "metric"})
    optional = frozenset(
        {
            "operator", "recovery_operator", "recovery_threshold", "level",
            "data_points_alarm", "data_points_recovery", "labels", "runbook",
            "for", "keep_firing_for", "min_samples", "new_key_delay", "expire",
            "no_data", "no_data_for", "no_data_level", "evidence", "contributors",
        }
    )  # fmt: skip
    with_it: ClassVar[dict[str, tuple[str, ...]]] = {
        "threshold": ("recovery_operator", "recovery_threshold"),
        "operator": ("recovery_operator", "recovery_threshold"),
        "recovery_operator": ("recovery_threshold",),
    }

    name: Name
    kind: KindName = "threshold"
    metric: Name
    operator: Comparison = ">"
    threshold: Number | None = None
    recovery_operator: Comparison | None = None
    recovery_threshold: Number | None = None
    levels: Levels = None
    for_: Seconds | None = Field(default=None, alias="for")
    keep_firing_for: Seconds | None = None
    data_points_alarm: Points = 1
    data_points_recovery: Points = 1
    min_samples: Points | None = None
    new_key_delay: Seconds | None = None
    expire: Seconds | None = None
    no_data: NoData = "keep"
    no_data_for: Seconds | None = None
    no_data_level: Level | None = None
    overrides: Overrides = Field(default_factory=list)
    level: Level = "critical"
    messages: Messages = Field(default_factory=dict)
    labels: Labels = Field(default_factory=dict)
    runbook: WebAddress | None = None
    evidence: Few = 5
    contributors: Texts = ()

    def said(self) -> tuple[str, str]:
        """Return its sentences, as they are for what it is told."""
        return self.sentences


class MessagesPart(Part):
    """Templates of the printed messages."""

    optional = frozenset({"alarm", "recovery"})

    alarm: Text | None = None
    recovery: Text | None = None
