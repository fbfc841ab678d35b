"""Metrics of the past, keys that are expected, keys that are new: case by case."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.cases import alarm, history, metric, series, source, stream
from tests.laws import law
from tests.plain import SECOND, Row, Stream
from tests.runs import Piece, Run, run, whole

from tocsin.config.expressions import expression
from tocsin.config.values import CalculatedMetricConfig, Config, MetricConfig
from tocsin.metrics.cells import Cells
from tocsin.metrics.unseen import thinned, unseen
from tocsin.model.message import FieldType

# The past.


def before(seconds: int, **options: object) -> MetricConfig:
    return metric("before", offset=seconds * SECOND, **options)  # type: ignore[arg-type]


def test_a_metric_of_the_past_says_what_was_so_long_ago() -> None:
    config = Config(metrics=(metric(), before(60)))
    found = whole(config, [stream(1000, 1003, 1015, 1100)]).said
    now, past = series(found, "hits"), series(found, "before")
    assert past == {e: now[e - 60] for e in past}
    assert max(value or 0 for value in past.values()) == 2


def test_there_is_no_past_before_a_whole_window_of_it() -> None:
    config = Config(metrics=(before(60, period=10),))
    found = series(whole(config, [stream(1000, 1100)]).said, "before")
    assert min(found) == 1070  # it holds [1000, 1010)


def test_a_past_in_slices_begins_with_the_first_whole_one() -> None:
    config = Config(metrics=(before(60, period=20, every=20),))
    found = series(whole(config, [stream(1005, 1100)]).said, "before")
    assert min(found) == 1100  # it holds [1020, 1040): [1000, 1020) was not seen whole


def test_a_formula_has_no_value_where_there_is_no_past() -> None:
    more = CalculatedMetricConfig(
        name="more",
        input_metrics=("before", "hits"),
        period=10 * SECOND,
        every=SECOND,
        formula=expression("hits - before", want=FieldType.FLOAT),
    )
    config = Config(metrics=(metric(), before(60)), calculated_metrics=(more,))
    found = series(whole(config, [stream(1000, 1100)]).said, "more")
    assert {e for e, v in found.items() if v is None} == set(range(1001, 1070))
    assert found[1070] == -1


def test_what_is_late_for_now_is_in_time_for_the_past() -> None:
    config = Config(
        sources=(source(lateness=1, amend=60),), metrics=(metric(), before(60))
    )
    said = whole(config, [stream(1000, 1005, 1020, 1001, 1100)]).said
    assert {s.name for s in said if s.amended} == {"hits"}
    assert series(said, "before")[1070] == 3


# Keys that are expected.


def keyed(key: str, *times: float) -> list[Row]:
    return [Row(int(t * SECOND), {"g": key}) for t in times]


def absent(**options: object) -> Config:
    """Ring while a key has no line for ten seconds."""
    hits = metric(group_by=("g",), **options)  # type: ignore[arg-type]
    silent = alarm(above=1, operator="<", recovery_operator=">=")
    return Config(metrics=(hits,), alarms=(silent,))


def test_an_expected_key_that_never_came_is_missed_after_one_whole_window() -> None:
    rows = keyed("a", 1000, 1009, 1018)
    config = absent(expected=('{"g":"never"}',))
    said = whole(config, [Stream("s", "default", rows)]).said
    rang = [(s.key, s.end) for s in said if s.kind == "firing"]
    assert rang == [('{"g": "never"}', 1010)]


def test_a_key_is_not_missed_before_it_was_seen_unless_it_is_expected() -> None:
    rows = keyed("a", 1000, 1009, 1018)
    assert history(whole(absent(), [Stream("s", "default", rows)]).said) == []


def test_an_expected_key_that_comes_late_recovers() -> None:
    rows = [*keyed("a", 1000, 1009), *keyed("b", 1015), *keyed("a", 1018)]
    config = absent(expected=('{"g":"b"}',))
    said = whole(config, [Stream("s", "default", rows)]).said
    assert history(said) == ["firing 1010", "ok 1016"]


def test_expected_keys_find_room_though_others_came_first() -> None:
    rows = [r for k in "defg" for r in keyed(k, 1000)]
    config = absent(expected=('{"g":"z"}',), limit=2)
    said = whole(config, [Stream("s", "default", rows)]).said
    assert '{"g": "z"}' in {s.key for s in said}


# Keys that are new.


def new_keys(memory: int, rows: list[Row], parts: list[Piece] | None = None) -> Run:
    hits = metric(period=1, group_by=("g",), unseen_for=memory * SECOND)
    config = Config(metrics=(hits,), alarms=(alarm(above=0),))
    streams = [Stream("s", "default", rows)]
    return whole(config, streams) if parts is None else run(config, streams, parts)


def rang(found: Run) -> list[tuple[str, int]]:
    return [(s.key, s.end) for s in found.said if s.kind == "firing"]


NEW = {
    "a key rings the first time": ([("a", 0), ("a", 1), ("a", 9)], [("a", 1)]),
    "each key rings for itself": ([("a", 0), ("b", 1)], [("a", 1), ("b", 2)]),
    "it is new again after longer than the memory": (
        [("a", 0), ("a", 31)],
        [("a", 1), ("a", 32)],
    ),
    "just as long as the memory is not longer": ([("a", 0), ("a", 30)], [("a", 1)]),
    "what is seen again and again is never new again": (
        [("a", t) for t in range(0, 300, 25)],
        [("a", 1)],
    ),
}


@pytest.mark.parametrize(("rows", "expected"), NEW.values(), ids=NEW)
def test_a_key_is_new(
    rows: list[tuple[str, int]], expected: list[tuple[str, int]]
) -> None:
    found = new_keys(30, [r for k, t in rows for r in keyed(k, 1000 + t)])
    assert rang(found) == [(f'{{"g": "{k}"}}', 1000 + t) for k, t in expected]


def test_a_late_line_takes_back_that_a_key_was_new() -> None:
    rows = [*keyed("a", 1020), *keyed("b", 1030), *keyed("a", 1010), *keyed("b", 1050)]
    said = new_keys(30, rows).said
    assert [(s.kind, s.end) for s in said if s.kind != "point" and s.flag] == [
        ("firing", 1021),
        ("ok", 1022),
    ]


TABLE = {"sid": pl.Int64, "p": pl.Int64, "k": pl.Int64, "n": pl.Int64}
cells = st.lists(
    st.tuples(st.integers(0, 2), st.integers(-40, 60), st.integers(1, 9)), max_size=40
)


@law(200)
@given(old=cells, more=cells, memory=st.integers(1, 20), settled=st.integers(-50, 70))
def test_what_is_new_is_the_same_without_the_cells_that_are_let_go(
    old: list[tuple[int, int, int]],
    more: list[tuple[int, int, int]],
    memory: int,
    settled: int,
) -> None:
    def table(rows: list[tuple[int, int, int]], late: int) -> pl.DataFrame:
        shaped = [(s, p, max(p + 1, late), n) for s, p, n in rows]
        return pl.DataFrame(shaped, schema=TABLE, orient="row")

    series_ = pl.DataFrame({"sid": [0, 1], "memory": [memory, memory]})
    known, later = table(old, -99), table(more, settled + 1)

    def told(rows: pl.DataFrame) -> pl.DataFrame:
        empty = Cells.empty()
        held = Cells(rows, empty.buckets, empty.registers)
        return unseen(held, series_).base.sort(*TABLE)

    thin = thinned(known, series_, settled)
    assert told(thin).equals(told(known))
    assert told(pl.concat([thin, later])).equals(told(pl.concat([known, later])))
    assert thin.filter(pl.col("sid") == 2).equals(known.filter(pl.col("sid") == 2))


def test_what_is_remembered_does_not_grow_with_the_lines() -> None:
    times = pl.int_range(0, 86_400, eager=True)
    rows = pl.DataFrame({"sid": 0, "p": times, "k": times + 1, "n": 1}, schema=TABLE)
    series_ = pl.DataFrame({"sid": [0], "memory": [3600]})
    assert thinned(rows, series_, 90_000).height <= 2 * 86_400 // 1800


def test_a_state_that_was_saved_before_there_was_a_past_is_known_again() -> None:
    plain = metric()
    assert repr(plain) == (
        "MetricConfig(name='hits', type='COUNT', source='default', field=None, "
        "period=10000000, every=1000000, where=None, group_by=(), limit=10000)"
    )
    others = [before(60), metric(unseen_for=SECOND), metric(expected=("{}",))]
    assert len({repr(m) for m in (plain, *others)}) == 4
