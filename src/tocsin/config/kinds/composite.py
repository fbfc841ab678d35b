"""composite: an alarm over alarms: when all of them ring, any, so many, or a condition.

What it is made of depends on what the others are made of: `tocsin.config.composites`.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from tocsin.config.alarm_models import AlarmPart
from tocsin.config.part import Texts
from tocsin.config.types import Checked, Name, Text, refuse


def _of(value: Any) -> str | int:  # noqa: ANN401
    if value in ("all", "any"):
        return str(value)
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    raise refuse("all, any, or how many of them")


_OF = {"anyOf": [{"enum": ["all", "any"]}, {"type": "integer", "minimum": 1}]}


class CompositePart(AlarmPart):
    """An alarm over alarms."""

    stand_ins: ClassVar[dict[str, Any]] = {}
    refused: ClassVar[frozenset[str]] = frozenset(
        {
            "metric", "operator", "threshold", "recovery_operator",
            "recovery_threshold", "levels", "min_samples", "new_key_delay", "expire",
            "no_data", "no_data_for", "no_data_level", "overrides",
        }
    )  # fmt: skip
    """What is about values and their keys, and means nothing here."""
    sentences: ClassVar[tuple[str, str]] = (
        "{{ alarm }} rings, triggered at {{ time }}",
        "{{ alarm }} recovered at {{ time }}",
    )
    optional = AlarmPart.optional | {"of", "alarms", "condition"}

    metric: Name = ""
    alarms: Texts = ()
    of: Annotated[str | int, Checked(_of, _OF)] = "all"
    condition: Text | None = None


KIND = CompositePart
