"""The laws of the core hold for alarms with levels, durations and silence."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.alarms.histories import Histories, alarms, standing, stated
from tests.laws import law
from tests.pipeline.test_laws import near
from tests.plain import SECOND, Row, Stream
from tests.reference import evaluate
from tests.runs import run, whole
from tests.worlds import World, pieces, worlds

from tocsin.config.alarm_values import OverrideConfig
from tocsin.config.expressions import expression
from tocsin.config.values import (
    AlarmConfig,
    CalculatedMetricConfig,
    Config,
    MetricConfig,
)
from tocsin.model.matchers import Matcher, Operator
from tocsin.model.message import FieldType

if TYPE_CHECKING:
    from tocsin.pipeline.engine import Engine


@st.composite
def stateful(draw: st.DrawFn) -> World:
    """Return a world whose alarms have all that alarms can have."""
    world = draw(worlds())
    config = world.config
    found = (draw(alarms(a, config.key_fields(a.metric))) for a in config.alarms)
    return replace(world, config=replace(config, alarms=tuple(found)))


@st.composite
def over_alarms(draw: st.DrawFn) -> World:
    """Return a world with alarms over its alarms, and perhaps one over those."""
    world = draw(stateful())
    for i in range(draw(st.integers(1, 2))):
        world = _with_one_over(draw, world, i)
    return world


def _with_one_over(draw: st.DrawFn, world: World, i: int) -> World:
    """Add an alarm on how many of one or two other alarms ring."""
    config = world.config
    names = st.sampled_from([a.name for a in config.alarms])
    under = sorted(draw(st.sets(names, min_size=1, max_size=2)))
    found = [next(a for a in config.alarms if a.name == name) for name in under]
    states = {f"s{i}{a.name}": state(config, a, f"s{i}{a.name}") for a in found}
    text = " + ".join(states)
    every = math.lcm(*(s.every for s in states.values()))
    count = CalculatedMetricConfig(
        name=f"over{i}",
        input_metrics=tuple(states),
        period=every,
        every=every,
        formula=expression(text, want=FieldType.FLOAT),
    )
    plain = AlarmConfig(
        name=f"b{i}", metric=count.name, threshold=0.0, recovery_threshold=0.0
    )
    more = (*config.calculated_metrics, *states.values(), count)
    config = replace(config, calculated_metrics=more)
    alarm = draw(alarms(plain, config.key_fields(count.name)))
    config = replace(config, alarms=(*config.alarms, alarm))
    meaning = {text: lambda values: sum(values[name] for name in states)}
    return replace(world, config=config, meanings={**world.meanings, **meaning})


def state(config: Config, alarm: AlarmConfig, name: str) -> CalculatedMetricConfig:
    """Return the state of an alarm as a metric."""
    every = config.metric(alarm.metric).every
    return CalculatedMetricConfig(
        name=name,
        input_metrics=(alarm.metric,),
        period=every,
        every=every,
        alarm=alarm.name,
    )


EITHER = st.one_of(stateful(), over_alarms())


@law(40)
@given(EITHER)
def test_what_is_said_is_what_plain_loops_say(world: World) -> None:
    expected = evaluate(world.config, world.streams, world.meanings, group=Histories)
    said = stated(whole(world.config, world.streams).records)
    for ours, theirs in zip(said, expected.said, strict=False):
        assert near(world, ours, theirs), f"{ours}\n{theirs}"
    assert len(said) == len(expected.said)
    assert standing(said) == set[object](expected.transitions)


@law(40)
@given(EITHER, st.data())
def test_neither_cuts_nor_interleaving_nor_saves_change_a_word(
    world: World, data: st.DataObject
) -> None:
    cut = run(world.config, world.streams, data.draw(pieces(world.streams)))
    assert cut.lines == whole(world.config, world.streams).lines


@law(40)
@given(EITHER)
def test_incidents_are_in_the_end_what_patience_has(world: World) -> None:
    patient = world.patient()
    early = whole(world.config, world.streams)
    late = whole(patient.config, patient.streams)
    assert standing(stated(early.records)) == standing(stated(late.records))
    assert courses(early.engine) == courses(late.engine)


def courses(engine: Engine) -> set[tuple[object, ...]]:
    """Return the incidents that are still known, whatever their numbers."""
    recent = engine.state.ledger.recent
    return {
        (place, i.opened, i.closed, i.changes)
        for place, group in recent.items()
        for i in group
        if i.closed is None
    }


def test_a_key_may_be_kept_quiet_and_nothing_else() -> None:
    rows = [Row(at * SECOND, {"g": key}) for at in (0, 1, 12) for key in ("a", "b")]
    quiet = OverrideConfig(match=(Matcher("g", Operator.IS, "b"),), rules=())
    metric = MetricConfig(
        name="m", period=5 * SECOND, every=5 * SECOND, group_by=("g",)
    )
    plain = AlarmConfig(name="a", metric="m", threshold=1, recovery_threshold=1)
    config = Config(metrics=(metric,), alarms=(replace(plain, overrides=(quiet,)),))
    said = stated(whole(config, [Stream("s", "default", rows)]).records)
    assert {s.key for s in said if s.kind != "point"} == {'{"g": "a"}'}
