"""Windows that overlap, looked into as they slide: as if each were looked into alone."""

from __future__ import annotations

from typing import NamedTuple

import polars as pl
from hypothesis import given
from hypothesis import strategies as st
from tests.laws import law

from tocsin.metrics.sketches import cardinality
from tocsin.metrics.sliding import cardinalities, extremes, quantiles


class Cell(NamedTuple):
    """One cell: series, slice (s), and what it holds."""

    sid: int
    p: int
    x: int
    n: int


class Ask(NamedTuple):
    """One window of a series."""

    i: int
    sid: int
    e: int
    period: int
    num: int
    den: int


PERIODS = {1: 1, 2: 7, 5: 24}
CELLS = st.lists(
    st.builds(
        Cell,
        st.sampled_from(list(PERIODS)),
        st.integers(-30, 30),
        st.integers(-70, 70),
        st.integers(1, 4),
    ),
    min_size=1,
    max_size=40,
)
QUANTILES = st.sampled_from([(1, 2), (99, 100), (1, 100), (1, 1)])


def asks(cells: list[Cell], begin: int, quantile: tuple[int, int]) -> list[Ask]:
    """Return windows at every second from some on, of the series that have cells."""
    places = [
        (sid, e) for sid in sorted({c.sid for c in cells}) for e in range(begin, 60)
    ]
    return [
        Ask(7 * i, sid, e, PERIODS[sid], *quantile) for i, (sid, e) in enumerate(places)
    ]


def inside(cells: list[Cell], ask: Ask) -> list[Cell]:
    """Return the cells in a window."""
    return [c for c in cells if c.sid == ask.sid and ask.e - ask.period <= c.p < ask.e]


def frames(cells: list[Cell], found: list[Ask]) -> tuple[pl.DataFrame, pl.DataFrame]:
    table = pl.DataFrame(cells, schema=Cell._fields, orient="row")
    return table, pl.DataFrame(found, schema=Ask._fields, orient="row")


@law(100)
@given(cells=CELLS, begin=st.integers(-40, 20), least=st.booleans())
def test_the_best_of_a_window_is_the_best_in_it(
    cells: list[Cell], begin: int, *, least: bool
) -> None:
    wanted = asks(cells, begin, (1, 2))
    table, asked = frames(cells, wanted)
    best = min if least else max
    expected = {
        ask.i: best(c.x for c in held) for ask in wanted if (held := inside(cells, ask))
    }
    found = extremes(table.select("sid", "p", "x"), asked, least=least)
    assert dict(found.select("i", "found").iter_rows()) == expected


@law(100)
@given(CELLS, st.integers(-40, 20), QUANTILES)
def test_the_quantile_of_a_window_is_that_of_all_its_buckets(
    cells: list[Cell], begin: int, quantile: tuple[int, int]
) -> None:
    wanted = asks(cells, begin, quantile)
    table, asked = frames(cells, wanted)
    expected: dict[int, int] = {}
    for ask in wanted:
        values = sorted(c.x for c in inside(cells, ask) for _ in range(c.n))
        rank = max(-(-len(values) * ask.num // ask.den), 1)
        expected |= {ask.i: values[rank - 1]} if values else {}
    table = table.rename({"x": "b"})
    found = pl.concat(quantiles(table, asked))
    assert dict(found.select("i", "b").iter_rows()) == expected


@law(100)
@given(CELLS, st.integers(-40, 20))
def test_the_distinct_count_of_a_window_is_that_of_all_its_registers(
    cells: list[Cell], begin: int
) -> None:
    # Few registers, each at several ranks.
    cells = [c._replace(x=abs(c.x) % 4 * 64 + c.n) for c in cells]
    wanted = asks(cells, begin, (1, 2))
    table, asked = frames(cells, wanted)
    rows = [(ask.i, c.x) for ask in wanted for c in inside(cells, ask)]
    held = pl.DataFrame(rows, schema={"i": pl.Int64, "x": pl.Int32}, orient="row")
    held = held.with_columns(pl.concat_list("x"))
    expected = dict(cardinality(held).iter_rows()) if rows else {}
    found = cardinalities(table.select("sid", "p", "x"), asked)
    assert dict(found.iter_rows()) == expected
