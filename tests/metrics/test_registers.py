"""Registers: cells keep them as lists, and states as rows, as they always have."""

from __future__ import annotations

import polars as pl
from hypothesis import given
from hypothesis import strategies as st
from tests.laws import law

from tocsin.metrics.cells import Cells, merge, of_registers
from tocsin.pipeline import tables

ROW = st.tuples(
    st.integers(0, 2), st.integers(-20, 20), st.integers(-20, 20), st.integers(0, 300)
)
ROWS = st.lists(ROW, min_size=1, max_size=30)
SCHEMA = {"sid": pl.Int64, "p": pl.Int64, "k": pl.Int64, "x": pl.Int32}
TABLE = "shard/0/registers/60"


def registers(rows: list[tuple[int, ...]]) -> pl.DataFrame:
    return of_registers(pl.DataFrame(rows, schema=SCHEMA, orient="row"))


def content(table: pl.DataFrame) -> dict[tuple[int, ...], list[int]]:
    """Return the registers of each cell, of which there must be one."""
    found = {tuple(row[:3]): row[3] for row in table.iter_rows()}
    assert len(found) == table.height
    return found


def plain(rows: list[tuple[int, ...]]) -> dict[tuple[int, ...], list[int]]:
    """Return the same of rows, one by one."""
    cells: dict[tuple[int, ...], dict[int, int]] = {}
    for *cell, x in rows:
        held = cells.setdefault(tuple(cell), {})
        held[x // 64] = max(held.get(x // 64, 0), x % 64)
    return {
        cell: [register * 64 + rank for register, rank in sorted(held.items())]
        for cell, held in cells.items()
    }


@law(200)
@given(st.lists(ROWS, min_size=1, max_size=4))
def test_registers_are_merged_by_the_greatest_rank(
    batches: list[list[tuple[int, ...]]],
) -> None:
    empty = Cells.empty()
    parts = [Cells(empty.base, empty.buckets, registers(rows)) for rows in batches]
    expected = plain([row for rows in batches for row in rows])
    assert content(merge(parts).registers) == expected


@law(100)
@given(ROWS)
def test_a_state_holds_a_row_for_each_register(rows: list[tuple[int, ...]]) -> None:
    """So that states of earlier programs, which had such rows in memory, open as ever."""
    held = registers(rows)
    saved = tables.segment(TABLE, held)
    body = tables.decode(saved.body)
    assert body.schema == SCHEMA
    assert saved.rows == body.height
    opened = tables.joined_cells("registers", [body], None)
    assert content(opened) == content(held)
