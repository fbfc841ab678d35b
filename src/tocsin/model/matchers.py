"""Matchers of labels: which alerts a route, a silence or an inhibition is about.

As in Alertmanager, all matchers of a list must hold, a label that is missing is the
same as an empty one, and a pattern must match the whole value.
"""

from __future__ import annotations

import json
import re
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING

from msgspec import Struct

from tocsin.model.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pydantic_core import SchemaValidator

_WRITTEN = re.compile(
    r"""\s*(?P<label>[^\s=!~"{},]+)\s*(?P<operator>=~|!~|!=|=)\s*(?P<value>".*"|[^"]*?)\s*""",
    re.DOTALL,
)


class Operator(StrEnum):
    """How the value of a label is compared."""

    IS = "="
    IS_NOT = "!="
    LIKE = "=~"
    UNLIKE = "!~"


PATTERNS = (Operator.LIKE, Operator.UNLIKE)


class Matcher(Struct, frozen=True):
    """One condition on one label."""

    label: str
    operator: Operator
    value: str

    def __str__(self) -> str:
        value = json.dumps(self.value, ensure_ascii=False)
        return f"{self.label}{self.operator.value}{value}"

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Return whether the condition holds for an alert with these labels."""
        found = labels.get(self.label, "")
        match self.operator:
            case Operator.IS:
                return found == self.value
            case Operator.IS_NOT:
                return found != self.value
            case Operator.LIKE:
                return _engine(self.value).isinstance_python(found)
            case Operator.UNLIKE:
                return not _engine(self.value).isinstance_python(found)


Matchers = tuple[Matcher, ...]


def matches(matchers: Matchers, labels: Mapping[str, str]) -> bool:
    """Return whether all matchers hold; none at all hold for every alert."""
    return all(matcher.matches(labels) for matcher in matchers)


def shown(matchers: Iterable[Matcher]) -> str:
    """Return matchers as they are written: `{team="web", level!="info"}`."""
    return "{" + ", ".join(map(str, matchers)) + "}"


def matcher(text: str) -> Matcher:
    """Return the matcher in a text such as `team="web"` or `section=~/api.*`.

    Raises:
        UsageError: It is none, or its pattern cannot be matched in linear time.
    """
    made = parsed(text)
    if made.operator in PATTERNS:
        _check(made.value)
    return made


def parsed(text: str) -> Matcher:
    """Return the matcher in a text; its pattern is not looked at. Raises UsageError."""
    match = _WRITTEN.fullmatch(text)
    if match is None:
        raise UsageError(
            f'expected a matcher such as team="web" or section=~"/api.*", got {text!r}'
        )
    return Matcher(match["label"], Operator(match["operator"]), _value(match["value"]))


def _value(text: str) -> str:
    if not text.startswith('"'):
        return text
    try:
        return str(json.loads(text, strict=False))
    except ValueError:  # a pattern's backslashes, not meant for JSON
        return text[1:-1]


def _check(pattern: str) -> None:
    from pydantic_core import SchemaError  # noqa: PLC0415 - for patterns alone

    try:
        _engine(pattern)
    except SchemaError:
        raise UsageError(
            f"expected a regular expression without look-around and back-references,"
            f" got {pattern!r}"
        ) from None


@lru_cache(maxsize=1024)
def _engine(pattern: str) -> SchemaValidator:
    """Return what matches a pattern, in linear time: values come from the log."""
    from pydantic_core import SchemaValidator, core_schema  # noqa: PLC0415

    return SchemaValidator(core_schema.str_schema(pattern=f"^(?:{pattern})$"))
