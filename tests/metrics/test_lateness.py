"""When a row becomes known: judged in columns as in loops, whole, cut or in ranges."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.laws import law
from tests.plain import SECOND, Row, Stream, judge
from tests.runs import frame
from tests.worlds import rows, sources

from tocsin.metrics.lateness import Arrival, StreamClock, arrive, known_from
from tocsin.metrics.spec import TimeSpec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tocsin.config.values import SourceConfig


def times(*seconds: float) -> list[Row]:
    """Return rows at these seconds."""
    return [Row(int(s * SECOND), {}) for s in seconds]


def spec(source: SourceConfig) -> TimeSpec:
    """Return how time moves for a source."""
    return TimeSpec(source.lateness, source.amend_for, source.future_skew)


def fates(
    found: Sequence[Row], time: TimeSpec, now: int | None = None
) -> tuple[list[tuple[int, int]], int, int]:
    """Return (p, a) of the rows that count, and how many are late and future."""
    arrival = arrive(frame(found), StreamClock(), time, now=now, last=True)
    return arrival.rows.select("p", "a").rows(), arrival.late, arrival.future


FIVE = TimeSpec(5 * SECOND, 30 * SECOND, 20 * SECOND)
CASES: dict[str, tuple[list[float], list[tuple[int, int]], int, int]] = {
    "in order": ([1, 2, 3.5], [(1, 1), (2, 2), (3, 3)], 0, 0),
    "older than lateness amends": ([10, 4.9], [(10, 10), (4, 5)], 0, 0),
    "exactly the lateness is on time": ([10, 5], [(10, 10), (5, 5)], 0, 0),
    "within the pane that is open is on time": ([10.9, 5.1], [(10, 10), (5, 5)], 0, 0),
    "the last pane that amends": (
        [25, 40, 10], [(25, 25), (40, 40), (10, 35)], 0, 0,
    ),
    "one pane more is late": ([25, 41, 10], [(25, 25), (41, 41)], 1, 0),
    "late is said before now, not before the row before": (
        [10, 4, 9], [(10, 10), (4, 5), (9, 9)], 0, 0,
    ),
    "negative times floor": ([-0.5, 0.5], [(-1, -1), (0, 0)], 0, 0),
    "a jump that the next row confirms": ([0, 100, 99], [(0, 0), (100, 100), (99, 99)], 0, 0),
    "a jump that the next row denies": ([0, 100, 1], [(0, 0), (1, 1)], 0, 1),
    "a jump within the skew needs no confirmation": (
        [0, 20, -5], [(0, 0), (20, 20), (-5, 15)], 0, 0,
    ),
    "a first row that the next denies": ([100, 1, 2], [(1, 1), (2, 2)], 0, 1),
    "a jump at the end stands": ([0, 100], [(0, 0), (100, 100)], 0, 0),
    "two jumps in a row: the second is denied, the first is not": (
        [0, 100, 200, 1], [(0, 0), (100, 100)], 1, 1,
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("seconds", "known", "late", "future"), CASES.values(), ids=CASES
)
def test_a_row_is_judged(
    seconds: list[float], known: list[tuple[int, int]], late: int, future: int
) -> None:
    assert fates(times(*seconds), FIVE) == (known, late, future)


def test_a_row_later_than_the_clock_counts_but_does_not_move_time() -> None:
    known, late, future = fates(times(0, 15, 1), FIVE, now=5 * SECOND)
    assert (known, late, future) == ([(0, 0), (15, 15), (1, 1)], 0, 0)


def test_a_row_further_ahead_than_the_clock_can_explain_is_future() -> None:
    known, late, future = fates(times(0, 25.5, 1), FIVE, now=5 * SECOND)
    assert (known, late, future) == ([(0, 0), (1, 1)], 0, 1)


def test_time_zero_is_an_instant_like_any_other() -> None:
    arrival = arrive(frame(times(0, 10)), StreamClock(), FIVE)
    assert arrival.clock.newest == 10 * SECOND
    assert arrival.clock.held is None
    assert arrival.rows.height == 2


def test_a_row_without_company_is_held_until_somebody_follows() -> None:
    first = arrive(frame(times(50)), StreamClock(), FIVE)
    assert first.rows.height == 0
    assert first.clock.held is not None
    second = arrive(frame(times(49)), first.clock, FIVE)
    assert second.rows.get_column("p").to_list() == [50, 49]


STARTS = {
    "on time, each second": (1, 7, 7, 8),
    "late: at the end of its ten seconds": (1, 7, 13, 20),
    "late at the edge": (1, 7, 10, 20),
    "on time, slices of ten": (10, 7, 7, 10),
    "late, but its slice is not over": (10, 7, 9, 10),
    "late, slices of seven: the first after its ten seconds": (7, 3, 12, 21),
    "late, slices of a minute": (60, 7, 70, 120),
    "before the epoch": (10, -7, -7, 0),
}


@pytest.mark.parametrize(("grain", "p", "a", "tick"), STARTS.values(), ids=STARTS)
def test_the_first_tick_that_may_use_a_row(
    grain: int, p: int, a: int, tick: int
) -> None:
    row = pl.DataFrame({"p": [p], "a": [a]})
    assert row.select(known_from(grain)).item() == tick


@law(120)
@given(
    rows(40),
    sources(1),
    st.sets(st.integers(0, 40)),
    st.sampled_from([None, 1000, 1030, 0]),
)
def test_columns_judge_as_loops_do_however_the_stream_is_cut(
    found: list[Row],
    drawn: tuple[SourceConfig, ...],
    cuts: set[int],
    seconds: int | None,
) -> None:
    now = None if seconds is None else seconds * SECOND
    expected = judge(Stream("s", "default", found), drawn[0], now)
    clock, parts = StreamClock(), []
    edges = [0, *sorted(c for c in cuts if c < len(found)), len(found)]
    for begin, end in itertools.pairwise(edges):
        last = end == len(found)
        part = arrive(
            frame(found[begin:end]), clock, spec(drawn[0]), now=now, last=last
        )
        assert clock.newest is None or (part.clock.newest or 0) >= clock.newest
        parts.append(part)
        clock = part.clock
    assert sum(p.late for p in parts) == expected.late
    assert sum(p.future for p in parts) == expected.future
    judged = pl.concat([p.rows for p in parts]).with_columns(
        k=known_from(1), late=pl.col("a") > pl.col("p")
    )
    assert judged.select("p", "k").rows() == [
        (k.second, k.effective + 1) for k in expected.known
    ]
    assert int(judged.get_column("late").sum()) == expected.amended


@law(120)
@given(rows(20), rows(20), sources(1))
def test_a_range_that_claims_to_hold_after_a_clock_does(
    before: list[Row], after: list[Row], drawn: tuple[SourceConfig, ...]
) -> None:
    time = spec(drawn[0])
    clock = arrive(frame(before), StreamClock(), time).clock
    alone = arrive(frame(after), StreamClock(), time)
    if alone.holds_after(clock, time):
        known = arrive(frame(after), clock, time)
        assert same(alone, known)


def same(alone: Arrival, known: Arrival) -> bool:
    """Whether two judgements say the same of every row."""
    return (
        alone.rows.equals(known.rows)
        and (alone.late, alone.future) == (known.late, known.future)
        and (alone.clock.held is None) == (known.clock.held is None)
    )
