"""How a test drives the engine, and how what it says is held against the reference."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import polars as pl
from msgspec import Struct
from tests.plain import SECOND, Row, Said, Stream

from tocsin.metrics.lateness import StreamClock
from tocsin.model.batch import TIME, EventBatch, Tally
from tocsin.model.records import Datapoint, Record, Transition
from tocsin.pipeline.compile import compile_plan
from tocsin.pipeline.engine import Engine, EngineState
from tocsin.pipeline.saving import Saver
from tocsin.state.memory import MemoryStore

if TYPE_CHECKING:
    from tocsin.config.values import Config
    from tocsin.model.protocols import Store

COLUMNS: dict[str, Any] = {
    "time": TIME,
    "v": pl.Float64,
    "g": pl.String,
    "h": pl.String,
    "section": pl.String,
    "status": pl.Int64,
    "method": pl.String,
    "bytes": pl.Int64,
    "remote_addr": pl.String,
    "line": pl.String,
}


class Piece(Struct, frozen=True):
    """The next few rows of one stream, and what is done around them."""

    stream: str
    rows: Sequence[Row]
    ranged: bool = False
    """Observed first without the stream's clock, as a worker does."""
    advance: bool = False
    save: bool = False
    """Saved and restored before anything else."""
    tick: int | None = None
    """A tick of the wall for the stream (µs), after the rows."""


def frame(rows: Sequence[Row]) -> pl.DataFrame:
    """Return rows in columns, as a format would."""
    columns: dict[str, Any] = {
        name: [r.fields.get(name) for r in rows] for name in COLUMNS if name != "time"
    }
    columns["time"] = [r.time for r in rows]
    return pl.DataFrame(columns, schema=COLUMNS)


def batch(rows: Sequence[Row]) -> EventBatch:
    """Return rows as a batch with its account."""
    return EventBatch(frame(rows), Tally(lines=len(rows), events=len(rows)))


Make: TypeAlias = Callable[[EngineState | None], Engine]
"""Makes an engine, new or of a state that was saved."""


def plain(config: Config) -> Make:
    """Return what makes an engine that says every datapoint."""
    plan = compile_plan(config)
    return lambda state: Engine(plan, state, datapoints=True)


def taken_up(store: Store, make: Make) -> tuple[Engine, Saver]:
    """Start a run, or go on with the one that was saved."""
    saver = Saver(store, make(None).plan)
    engine = make(saver.load())
    saver.attach(engine)
    return engine, saver


def feed(engine: Engine, piece: Piece, now: int | None = None) -> list[Record]:
    """Carry one piece through the engine; return what it says."""
    state = engine.state.streams[piece.stream]
    observer = engine.observers[state.source]
    if piece.rows:
        clock = StreamClock() if piece.ranged else state.clock
        seen = observer.observe(batch(piece.rows), clock, now=now)
        if piece.ranged and not engine.accepts(piece.stream, seen):
            seen = observer.observe(batch(piece.rows), state.clock, now=now)
        engine.absorb(piece.stream, seen)
    if piece.tick is not None:
        engine.tick(piece.stream, piece.tick)
    return engine.advance(together=True) if piece.advance else []


@dataclass
class Run:
    """What a run said, and the engine as it stood at the end."""

    records: list[Record]
    engine: Engine
    marks: list[list[int | None]]
    """Where every shard had come to, after every piece."""

    @property
    def lines(self) -> list[str]:
        """The published shape of everything said, in order."""
        return [json.dumps(r.as_json()) for r in self.records]

    @property
    def said(self) -> list[Said]:
        """Datapoints and transitions, in the reference's words."""
        return [s for r in self.records for s in in_words(r)]

    def total(self, name: str) -> int:
        """Return one count of the summary."""
        return self.engine.summary().total(name)


def run(
    config: Config,
    streams: Sequence[Stream],
    pieces: Iterable[Piece],
    now: int | None = None,
    make: Make | None = None,
) -> Run:
    """Carry pieces through a new engine, end every stream, and finish."""
    make = make or plain(config)
    store = MemoryStore()
    engine, saver = taken_up(store, make)
    for stream in streams:
        engine.register(stream.name, stream.source)
    records: list[Record] = []
    marks: list[list[int | None]] = []
    for piece in pieces:
        if piece.save:
            saver.save(engine)
            engine, saver = taken_up(store, make)
        records += feed(engine, piece, now)
        marks.append([shard.judged for shard in engine.state.shards])
    for stream in streams:
        engine.end(stream.name)
    records += engine.finish()
    return Run(records, engine, marks)


def whole(
    config: Config,
    streams: Sequence[Stream],
    now: int | None = None,
    make: Make | None = None,
) -> Run:
    """Run with every stream in one piece."""
    pieces = [Piece(s.name, s.rows) for s in streams]
    return run(config, streams, pieces, now, make)


_FOR_SPEED = {"ordered", "sums", "joined"}
"""Parts of a state that can be had from the others."""


def content(part: Any) -> Any:  # noqa: ANN401
    """Return all that a part of a state holds, in types that compare."""
    if isinstance(part, pl.DataFrame):
        return part.schema, part.rows()
    if isinstance(part, Struct):
        kept = [name for name in part.__struct_fields__ if name not in _FOR_SPEED]
        return {name: content(getattr(part, name)) for name in kept}
    if isinstance(part, Mapping):
        return {key: content(value) for key, value in part.items() if value != {}}
    return [content(p) for p in part] if isinstance(part, list | tuple) else part


def in_words(record: Record) -> list[Said]:
    """Return a record in the reference's words; what it has no words for, as nothing."""
    if isinstance(record, Datapoint):
        key = json.dumps(dict(record.key))
        every = record.every // SECOND
        first = record.end // SECOND
        return [
            Said(
                "point", record.metric, key, first + step * every, record.value,
                record.count, record.amended, record.partial,
            )
            for step in range(record.steps)
        ]  # fmt: skip
    if isinstance(record, Transition):
        key = json.dumps(dict(record.key))
        return [
            Said(
                record.to_state, record.alarm, key, record.at // SECOND, record.value,
                record.count, record.amended, record.withdrawn,
            )
        ]  # fmt: skip
    return []


def final_points(said: Iterable[Said]) -> dict[tuple[str, str, int], tuple[Any, int]]:
    """Return the last word on every datapoint."""
    return {(s.name, s.key, s.end): (s.value, s.n) for s in said if s.kind == "point"}


def final_transitions(said: Iterable[Said]) -> set[tuple[str, str, int, bool]]:
    """Return the transitions that stand in the end."""
    standing: set[tuple[str, str, int, bool]] = set()
    for s in said:
        place = (s.name, s.key, s.end, s.kind == "firing")
        if s.kind == "point":
            continue
        if s.flag:
            assert place in standing, f"withdrawn, but never made: {s}"
            standing.remove(place)
        else:
            assert place not in standing, f"made twice: {s}"
            standing.add(place)
    return standing
