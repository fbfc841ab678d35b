"""Laws of trying again: how often, how long, who, and when it is given up."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.laws import law

from tocsin.model.instant import SECOND
from tocsin.model.notification import Fate, Outcome
from tocsin.model.state import Outgoing
from tocsin.runners.retrying import (
    AT_ONCE,
    BREAKS_AFTER,
    BURST,
    LATER,
    MOST,
    PER_MINUTE,
    Lane,
    decide,
    pending,
    wait,
)

HOUR = 3600 * SECOND
NOW = 1_700_000_000 * SECOND
ROW = Outgoing("k", 1, "c", 1, b"", due=NOW, deadline=NOW + 24 * HOUR)

chance = st.floats(0, 1, exclude_max=True)
waits = st.none() | st.floats(0, 86_400)
whos = st.sampled_from(["a", "b", "c"])
outcomes = st.builds(Outcome, whos, st.sampled_from(Fate), st.just(""), waits)


def failed(after: float | None = None) -> tuple[Outcome, ...]:
    return (Outcome("a", Fate.RETRY, "", after),)


@given(st.lists(st.tuples(chance, waits), min_size=40, max_size=40))
@law(200)
def test_in_an_hour_at_most_32_attempts(
    draws: list[tuple[float, float | None]],
) -> None:
    """N1."""
    row, attempts = ROW, 0
    for random, after in draws:
        if row.due >= NOW + HOUR or row.status != "waiting":
            break
        row = decide(row, failed(after), row.due, random)
        attempts += 1

    assert attempts <= 32


@given(st.integers(1, 10_000), chance)
@law(200)
def test_a_wait_is_bounded(attempts: int, random: float) -> None:
    assert 5 * SECOND <= wait(attempts, random) <= (MOST if attempts < 30 else LATER)


@given(chance, st.floats(0, 43_200))
@law(100)
def test_retry_after_is_kept(random: float, after: float) -> None:
    row = decide(ROW, failed(after), NOW, random)

    assert row.status == "waiting"
    assert row.due >= NOW + int(after * SECOND)


@given(
    st.lists(st.lists(outcomes, max_size=3, unique_by=lambda o: o.recipient)), chance
)
@law(300)
def test_nobody_is_sent_twice_what_they_have(
    rounds: list[list[Outcome]], random: float
) -> None:
    row, final = ROW, set[str]()
    for said in rounds:
        left = pending(row, ("a", "b", "c"))
        assert not final & set(left)
        told = [o for o in said if o.recipient in left]
        final |= {o.recipient for o in told if o.fate is not Fate.RETRY}
        row = decide(row, told, row.due, random)
        if row.status != "waiting":
            break
    assert row.key == "k"


@given(st.randoms(use_true_random=False))
@law(40)
def test_a_row_comes_to_its_end_at_its_deadline(random: Random) -> None:
    row = ROW
    while row.status == "waiting" and row.attempts < 1_000:
        row = decide(row, failed(), row.due, random.random())

    assert row.status == "dead"
    assert row.due <= NOW + 24 * HOUR


ENDS = {
    "all have it": ([("a", "delivered"), ("b", "delivered")], "delivered"),
    "one refused": ([("a", "delivered"), ("b", "refused")], "dead"),
    "one is gone": ([("a", "gone")], "dead"),
    "one may have it later": ([("a", "delivered"), ("b", "retry")], "waiting"),
    "there is nobody": ([], "dead"),
}


@pytest.mark.parametrize(("said", "status"), ENDS.values(), ids=ENDS)
def test_what_becomes_of_a_row_when(said: list[tuple[str, str]], status: str) -> None:
    row = decide(ROW, [Outcome(who, Fate(fate)) for who, fate in said], NOW, 0.0)

    assert row.status == status
    assert row.attempts == 1


def test_a_lane_is_closed_after_failures_and_opened_by_one() -> None:
    lane = Lane()
    for _ in range(BREAKS_AFTER):
        assert lane.admits(NOW, 0)
        lane = lane.after(failed(), NOW, 0.0)
    assert not lane.admits(NOW, 0)

    later = lane.opens(NOW)
    assert lane.admits(later, 0)
    assert not lane.admits(later, 1), "one tries it, alone"

    better = lane.after([Outcome("a", Fate.DELIVERED)], later, 0.0)
    assert better.admits(later, 1)
    assert not better.admits(later, 2), "twice as many as before"
    for _ in range(5):
        better = better.after([Outcome("a", Fate.DELIVERED)], later, 0.0)
    assert better.room == AT_ONCE


def test_a_refusal_is_an_answer() -> None:
    lane = Lane()
    for _ in range(10):
        lane = lane.after([Outcome("a", Fate.REFUSED)], NOW, 0.0)
    assert lane.admits(NOW, 0)


@given(st.lists(st.integers(0, 60), min_size=1, max_size=300))
@law(100)
def test_a_lane_is_never_sent_a_storm(gaps: list[int]) -> None:
    lane, now, sent = Lane(), NOW, 0
    for gap in gaps:
        now += gap * SECOND
        while lane.admits(now, 0):
            lane = lane.sent(now)
            sent += 1
        assert lane.admits(lane.opens(now), 0)

    passed = (now - NOW) / (60 * SECOND)
    assert sent <= BURST + PER_MINUTE * passed + 1
