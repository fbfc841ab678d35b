"""A configuration may change at any moment: what is unchanged in it goes on as before."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.laws import law
from tests.pipeline.test_saving import BUSY, busy
from tests.plain import SECOND, Row, Stream
from tests.runs import Piece, Run, feed, plain, run
from tests.worlds import World, alarms, calculated, metrics, pieces, worlds

from tocsin.config.expressions import expression
from tocsin.config.values import (
    AlarmConfig,
    CalculatedMetricConfig,
    Config,
    MessagesConfig,
    MetricConfig,
    SourceConfig,
)
from tocsin.model.message import FieldType
from tocsin.model.records import Datapoint, IncidentEvent, Transition
from tocsin.pipeline.carry import carry
from tocsin.pipeline.compile import compile_plan
from tocsin.pipeline.description import Description, describe
from tocsin.pipeline.engine import Engine
from tocsin.pipeline.matching import match
from tocsin.pipeline.saving import Saver
from tocsin.state.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tocsin.model.records import Record


class Reloaded:
    """A run whose configuration is changed while it goes on."""

    def __init__(self, config: Config, streams: Sequence[Stream]) -> None:
        self.engine = plain(config)(None)
        self.streams = streams
        self.records: list[Record] = []
        self._register()

    def change(self, config: Config) -> None:
        """Go on under another configuration."""
        old = describe(self.engine.plan)
        plan = compile_plan(config)
        carried = carry(self.engine.state, old, plan)
        self.engine = Engine(plan, carried.state, datapoints=True)
        self.records += [*carried.closed, *self.engine.listen(carried.fresh)]
        self._register()

    def restart(self, config: Config, store: MemoryStore, saver: Saver) -> Saver:
        """End, and go on from what was saved, under another configuration."""
        saver.save(self.engine)
        plan = compile_plan(config)
        again = Saver(store, plan)
        self.engine = Engine(plan, again.load(), datapoints=True)
        again.attach(self.engine)
        self.records += again.begin(self.engine)
        self._register()
        again.save(self.engine)
        return again

    def feed(self, piece: Piece) -> None:
        self.records += feed(self.engine, piece)

    def finish(self) -> Run:
        for stream in self.streams:
            if stream.name in self.engine.state.streams:
                self.engine.end(stream.name)
        self.records += self.engine.finish()
        return Run(self.records, self.engine, [])

    def _register(self) -> None:
        for stream in self.streams:
            if stream.source in self.engine.plan.sources:
                self.engine.register(stream.name, stream.source)


def lines(records: Iterable[Record]) -> list[str]:
    """Return what is said of all but the names in x, with incidents numbered anew.

    An id is the next number whatever the alarm: that is all another alarm may change.
    """
    numbers: dict[int, int] = {}
    found = []
    for record in records:
        row = record.as_json()
        if str(row.get("metric", row.get("alarm", ""))).startswith("x"):
            continue
        if isinstance(record, IncidentEvent):
            row["id"] = numbers.setdefault(record.id, len(numbers))
            row["message"] = row["message"].replace(f"#{record.id}", f"#{row['id']}")
        found.append(json.dumps(row))
    return found


def accounts(run_: Run) -> Any:  # noqa: ANN401
    return sorted(run_.engine.summary().streams, key=lambda s: s.stream)


@law(40)
@given(world=worlds(), data=st.data(), saved=st.booleans())
def test_a_reload_to_the_same_configuration_changes_nothing(
    *, world: World, data: st.DataObject, saved: bool
) -> None:
    parts = data.draw(pieces(world.streams))
    made = Reloaded(world.config, world.streams)
    store = MemoryStore()
    saver = Saver(store, made.engine.plan)
    saver.attach(made.engine)
    for piece in parts:
        if piece.save and saved:
            saver = made.restart(world.config, store, saver)
        elif piece.save:
            made.change(world.config)
        made.feed(piece)
    cut = made.finish()
    once = run(world.config, world.streams, [replace(p, save=False) for p in parts])
    assert cut.lines == once.lines
    assert accounts(cut) == accounts(once)


@st.composite
def extended(draw: st.DrawFn, config: Config) -> Config:
    """The same rules among others, in another order, all of whose names begin with x."""
    names = [s.name for s in config.sources]
    found = [draw(metrics(names, i)) for i in range(draw(st.integers(0, 2)))]
    extra = tuple(replace(m, name=f"x{m.name}") for m in found)
    front = draw(st.booleans())
    measured = (*extra, *config.metrics) if front else (*config.metrics, *extra)
    wide = replace(config, metrics=measured)
    if len(names) == 1 and draw(st.booleans()):
        spec, _ = draw(calculated(wide, 9))
        spec = replace(spec, name="xc")
        others = wide.calculated_metrics
        wide = replace(wide, calculated_metrics=(spec, *others))
    if draw(st.booleans()):
        alarm = replace(draw(alarms(wide, 9)), name="xa")
        wide = replace(wide, alarms=(alarm, *wide.alarms))
    return wide


@law(80)
@given(world=worlds(), data=st.data(), saved=st.booleans())
def test_what_is_unrelated_may_come_and_go_at_any_moment(
    *, world: World, data: st.DataObject, saved: bool
) -> None:
    parts = data.draw(pieces(world.streams))
    made = Reloaded(data.draw(extended(world.config)), world.streams)
    store = MemoryStore()
    saver = Saver(store, made.engine.plan)
    saver.attach(made.engine)
    for piece in parts:
        if piece.save:
            other = data.draw(extended(world.config))
            if saved:
                saver = made.restart(other, store, saver)
            else:
                made.change(other)
        made.feed(piece)
    cut = made.finish()
    once = run(world.config, world.streams, [replace(p, save=False) for p in parts])
    assert lines(cut.records) == lines(once.records)
    assert accounts(cut) == accounts(once)


HITS = MetricConfig(name="hits", period=5 * SECOND, every=SECOND)
PLAIN = Config(
    metrics=(HITS,),
    alarms=(
        AlarmConfig(name="busy", metric="hits", threshold=3, recovery_threshold=3),
    ),
)
STEADY = Stream("s", "default", [Row(n * SECOND, {"g": "a"}) for n in range(100)])


def reloaded(before: Config, after: Config, at: int, stream: Stream = STEADY) -> Run:
    """Run over a stream, and change the configuration after so many of its rows."""
    made = Reloaded(before, [stream])
    made.feed(Piece(stream.name, stream.rows[:at], advance=True))
    made.change(after)
    made.feed(Piece(stream.name, stream.rows[at:], advance=True))
    return made.finish()


def points(run_: Run, metric: str) -> list[tuple[int, float | None]]:
    return [
        (p.end // SECOND + step, p.value)
        for p in run_.records
        if isinstance(p, Datapoint) and p.metric == metric and not p.partial
        for step in range(p.steps)
    ]


@pytest.mark.parametrize(
    ("metric", "first"),
    [
        pytest.param(replace(HITS, name="n"), [(51, 1), (52, 2), (53, 3), (54, 4), (55, 5)],
                     id="a rolling window fills, as at the start of a log"),
        pytest.param(replace(HITS, name="n", period=20 * SECOND, every=20 * SECOND),
                     [(80, 20)], id="a fixed window is said when it is whole"),
        pytest.param(replace(HITS, name="n", period=10 * SECOND, every=10 * SECOND,
                             where=expression("g = 'b'")),
                     [(60, 0), (70, 0)], id="one in which nothing happens is 0, and said"),
        pytest.param(replace(HITS, name="n", group_by=("g",)),
                     [(51, 1), (52, 2), (53, 3)], id="so is one by keys"),
    ],
)  # fmt: skip
def test_a_new_metric_begins_with_time_of_which_nothing_was_read(
    metric: MetricConfig, first: list[tuple[int, float]]
) -> None:
    wider = replace(PLAIN, metrics=(metric, HITS))
    said = points(reloaded(PLAIN, wider, 50), "n")
    assert said[: len(first)] == first


def test_late_lines_add_nothing_to_time_before_a_metric_began() -> None:
    late = [Row((n - 9 * (n % 5 == 0)) * SECOND, {}) for n in range(100)]
    wider = replace(PLAIN, metrics=(HITS, replace(HITS, name="n")))
    said = points(reloaded(PLAIN, wider, 53, Stream("s", "default", late)), "n")
    assert min(end for end, _ in said) == 54
    assert [value for end, value in said if end == 54][-1] == 1


def test_a_new_formula_over_old_metrics_goes_on_from_them() -> None:
    twice = CalculatedMetricConfig(
        name="n",
        input_metrics=("hits",),
        period=SECOND,
        every=SECOND,
        formula=expression("hits + hits", want=FieldType.FLOAT),
    )
    wider = replace(PLAIN, calculated_metrics=(twice,))
    said = points(reloaded(PLAIN, wider, 50), "n")
    assert said[:2] == [(45, 10), (46, 10)]


def moves(run_: Run) -> list[tuple[str, str, int]]:
    return [
        (t.alarm, t.to_state, t.at // SECOND)
        for t in run_.records
        if isinstance(t, Transition)
    ]


def incidents(run_: Run) -> list[tuple[int, str, str]]:
    return [
        (e.id, e.event, e.message.partition(" - ")[2])
        for e in run_.records
        if isinstance(e, IncidentEvent)
    ]


BUSY_ALARM = PLAIN.alarms[0]


def test_a_new_alarm_on_an_old_metric_rings_for_what_can_still_change() -> None:
    silent = replace(PLAIN, alarms=())
    whole = moves(reloaded(PLAIN, PLAIN, 50))
    assert whole == [("busy", "firing", 4), ("busy", "ok", 103)][: len(whole)]
    assert moves(reloaded(silent, PLAIN, 50)) == whole


def test_the_incidents_of_an_alarm_that_is_removed_are_closed_with_a_word() -> None:
    said = incidents(reloaded(PLAIN, replace(PLAIN, alarms=()), 50))
    assert said[1:] == [(1, "resolved", "the alarm was removed")]


def test_an_alarm_that_is_changed_begins_anew() -> None:
    other = replace(BUSY_ALARM, threshold=4, recovery_threshold=4)
    said = incidents(reloaded(PLAIN, replace(PLAIN, alarms=(other,)), 50))
    assert [s[:2] for s in said[:3]] == [(1, "opened"), (1, "resolved"), (2, "opened")]
    assert said[1][2] == "its definition has changed"


def test_an_alarm_that_is_renamed_keeps_its_incident() -> None:
    named = replace(BUSY_ALARM, name="new", messages=MessagesConfig(alarm="!"))
    quiet = Stream("s", "default", [*STEADY.rows, Row(150 * SECOND, {})])
    made = reloaded(PLAIN, replace(PLAIN, alarms=(named,)), 50, quiet)
    assert [s[:2] for s in incidents(made)][:2] == [(1, "opened"), (1, "resolved")]
    assert moves(made)[1][:2] == ("new", "ok")


OTHER = SourceConfig(name="other")
TWO = Config(
    sources=(SourceConfig(), OTHER),
    metrics=(HITS, replace(HITS, name="others", source="other")),
)
JOINED = replace(
    TWO,
    calculated_metrics=(
        CalculatedMetricConfig(
            name="both",
            input_metrics=("hits", "others"),
            period=SECOND,
            every=SECOND,
            formula=expression("hits + others", want=FieldType.FLOAT),
        ),
    ),
)
RENAMED = replace(
    TWO,
    sources=(SourceConfig(name="web"), OTHER),
    metrics=(replace(HITS, source="web"), TWO.metrics[1]),
)
SLOWER = replace(TWO, sources=(SourceConfig(lateness=9 * SECOND), OTHER))
LONGER = replace(TWO, metrics=(replace(HITS, period=9 * SECOND), TWO.metrics[1]))
CHANGES = {
    "nothing": (TWO, TWO, [0, 0], {"hits": "kept", "others": "kept"}),
    "a renamed source that is read as before": (
        TWO, replace(RENAMED, sources=(SourceConfig(name="web"), OTHER)), [0, 0],
        {"hits": "kept", "others": "kept"},
    ),
    "another lateness": (TWO, SLOWER, [0, 0], {"hits": "begins", "others": "kept"}),
    "another definition": (TWO, LONGER, [0, 0], {"hits": "begins", "others": "kept"}),
    "shards that are split": (
        JOINED, TWO, [7], {"hits": "kept", "others": "kept", "both": "forgotten"},
    ),
    "shards that are joined, at one time": (
        TWO, JOINED, [7, 7], {"hits": "kept", "others": "kept", "both": "begins"},
    ),
    "shards that are joined, at different times": (
        TWO, JOINED, [7, 5], {"hits": "kept", "others": "begins", "both": "begins"},
    ),
    "swapped names": (
        TWO,
        replace(TWO, metrics=(replace(HITS, name="others"),
                              replace(TWO.metrics[1], name="hits"))),
        [0, 0], {"hits": "kept", "others": "kept"},
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("before", "after", "times", "fates"), CHANGES.values(), ids=CHANGES
)
def test_what_becomes_of_metrics(
    before: Config, after: Config, times: list[int], fates: dict[str, str]
) -> None:
    old, new = (describe(compile_plan(c)) for c in (before, after))
    found = match(old, new, [(t, None) for t in times])
    assert {f.name: f.fate for f in found.fates} == fates


def test_a_description_is_the_same_after_it_was_written_down() -> None:
    described = describe(compile_plan(JOINED))
    assert Description.from_json(described.to_json()) == described


def test_incidents_that_are_closed_with_their_alarm_have_rows_that_say_so() -> None:
    made, store = Reloaded(BUSY, [busy(60)]), MemoryStore()
    saver = Saver(store, made.engine.plan)
    saver.attach(made.engine)
    made.feed(Piece("s", busy(60).rows, advance=True))
    saver.save(made.engine, said=made.records)
    assert store.incidents(["open"])
    plan = compile_plan(replace(BUSY, alarms=()))
    again = Saver(store, plan)
    engine = Engine(plan, again.load())
    again.attach(engine)
    again.save(engine, said=again.begin(engine))
    assert not store.incidents(["open"])
    last = store.history(store.incidents()[0].id)[-1]
    assert "the alarm was removed" in last.body["message"]
    assert again.begin(engine) == []
