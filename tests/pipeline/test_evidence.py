"""Evidence: the same lines however the logs were cut, and those that plain loops find."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.laws import law
from tests.plain import SECOND, Row, Stream
from tests.runs import run, whole
from tests.worlds import WHERES, World, pieces, worlds

from tocsin.config.alarm_values import AlarmConfig, SupportConfig
from tocsin.config.expressions import expression
from tocsin.config.values import Config, MetricConfig
from tocsin.model.records import Transition
from tocsin.pipeline.compile import compile_plan

if TYPE_CHECKING:
    from collections.abc import Iterable

COUNTS = st.integers(1, 4)


def witnessed(world: World, counts: Iterable[int]) -> World:
    """Return a world whose rows are lines, and whose alarms ask for some of them."""
    streams = [
        replace(s, rows=[_with_line(s.name, i, r) for i, r in enumerate(s.rows)])
        for s in world.streams
    ]
    alarms = tuple(
        replace(alarm, support=SupportConfig(evidence=count))
        for alarm, count in zip(world.config.alarms, counts, strict=False)
    )
    return replace(world, config=replace(world.config, alarms=alarms), streams=streams)


def _with_line(stream: str, number: int, row: Row) -> Row:
    return Row(row.time, {**row.fields, "line": f"{stream} {number}"})


@law(60)
@given(worlds(), st.lists(COUNTS, min_size=2, max_size=2), st.data())
def test_neither_cuts_nor_interleaving_nor_saves_change_the_evidence(
    world: World, counts: list[int], data: st.DataObject
) -> None:
    world = witnessed(world, counts)
    cut = run(world.config, world.streams, data.draw(pieces(world.streams)))
    assert cut.lines == whole(world.config, world.streams).lines


WINDOWS = [(1, 1), (5, 1), (10, 1), (10, 10), (6, 4), (60, 20)]


@st.composite
def calm_worlds(draw: st.DrawFn) -> World:
    """Streams in order, and one alarm on one count of their events."""
    period, every = draw(st.sampled_from(WINDOWS))
    where = draw(st.sampled_from([None, *WHERES]))
    metric = MetricConfig(
        name="m",
        period=period * SECOND,
        every=every * SECOND,
        where=None if where is None else expression(where),
        group_by=draw(st.sampled_from([(), ("g",), ("g", "h")])),
    )
    alarm = AlarmConfig(
        name="a",
        metric="m",
        threshold=float(draw(st.integers(0, 3))),
        recovery_threshold=0.0,
        support=SupportConfig(evidence=draw(COUNTS)),
    )
    one = st.tuples(
        st.sampled_from([0, 0, SECOND // 4, SECOND, 3 * SECOND, 20 * SECOND]),
        st.sampled_from([None, 0.0, 2.0]),
        st.sampled_from(["a", "a", "b", None]),
        st.sampled_from(["x", "y"]),
    )
    streams = []
    for name in ("s0", "s1"):
        now, rows = 1000 * SECOND, []
        for step, v, g, h in draw(st.lists(one, max_size=15)):
            now += step
            rows.append(Row(now, {"v": v, "g": g, "h": h}))
        streams.append(Stream(name, "default", rows))
    config = Config(metrics=(metric,), alarms=(alarm,))
    return witnessed(World(config, streams, WHERES), [alarm.support.evidence])


def expected(world: World, said: Transition) -> tuple[str, ...]:
    """Return the evidence of a transition by plain loops."""
    metric = world.config.metrics[0]
    where = metric.where
    means = None if where is None else world.meanings[where.text]
    start, end = said.at - metric.period, said.at
    inside = sorted(
        (row.time, stream.name, i, str(row.fields["line"]))
        for stream in world.streams
        for i, row in enumerate(stream.rows)
        if start <= row.time // SECOND * SECOND < end
        and (means is None or means(row.fields))
        and all(row.fields[f] == said.key[f] for f in metric.group_by)
    )
    lines = [text for *_, text in inside]
    wanted = world.config.alarms[0].support.evidence
    if len(lines) <= wanted or wanted == 1:
        return tuple(lines[-wanted:])
    return (lines[0], *lines[-wanted + 1 :])


@law(80)
@given(calm_worlds())
def test_evidence_is_the_first_line_of_the_window_and_the_last(world: World) -> None:
    for record in whole(world.config, world.streams).records:
        if isinstance(record, Transition):
            assert record.evidence == expected(world, record)


@law(40)
@given(worlds(), st.data())
def test_neither_cuts_nor_saves_change_who_contributed(
    world: World, data: st.DataObject
) -> None:
    support = SupportConfig(contributors=("h", "g"))
    alarms = tuple(replace(a, support=support) for a in world.config.alarms)
    config = replace(world.config, alarms=alarms)
    cut = run(config, world.streams, data.draw(pieces(world.streams)))
    assert cut.lines == whole(config, world.streams).lines


def test_those_are_named_of_whom_more_came_than_in_the_window_before() -> None:
    assert contributors(["a"] * 3 + ["b"], ["b"] * 2 + ["c"] * 5, over=5) == [
        ("h", "c", 5.0, 0.0),
        ("h", "b", 2.0, 1.0),
    ]


def test_where_less_came_those_are_named_of_whom_less_did() -> None:
    assert contributors(["a"] * 3 + ["b"] * 4, ["b"] * 3, under=4) == [
        ("h", "a", 0.0, 3.0),
        ("h", "b", 3.0, 4.0),
    ]


def contributors(
    before: list[str], after: list[str], *, over: int = 0, under: int = 0
) -> list[tuple[str, str, float, float]]:
    """Return who contributed to the alarm of the second of two windows of ten seconds."""
    metric = MetricConfig(name="m", period=10 * SECOND, every=10 * SECOND)
    alarm = AlarmConfig(
        name="a",
        metric="m",
        operator="<" if under else ">",
        recovery_operator=">=" if under else "<=",
        threshold=float(under or over),
        recovery_threshold=float(under or over),
        support=SupportConfig(contributors=("h",)),
    )
    rows = [Row((1000 + i) * SECOND, {"h": h}) for i, h in enumerate(before)]
    rows += [Row((1010 + i) * SECOND, {"h": h}) for i, h in enumerate(after)]
    rows.append(Row(1021 * SECOND, {"h": "z"}))
    config = Config(metrics=(metric,), alarms=(alarm,))
    records = whole(config, [Stream("s", "default", rows)]).records
    said = [r for r in records if isinstance(r, Transition) and r.to_state == "firing"]
    return [(c.field, c.value, c.now, c.before) for c in said[0].contributors]


def test_a_change_of_what_supports_an_alarm_is_no_other_alarm() -> None:
    metric = MetricConfig(name="m", period=SECOND, every=SECOND)
    alarm = AlarmConfig(name="a", metric="m", threshold=1.0, recovery_threshold=1.0)
    more = replace(alarm, support=SupportConfig(evidence=3))
    plans = [
        compile_plan(Config(metrics=(metric,), alarms=(one,))) for one in (alarm, more)
    ]
    assert plans[0].prints.alarms == plans[1].prints.alarms
    assert plans[0].definition == plans[1].definition
