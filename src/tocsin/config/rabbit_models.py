"""The shape of the section `rabbitmq` in a document."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from tocsin.config.part import Part
from tocsin.config.types import Checked, Name, Points, SecretText, refuse

_MOST_IN_HAND = 1_000


def _prefetch(value: Any) -> int:  # noqa: ANN401
    text = str(value)
    fine = not isinstance(value, bool | float) and text.isascii() and text.isdigit()
    if not fine or not 0 < int(text[:9]) <= _MOST_IN_HAND:
        raise refuse(f"a whole number from 1 to {_MOST_IN_HAND}")
    return int(text)


Prefetch: TypeAlias = Annotated[
    int,
    Checked(_prefetch, {"type": "integer", "minimum": 1, "maximum": _MOST_IN_HAND}),
]


class RabbitmqPart(Part):
    """A broker that messages are handed over to."""

    optional = frozenset({"exchange", "queue", "attempts", "prefetch"})

    url: SecretText
    exchange: Name = "tocsin"
    queue: Name = "tocsin.notifications"
    attempts: Points = 60
    prefetch: Prefetch = 16
