"""The scalars of a configuration, each with its own words for what is wrong."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

from msgspec import Struct
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from tocsin.config.durations import HINT, DurationError, duration
from tocsin.config.problems import did_you_mean
from tocsin.config.scalars import scalar
from tocsin.config.secret import Substituted
from tocsin.config.zones import zone_hint
from tocsin.model.levels import LEVELS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MICROS_PER_SECOND = 1_000_000
LONGEST_NAME = 200
AGGREGATES = ("COUNT", "RATE", "SUM", "AVG", "MIN", "MAX", "STDDEV", "DISTINCT")
CALCULATED = ("COUNT", "SUM", "AVG", "MIN", "MAX", "STDDEV")
COMPARISONS = ("==", "!=", "<", "<=", ">", ">=", "=")
FIELD_TYPES = ("string", "int", "float", "bool", "time", "duration", "bytes", "ip")

_PERCENTILE = re.compile(r"P([0-9]{1,2}(?:\.[0-9]{1,3})?)")


def refuse(wanted: str, hint: str = "") -> PydanticCustomError:
    """Return the error that says what was wanted; the wording adds what was found."""
    context = {"wanted": wanted, "hint": hint}
    return PydanticCustomError("tocsin", "expected {wanted}", context)


class Checked(Struct, frozen=True, eq=False):  # eq would ask for hashable schemas
    """What stands beside a type: the check that makes it, and its JSON Schema."""

    check: Callable[[Any], Any]
    schema: dict[str, Any]

    def __get_pydantic_core_schema__(
        self, _type: object, _handler: object
    ) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self.check)

    def __get_pydantic_json_schema__(
        self, _core: object, _handler: object
    ) -> dict[str, Any]:
        return dict(self.schema)


def _unquoted(value: Any) -> Any:  # noqa: ANN401
    """Return what the environment's text stands for; anything else as it is."""
    return scalar(value) if isinstance(value, Substituted) else value


def _text(value: Any) -> str:  # noqa: ANN401
    if not isinstance(value, str):
        raise refuse("text", "put it in quotes" if _is_scalar(value) else "")
    return value


def _is_scalar(value: Any) -> bool:  # noqa: ANN401
    return value is not None and not isinstance(value, dict | list)


def _secret(value: Any) -> str:  # noqa: ANN401
    """Take text, and never show what it is not: it may be a password all the same."""
    if not isinstance(value, str) or not value:
        context = {"wanted": "text", "hint": "put it in quotes", "hidden": True}
        raise PydanticCustomError("tocsin", "expected {wanted}", context)
    return value


def _name(value: Any) -> str:  # noqa: ANN401
    text = _text(value)
    if not text.strip() or text != text.strip() or not text.isprintable():
        raise refuse("a name: printable text without blanks at its ends")
    if len(text) > LONGEST_NAME:
        raise refuse(f"a name of at most {LONGEST_NAME} characters")
    return text


def number(value: Any) -> float:  # noqa: ANN401
    """Return a finite number; refuse anything else."""
    plain = _unquoted(value)
    if isinstance(plain, bool) or not isinstance(plain, int | float):
        raise refuse("a number", _number_hint(plain))
    try:
        found = float(plain)
    except OverflowError:
        found = math.inf
    if not math.isfinite(found):
        raise refuse("a finite number")
    return found


def _number_hint(value: Any) -> str:  # noqa: ANN401
    if isinstance(value, str) and re.fullmatch(r"[-+]?[0-9][0-9_]*(\.[0-9]+)?", value):
        plain = value.replace("_", "").lstrip("+0") or "0"
        return f"write {plain}: no quotes, no underscores, no leading zeros"
    return ""


def _whole(least: int, most: int) -> Callable[[Any], int]:
    wanted = f"a whole number from {least} to {most}"

    def check(value: Any) -> int:  # noqa: ANN401
        plain = _unquoted(value)
        if isinstance(plain, float) and plain.is_integer():
            plain = int(plain)
        if isinstance(plain, bool) or not isinstance(plain, int):
            raise refuse(wanted, _number_hint(plain))
        if not least <= plain <= most:
            raise refuse(wanted)
        return plain

    return check


def _boolean(value: Any) -> bool:  # noqa: ANN401
    plain = _unquoted(value)
    if not isinstance(plain, bool):
        raise refuse("true or false", "write true or false, without quotes")
    return plain


def _any_duration(value: Any, *, zero: bool = False) -> int:  # noqa: ANN401
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise refuse("a duration", HINT)
    try:
        return duration(str(value), zero=zero)
    except DurationError as error:
        raise refuse(error.wanted, error.hint) from None


def seconds(value: Any) -> int:  # noqa: ANN401
    """Return the microseconds of a duration of whole seconds; refuse anything else."""
    micros = _any_duration(value)
    if micros % MICROS_PER_SECOND:
        raise refuse("a duration of whole seconds", "panes of time are one second long")
    return micros


def _delay(value: Any) -> int:  # noqa: ANN401
    return _any_duration(value, zero=True)


def one_of(names: Sequence[str], what: str) -> Callable[[Any], str]:
    """Return a check that takes exactly these names."""

    def check(value: Any) -> str:  # noqa: ANN401
        if isinstance(value, str) and value in names:
            return str(value)
        hint = did_you_mean(str(value), names, what="one of")
        raise refuse(what, hint)

    return check


def percentile(type_: str) -> float | None:
    """Return the percent of `P99.9`; None when the type is no percentile."""
    match = _PERCENTILE.fullmatch(type_)
    percent = float(match[1]) if match else 0.0
    return percent if percent > 0 else None


def _aggregate(
    names: Sequence[str], what: str, *, plugins: bool = False
) -> Callable[[Any], str]:
    def check(value: Any) -> str:  # noqa: ANN401
        text = str(value).upper() if isinstance(value, str) else ""
        if text in names or percentile(text) is not None:
            return text
        if plugins and isinstance(value, str) and _is_plugin(value):
            return value
        other = {"MEAN": "AVG", "MEDIAN": "P50", "AVERAGE": "AVG", "UNIQUE": "DISTINCT"}
        near = f"did you mean '{other[text]}'?" if text in other else ""
        known = (*names, "P50", "P95", "P99", "P99.9")
        raise refuse(what, near or did_you_mean(text, known, what="one of"))

    return check


def _is_plugin(name: str) -> bool:
    """Return whether a type of metric can only be a plugin's aggregate."""
    from tocsin.model.discovery import AGGREGATES, offered  # noqa: PLC0415

    return "." in name or name in offered(AGGREGATES)


def _timezone(value: Any) -> str:  # noqa: ANN401
    name = _text(value)
    if name == "UTC":
        return name
    from zoneinfo import ZoneInfo  # noqa: PLC0415

    try:
        return ZoneInfo(name).key
    except (ValueError, OSError, LookupError):
        raise refuse("a time zone", zone_hint(name)) from None


_DURATION_SCHEMA = {
    "type": "string",
    "description": HINT,
    "pattern": r"^(P(\d.*)?(T.*)?|(\d+(w|d|h|m|s|ms|us))+|0s)$",
}
_COUNT_SCHEMA = {"type": "integer", "minimum": 1}

Text: TypeAlias = Annotated[str, Checked(_text, {"type": "string"})]
SecretText: TypeAlias = Annotated[
    str, Checked(_secret, {"type": "string", "minLength": 1})
]
Name: TypeAlias = Annotated[str, Checked(_name, {"type": "string", "minLength": 1})]
Number: TypeAlias = Annotated[float, Checked(number, {"type": "number"})]
Points: TypeAlias = Annotated[int, Checked(_whole(1, 1_000_000), _COUNT_SCHEMA)]
Limit: TypeAlias = Annotated[int, Checked(_whole(1, 10_000_000), _COUNT_SCHEMA)]
Few: TypeAlias = Annotated[
    int,
    Checked(_whole(0, 20), {"type": "integer", "minimum": 0, "maximum": 20}),
]
Flag: TypeAlias = Annotated[bool, Checked(_boolean, {"type": "boolean"})]
Seconds: TypeAlias = Annotated[int, Checked(seconds, _DURATION_SCHEMA)]
Delay: TypeAlias = Annotated[int, Checked(_delay, _DURATION_SCHEMA)]
Timezone: TypeAlias = Annotated[str, Checked(_timezone, {"type": "string"})]
Aggregate: TypeAlias = Annotated[
    str,
    Checked(
        _aggregate(AGGREGATES, "a type of metric", plugins=True),
        {"type": "string", "examples": [*AGGREGATES, "P50", "P99.9"]},
    ),
]
CalculatedAggregate: TypeAlias = Annotated[
    str,
    Checked(
        _aggregate(CALCULATED, "an aggregate"),
        {"type": "string", "examples": [*CALCULATED, "P50", "P99.9"]},
    ),
]
Comparison: TypeAlias = Annotated[
    str, Checked(one_of(COMPARISONS, "an operator"), {"enum": list(COMPARISONS)})
]
Level: TypeAlias = Annotated[
    str, Checked(one_of(LEVELS, "a level"), {"enum": list(LEVELS)})
]
FieldTypeName: TypeAlias = Annotated[
    str, Checked(one_of(FIELD_TYPES, "a type of field"), {"enum": list(FIELD_TYPES)})
]
