"""Series that live: what was found is used again only where nothing else is known."""

from __future__ import annotations

import polars as pl
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.laws import law

from tocsin.metrics.series import SeriesTable
from tocsin.pipeline.living import Living

SPECS = pl.DataFrame(
    {"m": [0, 1], "every": [1, 60]}, schema={"m": pl.Int32, "every": pl.Int64}
)
BIRTHS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9), st.integers(0, 9)))


def series(births: list[tuple[int, int, int]]) -> SeriesTable:
    """Return four series of three metrics, of which one has no datapoints."""
    names = {"m": [0, 0, 1, 2], "key": list("abcd"), "sid": range(4)}
    types = {"m": pl.Int32, "key": pl.String, "sid": pl.Int64}
    known = dict.fromkeys(("sid", "first", "k"), pl.Int64)
    rows = pl.DataFrame(births, schema=known, orient="row")
    return SeriesTable(pl.DataFrame(names, schema=types), rows)


@law(100)
@given(
    st.builds(series, BIRTHS),
    st.builds(series, BIRTHS),
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 10)), max_size=8),
)
def test_what_is_asked_again_is_answered_as_if_it_were_the_first_time(
    one: SeriesTable, other: SeriesTable, asked: list[tuple[int, int]]
) -> None:
    tables = [one, replace(one, since={0: 5}), other]
    living = Living(SPECS)
    for number, tick in asked:
        found = living.by(tables[number], tick).sort("sid")
        assert found.equals(Living(SPECS).by(tables[number], tick).sort("sid"))
