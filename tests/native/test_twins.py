"""What the library reckons of rows, and what columns do: the same, to the last bit."""

from __future__ import annotations

from contextlib import contextmanager
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal, assert_series_equal
from tests.formats.ways import cutting
from tests.laws import law

from tocsin.metrics import lateness, sketches, tally
from tocsin.metrics.codes import code
from tocsin.metrics.lateness import Arrival, StreamClock, arrive
from tocsin.metrics.observe import Observer
from tocsin.metrics.sketches import cardinality, registers
from tocsin.metrics.spec import Kind, MetricSpec, TimeSpec, column
from tocsin.model.batch import TIME
from tocsin.native.made import made

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tocsin.metrics.cells import NamedCells
    from tocsin.native.made import Made

T = TypeVar("T")
Frame = TypeVar("Frame", pl.Series, pl.DataFrame)
SECOND = 1_000_000
HALF = SECOND // 2


@contextmanager
def answers() -> Iterator[list[str]]:
    """Note which functions of the library answer."""
    noted: list[str] = []

    def noting(result: Made, *arguments: object) -> pl.DataFrame | None:
        found = made(result, *arguments)
        noted.extend([] if found is None else [result.name])
        return found

    with pytest.MonkeyPatch.context() as patch:
        for module in (lateness, sketches, tally):
            patch.setattr(module, "made", noting)
        yield noted


def twins(reckon: Callable[[], T]) -> tuple[T, T, list[str]]:
    """Return what either way comes to, and which functions of the library answered."""
    with cutting("compiled"), answers() as noted:
        compiled = reckon()
    with cutting("columns"), answers() as none:
        columns = reckon()
    assert none == []
    return compiled, columns, noted


def pieces(draw: st.DrawFn, whole: Frame) -> Frame:
    """Return rows in chunks, some of them empty, and without a few at the ends."""
    ends: list[int] = draw(st.lists(st.integers(0, len(whole)), max_size=4))
    edges = pairwise([0, *sorted(ends), len(whole)])
    joined = pl.concat([whole.slice(a, b - a) for a, b in edges], rechunk=False)
    return joined.slice(*draw(st.sampled_from([(0, None), (1, None), (0, 9), (3, 9)])))


# ---- distinct counts ----

TEXT = st.text(st.sampled_from("\0 a\x7fé€𝄞"), max_size=40) | st.text(max_size=14)


@st.composite
def texts(draw: st.DrawFn) -> pl.Series:
    """Texts, most of them longer or shorter than a view has room for."""
    drawn = draw(st.lists(st.none() | TEXT, max_size=30))
    return pieces(draw, pl.Series(drawn, dtype=pl.String))


@law(300)
@given(texts())
def test_texts_have_the_same_registers(found: pl.Series) -> None:
    compiled, columns, noted = twins(lambda: registers(found))
    assert_series_equal(compiled, columns, check_names=False)
    assert noted == ["registers"]


PACKED = st.dictionaries(
    st.sampled_from([0, 1, 63, 64, 65, 16_383]) | st.integers(0, 16_383),
    st.sampled_from([1, 49, 50, 51]) | st.integers(1, 51),
    min_size=1,
    max_size=9,
).map(lambda held: [64 * which + rank for which, rank in sorted(held.items())])


@st.composite
def held(draw: st.DrawFn) -> pl.DataFrame:
    """Registers in the order of their numbers, each of which may have several lists."""
    drawn = draw(st.lists(st.tuples(st.integers(0, 9), PACKED), max_size=30))
    rows = sorted(drawn, key=lambda row: row[0])
    schema: dict[str, Any] = {"i": pl.Int64, "x": pl.List(pl.Int32)}
    return pieces(draw, pl.DataFrame(rows, schema=schema, orient="row"))


@law(200)
@given(held())
def test_registers_stand_for_as_many(found: pl.DataFrame) -> None:
    compiled, columns, noted = twins(lambda: cardinality(found))
    assert_frame_equal(compiled, columns, check_row_order=False, check_exact=True)
    assert noted == ["estimate"]


# ---- the rule of time ----


def timed(times: Sequence[int]) -> pl.DataFrame:
    """Return rows at these times (µs)."""
    at = pl.Series("time", times, dtype=pl.Int64).cast(TIME)
    return pl.DataFrame([at, pl.int_range(len(times), eager=True).alias("field:n")])


class Case(NamedTuple):
    """What is judged."""

    rows: pl.DataFrame
    clock: StreamClock
    time: TimeSpec
    now: int | None
    last: bool

    def judged(self) -> Arrival:
        rows, clock, time, now, last = self
        return arrive(rows, clock, time, now=now, last=last)


HALVES = st.integers(-12, 12).map(lambda n: n * HALF) | st.integers(-9, 9)
STEPS = st.sampled_from([0, 0, 1, HALF, SECOND, SECOND, 3 * SECOND, -HALF, -SECOND])


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Rows nearly in order, or in none; what is asked of them is soon too much."""
    steps = draw(st.lists(STEPS, min_size=1, max_size=15))
    run = st.just([draw(HALVES) + at for at in accumulate(steps)])
    rows = pieces(draw, timed(draw(run | st.lists(HALVES, max_size=12))))
    held = draw(st.none() | HALVES.map(lambda at: timed([at])))
    clock = StreamClock(draw(st.none() | HALVES), held)
    lags = st.integers(0, 8).map(lambda n: n * HALF)
    late, skew = draw(lags), draw(lags)
    time = TimeSpec(late, late + draw(lags), skew)
    return Case(rows, clock, time, draw(st.none() | HALVES), draw(st.booleans()))


@law(600)
@given(cases())
def test_rows_are_judged_alike(case: Case) -> None:
    compiled, columns, _ = twins(case.judged)
    assert_frame_equal(compiled.rows, columns.rows)
    for one, other in ((compiled, columns), (columns, compiled)):
        if one.clock.held is not None:
            assert other.clock.held is not None
            assert_frame_equal(one.clock.held, other.clock.held)
    assert plainly(compiled) == plainly(columns)


def plainly(found: Arrival) -> tuple[object, ...]:
    """Return what an arrival says, but for its rows."""
    said = (found.late, found.future, found.in_order, found.needs_clock)
    return (found.clock.newest, *said)


FIVE = TimeSpec(5 * SECOND, 30 * SECOND, 20 * SECOND)
SKEWED = TimeSpec(50 * SECOND, 50 * SECOND, 20 * SECOND)
STEADY: dict[str, tuple[list[float], dict[str, Any], bool]] = {
    "in order": ([1, 2, 3.5], {}, True),
    "before the epoch": ([-9, -8.5, -8.5], {}, True),
    "exactly the lateness behind": ([10, 5], {}, True),
    "further behind": ([10, 4.999999], {}, False),
    "exactly the lateness behind the clock": ([5, 6], {"newest": 10}, True),
    "further behind the clock": ([4.999999, 6], {"newest": 10}, False),
    "a fall as far as rows may be ahead": ([30, 10, 11], {"time": SKEWED}, True),
    "a deeper fall": ([30, 9.999999, 11], {"time": SKEWED}, False),
    "a last row as far ahead as may be": ([1, 21], {}, True),
    "a last row further ahead": ([1, 21.000001], {}, False),
    "a last row further ahead, and none will follow": (
        [1, 21.000001],
        {"last": True},
        True,
    ),
    "a last row not too far ahead of the clock": ([5, 30], {"newest": 10}, True),
    "alone": ([1], {}, False),
    "alone, and none will follow": ([1], {"last": True}, True),
    "alone, but not the first": ([1], {"newest": 0}, True),
    "alone, and as far ahead of the clock as may be": ([20], {"newest": 0}, True),
    "alone, and further ahead of the clock": ([20.000001], {"newest": 0}, False),
    "as late as it is now": ([1, 2], {"now": 2}, True),
    "later than it is now": ([1, 2.000001], {"now": 2}, False),
}


@pytest.mark.parametrize(("seconds", "asked", "steady"), STEADY.values(), ids=STEADY)
def test_the_library_judges_rows_that_all_count_on_time(
    seconds: list[float], asked: dict[str, Any], *, steady: bool
) -> None:
    rows = timed([round(s * SECOND) for s in seconds])
    newest, now = (
        asked[name] * SECOND if name in asked else None for name in ("newest", "now")
    )
    time, last = asked.get("time", FIVE), asked.get("last", False)
    with cutting("compiled"):
        found = lateness._steady(rows, StreamClock(newest), time, now, last=last)
    assert (found is not None) == steady


# ---- cells ----

SCHEMA: dict[str, Any] = {
    "g": pl.String, "h": pl.Int64, "whole": pl.Int64, "wide": pl.Int64, "small": pl.UInt8,
    "float": pl.Float64, "text": pl.String, "other": pl.Float64,
}  # fmt: skip
FLOATS = [
    0.1, -0.0, 2.5, -7.3, 1e-9, 1e9, 1.7e-6, -2.6e-6,
    1e24, -1.1e24, 1e300, float("inf"), float("nan"),
]  # fmt: skip
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "g": st.sampled_from(["", "a", "é", "x" * 300]),
    "h": st.integers(0, 3),
    "whole": st.integers(-50, 50),
    "wide": st.sampled_from([0, 1, 2**40, -(2**40), 2**62, 2**63 - 1, -(2**63)]),
    "small": st.integers(0, 255),
    "float": st.sampled_from(FLOATS[:8]) | st.sampled_from(FLOATS),
    "text": st.sampled_from(["1", "-2.5", "x", "", "1e3"]),
    "other": st.floats(-9, 9),
}
FIELDS = {name: st.none() | values for name, values in VALUES.items()}
STEP = st.sampled_from([0, 0, 0, 200_000, SECOND, 7 * SECOND, 61 * SECOND, -3 * SECOND])


@st.composite
def arrivals(draw: st.DrawFn) -> Arrival:
    """Rows of a few minutes; late rows as well, and times before the epoch."""
    found = draw(st.lists(st.fixed_dictionaries(FIELDS), max_size=20))
    begin = draw(st.sampled_from([0, -90 * SECOND, 1_700_000_000 * SECOND]))
    steps = draw(st.lists(STEP, min_size=len(found), max_size=len(found)))
    times = pl.Series("time", [begin + at for at in accumulate(steps)], dtype=pl.Int64)
    fields = pl.DataFrame(found, schema=SCHEMA, orient="row").rename(column)
    rows = pieces(draw, fields.insert_column(0, times.cast(TIME)))
    time = TimeSpec(draw(st.sampled_from([SECOND, 10**12])), 10**12, 10**12)
    with cutting("columns"):
        return arrive(rows, StreamClock(), time, last=True)


SUMMED = ["whole", "wide", "small", "float", "text"]
DISTINCT = ["g", "h", "whole", "float", "text"]
NONE: list[str | None] = [None]
KINDS: list[tuple[Kind, list[str | None]]] = [
    (Kind.COUNT, NONE), (Kind.RATE, NONE), (Kind.SUM, [*SUMMED]), (Kind.AVG, [*SUMMED]),
    (Kind.DISTINCT, [*DISTINCT]), (Kind.MIN, ["other"]), (Kind.STDDEV, ["other"]),
]  # fmt: skip
GROUPS = [(), ("g",), ("h",), ("g", "h"), ("h", "g")]


def metric(
    kind: Kind,
    of: str | None,
    period: int,
    group_by: tuple[str, ...],
    **more: Any,  # noqa: ANN401
) -> MetricSpec:
    """Return a metric of a field."""
    value = None if of is None else pl.col(column(of))
    more = {"every": period, "value": value, "group_by": group_by} | more
    return MetricSpec("m", "s", kind, period, **more)


@st.composite
def metrics(draw: st.DrawFn) -> MetricSpec:
    """A metric; what is least and greatest is asked of a field that is not summed."""
    kind, fields = draw(st.sampled_from([*KINDS, *KINDS[:5]]))
    more: dict[str, Any] = {"offset": draw(st.sampled_from([0, 0, 0, 120]))}
    if draw(st.integers(0, 3)) == 0:
        more |= {"where": pl.col("field:h") > 0, "where_reads": frozenset({"h"})}
    period = draw(st.sampled_from([1, 10, 60]))
    every = draw(st.sampled_from([1, period]))
    of, groups = draw(st.sampled_from(fields)), draw(st.sampled_from(GROUPS))
    return metric(kind, of, period, groups, every=every, **more)


def named(found: NamedCells) -> list[object]:
    """Return the tables of cells with the names of series, in an order that says nothing."""
    names = found.names.rows()
    cells = found.cells
    tables = (cells.base, cells.buckets, cells.registers)
    rows = [[(names[sid], *rest) for sid, *rest in t.iter_rows()] for t in tables]
    schemas = [table.schema for table in (found.names, *tables)]
    return [sorted(names), schemas, *(sorted(some, key=repr) for some in rows)]


def expected(arrival: Arrival, specs: Sequence[MetricSpec]) -> set[str]:
    """Return the functions of the library that must answer."""
    if arrival.rows.height == 0:
        return set()
    kinds = {spec.kind for spec in specs}
    always = {"registers"} if Kind.DISTINCT in kinds else set()
    lag = arrival.rows.select((pl.col("a") - pl.col("p")).max()).item()
    if lag:
        return always
    plain = {spec.kind for spec in specs if spec.where is None}
    counted = {"tally"} if plain & {Kind.COUNT, Kind.RATE} else set()
    return always | counted | ({"sketch"} if Kind.DISTINCT in plain else set())


@law(400)
@given(arrivals(), st.lists(metrics(), min_size=1, max_size=6), st.data())
def test_rows_have_the_same_cells(
    arrival: Arrival, specs: list[MetricSpec], data: st.DataObject
) -> None:
    observer = Observer(list(enumerate(specs, 3)))
    names = data.draw(st.sampled_from([(), ("field:g",), ("field:g", "field:h")]))

    def observed() -> NamedCells:
        known = {name: code(arrival.rows.get_column(name)) for name in names}
        return observer.observe(arrival, coded=known)

    compiled, columns, noted = twins(observed)
    assert named(compiled) == named(columns)
    assert expected(arrival, specs) - {*noted} == set()


@law(10)
@given(arrivals())
def test_many_metrics_have_the_same_cells(arrival: Arrival) -> None:
    specs = [
        metric(kind, of, period, groups)
        for kind, of in [(Kind.COUNT, None), *((Kind.SUM, of) for of in SUMMED)]
        for period in (1, 10, 60)
        for groups in GROUPS
    ]
    observer = Observer(list(enumerate(specs)))
    compiled, columns, noted = twins(lambda: observer.observe(arrival))
    assert named(compiled) == named(columns)
    assert expected(arrival, specs) - {*noted} == set()


def test_rows_far_apart_are_left_to_columns() -> None:
    rows = timed([0, 10**6 * SECOND])
    with cutting("columns"):
        arrival = arrive(rows, StreamClock(), FIVE, last=True)
    observer = Observer([(7, metric(Kind.COUNT, None, 1, ()))])
    compiled, columns, noted = twins(lambda: observer.observe(arrival))
    assert named(compiled) == named(columns)
    assert noted == []


def test_codes_that_were_known_are_as_they_were() -> None:
    rows = timed([0]).with_columns(pl.Series("field:g", ["x" * 300]))
    arrival = arrive(rows, StreamClock(), FIVE, last=True)
    known = {"field:g": code(rows.get_column("field:g"))}
    observer = Observer([(3, metric(Kind.DISTINCT, "g", 1, ("g",)))])
    first, again = (named(observer.observe(arrival, coded=known)) for _ in range(2))
    assert first == again
