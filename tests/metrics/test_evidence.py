"""Evidence is kept in bounds, and what is left out is never missed."""

from __future__ import annotations

from typing import Any

import polars as pl
from hypothesis import given
from hypothesis import strategies as st
from tests.laws import law

from tocsin.metrics.evidence import (
    LINES,
    SHAPES,
    Look,
    capped,
    chosen,
    reduced,
    room,
    settled,
)

SIDS = range(4)
SECOND = 1_000_000


@st.composite
def piles(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Lines of a few series: most on time, some late."""
    one = st.tuples(
        st.sampled_from(SIDS),
        st.integers(0, 130),
        st.sampled_from([0, 0, 0, 10, 20]),
        st.sampled_from(["s0", "s1"]),
    )
    drawn = draw(st.lists(one, max_size=60))
    return [
        {
            "sid": sid,
            "p": p,
            "k": p + 1 + late,
            "t": p * SECOND,
            "stream": stream,
            "at": at,
            "text": f"{sid} {p} {stream} {at}",
        }
        for at, (sid, p, late, stream) in enumerate(drawn)
    ]


@st.composite
def shapes(draw: st.DrawFn) -> pl.DataFrame:
    """Small bounds, so that they are met."""
    most = draw(st.integers(1, 3))
    row = {
        "m": 0,
        "span": draw(st.sampled_from([5, 60, 125])),
        "most": most,
        "room": draw(st.integers(1, 4)),
        "fronts": draw(st.integers(1, 3)),
    }
    return pl.DataFrame([{"sid": s, **row} for s in SIDS], schema=_KNOWN)


_KNOWN = {"sid": pl.Int64, **SHAPES}


def table(rows: list[dict[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=LINES)


@law(200)
@given(piles(), shapes(), st.data())
def test_what_is_left_out_on_the_way_is_never_missed(
    pile: list[dict[str, Any]], bounds: pl.DataFrame, data: st.DataObject
) -> None:
    most = int(bounds["most"][0])
    parts: list[list[dict[str, Any]]] = [[], [], []]
    for line in pile:
        parts[data.draw(st.integers(0, 2))].append(line)
    kept = [capped(reduced(table(part), most), bounds) for part in parts]
    kept[1:] = [reduced(pl.concat(kept[1:]))]
    tick = data.draw(st.integers(0, 140))
    pruned = settled(pl.concat(kept), bounds, tick)
    end = tick + data.draw(st.integers(1, 40))
    span = int(bounds["span"][0])
    look = Look(end, end + 20, span, data.draw(st.integers(1, most)))
    again = chosen(pruned, bounds, look, list(SIDS))
    assert again == chosen(table(pile), bounds, look, list(SIDS))


@law(60)
@given(piles(), shapes(), st.integers(0, 140))
def test_no_more_is_kept_than_the_bounds_say(
    pile: list[dict[str, Any]], bounds: pl.DataFrame, tick: int
) -> None:
    _, _, span, most, room_, fronts = bounds.row(0)
    kept = capped(reduced(table(pile), most), bounds)
    cells = kept.group_by("p", "k").len().get_column("len").to_list()
    assert all(n <= 2 * room_ for n in cells)
    old = settled(kept, bounds, tick).filter(pl.col("p") < tick)
    bins = span // max(-(-span // 60), 1) + 2
    open_ = len(SIDS) * room_ * 2 * 3
    assert old.height <= len(SIDS) * most + bins * fronts + open_


def test_there_is_room_for_every_line_that_a_single_key_wants() -> None:
    assert room(1, 120, 20) == 50
    assert room(1, 120, 60) == 61
    assert room(1, 86_400, 5) == 6
    assert room(3600, 3600, 5) == 20_000
