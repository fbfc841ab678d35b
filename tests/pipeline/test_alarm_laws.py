"""The laws of the core hold for alarms with levels, durations and silence."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st
from tests.alarms.histories import Histories, alarms, standing, stated
from tests.laws import law
from tests.pipeline.test_laws import near
from tests.reference import evaluate
from tests.runs import run, whole
from tests.worlds import World, pieces, worlds

if TYPE_CHECKING:
    from tocsin.pipeline.engine import Engine


@st.composite
def stateful(draw: st.DrawFn) -> World:
    """Return a world whose alarms have all that alarms can have."""
    world = draw(worlds())
    config = world.config
    found = (draw(alarms(a, config.key_fields(a.metric))) for a in config.alarms)
    return replace(world, config=replace(config, alarms=tuple(found)))


@law(40)
@given(stateful())
def test_what_is_said_is_what_plain_loops_say(world: World) -> None:
    expected = evaluate(world.config, world.streams, world.meanings, group=Histories)
    said = stated(whole(world.config, world.streams).records)
    for ours, theirs in zip(said, expected.said, strict=False):
        assert near(world, ours, theirs), f"{ours}\n{theirs}"
    assert len(said) == len(expected.said)
    assert standing(said) == set[object](expected.transitions)


@law(40)
@given(stateful(), st.data())
def test_neither_cuts_nor_interleaving_nor_saves_change_a_word(
    world: World, data: st.DataObject
) -> None:
    cut = run(world.config, world.streams, data.draw(pieces(world.streams)))
    assert cut.lines == whole(world.config, world.streams).lines


@law(40)
@given(stateful())
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
