"""Each kind of alarm against a few plain lines that say what it means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.kinds import config, ran
from tests.laws import law
from tests.plain import SECOND, Row

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.plain import Said

Event: TypeAlias = tuple[int, dict[str, Any]]
"""A second, and the fields of a line."""
Meaning: TypeAlias = "Callable[[Sequence[Event], int], float | None]"
"""The value at the end of a window, by all events."""
PERIOD = 10
DAY = 86_400


def inside(events: Sequence[Event], end: int, period: int = PERIOD) -> list[Event]:
    return [event for event in events if end - period <= event[0] < end]


def bad(events: Sequence[Event]) -> int:
    return sum(int(fields["status"]) >= 500 for _, fields in events)


def of(key: str, meaning: Meaning) -> Meaning:
    """Return the same of the events of one key."""
    return lambda events, end: meaning([e for e in events if e[1]["g"] == key], end)


def share(events: Sequence[Event], end: int) -> float | None:
    held = inside(events, end)
    return 100 * bad(held) / len(held) if held else None


def cardinality(events: Sequence[Event], end: int) -> float | None:
    return len({fields["g"] for _, fields in inside(events, end)} - {None})


def statuses(events: Sequence[Event], end: int) -> float | None:
    return len({fields["status"] for _, fields in inside(events, end)})


def match(events: Sequence[Event], end: int) -> float | None:
    return sum(fields["g"] in {"a", "b"} for _, fields in inside(events, end))


def match_any(events: Sequence[Event], end: int) -> float | None:
    return bad(inside(events, end))


def others(events: Sequence[Event], end: int) -> float | None:
    held = inside(events, end)
    return sum(fields["g"] not in {None, "a"} for _, fields in held)


def others_or_none(events: Sequence[Event], end: int) -> float | None:
    return sum(bool(fields["g"] != "a") for _, fields in inside(events, end))


def absence(events: Sequence[Event], end: int) -> float | None:
    return len(inside(events, end))


def compared(
    how: Callable[[int, int], float | None],
    before: int = PERIOD,
    period: int = PERIOD,
    step: int = 1,
) -> Meaning:
    """Return how events compare with those so long before, once all of that was seen.

    Of windows that are judged by slices (`step`), the first that is whole counts.
    """

    def meaning(events: Sequence[Event], end: int) -> float | None:
        first = events[0][0]
        start = first if step == 1 else (first // step + 1) * step
        if end - before - period < start:
            return None
        now = len(inside(events, end, period))
        return how(now, len(inside(events, end - before, period)))

    return meaning


def difference(now: int, before: int) -> float | None:
    return now - before


def times(now: int, before: int) -> float | None:
    if before == 0:
        return 1_000_000 if now else None
    return now / before


def percent(now: int, before: int) -> float | None:
    if before == 0:
        return 1_000_000 if now else None
    return 100 * (now - before) / before


def fallen(now: int, before: int) -> float | None:
    return 100 * (before - now) / before if before else None


def either(now: int, before: int) -> float | None:
    if before == 0:
        return 1_000_000 if now else None
    return 100 * abs(now - before) / before


def of_enough(now: int, before: int) -> float | None:
    return now / before if now >= 3 and before >= 2 else None


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


def burns(events: Sequence[Event], end: int, long: int, short: int) -> float:
    """Return the lower of two burn rates; a tenth may be bad."""
    rates = []
    for period in (long, short):
        held = inside(events, end, period)
        rates.append(bad(held) / len(held) / 0.1 if held else 0.0)
    return min(rates)


def slo_burn(events: Sequence[Event], end: int) -> float | None:
    return burns(events, end, 20, 5)


def budget_left(events: Sequence[Event], end: int) -> float | None:
    held = inside(events, end, 40)
    return 100 * (1 - (bad(held) / len(held) / 0.1 if held else 0.0))


@dataclass(frozen=True)
class Kind:
    """An alarm of a kind, and what the metric that it rings on means.

    It is judged every `step` seconds; what is drawn as a second is `scale` seconds. It
    rings where `rings` holds of the value, after `waits` seconds.
    """

    alarm: str
    metric: str
    meaning: Meaning
    rings: Callable[[float], bool]
    key: str = ""
    least: int = 0
    """Of fewer events, its value means nothing."""
    expected: bool = False
    waits: int = 0
    step: int = 1
    scale: int = 1
    metrics: str = ""


def above(limit: float) -> Callable[[float], bool]:
    return lambda value: value > limit


def silent(value: float) -> bool:
    return value < 1


def any_(value: float) -> bool:
    return value >= 1


WINDOW = f"period: {PERIOD}s, every: 1s"
HITS = f"{{name: hits, type: COUNT, {WINDOW}}}"
CHANGE = "kind: change, metric: hits, threshold"
SLO = 'kind: slo_burn, objective: 90, every: 1s, budget_period: 40s, {}: "{}"'
PAIR = "windows: [{long: 20s, short: 5s, factor: 2, level: critical}]"
KINDS: dict[str, Kind] = {
    "share": Kind(
        f'kind: share, matching: "status >= 500", {WINDOW}, threshold: 50',
        "A: share", share, above(50),
    ),
    "share of a key, of three lines or more": Kind(
        f'kind: share, matching: "status >= 500", {WINDOW}, threshold: 50, '
        "group_by: g, min_samples: 3",
        "A: share", of("a", share), above(50), key="a", least=3,
    ),
    "share of some lines": Kind(
        f'kind: share, matching: "status >= 500", where: "g = \'a\'", {WINDOW}, '
        "threshold: 50, min_samples: 3",
        "A: share", of("a", share), above(50), least=3,
    ),
    "cardinality": Kind(
        f"kind: cardinality, field: g, {WINDOW}, threshold: 2",
        "A: g", cardinality, above(2),
    ),
    "cardinality by key": Kind(
        f"kind: cardinality, field: status, group_by: g, {WINDOW}, threshold: 1",
        "A: status", of("a", statuses), above(1), key="a",
    ),
    "match of any": Kind(
        'kind: match, where: "status >= 500", quiet: 10s', "A: events", match_any, any_,
    ),
    "match of a block list": Kind(
        "kind: match, field: g, block: [a, b], quiet: 10s", "A: events", match, any_,
    ),
    "match of an allow list": Kind(
        "kind: match, field: g, allow: [a], quiet: 10s", "A: events", others, any_,
    ),
    "match of an allow list on which nothing is not": Kind(
        "kind: match, field: g, allow: [a], quiet: 10s, ignore_missing: false",
        "A: events", others_or_none, any_,
    ),
    "absence of all": Kind(
        f"kind: absence, {WINDOW}", "A: lines", absence, silent, waits=PERIOD,
    ),
    "absence of a key that was seen": Kind(
        f"kind: absence, group_by: g, {WINDOW}",
        "A: lines", of("a", absence), silent, key="a", waits=PERIOD,
    ),
    "absence of a key that is expected": Kind(
        f"kind: absence, group_by: g, expected: [a], {WINDOW}",
        "A: lines", of("a", absence), silent, key="a", expected=True, waits=PERIOD,
    ),
    "absence of a key that is expected, and never comes": Kind(
        f"kind: absence, group_by: g, expected: [z], {WINDOW}",
        "A: lines", of("z", absence), silent, key="z", expected=True, waits=PERIOD,
    ),
    "change from the window before": Kind(
        f"{CHANGE}: 3, by: difference", "A: change", compared(difference), above(3),
    ),
    "change by a ratio, from half a minute before": Kind(
        f"{CHANGE}: 3, by: ratio, against: 30s",
        "A: change", compared(times, 30), above(3),
    ),
    "change by percent": Kind(
        f"{CHANGE}: 60", "A: change", compared(percent), above(60),
    ),
    "change down": Kind(
        f"{CHANGE}: 60, direction: down", "A: change", compared(fallen), above(60),
    ),
    "change both ways": Kind(
        f"{CHANGE}: 60, direction: both", "A: change", compared(either), above(60),
    ),
    "change of enough events on both sides": Kind(
        f"{CHANGE}: 1, by: ratio, min_now: 3, min_before: 2",
        "A: change", compared(of_enough), above(1),
    ),
    "change from yesterday, by the half hour": Kind(
        "kind: change, metric: hits, by: difference, against: yesterday, threshold: 1",
        "A: change", compared(difference, DAY, 3600, 1800), above(1),
        step=1800, scale=1800,
        metrics="{name: hits, type: COUNT, period: 1h, every: 30m}",
    ),
    "change from last week, by the half day": Kind(
        "kind: change, metric: hits, by: difference, against: last_week, threshold: 1",
        "A: change", compared(difference, 7 * DAY, DAY, DAY // 2), above(1),
        step=DAY // 2, scale=DAY // 2,
        metrics="{name: hits, type: COUNT, period: 1d, every: 12h}",
    ),
    "new_value": Kind(
        f"kind: new_value, field: g, {WINDOW}, memory: 20s, learning: 15s",
        "A: new", new_value, above(0), key="a",
    ),
    "slo_burn": Kind(
        f"{SLO.format('bad', 'status >= 500')}, {PAIR}",
        "A: burn rate", slo_burn, above(2),
    ),
    "slo_burn, by what is good": Kind(
        f"{SLO.format('good', 'status < 500')}, {PAIR}",
        "A: burn rate", slo_burn, above(2),
    ),
    "slo_burn, and the budget that is left": Kind(
        f"{SLO.format('bad', 'status >= 500')}, {PAIR}",
        "A: budget left", budget_left, above(9e9),
    ),
}  # fmt: skip
lines = st.lists(
    st.tuples(
        st.sampled_from([0, 0, 0, 1, 1, 2, 5, 12, 25]),
        st.sampled_from(["a", "a", "b", "c", None]),
        st.sampled_from([200, 200, 500]),
    ),
    min_size=1,
    max_size=40,
)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
@law(16)
@given(drawn=lines)
def test_a_kind_says_what_a_few_plain_lines_say(
    kind: Kind, drawn: list[tuple[int, str | None, int]]
) -> None:
    at, events = 1000, list[Event]()
    for step, g, status in drawn:
        at += step * kind.scale
        events.append((at, {"g": g, "status": status}))
    found = ran(
        config(kind.alarm, kind.metrics or HITS),
        [Row(s * SECOND, own) for s, own in events],
    )
    points = {
        s.end: s
        for s in found.said
        if s.kind == "point" and (s.name, s.key) == (kind.metric, key_of(kind))
    }
    for end, point in points.items():
        expected = kind.meaning(events, end)
        assert point.value == pytest.approx(expected), f"{end}: {expected}"
    mine = [
        s for s, own in events if kind.expected or own["g"] == (kind.key or own["g"])
    ]
    ends = range(mine[0] + 1, at + 2) if mine else ()
    assert list(points) == [end for end in ends if end % kind.step == 0]
    if "left" not in kind.metric and mine:
        assert rang(found.said, kind) == changes(points, kind, mine[0])


def key_of(kind: Kind) -> str:
    return f'{{"g": "{kind.key}"}}' if kind.key else "{}"


def rang(said: Sequence[Said], kind: Kind) -> list[tuple[str, int]]:
    """Return what the alarm said."""
    return [
        (s.kind, s.end) for s in said if s.kind != "point" and s.key == key_of(kind)
    ]


def changes(points: dict[int, Said], kind: Kind, first: int) -> list[tuple[str, int]]:
    """Return what an alarm on these values must say; no value changes nothing."""
    found, rings = list[tuple[str, int]](), False
    for end, point in points.items():
        if point.value is None or point.n < kind.least or end < first + kind.waits:
            continue
        if kind.rings(point.value) != rings:
            rings = not rings
            found.append(("firing" if rings else "ok", end))
    return found
