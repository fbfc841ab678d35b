"""Laws about time: order within the lateness, ticks of the wall, silences, the clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.laws import law
from tests.plain import SECOND, Row, Said, Stream
from tests.reference import evaluate
from tests.runs import Run, final_points, final_transitions, run, whole
from tests.worlds import World, pieces, rows, worlds

from tocsin.model.records import Datapoint, IncidentEvent, Record, Transition

if TYPE_CHECKING:
    from collections.abc import Sequence

YEARS = 25_200 * 70_000
"""Fifty-six years, in seconds: whole steps of every window of a world."""
LONG = 25_200 * 25
"""A silence long enough for every metric to be said as one run."""


def trusting(world: World) -> World:
    """Return the same world without a guard against the future."""
    sources = tuple(replace(s, future_skew=10**12) for s in world.config.sources)
    return replace(world, config=replace(world.config, sources=sources))


@law(25)
@given(worlds(), st.lists(st.integers(0, 4 * SECOND), min_size=40, max_size=40))
def test_shuffling_within_the_lateness_changes_nothing(
    world: World, delays: Sequence[int]
) -> None:
    world = trusting(world)
    sources = tuple(
        replace(s, lateness=4 * SECOND, amend_for=9 * SECOND)
        for s in world.config.sources
    )
    config = replace(world.config, sources=sources)
    ordered, shuffled = [], []
    for stream in world.streams:
        written = sorted(stream.rows, key=lambda row: row.time)
        arrivals = zip(written, delays, strict=False)
        mixed = [
            r for r, _ in sorted(arrivals, key=lambda pair: pair[0].time + pair[1])
        ]
        ordered.append(replace(stream, rows=written))
        shuffled.append(replace(stream, rows=mixed))
    assert whole(config, shuffled).lines == whole(config, ordered).lines


@law(25)
@given(worlds(most=24), st.data())
def test_ticks_of_the_wall_change_the_history_but_not_the_outcome(
    world: World, data: st.DataObject
) -> None:
    world = trusting(world)
    newest = dict.fromkeys((s.name for s in world.streams), -(10**12))
    ticked = []
    for piece in data.draw(pieces(world.streams)):
        newest[piece.stream] = max(newest[piece.stream], *(r.time for r in piece.rows))
        more = data.draw(st.sampled_from([None, 0, SECOND, 7 * SECOND, 40 * SECOND]))
        tick = None if more is None else newest[piece.stream] + more
        ticked.append(replace(piece, tick=tick))
    lived = run(world.config, world.streams, ticked)
    replayed = whole(world.config, world.streams)
    assert lived.total("late") == replayed.total("late")
    assert lived.total("counted") == replayed.total("counted")
    known, replayed_points = final_points(lived.said), final_points(replayed.said)
    assert {at: known.get(at) for at in replayed_points} == replayed_points
    assert standing(lived, replayed) == standing(replayed, replayed)


def standing(run: Run, until: Run) -> set[tuple[str, str, int, bool]]:
    """Return the transitions up to the last tick that another run judged."""
    last = {
        alarm.name: state.judged
        for shard, state in zip(
            until.engine.plan.shards, until.engine.state.shards, strict=True
        )
        for alarm in shard.alarms
    }
    return {t for t in final_transitions(run.said) if t[2] <= (last[t[0]] or 0)}


@law(25)
@given(worlds(), rows(12), rows(12))
def test_a_silence_of_years_is_a_short_silence_said_in_the_same_breath(
    world: World, before: list[Row], after: list[Row]
) -> None:
    if not before or not after:
        return
    source = world.config.sources[0].name
    gap = before[0].time + (LONG + 300) * SECOND - after[0].time
    gap -= gap % (25_200 * SECOND)

    def said(silence: int) -> list[Said | Record]:
        moved = [Row(r.time + gap + silence * SECOND, r.fields) for r in after]
        stream = Stream("s", source, [*before, *moved])
        records = whole(world.config, [stream]).records
        middle = before[0].time + LONG * SECOND // 2
        return [_moved(r, middle, silence * SECOND) for r in records]

    assert said(YEARS) == said(0)


def _moved(record: Record, middle: int, silence: int) -> Record:
    """Return a record as it would be without the silence before it."""
    if isinstance(record, Datapoint):
        back = silence if record.end > middle else 0
        steps = 2 if record.steps > 1 else 1
        return replace(record, end=record.end - back, steps=steps)
    if isinstance(record, Transition):
        back = silence if record.at > middle else 0
        return replace(record, id="", at=record.at - back, reason="")
    assert isinstance(record, IncidentEvent)
    back = silence if record.at > middle else 0
    return replace(record, at=record.at - back, message="")


@law(25)
@given(worlds(), st.sampled_from([-3, 0, 2, 9, 30]), st.data())
def test_nothing_later_than_the_clock_moves_time(
    world: World, ahead: int, data: st.DataObject
) -> None:
    times = [r.time for s in world.streams for r in s.rows] or [0]
    now = min(times) + ahead * SECOND
    expected = evaluate(world.config, world.streams, world.meanings, now)
    got = whole(world.config, world.streams, now)
    assert got.total("future") == expected.future
    assert got.total("late") == expected.late
    assert final_points(got.said).keys() == final_points(expected.said).keys()
    assert final_transitions(got.said) == expected.transitions
    cut = run(world.config, world.streams, data.draw(pieces(world.streams)), now)
    assert cut.lines == got.lines
