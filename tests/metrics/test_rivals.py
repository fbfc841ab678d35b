"""Keys beyond a limit: counts that are never too high, and hardly too low."""

from __future__ import annotations

from collections import Counter

import polars as pl
from hypothesis import given
from hypothesis import strategies as st
from tests.laws import law

from tocsin.metrics.rivals import RIVALS, joined, swaps

ROOM = 4
KEYS = st.sampled_from("abcdefghij")
NONE = pl.DataFrame(schema=RIVALS)


def pile(counts: Counter[str]) -> pl.DataFrame:
    rows = [(0, key, 0, n) for key, n in sorted(counts.items())]
    return pl.DataFrame(rows, schema=RIVALS, orient="row")


def counts(rivals: pl.DataFrame) -> dict[str, int]:
    return dict(rivals.select("key", "n").iter_rows())


@law(200)
@given(st.lists(st.lists(KEYS, max_size=30), max_size=6), st.integers(0, 5))
def test_however_piles_are_joined_no_count_is_too_high_or_much_too_low(
    lists: list[list[str]], pairs: int
) -> None:
    piles = [joined(NONE, pile(Counter(some)), ROOM) for some in lists]
    for _ in range(min(pairs, len(piles) - 1)):
        piles = [joined(piles[0], piles[1], ROOM), *piles[2:]][::-1]
    found = NONE
    for one in piles:
        found = joined(found, one, ROOM)
    true = Counter(key for some in lists for key in some)
    error = sum(true.values()) / (ROOM + 1)
    got = counts(found)
    assert len(got) <= ROOM
    for key, n in true.items():
        assert n - error <= got.get(key, 0) <= n


def test_a_stretch_is_forgotten_after_the_next() -> None:
    rows = [(0, "old", 1, 9), (0, "last", 2, 9), (0, "now", 3, 1)]
    table = pl.DataFrame(rows, schema=RIVALS, orient="row")
    assert counts(joined(NONE, table, ROOM)) == {"last": 9, "now": 1}


def test_the_greatest_take_the_places_of_the_least_that_have_fewer() -> None:
    rivals = pile(Counter({"a": 90, "b": 17, "c": 7}))
    weights = pl.DataFrame(
        {"m": [0, 0, 0], "sid": [7, 8, 9], "n": [8, 1, 40]},
        schema={"m": pl.Int32, "sid": pl.Int64, "n": pl.Int64},
    )
    assert swaps(rivals, weights, {0: 9}) == [(0, "a", 8), (0, "b", 7)]
    assert swaps(rivals, weights, {0: 1}) == [(0, "a", 8)]
    assert swaps(rivals, weights, {0: -1}) == []
