"""Matchers, labels and times of the week, as people write them."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

from tocsin.config.problems import did_you_mean
from tocsin.config.regex import RegexError, check_regex
from tocsin.config.types import Checked, refuse
from tocsin.model.errors import UsageError
from tocsin.model.matchers import PATTERNS, Matcher, Operator, parsed
from tocsin.model.schedule import Span

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

OURS = ("alarm", "level")
"""Labels that every alert has from us."""

WEEKDAYS = (
    "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday",
)  # fmt: skip
MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august",
    "september", "october", "november", "december",
)  # fmt: skip

_LABEL = re.compile(r"[^\s=!~\"{},]{1,200}")
_SPECIAL = re.compile(r"([\\.+*?()|\[\]{}^$])")
_TIME = re.compile(r"([01]?\d|2[0-4]):([0-5]\d)\s*-\s*([01]?\d|2[0-4]):([0-5]\d)")
_RANGE = re.compile(r"(-?\d{1,4})(?::(-?\d{1,4}))?")
_DAY = 86_400
_LONGEST = 1_000
_SHORT = 3
_MOST_DAYS = 31


def _match(value: Any) -> tuple[Matcher, ...]:  # noqa: ANN401
    if isinstance(value, dict):
        return tuple(_equal(label, wanted) for label, wanted in value.items())
    many = value if isinstance(value, list) else [value]
    return tuple(_written(text) for text in many)


def _equal(label: Any, wanted: Any) -> Matcher:  # noqa: ANN401
    hint = """write {team: web}, {level: [error, critical]} or ['section=~"/api.*"']"""
    if not isinstance(label, str) or not _LABEL.fullmatch(label):
        raise refuse("labels and what they are to be", hint)
    many = wanted if isinstance(wanted, list) and wanted else [wanted]
    if not all(isinstance(one, str) for one in many):
        raise refuse(f"text, or a list of texts, for '{label}'", "put it in quotes")
    if len(many) == 1:
        return Matcher(label, Operator.IS, str(many[0]))
    either = "|".join(_SPECIAL.sub(r"\\\1", one) for one in many)
    return Matcher(label, Operator.LIKE, either)


def _written(text: Any) -> Matcher:  # noqa: ANN401
    hint = 'write team="web", level!="info", section=~"/api.*" or host!~"test.*"'
    if not isinstance(text, str):
        raise refuse("a mapping of labels, or a list of matchers", hint)
    try:
        found = parsed(text)
        if found.operator in PATTERNS:
            check_regex(found.value)
    except RegexError as error:
        raise refuse(f"{error} in {text!r}", error.hint) from None
    except UsageError:
        raise refuse(f"a matcher in place of {text!r}", hint) from None
    return found


def _labels(value: Any) -> dict[str, str]:  # noqa: ANN401
    if not isinstance(value, dict):
        raise refuse("labels such as {team: web}")
    for name, text in value.items():
        if not isinstance(name, str) or not _LABEL.fullmatch(name):
            raise refuse('names of labels without blanks and any of = ! ~ " { } ,')
        if name in OURS or name.startswith("key."):
            raise refuse(f"other labels than '{name}'", "that one is made by Tocsin")
        if not isinstance(text, str) or not text or len(text) > _LONGEST:
            raise refuse(f"text for '{name}'", "put it in quotes")
    return {str(name): str(text) for name, text in value.items()}


def _web(value: Any) -> str:  # noqa: ANN401
    if not isinstance(value, str) or not re.fullmatch(r"https?://[^\s/]\S*", value):
        raise refuse("a web address, such as https://wiki.example.org/errors")
    return value


def _instant(value: Any) -> str:  # noqa: ANN401
    """Take a text, or what TOML knows to be a date: it is read with its time zone."""
    if isinstance(value, date):  # a datetime is one, too
        return value.isoformat()
    if not isinstance(value, str):
        raise refuse("an instant", "write it as 2026-11-22T18:00")
    return value


def _list(one: Callable[[Any], tuple[Span, ...]]) -> Callable[[Any], tuple[Span, ...]]:
    def check(value: Any) -> tuple[Span, ...]:  # noqa: ANN401
        many = value if isinstance(value, list) else [value]
        return tuple(span for item in many for span in one(item))

    return check


def _time(value: Any) -> tuple[Span, ...]:  # noqa: ANN401
    found = _TIME.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise refuse('a time of the day such as "09:00-17:30"')
    start, end = (
        int(h) * 3600 + int(m) * 60 for h, m in (found.group(1, 2), found.group(3, 4))
    )
    if start >= _DAY or end > _DAY or start == end:
        raise refuse('a time of the day such as "09:00-17:30"', "24:00 is its end")
    return ((start, end),)


def _names(
    names: Sequence[str], first: int, what: str
) -> Callable[[Any], tuple[Span, ...]]:
    """Return a check for `friday`, `mon-fri`, or a span over the end, `sat-mon`."""
    last = first + len(names) - 1

    def number(word: str) -> int:
        near = [n for n in names if n.startswith(word.lower()) and len(word) >= _SHORT]
        if len(near) != 1:
            raise refuse(what, did_you_mean(word, names, what="one of"))
        return names.index(near[0]) + first

    def check(value: Any) -> tuple[Span, ...]:  # noqa: ANN401
        if not isinstance(value, str):
            raise refuse(what)
        begin, _, end = re.sub(r"\s*[-:]\s*", ":", value.strip()).partition(":")
        one, other = number(begin), number(end or begin)
        if one <= other:
            return ((one, other),)
        return ((one, last), (first, other))

    return check


def _numbers(least: int, most: int, what: str) -> Callable[[Any], tuple[Span, ...]]:
    """Return a check for `15`, `"1:7"` or, if `least` is negative, `"-3:-1"`."""

    def check(value: Any) -> tuple[Span, ...]:  # noqa: ANN401
        text = str(value) if not isinstance(value, bool) else ""
        found = _RANGE.fullmatch(text)
        if found is None:
            raise refuse(what)
        begin = int(found[1])
        end = int(found[2]) if found[2] else begin
        fine = all(least <= n <= most and n != 0 for n in (begin, end))
        if not fine:
            raise refuse(what)
        if begin > end and begin * end > 0:
            raise refuse(what, "the first comes before the last")
        return ((begin, end),)

    return check


_TEXT = {"type": "string", "minLength": 1}
_MANY = {"anyOf": [_TEXT, {"type": "array", "items": _TEXT}]}
_EQUAL = {"type": "object", "additionalProperties": _MANY}
_NUMBER = {"type": ["integer", "string"]}
_NUMBERS = {"anyOf": [_NUMBER, {"type": "array", "items": _NUMBER}]}

Match: TypeAlias = Annotated[
    tuple[Matcher, ...], Checked(_match, {"anyOf": [_EQUAL, *_MANY["anyOf"]]})
]
Labels: TypeAlias = Annotated[
    dict[str, str],
    Checked(_labels, {"type": "object", "additionalProperties": _TEXT}),
]
Instant: TypeAlias = Annotated[str, Checked(_instant, {"type": "string"})]
WebAddress: TypeAlias = Annotated[
    str, Checked(_web, {"type": "string", "pattern": "^https?://"})
]
Times: TypeAlias = Annotated[tuple[Span, ...], Checked(_list(_time), _MANY)]
Weekdays: TypeAlias = Annotated[
    tuple[Span, ...],
    Checked(_list(_names(WEEKDAYS, 0, 'a day of the week, or "mon-fri"')), _MANY),
]
Months: TypeAlias = Annotated[
    tuple[Span, ...],
    Checked(_list(_names(MONTHS, 1, 'a month, or "jun-aug"')), _MANY),
]
Days: TypeAlias = Annotated[
    tuple[Span, ...],
    Checked(
        _list(
            _numbers(
                -_MOST_DAYS,
                _MOST_DAYS,
                'a day of the month: 15, "1:7", or -1, its last',
            )
        ),
        _NUMBERS,
    ),
]
Years: TypeAlias = Annotated[
    tuple[Span, ...],
    Checked(_list(_numbers(1970, 9999, 'a year, or "2026:2028"')), _NUMBERS),
]
