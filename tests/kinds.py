"""What tests of kinds of alarms are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace
from tests.plain import SECOND, Row, Stream
from tests.runs import Run, whole

from tocsin.config import parse

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tocsin.config.values import Config

BAD, GOOD = {"status": 500}, {"status": 200}


def config(alarm: str, metrics: str = "") -> Config:
    """Return the configuration of one alarm, called A."""
    alone = "builtin_alarms: off"
    text = f"metrics: [{metrics}]\nalarms: [{{name: A, {alarm}}}]\n{alone}"
    made = parse(text)
    patient = replace(made.sources[0], lateness=0, amend_for=300 * SECOND)
    return replace(made, sources=(patient,))


def rows(*events: tuple[float, Any]) -> list[Row]:
    """Return rows from seconds and the value of `g`, or all fields."""
    fields = (
        (at, what if isinstance(what, dict) else {"g": what}) for at, what in events
    )
    return [Row(int((1000 + at) * SECOND), own) for at, own in fields]


def ran(made: Config, found: Iterable[Row]) -> Run:
    stream = Stream("s", "default", list(found))
    return whole(made, [stream])


def rang(made: Config, *events: tuple[float, Any]) -> list[str]:
    """Return what the alarm said: state, second after 1000, key."""
    said = [s for s in ran(made, rows(*events)).said if s.kind != "point"]
    return [
        f"{s.kind} {s.end - 1000}" + s.key.replace("{}", "").replace('"', "")
        for s in said
    ]


def each(
    every: float, until: float, what: object = "x", start: float = 0
) -> list[tuple[float, Any]]:
    """Return events at regular times."""
    count = int((until - start) / every)
    return [(start + i * every, what) for i in range(count)]
