"""Each kind of alarm against a few plain lines that say what it means."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.kinds import config, ran
from tests.laws import law
from tests.plain import SECOND, Row

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Event = tuple[int, dict[str, Any]]
"""A second, and the fields of a line."""
PERIOD = 10


def inside(events: Sequence[Event], end: int, period: int = PERIOD) -> list[Event]:
    return [event for event in events if end - period <= event[0] < end]


def bad(events: Sequence[Event]) -> int:
    return sum(fields["status"] >= 500 for _, fields in events)


def share(events: Sequence[Event], end: int) -> float | None:
    held = inside(events, end)
    return 100 * bad(held) / len(held) if held else None


def cardinality(events: Sequence[Event], end: int) -> float | None:
    return len({fields["g"] for _, fields in inside(events, end)} - {None})


def match(events: Sequence[Event], end: int) -> float | None:
    return sum(fields["g"] in {"a", "b"} for _, fields in inside(events, end))


def others(events: Sequence[Event], end: int) -> float | None:
    held = inside(events, end)
    return sum(fields["g"] not in {None, "a"} for _, fields in held)


def absence(events: Sequence[Event], end: int) -> float | None:
    return len(inside(events, end))


def change(events: Sequence[Event], end: int) -> float | None:
    start = events[0][0]
    if end - 2 * PERIOD < start:
        return None
    return len(inside(events, end)) - len(inside(events, end - PERIOD))


def ratio(events: Sequence[Event], end: int) -> float | None:
    if end - 30 - PERIOD < events[0][0]:
        return None
    now, before = len(inside(events, end)), len(inside(events, end - 30))
    if before == 0:
        return 1_000_000 if now else None
    return now / before


def new_value(events: Sequence[Event], end: int) -> float | None:
    """How many lines of the last seconds have a key that was not there for 20 s."""
    if end - PERIOD < events[0][0] + 15:
        return None
    seconds = {at for at, fields in events if fields["g"] == "a"}
    return sum(
        not any(0 < at - other <= 20 for other in seconds)
        for at, fields in inside(events, end)
        if fields["g"] == "a"
    )


def slo_burn(events: Sequence[Event], end: int) -> float | None:
    """Return the lower of the burn rates of 20 and 5 seconds; a tenth may be bad."""
    rates = []
    for period in (20, 5):
        held = inside(events, end, period)
        rates.append(bad(held) / len(held) / 0.1 if held else 0.0)
    return min(rates)


WINDOW = f"period: {PERIOD}s, every: 1s"
KINDS: dict[str, tuple[str, str, Callable[[Sequence[Event], int], float | None]]] = {
    "share": (
        f'kind: share, matching: "status >= 500", {WINDOW}, threshold: 50',
        "A: share",
        share,
    ),
    "cardinality": (
        f"kind: cardinality, field: g, {WINDOW}, threshold: 2",
        "A: g",
        cardinality,
    ),
    "match of a block list": (
        "kind: match, field: g, block: [a, b], quiet: 10s",
        "A: events",
        match,
    ),
    "match of an allow list": (
        "kind: match, field: g, allow: [a], quiet: 10s",
        "A: events",
        others,
    ),
    "absence": (f"kind: absence, {WINDOW}", "A: lines", absence),
    "change from the window before": (
        "kind: change, metric: hits, by: difference, threshold: 3",
        "A: change",
        change,
    ),
    "change by a ratio, from half a minute before": (
        "kind: change, metric: hits, by: ratio, against: 30s, threshold: 3",
        "A: change",
        ratio,
    ),
    "new_value": (
        f"kind: new_value, field: g, {WINDOW}, memory: 20s, learning: 15s",
        "A: new",
        new_value,
    ),
    "slo_burn": (
        """kind: slo_burn, objective: 90, bad: "status >= 500", every: 1s,
        budget_period: 60s,
        windows: [{long: 20s, short: 5s, factor: 2, level: critical}]""",
        "A: burn rate",
        slo_burn,
    ),
}
HITS = f"{{name: hits, type: COUNT, {WINDOW}}}"
lines = st.lists(
    st.tuples(
        st.sampled_from([0, 0, 0, 1, 1, 2, 5, 12, 25]),
        st.sampled_from(["a", "a", "b", "c", None]),
        st.sampled_from([200, 200, 500]),
    ),
    min_size=1,
    max_size=40,
)


@pytest.mark.parametrize(("alarm", "metric", "meaning"), KINDS.values(), ids=KINDS)
@law(30)
@given(drawn=lines)
def test_a_kind_says_what_a_few_plain_lines_say(
    alarm: str,
    metric: str,
    meaning: Callable[[Sequence[Event], int], float | None],
    drawn: list[tuple[int, str | None, int]],
) -> None:
    at, events = 1000, list[Event]()
    for step, g, status in drawn:
        at += step
        events.append((at, {"g": g, "status": status}))
    found = ran(config(alarm, HITS), [Row(s * SECOND, own) for s, own in events])
    keyed = '{"g": "a"}' if "new_value" in alarm else "{}"
    points = {
        s.end: s.value
        for s in found.said
        if s.kind == "point" and (s.name, s.key) == (metric, keyed)
    }
    for end, value in points.items():
        expected = meaning(events, end)
        assert value == pytest.approx(expected), f"{end}: {expected}"
    born = [s for s, own in events if keyed == "{}" or own["g"] == "a"]
    assert set(points) == set(range(born[0] + 1, at + 2)) if born else not points
