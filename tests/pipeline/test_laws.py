"""The laws of the core, on worlds that nobody thought of."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st
from tests.laws import law
from tests.reference import evaluate
from tests.runs import Run, final_points, final_transitions, run, whole
from tests.worlds import World, pieces, worlds

if TYPE_CHECKING:
    from tests.plain import Said


def near(world: World, ours: Said, theirs: Said) -> bool:
    """Whether two datapoints or transitions are the same, but for rounding."""
    if ours._replace(value=None) != theirs._replace(value=None):
        return False
    if ours.value is None or theirs.value is None:
        return ours.value is theirs.value
    names = {a.name: a.metric for a in world.config.alarms}
    close = world.close(names.get(ours.name, ours.name))
    return math.isclose(ours.value, theirs.value, rel_tol=close, abs_tol=close)


def accounted(run: Run) -> None:
    """Check that every line is accounted for."""
    total = run.total
    assert total("lines") == total("events")
    assert total("events") == total("counted") + total("late") + total("future")
    assert total("amended") <= total("counted")


@law(40)
@given(worlds())
def test_what_is_said_is_what_plain_loops_say(world: World) -> None:
    expected = evaluate(world.config, world.streams, world.meanings)
    got = whole(world.config, world.streams)
    said = got.said
    for ours, theirs in zip(said, expected.said, strict=False):
        assert near(world, ours, theirs), f"{ours}\n{theirs}"
    assert len(said) == len(expected.said)
    assert got.total("late") == expected.late
    assert got.total("future") == expected.future
    assert got.total("amended") == expected.amended
    assert final_transitions(said) == expected.transitions
    accounted(got)


@law(40)
@given(worlds(), st.data())
def test_neither_cuts_nor_interleaving_nor_ranges_nor_saves_change_a_word(
    world: World, data: st.DataObject
) -> None:
    cut = run(world.config, world.streams, data.draw(pieces(world.streams)))
    once = whole(world.config, world.streams)
    assert cut.lines == once.lines
    mine = sorted(cut.engine.summary().streams, key=lambda s: s.stream)
    theirs = sorted(once.engine.summary().streams, key=lambda s: s.stream)
    assert mine == theirs
    accounted(cut)
    for before, after in zip(cut.marks, cut.marks[1:], strict=False):
        pairs = zip(before, after, strict=True)
        assert all(a is None or (b is not None and a <= b) for a, b in pairs)


@law(40)
@given(worlds())
def test_what_is_said_early_and_amended_is_in_the_end_what_patience_says(
    world: World,
) -> None:
    patient = world.patient()
    early = whole(world.config, world.streams)
    late = whole(patient.config, patient.streams)
    assert final_points(early.said) == final_points(late.said)
    assert final_transitions(early.said) == final_transitions(late.said)
    assert early.total("late") == late.total("late")
    assert early.engine.state.ledger.open == late.engine.state.ledger.open
