"""The history of datapoints: true to what was said, coarser with time, and bounded."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.laws import law
from tests.pipeline.test_saving import BUSY, STORES, busy
from tests.plain import SECOND, Row, Stream
from tests.runs import Piece, feed, final_points, in_words, plain
from tests.worlds import World, pieces, worlds

from tocsin.config.values import Config, MetricConfig
from tocsin.model.errors import StateUnwritable
from tocsin.model.state import DONE, Change, IncidentRow, Outgoing
from tocsin.pipeline.history import MOST_POINTS, Keep, history
from tocsin.pipeline.saving import Saver
from tocsin.state.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tocsin.model.protocols import Store
    from tocsin.model.records import Record
    from tocsin.pipeline.engine import Engine

DAY = 86_400
ALL = Keep(DAY, DAY, {1: DAY, 60: 30 * DAY, 600: 365 * DAY})


def kept(
    config: Config, store: Store, streams: Sequence[Stream], keep: Keep = ALL
) -> tuple[Engine, Saver]:
    saver = Saver(store, plain(config)(None).plan, keep)
    engine = plain(config)(saver.load())
    saver.attach(engine)
    for stream in streams:
        engine.register(stream.name, stream.source)
    return engine, saver


@law(40)
@given(worlds(), st.data())
def test_the_finest_history_is_the_last_word_on_every_datapoint(
    world: World, data: st.DataObject
) -> None:
    store = MemoryStore()
    engine, saver = kept(world.config, store, world.streams)
    said: list[Record] = []
    for piece in data.draw(pieces(world.streams)):
        said += feed(engine, piece)
        if piece.save:
            saver.save(engine)
    saver.save(engine)
    words = [s for r in said for s in in_words(r) if not s.flag or s.kind == "point"]
    final = {k: v for k, v in final_points(words).items() if k[2] > -10_000}
    for name, key in {(name, key) for name, key, _ in final}:
        mine = {e: v for (n, k, e), v in final.items() if (n, k) == (name, key)}
        last = max(mine)
        fields = json.loads(key)
        found = history(store, name, fields, last - 5000, last)
        told = {e: (v, n) for e, v, n in found.select("e", "value", "n").iter_rows()}
        assert told == {e: v for e, v in mine.items() if e > last - 5000}


HITS = Config(
    metrics=(MetricConfig(name="hits", period=10 * SECOND, every=10 * SECOND),)
)


def long(store: Store, hours: int, keep: Keep = ALL, config: Config = HITS) -> Engine:
    """Run for hours with three events in every ten seconds, six in every other minute."""
    rows = [
        Row((t + 1) * SECOND, {"g": f"k{t % 3}"})
        for t in range(0, hours * 3600, 10)
        for _ in range(6 if t // 60 % 2 else 3)
    ]
    stream = Stream("s", "default", rows)
    engine, saver = kept(config, store, [stream], keep)
    for start in range(0, len(rows), 400):
        feed(engine, Piece("s", rows[start : start + 400], advance=True))
        saver.save(engine)
    return engine


def test_older_datapoints_are_summed_up_and_then_let_go_of() -> None:
    store = MemoryStore()
    keep = Keep(DAY, DAY, {1: 3600, 60: 4 * 3600, 600: 30 * DAY})
    long(store, 12, keep)
    tables = {note.table for note in store.catalogue("history/")}
    assert tables == {"history/0", "history/60", "history/600"}
    oldest = {
        name: min(n.start for n in store.catalogue("history/") if n.table == name)
        for name in tables
    }
    now = 12 * 3600
    assert now - 2.5 * 3600 < oldest["history/0"] < now - 3600
    assert now - 7 * 3600 < oldest["history/60"] < now - 3 * 3600
    assert oldest["history/600"] < 1000
    found = history(store, "hits", {}, 0, now)
    assert found.get_column("e").is_sorted()
    assert set(found.get_column("every")) == {10, 60, 600}
    coarse = found.filter(pl.col("every") == 600)
    assert set(coarse.select("low", "high", "value").iter_rows()) == {(3.0, 6.0, 4.5)}
    minutes = found.filter(pl.col("every") == 60)
    assert set(minutes.get_column("value")) == {3.0, 6.0}
    ends = found.get_column("e").to_list()
    steps = pairwise(ends)
    assert all(b - a <= 1200 for a, b in steps), "no hole where one becomes the other"


def test_a_long_stretch_is_told_coarsely_and_its_newest_end_finely() -> None:
    store = MemoryStore()
    fast = replace(HITS.metrics[0], period=SECOND, every=SECOND)
    long(store, 4, config=Config(metrics=(fast,)))
    found = history(store, "hits", {}, 0, 4 * 3600)
    assert found.height < MOST_POINTS
    assert set(found.get_column("every")) == {1, 60}
    assert found.filter(pl.col("every") == 1).get_column("e").min() > 3 * 3600 - 600  # type: ignore[operator]
    near = history(store, "hits", {}, 3600, 2 * 3600)
    assert set(near.get_column("every")) == {1}
    assert near.height == 3600


def test_segments_of_the_past_stay_few() -> None:
    store = MemoryStore()
    long(store, 8)
    counts: dict[str, int] = {}
    for note in store.catalogue("history/"):
        counts[note.table] = counts.get(note.table, 0) + 1
    assert max(counts.values()) < 80, counts


def test_each_key_has_its_own_history_until_there_are_too_many() -> None:
    store = MemoryStore()
    grouped = replace(HITS.metrics[0], group_by=("g",))
    long(store, 1, config=Config(metrics=(grouped,)))
    for key in ("k0", "k1"):
        found = history(store, "hits", {"g": key}, 600, 1200)
        assert found.height == 60
    assert history(store, "hits", {}, 600, 1200).height == 0
    many = [Row(t * SECOND, {"g": f"{t}"}) for t in range(1500)]
    other = MemoryStore()
    config = Config(metrics=(replace(grouped, limit=5000), HITS.metrics[0]))
    config = replace(
        config, metrics=(config.metrics[0], replace(HITS.metrics[0], name="n"))
    )
    engine, saver = kept(config, other, [Stream("s", "default", many)])
    for start in range(0, 1500, 100):
        feed(engine, Piece("s", many[start : start + 100], advance=True))
        saver.save(engine)
    assert history(other, "n", {}, 1300, 1400).height == 10
    assert history(other, "hits", {"g": "1"}, 1300, 1400).height == 0


class Full(MemoryStore):
    room = True

    def commit(self, change: Change) -> int:
        if not self.room:
            raise StateUnwritable("no room")
        return super().commit(change)


def test_what_could_not_be_saved_is_in_the_history_later() -> None:
    store, stream = Full(), busy(900)
    engine, saver = kept(BUSY, store, [stream])
    for start in range(0, len(stream.rows), 10):
        feed(engine, Piece("s", stream.rows[start : start + 10], advance=True))
        store.room = start % 40 == 0
        if store.room:
            saver.save(engine)
        else:
            with pytest.raises(StateUnwritable):
                saver.save(engine)
    store.room = True
    saver.save(engine)
    found = history(store, "p", {}, 100, 800)
    assert found.get_column("e").to_list() == list(range(101, 801))


@pytest.mark.parametrize("made", STORES.values(), ids=STORES)
def test_incidents_and_notifications_go_when_they_are_old(made: Any) -> None:  # noqa: ANN401
    with made() as reopen:
        store = reopen()
        store.commit(
            Change(
                incidents=(
                    IncidentRow(100, "a", "{}", "resolved", 0, 5 * SECOND),
                    IncidentRow(101, "a", "{}", "resolved", 0, 7000 * SECOND),
                    IncidentRow(102, "a", "{}", "open", 0),
                ),
                outbox=(
                    Outgoing("old", 100, "c", 0, b"", DONE[0], due=5 * SECOND),
                    Outgoing("new", 101, "c", 0, b"", DONE[0], due=7000 * SECOND),
                    Outgoing("waits", 102, "c", 0, b"", due=5 * SECOND),
                ),
            )
        )
        long(store, 2, Keep(3600, 3600, {}))
        assert {row.id for row in store.incidents()} >= {101, 102}
        assert 100 not in {row.id for row in store.incidents()}
        assert {o.key for o in store.outbox()} == {"new", "waits"}
        assert not store.catalogue("history/")
