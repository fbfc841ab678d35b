"""The wire: what is sent comes as it was, and what is damaged is refused in words."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.laws import law
from tests.runs import batch, content, plain
from tests.worlds import World, pieces, worlds

from tocsin.metrics.cells import NamedCells
from tocsin.metrics.lateness import StreamClock
from tocsin.metrics.mishaps import MISHAPS as MISHAP
from tocsin.model.batch import Tally
from tocsin.model.records import Loss
from tocsin.pipeline.observation import Observation
from tocsin.pipeline.wire import (
    Parcel,
    WireError,
    observation_of,
    observation_row,
    opened,
)
from tocsin.runners.letters import (
    Again,
    Ask,
    Begin,
    Broken,
    Drop,
    Form,
    Letter,
    Look,
    Manner,
    Move,
    Round,
    Taken,
    Task,
    decode,
    encode,
)

HELD = pl.DataFrame({"time": [7], "f:g": ["a\nb"]})
EMPTY = Observation(NamedCells.empty(), StreamClock(), Tally())
MISHAPS = pl.DataFrame(
    [("unread", None, 2, None, None), ("late", 7, 0, 3, "a\nb")], MISHAP, orient="row"
)
ANY = st.text(max_size=5)


@law(40)
@given(worlds(), st.data())
def test_an_observation_comes_as_it_was(world: World, data: st.DataObject) -> None:
    engine = plain(world.config)(None)
    for stream in world.streams:
        engine.register(stream.name, stream.source)
    for piece in data.draw(pieces(world.streams)):
        if not piece.rows:
            continue
        state = engine.state.streams[piece.stream]
        observer = engine.observers[state.source]
        seen = observer.observe(batch(piece.rows), state.clock)
        parcel = Parcel()
        letter = parcel.letter(observation_row(seen, parcel))
        assert content(observation_of(*opened(letter))) == content(seen)
        engine.absorb(piece.stream, seen)


LETTERS: dict[str, Letter] = {
    "a task": Task(1, "s\udcff", "log", "/a b", '{"at":0}', "", StreamClock(5, HELD)),
    "a format": Form(2, "combined"),
    "an answer": Taken(3, 9),
    "another clock": Again(3, 9, StreamClock()),
    "another name": Move(4, "/x"),
    "the end of a task": Drop(4),
    "a round": Round(1.25, (3, 4)),
    "a beginning": Begin(7),
    "a question": Ask(7, b"a\xff\0\n", patient=True),
    "how a stream stands": Look(7, 0, Manner(trouble="x\ny", waiting=True), ("note",)),
    "a block": Look(
        7, 1, Manner(3, 4, caught_up=True), mark="{}", bytes=5, lost=2,
        losses=(Loss("/x", 1, 3, more=True),), newest=5, held=True, seen=EMPTY,
    ),
    "a break": Broken(7, "ValueError: \u2028", ours=True),
}  # fmt: skip


@pytest.mark.parametrize("letter", LETTERS.values(), ids=LETTERS)
def test_a_letter_comes_as_it_was(letter: Letter) -> None:
    assert content(decode(encode(letter))) == content(letter)


@given(ANY, st.binary(max_size=9), st.lists(st.tuples(ANY, ANY), max_size=3))
def test_any_text_and_any_bytes_may_stand_in_a_letter(
    text: str, head: bytes, samples: list[tuple[str, str]]
) -> None:
    seen = replace(EMPTY, samples=tuple(samples), misfits={text: 1})
    look = Look(
        1, 1, Manner(trouble=text), (text,), losses=(Loss(text, 0, 1),), seen=seen
    )
    for letter in (look, Ask(1, head, patient=False), Broken(1, text, ours=False)):
        assert content(decode(encode(letter))) == content(letter)


@given(st.data())
def test_a_letter_that_is_cut_or_changed_is_refused(data: st.DataObject) -> None:
    letter = encode(LETTERS["a block"])
    at = data.draw(st.integers(0, len(letter) - 1))
    bit = data.draw(st.integers(0, 7))
    changed = letter[:at] + bytes([letter[at] ^ (1 << bit)]) + letter[at + 1 :]
    for damaged in (letter[:at], changed):
        with pytest.raises(WireError):
            decode(damaged)


def test_a_letter_of_another_version_is_refused_by_its_number() -> None:
    letter = encode(LETTERS["a block"]).replace(b"wire 4", b"wire 5", 1)
    with pytest.raises(WireError, match="of version 4"):
        decode(letter)


def test_mishaps_come_as_they_were() -> None:
    parcel = Parcel()
    row = observation_row(replace(EMPTY, mishaps=MISHAPS), parcel)
    assert observation_of(*opened(parcel.letter(row))).mishaps.equals(MISHAPS)


def test_partials_come_as_they_were() -> None:
    partials = {("odd", 0): {1, 2}, ("even", 60): {"n": [("/a", 7)]}}
    seen = replace(EMPTY, consumers=partials, failures={"third": "observe: ..."})
    parcel = Parcel()
    came = observation_of(*opened(parcel.letter(observation_row(seen, parcel))))
    assert (came.consumers, came.failures) == (partials, {"third": "observe: ..."})
