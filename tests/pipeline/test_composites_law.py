"""Alarms over alarms as they are written, against the boolean that they say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.kinds import ran
from tests.laws import law
from tests.plain import SECOND, Row
from tests.runs import final_transitions

from tocsin.config import parse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

START = 1000
Line: TypeAlias = tuple[int, str, int]
"""A second, a key, a status."""
States: TypeAlias = "Callable[[str, int], bool]"
"""Whether an alarm rings at an end; keys stand behind the name: `Errors a`."""

RULES = """
sources: [{name: default, path: x, format: logfmt, lateness: 0s, amend_for: 5m}]
metrics:
  - {name: bad, type: COUNT, period: 10s, every: 1s, where: "status >= 500"}
  - {name: hits, type: COUNT, period: 10s, every: 2s}
  - {name: by g, type: COUNT, period: 6s, every: 2s, group_by: [g], where: "status >= 500"}
alarms:
  - {name: Bad, metric: bad, threshold: 1}
  - {name: Busy, metric: hits, threshold: 3}
  - {name: "Errors on {g}", metric: by g, threshold: 0}
"""


@dataclass(frozen=True)
class Over:
    """An alarm over alarms: how it is written, and when it rings."""

    alarm: str
    rings: Callable[[States, int], bool]
    key: str = ""
    points: int = 1
    """How many ends in a row it takes."""
    more: str = ""
    """Other alarms that it is over."""


OVERS: dict[str, Over] = {
    "all": Over("alarms: [Bad, Busy]", lambda s, e: s("Bad", e) and s("Busy", e)),
    "any": Over(
        "alarms: [Bad, Busy], of: any", lambda s, e: s("Bad", e) or s("Busy", e)
    ),
    "one of them": Over(
        "alarms: [Bad, Busy], of: 1", lambda s, e: s("Bad", e) or s("Busy", e)
    ),
    "two of three": Over(
        'alarms: [Bad, Busy, "Errors on {g}"], of: 2',
        lambda s, e: s("Bad", e) + s("Busy", e) + s("Errors a", e) >= 2,
        key="a",
    ),
    "one and not the other": Over(
        "condition: Bad and not Busy", lambda s, e: s("Bad", e) and not s("Busy", e)
    ),
    "a condition in brackets": Over(
        "condition: not (Bad or Busy)",
        lambda s, e: not (s("Bad", e) or s("Busy", e)),
    ),
    "a key, and what has none": Over(
        "condition: '\"Errors on {g}\" and not Busy'",
        lambda s, e: s("Errors a", e) and not s("Busy", e),
        key="a",
    ),
    "for a while": Over(
        "alarms: [Bad, Busy], of: any, for: 4s",
        lambda s, e: s("Bad", e) or s("Busy", e),
        points=3,
    ),
    "over one that is over others": Over(
        "condition: Both or Bad",
        lambda s, e: (s("Bad", e) and s("Busy", e)) or s("Bad", e),
        more="  - {name: Both, kind: composite, alarms: [Bad, Busy]}\n",
    ),
}


def counted(lines: Sequence[Line]) -> States:
    """Return how the plain alarms stand, by counting at their last end."""

    def within(end: int, period: int) -> list[Line]:
        return [line for line in lines if end - period <= line[0] < end]

    def rings(name: str, end: int) -> bool:
        if name == "Bad":
            return sum(status >= 500 for _, _, status in within(end, 10)) > 1
        if name == "Busy":
            return len(within(end, 10)) > 3
        held = within(end, 6)
        return any(g == name[-1] and status >= 500 for _, g, status in held)

    return rings


def changes(over: Over, lines: Sequence[Line], ends: Iterable[int]) -> list[object]:
    """Return when the alarm must ring and recover, in the end."""
    found, rings, row = list[object](), False, 0
    states = counted(lines)
    for end in ends:
        holds = over.rings(states, end)
        row = row + 1 if holds else 0
        if rings != (row >= over.points if not rings else holds):
            rings = not rings
            found.append((end, rings))
    return found


drawn = st.lists(
    st.tuples(
        st.sampled_from([0, 0, 1, 1, 2, 5, 12]),
        st.sampled_from([0, 0, 0, 0, 3, 9, 20]),
        st.sampled_from(["a", "a", "b"]),
        st.sampled_from([200, 500]),
    ),
    min_size=1,
    max_size=25,
)


@pytest.mark.parametrize("over", OVERS.values(), ids=OVERS)
@law(16)
@given(found=drawn)
def test_an_alarm_over_alarms_rings_as_it_is_written(
    over: Over, found: list[tuple[int, int, str, int]]
) -> None:
    at, lines = START, [(START, "b", 200)]
    for step, back, g, status in found:
        at += step
        lines.append((max(at - back, START), g, status))
    text = f"{RULES}{over.more}  - {{name: A, kind: composite, {over.alarm}}}\n"
    rows = [Row(s * SECOND, {"g": g, "status": code}) for s, g, code in lines]
    key = f'{{"g": "{over.key}"}}' if over.key else "{}"
    said = final_transitions(ran(parse(text), rows).said)
    rang = sorted((e, fires) for name, k, e, fires in said if (name, k) == ("A", key))
    mine = [
        s for s, g, code in lines if not over.key or (g == over.key and code >= 500)
    ]
    first, last = min(mine, default=at), max(s for s, _, _ in lines)
    ends = [end for end in range(first + 1, last + 2) if end % 2 == 0]
    assert rang == changes(over, lines, ends if mine else [])
