"""The shape of the built-in alarms: what each may be told, and what it does untold."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from tocsin.config.alarm_models import reference
from tocsin.config.kind import NUMBER, KindPart
from tocsin.config.types import Checked, Name, Number, Points, Seconds, number, refuse
from tocsin.config.values import SECOND

_MINUTE = 60 * SECOND


def percent(value: Any) -> float:  # noqa: ANN401
    """Return a number of percent; the sign may be written."""
    if isinstance(value, str) and value.rstrip().endswith("%"):
        try:
            value = float(value.rstrip()[:-1])
        except ValueError:
            raise refuse("a number of percent") from None
    found = number(value)
    if not 0 <= found < 100:  # noqa: PLR2004
        raise refuse("a number of percent, below 100")
    return found


_PERCENT = {
    "anyOf": [{"type": "number"}, {"type": "string", "pattern": "^[0-9.]+ ?%$"}]
}
Percent = Annotated[float, Checked(percent, _PERCENT)]


class BuiltinPart(KindPart):
    """A built-in alarm: it is what it is about, and may be told when it rings."""

    refused: ClassVar[frozenset[str]] = frozenset(
        {"name", "kind", "metric", "operator", "recovery_operator", "contributors"}
    )
    usual: ClassVar[dict[str, Any]] = {}
    """What is so unless it is told otherwise."""
    stand_ins: ClassVar[dict[str, Any]] = {}

    name: Name = ""
    period: Seconds = 5 * _MINUTE


class MishapPart(BuiltinPart):
    """An alarm on how many percent of the lines of a source had a mishap."""

    usual: ClassVar[dict[str, Any]] = {
        "threshold": 1.0,
        "recovery_threshold": 0.5,
        "min_samples": 10,
        "no_data": "ok",
        "level": "warning",
    }
    sentences: ClassVar[tuple[str, str]] = (
        f"{{{{ alarm }}}} ring - {{{{ count }}}} lines, {NUMBER} %, at {{{{ time }}}}",
        "{{ alarm }} are over - {{ count }} lines, at {{ time }}",
    )

    threshold: Percent | None = None
    recovery_threshold: Percent | None = None
    min_samples: Points | None = None


class KeyLimitPart(BuiltinPart):
    """An alarm on events that share a key, as there is no room for more keys."""

    usual: ClassVar[dict[str, Any]] = {"threshold": 0.0, "level": "warning"}
    sentences: ClassVar[tuple[str, str]] = (
        "{{ alarm }} is reached - {{ count }} events share __other__, at {{ time }}",
        "{{ alarm }} is kept again - no event shares __other__, at {{ time }}",
    )

    threshold: Number | None = None


class LivePart(BuiltinPart):
    """An alarm on a source as it is read, by the wall clock."""

    period: Seconds = 10 * SECOND


class BehindPart(LivePart):
    """An alarm on how many seconds the reading of a log is behind."""

    usual: ClassVar[dict[str, Any]] = {
        "threshold": 60.0,
        "for": "5m",
        "evidence": 1,
        "level": "warning",
    }
    sentences: ClassVar[tuple[str, str]] = (
        "{{ alarm }} - {{ value }} s, triggered at {{ time }}",
        "{{ alarm }} no more, at {{ time }}",
    )


class GonePart(LivePart):
    """An alarm on for how many seconds a source has been gone."""

    usual: ClassVar[dict[str, Any]] = {
        "threshold": 0.0,
        "for": "5m",
        "evidence": 1,
        "level": "error",
    }
    sentences: ClassVar[tuple[str, str]] = (
        "{{ alarm }} - for {{ value }} s, triggered at {{ time }}",
        "{{ alarm }} no more, at {{ time }}",
    )


SHAPES: dict[str, type[BuiltinPart]] = {
    "parse_failures": MishapPart,
    "late_lines": MishapPart,
    "future_lines": MishapPart,
    "key_limit": KeyLimitPart,
    "source_behind": BehindPart,
    "source_gone": GonePart,
}
"""The built-in alarms, by their names in the configuration."""

_SWITCH: dict[str, Any] = {"enum": [True, False, "on", "off"]}
SCHEMA: dict[str, Any] = {
    "anyOf": [
        _SWITCH,
        {
            "type": "object",
            "properties": {
                name: {"anyOf": [_SWITCH, reference(shape.__name__)]}
                for name, shape in SHAPES.items()
            },
            "additionalProperties": False,
        },
    ]
}
"""What `builtin_alarms` may hold: all on, all off, or each as it shall be."""
