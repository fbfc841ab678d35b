"""A state as bytes: it comes back whole, or is refused in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.laws import law
from tests.plain import SECOND, Row, Stream
from tests.runs import Piece, feed, plain
from tests.worlds import World, pieces, worlds

from tocsin.config.values import Config, ConsumerConfig, MetricConfig
from tocsin.model.errors import StateError
from tocsin.pipeline.checkpoint import dump, load
from tocsin.pipeline.engine import EngineState


@law(25)
@given(worlds(), st.data())
def test_a_state_comes_back_as_it_was(world: World, data: st.DataObject) -> None:
    engine = plain(world.config)(None)
    for stream in world.streams:
        engine.register(stream.name, stream.source)
    for piece in data.draw(pieces(world.streams)):
        feed(engine, piece)
    assert content(load(dump(engine.state))) == content(engine.state)


def content(part: Any) -> Any:  # noqa: ANN401
    """Return all that a state holds, in types that compare."""
    if isinstance(part, pl.DataFrame):
        return part.schema, part.rows()
    if is_dataclass(part):
        # What does not take part is kept for speed, and made anew.
        kept = [f.name for f in fields(part) if f.compare]
        return {name: content(getattr(part, name)) for name in kept}
    if isinstance(part, Mapping):
        return {key: content(value) for key, value in part.items() if value != {}}
    return [content(p) for p in part] if isinstance(part, list | tuple) else part


def test_an_empty_state_comes_back() -> None:
    assert content(load(dump(EngineState()))) == content(EngineState())


SAVED = dump(EngineState(opened=3))
DAMAGED = {
    "nothing": b"",
    "another program's bytes": b"SQLite format 3\0",
    "a schema of another version": SAVED.replace(b"state 1", b"state 2", 1),
    "cut off": SAVED[:-1],
    "cut off in the header": SAVED[:30],
    "one bit turned": SAVED[:-20] + bytes([SAVED[-20] ^ 1]) + SAVED[-19:],
}


@pytest.mark.parametrize("data", DAMAGED.values(), ids=DAMAGED)
def test_damaged_bytes_are_refused_in_words(data: bytes) -> None:
    with pytest.raises(StateError, match="saved state"):
        load(data)


class Stubborn:
    """A consumer whose partial is no JSON."""

    fields = ("g",)

    def observe(self, events: object) -> set[int]:
        return {id(events)}

    def merge(self, left: set[int], right: set[int]) -> set[int]:
        return left | right

    def report(self, partial: set[int], start: int, end: int) -> str:
        return f"{len(partial)} {start} {end}"


def test_a_partial_that_cannot_be_saved_is_named_and_stops_nothing() -> None:
    config = Config(
        metrics=(MetricConfig(name="m", period=SECOND, every=SECOND),),
        raw_log_consumers=(
            ConsumerConfig(name="own", type=f"{__name__}.Stubborn", period=10 * SECOND),
        ),
    )
    engine = plain(config)(None)
    stream = Stream("s", "default", [Row(SECOND, {"g": "a"}), Row(SECOND, {"g": "a"})])
    engine.register(stream.name, stream.source)
    feed(engine, Piece("s", stream.rows))
    again = load(dump(engine.state))
    assert list(again.failures) == ["own"]
    assert "JSON" in again.failures["own"]
