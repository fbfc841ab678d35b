"""Sketches: within their promised error, and blind to how the data was batched."""

from __future__ import annotations

import math
import random

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.laws import law

from tocsin.metrics.sketches import (
    bucket,
    cardinality,
    digest,
    in_lists,
    middle,
    registers,
)

NUMBERS = st.floats(
    min_value=1e-300, max_value=1e300, allow_nan=False, allow_infinity=False
)


@law(200)
@given(st.lists(NUMBERS | NUMBERS.map(lambda v: -v) | st.just(0.0), min_size=1))
def test_the_middle_of_a_bucket_is_within_one_percent(values: list[float]) -> None:
    frame = pl.DataFrame({"v": values}).with_columns(b=bucket(pl.col("v")))
    for value, found in frame.select("v", middle(pl.col("b"))).iter_rows():
        assert math.isclose(value, found, rel_tol=0.01)


@law(200)
@given(st.lists(NUMBERS | NUMBERS.map(lambda v: -v) | st.just(0.0), min_size=2))
def test_buckets_are_in_the_order_of_the_numbers(values: list[float]) -> None:
    frame = pl.DataFrame({"v": sorted(values)}).with_columns(b=bucket(pl.col("v")))
    assert frame.get_column("b").is_sorted()


def estimate(texts: list[str]) -> float:
    """Return how many different texts there seem to be."""
    held = pl.DataFrame({"x": registers(pl.Series(texts, dtype=pl.String))})
    lists = in_lists(held.with_columns(pl.lit(0, dtype=pl.Int64).alias("@")))
    found = cardinality(lists.rename({"@": "i"}))
    return float(found.get_column("value")[0])


@pytest.mark.parametrize("count", [1, 2, 10, 100, 1000, 10_000, 50_000, 300_000])
@pytest.mark.parametrize("shape", ["{}", "10.0.{}", "user-{}-with-a-long-name"])
def test_distinct_counts_are_within_two_percent(count: int, shape: str) -> None:
    texts = [shape.format(i * 7919) for i in range(count)]
    assert abs(estimate(texts) - count) <= max(0.02 * count, 0.5)


def test_texts_that_differ_by_trailing_zeros_or_length_are_different() -> None:
    texts = ["", "\0", "\0\0", "a", "a\0", "aaaaaaaa", "aaaaaaaa\0", "aaaaaaaaa"]
    assert digest(pl.Series(texts)).n_unique() == len(texts)


def mixed(word: int) -> int:
    """Spread every bit of 64 over all others (the finaliser of SplitMix64)."""
    word = (word ^ (word >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    word = (word ^ (word >> 27)) * 0x94D049BB133111EB % 2**64
    return word ^ (word >> 31)


def plainly_hashed(text: str) -> str:
    """Return the hash of a text, one step after the other."""
    data = text.encode()
    found = len(data) * 0x9E3779B97F4A7C15 % 2**64
    for at in range(0, len(data), 8):
        word = data[at : at + 8].ljust(8, b"\0")
        found = mixed(found ^ int.from_bytes(word, "little"))
    return str(mixed(found))


@law(100)
@given(st.lists(st.text(max_size=40), min_size=1))
def test_hashes_are_the_same_on_every_machine_and_for_ever(texts: list[str]) -> None:
    expected = [plainly_hashed(text) for text in texts]
    assert digest(pl.Series(texts)).to_list() == expected


def test_percentiles_are_within_one_percent_of_the_value_of_their_rank() -> None:
    draw = random.Random(7)  # noqa: S311 - seeded data, no secrets
    values = [draw.lognormvariate(0, 2) for _ in range(5000)]
    exact = sorted(values)[math.ceil(0.95 * len(values)) - 1]
    counts = pl.DataFrame({"v": values}).group_by(b=bucket(pl.col("v"))).len().sort("b")
    upto = counts.with_columns(pl.col("len").cast(pl.Int64).cum_sum())
    hit = upto.filter(pl.col("len") >= math.ceil(0.95 * len(values))).head(1)
    found = float(hit.select(middle(pl.col("b"))).item())
    assert math.isclose(found, exact, rel_tol=0.01)
