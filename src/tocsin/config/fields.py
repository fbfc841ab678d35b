"""Fields by name and type, and constants brought to the type of a field."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from msgspec import Struct, field

from tocsin.config.problems import did_you_mean
from tocsin.config.scalars import scalar
from tocsin.model.expression import Call, Column, Literal
from tocsin.model.instant import from_datetime
from tocsin.model.message import FieldType

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tocsin.model.message import MessageType

NUMBERS = (FieldType.INT, FieldType.FLOAT, FieldType.DURATION, FieldType.BYTES)
TEXTS = (FieldType.STRING, FieldType.IP)

_EVERYWHERE = {"time": FieldType.TIME, "line": FieldType.STRING}
"""The fields of every message type."""


class UnknownFieldError(ValueError):
    """A closed message type has no such field; `hint` names the nearest."""

    def __init__(self, wanted: str, hint: str) -> None:
        self.hint = hint
        super().__init__(wanted)


class Fields(Struct, frozen=True):
    """The fields of a source: its message type, None where only the lines will tell.

    `untyped` are declared by name alone: their values will show their type. `derived`
    are computed from the others.
    """

    message: MessageType | None = None
    untyped: frozenset[str] = frozenset()
    derived: Mapping[str, FieldType] = field(default_factory=dict)

    def find(self, name: str) -> Column:
        """Return a field by its canonical name; without a type where none is known.

        Raises:
            UnknownFieldError: The message type is known and has no such field.
        """
        message = self.message
        if name in self.derived:
            return Column(name, self.derived[name])
        if message is None:
            return Column(name, _EVERYWHERE.get(name))
        found = message.find(name)
        if found is not None:
            untyped = found.name in self.untyped
            return Column(found.name, None if untyped else found.type)
        if message.open:
            return Column(message.canonical(name))
        known = [*(f.name for f in message), *message.aliases, *self.derived]
        hint = did_you_mean(name, known, what=f"fields of {message.name}")
        raise UnknownFieldError(f"a field of {message.name}, got {name!r}", hint)


def kind(type_: FieldType | None) -> str:
    """Return `number`, `text`, `bool` or `time`; `unknown` without a type."""
    if type_ in NUMBERS:
        return "number"
    if type_ in TEXTS:
        return "text"
    return "unknown" if type_ is None else str(type_.value)


def number_in(text: str) -> int | float | None:
    """Return the number that a text holds, such as `200`; None when it holds none."""
    found = scalar(text.strip())
    return None if found is None or isinstance(found, bool | str) else found


def instant_in(text: str) -> Call | None:
    """Return the instant of an ISO 8601 text, in UTC where it names no offset."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return Call("instant", (Literal(from_datetime(aware)),))
