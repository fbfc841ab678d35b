"""A run may be stopped, or killed, between any two saves: what it says is the same."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.laws import law
from tests.pipeline.test_report_laws import CONSUMER, QUIET, reporting, requests
from tests.plain import SECOND, Row, Stream
from tests.runs import Make, Piece, Run, feed, plain, run, taken_up, whole
from tests.worlds import World, pieces, rows, sources, worlds

from tocsin.config.values import AlarmConfig, Config, ConsumerConfig, MetricConfig
from tocsin.model.errors import StateError, StateUnwritable
from tocsin.model.records import IncidentEvent
from tocsin.model.state import Change
from tocsin.pipeline.engine import Engine, EngineState
from tocsin.pipeline.evaluate import ShardState
from tocsin.pipeline.saving import Saver
from tocsin.pipeline.statistics import ReportState
from tocsin.state.memory import MemoryStore
from tocsin.state.opening import open_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import polars as pl

    from tocsin.model.protocols import Store
    from tocsin.model.records import Record

Reopen: TypeAlias = "Callable[[], Store]"


@contextmanager
def in_memory() -> Iterator[Reopen]:
    store = MemoryStore()
    yield lambda: store


@contextmanager
def in_sqlite() -> Iterator[Reopen]:
    held: list[Store] = []

    def reopen() -> Store:
        for store in held:
            store.close()
        held[:] = [open_folder(folder, program="test", now=0)]
        return held[0]

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "state"
        yield reopen
        for store in held:
            store.close()


STORES = {"in memory": in_memory, "in SQLite": in_sqlite}


def opened(store: Store, make: Make, streams: Sequence[Stream]) -> tuple[Engine, Saver]:
    """Start a run, or go on with the one that was saved."""
    engine, saver = taken_up(store, make)
    for stream in streams:
        engine.register(stream.name, stream.source)
    return engine, saver


def interrupted(
    make: Make,
    streams: Sequence[Stream],
    parts: Sequence[Piece],
    kept: Any,  # noqa: ANN401
) -> Run:
    """Carry pieces through a run that is saved, killed and taken up again.

    A piece that says so is saved before it; each second time the process dies after
    having gone one piece further, which is then forgotten, and done again.
    """
    records: list[Record] = []
    with kept() as reopen:
        engine, saver = opened(reopen(), make, streams)
        saver.save(engine)
        for number, piece in enumerate(parts):
            if piece.save:
                saver.save(engine)
                if number % 2:
                    feed(engine, piece)
                    engine, saver = opened(reopen(), make, streams)
            records += feed(engine, piece)
        for stream in streams:
            engine.end(stream.name)
        records += engine.finish()
    return Run(records, engine, [])


@pytest.mark.parametrize("kept", STORES.values(), ids=STORES)
def test_a_run_that_is_killed_says_what_one_that_is_not_says(kept: Any) -> None:  # noqa: ANN401
    @law(30)
    @given(worlds(), st.data())
    def holds(world: World, data: st.DataObject) -> None:
        make = plain(world.config)
        parts = data.draw(pieces(world.streams))
        cut = interrupted(make, world.streams, parts, kept)
        unsaved = [replace(piece, save=False) for piece in parts]
        once = run(world.config, world.streams, unsaved)
        assert cut.lines == once.lines
        mine = sorted(cut.engine.summary().streams, key=lambda s: s.stream)
        theirs = sorted(once.engine.summary().streams, key=lambda s: s.stream)
        assert mine == theirs

    holds()


@law(20)
@given(sources(1), st.lists(rows(25, jumps=QUIET), min_size=1, max_size=2), st.data())
def test_reports_and_consumers_are_saved_too(
    found: Any,  # noqa: ANN401
    drawn: list[list[Row]],
    data: st.DataObject,
) -> None:
    config = Config(sources=found, raw_log_consumers=(CONSUMER,))
    streams = [Stream(f"s{i}", "default", requests(r)) for i, r in enumerate(drawn)]
    make = reporting(config)
    cut = interrupted(make, streams, data.draw(pieces(streams)), in_memory)
    assert cut.lines == whole(config, streams, make=make).lines


BUSY = Config(
    metrics=(
        MetricConfig(name="hits", period=60 * SECOND, every=SECOND, group_by=("g",)),
        MetricConfig(name="p", type="P95", field="v", period=10 * SECOND, every=SECOND),
        MetricConfig(
            name="d", type="DISTINCT", field="h", period=5 * SECOND, every=SECOND
        ),
    ),
    alarms=(AlarmConfig(name="a", metric="hits", threshold=3, recovery_threshold=2),),
)


def busy(seconds: int) -> Stream:
    """Return a stream whose keys come and go, with rows now and then late."""
    found = []
    for t in range(seconds):
        for i in range(1 + t % 3):
            at = t - (7 if (t + i) % 11 == 0 and t > 20 else 0)
            key = f"k{(t // 13 + i) % 9}"
            found.append(
                Row(at * SECOND, {"g": key, "h": f"{t}{i}", "v": float(t % 7)})
            )
    return Stream("s", "default", found)


@pytest.mark.parametrize("kept", STORES.values(), ids=STORES)
def test_hundreds_of_commits_with_compaction_change_nothing(kept: Any) -> None:  # noqa: ANN401
    stream = busy(100)
    cuts = [stream.rows[i : i + 3] for i in range(0, len(stream.rows), 3)]
    parts = [
        Piece("s", rows, advance=True, save=n % 16 != 5) for n, rows in enumerate(cuts)
    ]
    cut = interrupted(plain(BUSY), [stream], parts, kept)
    assert cut.lines == whole(BUSY, [stream]).lines


def test_segments_stay_few_and_old_cells_go() -> None:
    stream = busy(900)
    make, store = plain(replace(BUSY, metrics=BUSY.metrics[:1])), MemoryStore()
    engine, saver = opened(store, make, [stream])
    for start in range(0, len(stream.rows), 3):
        piece = Piece("s", stream.rows[start : start + 3], advance=start % 30 == 0)
        feed(engine, piece)
        saver.save(engine)
    tables: dict[str, int] = {}
    for note in store.catalogue():
        tables[note.table] = tables.get(note.table, 0) + 1
    assert max(tables.values()) < 40, tables
    settled = engine.state.shards[0].settled
    assert settled is not None
    oldest = min(n.start for n in store.catalogue("shard/0/base/60"))
    assert oldest > settled - 60 - 200


class Full(MemoryStore):
    """A store without room, until it has some."""

    room = False

    def commit(self, change: Change) -> int:
        if not self.room:
            raise StateUnwritable("no room")
        return super().commit(change)


def test_what_could_not_be_saved_is_saved_with_the_next() -> None:
    stream, make, store = busy(120), plain(BUSY), Full()
    engine, saver = opened(store, make, [stream])
    half = len(stream.rows) // 2
    records = []
    for start in range(0, half, 5):
        rows_ = stream.rows[start : min(start + 5, half)]
        records += feed(engine, Piece("s", rows_, advance=True))
        with pytest.raises(StateUnwritable):
            saver.save(engine)
    store.room = True
    saver.save(engine)
    engine, _ = opened(store, make, [stream])
    records += feed(engine, Piece("s", stream.rows[half:]))
    engine.end("s")
    records += engine.finish()
    assert Run(records, engine, []).lines == whole(BUSY, [stream]).lines


def test_a_quiet_commit_writes_next_to_nothing() -> None:
    stream, make, store = busy(400), plain(BUSY), MemoryStore()
    engine, saver = opened(store, make, [stream])
    feed(engine, Piece("s", stream.rows, advance=True))
    saver.save(engine)
    before = {n.id for n in store.catalogue()}
    saver.save(engine)
    assert {n.id for n in store.catalogue()} == before


def test_every_part_of_the_state_is_saved() -> None:
    """A new part needs a place in `increments` and `restore`, or a word here."""
    assert list(ShardState.__struct_fields__) == [
        "cells", "series", "late", "judged", "settled", "now", "then",
        "marks", "sums", "joined",  # not saved: they spare work, and come anew
    ]  # fmt: skip
    assert list(EngineState.__struct_fields__) == [
        "streams", "shards", "ledger", "opened", "report", "consumers", "failures",
    ]  # fmt: skip
    assert list(ReportState.__struct_fields__) == ["recent", "busy"]


def test_incidents_have_rows_that_stand_as_the_ledger_says() -> None:
    stream, make, store = busy(200), plain(BUSY), MemoryStore()
    engine, saver = opened(store, make, [stream])
    events: list[IncidentEvent] = []
    for start in range(0, len(stream.rows), 7):
        piece = Piece("s", stream.rows[start : start + 7], advance=True)
        said = feed(engine, piece)
        events += [r for r in said if isinstance(r, IncidentEvent)]
        saver.save(engine, said=said)
    assert {e.event for e in events} >= {"opened", "resolved"}
    found = {row.id: row for row in store.incidents()}
    assert found.keys() == {e.id for e in events}
    for group in engine.state.ledger.recent.values():
        for incident in group:
            row = found[incident.id]
            assert row.opened == incident.opened * SECOND
            assert (row.status == "open") == (incident.closed is None)
    for number in found:
        mine = [(e.event, e.at) for e in events if e.id == number]
        assert [(e.event, e.at) for e in store.history(number)] == mine


def saved_without_description(config: Config) -> MemoryStore:
    """Return a state as it was saved before states described their plan."""
    store = MemoryStore()
    engine, saver = opened(store, plain(config), [busy(20)])
    feed(engine, Piece("s", busy(20).rows, advance=True))
    saver.save(engine)
    store.commit(Change(gone_documents=("plan",)))
    return store


def test_an_old_state_is_taken_up_under_its_own_configuration_alone() -> None:
    store = saved_without_description(BUSY)
    assert Saver(store, plain(BUSY)(None).plan).load() is not None
    other = replace(BUSY, metrics=BUSY.metrics[:2])
    with pytest.raises(StateError, match="another configuration"):
        Saver(store, plain(other)(None).plan).load()


class Seen:
    """A consumer whose partial is a set."""

    fields = ("g",)

    def observe(self, events: pl.DataFrame) -> set[str]:
        return set(events["g"])

    def merge(self, left: set[str], right: set[str]) -> set[str]:
        return left | right

    def report(self, partial: set[str], start: int, end: int) -> str:
        return f"{sorted(partial)} {start} {end}"


class Stubborn(Seen):
    """A consumer whose partial is no plain value."""

    def observe(self, events: pl.DataFrame) -> Any:  # noqa: ANN401
        return (row for row in events)


def observed(kind: type[Seen]) -> tuple[Engine, Engine]:
    """Return an engine that a consumer has seen two rows in, and one that took it up."""
    config = Config(
        metrics=(MetricConfig(name="m", period=SECOND, every=SECOND),),
        raw_log_consumers=(
            ConsumerConfig(
                name="own", type=f"{__name__}.{kind.__name__}", period=10 * SECOND
            ),
        ),
    )
    store, make = MemoryStore(), plain(config)
    engine, saver = taken_up(store, make)
    stream = Stream("s", "default", [Row(SECOND, {"g": "a"}), Row(SECOND, {"g": "b"})])
    engine.register(stream.name, stream.source)
    feed(engine, Piece("s", stream.rows))
    saver.save(engine)
    return engine, taken_up(store, make)[0]


def test_a_partial_is_saved_as_it_is() -> None:
    _, again = observed(Seen)
    assert list(again.state.consumers["default"].values()) == [{"a", "b"}]


def test_a_consumer_that_failed_is_named_and_asked_again_after_a_restart() -> None:
    engine, again = observed(Stubborn)
    said = "observe: builtins.generator is neither a plain value nor a frame"
    assert engine.failures() == {"own": said}
    assert again.failures() == {}
