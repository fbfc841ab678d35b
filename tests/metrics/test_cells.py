"""Cells: exact, and the same however rows were cut, merged and grouped."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.laws import law
from tests.runs import frame
from tests.worlds import World, rows, worlds

from tocsin.metrics.cells import (
    BASE,
    Cells,
    NamedCells,
    arranged,
    gather,
    merge,
    merge_after,
    stack,
)
from tocsin.metrics.lateness import Arrival, StreamClock, arrive
from tocsin.metrics.observe import Observer
from tocsin.metrics.series import SeriesTable
from tocsin.metrics.spec import Kind, MetricSpec, TimeSpec, column
from tocsin.pipeline.compile import compile_plan

if TYPE_CHECKING:
    from tests.plain import Row

    from tocsin.pipeline.plan import SourcePlan

PATIENT = TimeSpec(10**12, 10**12, 10**12)
HASTY = TimeSpec(10**6, 10**12, 10**12)


def plan_of(world: World) -> SourcePlan:
    """Return what is done with the events of a world's first source."""
    plan = compile_plan(world.config)
    return plan.sources[world.config.sources[0].name]


def judged(found: list[Row], time: TimeSpec) -> Arrival:
    """Return rows, judged; all of them count."""
    return arrive(frame(found).rename(column), StreamClock(), time, last=True)


NEEDED = {
    Kind.SUM: {"s"}, Kind.AVG: {"s"}, Kind.STDDEV: {"s", "q"}, Kind.MIN: {"lo"},
    Kind.MAX: {"hi"},
}  # fmt: skip


def needed(named: NamedCells, plan: SourcePlan) -> NamedCells:
    """Return cells without the sums that came along from a metric of the same field."""
    number = named.names.get_column("m").gather(named.cells.base.get_column("sid"))
    kinds = {n: NEEDED.get(m.kind, set()) for n, m in plan.metrics}
    base = named.cells.base.with_columns(
        pl.when(number.is_in([n for n, has in kinds.items() if column in has]))
        .then(pl.col(column))
        .alias(column)
        for column in ("s", "q", "lo", "hi")
    )
    return replace(named, cells=replace(named.cells, base=base))


def content(named: NamedCells) -> list[list[tuple[object, ...]]]:
    """Return cells with their names, in an order that says nothing."""
    merged = merge([named.cells])
    names = named.names.with_row_index("sid").with_columns(pl.col("sid").cast(pl.Int64))
    tables = (merged.base, merged.buckets, merged.registers)
    return [
        sorted(
            table.join(names, on="sid").drop("sid").iter_rows(),
            key=repr,
        )
        for table in tables
    ]


def rejoined(parts: list[NamedCells]) -> NamedCells:
    """Return cells of several batches with each name once."""
    together = gather(parts)
    names = together.names.unique(maintain_order=True)
    sids = together.names.join(
        names.with_row_index("new"), on=["m", "key"], how="left", maintain_order="left"
    ).get_column("new")
    moved = together.cells.map(
        lambda t: t.with_columns(
            sids.gather(t.get_column("sid")).cast(pl.Int64).alias("sid")
        )
    )
    return NamedCells(names, moved)


@law(25)
@given(worlds(0), rows(30), st.integers(0, 30), st.integers(0, 30))
def test_cells_of_pieces_are_the_cells_of_the_whole(
    world: World, found: list[Row], first: int, second: int
) -> None:
    observer = Observer(plan_of(world).metrics)
    one, two = sorted((first, second))
    pieces = [found[:one], found[one:two], found[two:]]
    parts = [observer.observe(judged(p, PATIENT)) for p in pieces if p]
    whole = observer.observe(judged(found, PATIENT))
    if parts:
        assert content(rejoined(parts)) == content(rejoined([whole]))
        assert content(rejoined(parts[::-1])) == content(rejoined([whole]))


@law(25)
@given(worlds(0), rows(30))
def test_which_metrics_are_counted_together_makes_no_difference(
    world: World, found: list[Row]
) -> None:
    plan = plan_of(world)
    arrival = judged(found, HASTY)
    together = needed(Observer(plan.metrics, share=1e9).observe(arrival), plan)
    apart = needed(Observer(plan.metrics, share=0).observe(arrival), plan)
    assert content(rejoined([together])) == content(rejoined([apart]))


@law(25)
@given(worlds(0), st.lists(rows(12), min_size=3, max_size=3))
def test_merging_is_associative_and_commutative(
    world: World, drawn: list[list[Row]]
) -> None:
    plan = compile_plan(world.config)
    observer = Observer(plan.sources[world.config.sources[0].name].metrics)
    table, numbered = SeriesTable(), []
    for some in drawn:
        named = observer.observe(judged(some, HASTY))
        known, table = table.number(
            named.of(plan.shards[0].metrics), plan.shards[0].series
        )
        numbered.append(known)
    a, b, c = numbered
    once = tables(merge([a, b, c]))
    assert tables(merge([merge([a, b]), c])) == once
    assert tables(merge([a, merge([c, b])])) == once
    assert tables(merge([stack([c, a]), b, Cells.empty()])) == once


def tables(cells: Cells) -> list[list[tuple[object, ...]]]:
    """Return the rows of all tables, in an order that says nothing."""
    return [
        sorted(t.iter_rows(), key=repr)
        for t in (cells.base, cells.buckets, cells.registers)
    ]


def test_more_cells_than_can_be_numbered_are_counted_all_the_same() -> None:
    """Times of all the calendar and thousands of keys: rows are taken by halves."""
    count = 6000
    year = 365 * 86_400 * 1_000_000
    at = pl.Series("time", [-1900 * year, *range(count - 2), 7000 * year])
    found = pl.DataFrame(
        {
            "time": at.cast(pl.Datetime("us", "UTC")),
            "field:a": [f"a{n}" for n in range(count)],
            "field:b": [f"b{n}" for n in range(count)],
        }
    )
    spec = MetricSpec("keys", "s", Kind.COUNT, 1, 1, group_by=("a", "b"))
    panes = pl.col("time").to_physical() // 1_000_000
    arrival = Arrival(found.with_columns(p=panes, a=panes), StreamClock())
    named = rejoined([Observer([(7, spec)]).observe(arrival)])
    keys = named.names.get_column("key").to_list()
    assert sorted(keys) == sorted(f'{{"a":"a{n}","b":"b{n}"}}' for n in range(count))
    assert named.cells.base.get_column("n").to_list() == [1] * count
    assert named.names.get_column("m").unique().to_list() == [7]


_PIECES = st.lists(st.tuples(*[st.integers(0, 4)] * 3), max_size=30)


def counted(pieces: list[tuple[int, int, int]]) -> Cells:
    """Return a cell for each (series, slice, how much later it is known), in order."""
    rows = [(sid, p, p + late + 1, 1, 7, 49, 0.5, 0.5) for sid, p, late in pieces]
    schema = dict.fromkeys(("sid", "p", "k"), pl.Int64) | BASE
    base = pl.DataFrame(rows, schema=schema, orient="row")
    return arranged(replace(Cells.empty(), base=base))


@law(100)
@given(_PIECES, _PIECES, st.integers(0, 9))
def test_joining_what_is_new_is_joining_all(
    before: list[tuple[int, int, int]], after: list[tuple[int, int, int]], tick: int
) -> None:
    known = merge_after(counted(before), None)
    new = counted(after)
    later = replace(new, base=new.base.filter(pl.col("k") > tick))
    both = arranged(stack([known, later]))
    found = merge_after(both, tick)
    assert found.base.head(found.ordered).get_column("p").is_sorted()
    where = ["sid", "p", "k"]
    assert found.base.sort(where).equals(merge([both]).base.sort(where))


def test_registers_weigh_when_they_are_judged_and_take_little_room() -> None:
    empty = Cells.empty()
    row = {"sid": [0], "p": [0], "k": [1], "x": [list(range(16))]}
    registers = pl.DataFrame(row, schema=empty.registers.schema)
    cells = replace(empty, registers=registers)
    assert (cells.weight, cells.room) == (17, 3)
    assert (empty.weight, empty.room) == (0, 0)
