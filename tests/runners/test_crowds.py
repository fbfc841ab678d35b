"""Very many small logs: what they cost together, in turns, in memory and in what is saved."""

from __future__ import annotations

import gc
import os
import tracemalloc
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.laws import law
from tests.runners.world import SOURCE, T0, World, line, rules

from tocsin.formats import get
from tocsin.model.instant import SECOND
from tocsin.pipeline.documents import Saved, difference
from tocsin.pipeline.streams import StreamState
from tocsin.runners.daemon import Daemon
from tocsin.runners.keeping import Keeper
from tocsin.runners.opening import parse
from tocsin.runners.pool import Pool
from tocsin.runners.rounds import Rounds, rest_after
from tocsin.runners.session import Session
from tocsin.runners.stream import Stream
from tocsin.runners.wishes import Wishes
from tocsin.sources import FollowReader, PipeReader
from tocsin.state.opening import open_folder
from tocsin.testing import CollectingView, ManualClock

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tocsin.model.batch import EventBatch
    from tocsin.model.message import FieldType, MessageType
    from tocsin.model.protocols import Codec
    from tocsin.model.records import Record
    from tocsin.model.status import LiveStatus

BYTES_OF_A_LOG = 4_200
"""What a log of one line may keep of Python's memory: measured 3,300, with its name."""


@dataclass
class Counting:
    """A codec that counts how often it is asked."""

    inner: Codec
    asked: list[int] = field(default_factory=list)
    format: str = "common"

    @property
    def message(self) -> MessageType:
        return self.inner.message

    def parse(self, block: bytes, fields: Mapping[str, FieldType | None]) -> EventBatch:
        self.asked.append(block.count(b"\n"))
        return self.inner.parse(block, fields)


class Forgetful(CollectingView):
    """A view that keeps nothing of what it is told."""

    def show(self, record: Record) -> None:
        """Forget it."""

    def refresh(self, look: Callable[[], LiveStatus]) -> None:
        """Do not look."""


def stream(path: Path, data: bytes = b"", codec: Codec | None = None) -> Stream:
    """Return a stream that holds some lines of a log."""
    path.touch()
    return Stream(path.name, SOURCE, FollowReader(path), 0.0, codec=codec, held=data)


def pooled(
    folder: Path, blocks: list[bytes], codec: Codec
) -> tuple[list[EventBatch], World]:
    """Return the events of logs that are parsed together."""
    world, pool = World(rules(form="common")), Pool()
    streams = [stream(folder / f"{n}.log", b, codec) for n, b in enumerate(blocks)]
    assert all(map(pool.take, streams))
    found = list(pool.parsed(world.session.engine.observers))
    for each in streams:
        each.reader.close()
    assert [s.name for s, _ in found] == [s.name for s in streams]
    return [batch for _, batch in found], world


def test_the_lines_of_many_logs_are_parsed_at_once(tmp_path: Path) -> None:
    codec = Counting(get("common").open(b""))
    batches, _ = pooled(tmp_path, [line(n % 50) for n in range(300)], codec)
    assert len(codec.asked) < 10
    assert sum(codec.asked) == 300
    assert [batch.tally.events for batch in batches] == [1] * 300


blocks_ = st.lists(
    st.lists(
        st.one_of(st.integers(0, 9).map(line), st.sampled_from([b"broken\n", b"\n"])),
        min_size=1,
        max_size=3,
    ).map(b"".join),
    min_size=1,
    max_size=6,
)


@law(60)
@given(blocks_)
def test_parsed_together_they_are_what_they_are_alone(
    tmp_path_factory: pytest.TempPathFactory, blocks: list[bytes]
) -> None:
    codec = get("common").open(b"")
    batches, world = pooled(tmp_path_factory.mktemp("logs"), blocks, codec)
    observer = world.session.engine.observers[SOURCE]
    for block, batch in zip(blocks, batches, strict=True):
        alone = parse(codec, block, observer.asks(codec))
        assert batch.frame.equals(alone.frame)
        assert batch.tally == alone.tally
        assert batch.rejected == alone.rejected
        if alone.lines is not None and batch.lines is not None:
            rows = alone.frame.with_row_index("#").get_column("#")
            assert batch.lines(rows).to_list() == alone.lines(rows).to_list()


def test_a_round_is_spread_over_turns_that_are_short(tmp_path: Path) -> None:
    clock = ManualClock(T0 * SECOND)
    rounds = Rounds(clock)
    ours, theirs = os.pipe()
    streams = [stream(tmp_path / f"{n}.log") for n in range(7)]
    streams.append(Stream("pipe", SOURCE, PipeReader(ours), 0.0))
    turns = []
    for _ in range(5):
        looked = []
        for each in rounds.turn(streams):
            looked.append(each.name)
            clock.wait(0.2)
        turns.append((looked, rounds.unfinished))
    new = stream(tmp_path / "new.log")
    found = [each.name for each in rounds.turn([*streams, new])]
    for each in (*streams, new):
        each.reader.close()
    os.close(theirs)
    files = [name for looked, _ in turns[:4] for name in looked if name != "pipe"]
    assert files == [f"{n}.log" for n in range(7)]
    assert [unfinished for _, unfinished in turns[:4]] == [True, True, True, False]
    assert all("pipe" in looked for looked, _ in turns)
    assert "new.log" in found


@pytest.mark.parametrize(
    ("took", "rest"),
    [
        pytest.param(0.001, 0.25, id="a short look is made four times a second"),
        pytest.param(0.1, 0.9, id="a long one takes a tenth of the time"),
        pytest.param(3.0, 2.0, id="but it is not put off for more than two seconds"),
    ],
)
def test_it_rests_after_a_look_in_vain(took: float, rest: float) -> None:
    assert rest_after(took) == pytest.approx(rest)


def test_a_stream_is_not_saved_for_each_tick() -> None:
    engine = World().session.engine
    engine.state.streams = {
        "idle": StreamState(SOURCE, tick=T0, idle=True),
        "live": StreamState(SOURCE, tick=T0),
    }
    saved = difference(engine.state, Saved()).saved
    changed = []
    for seconds in (1, 59, 60, 65):
        for name, state in engine.state.streams.items():
            engine.state.streams[name] = replace(state, tick=T0 + seconds)
        found = difference(engine.state, saved)
        changed.append([n for n in found.changed if n.startswith("stream/")])
        saved = found.saved
    live = ["stream/live"]
    assert changed == [[], live, ["stream/idle"], live]
    engine.state.streams["idle"] = replace(engine.state.streams["idle"], late=1)
    assert "stream/idle" in difference(engine.state, saved).changed


def test_a_log_of_a_line_costs_little_memory(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    config = rules(form="common")
    source = replace(config.sources[0], path=(str(logs / "*.log"),))
    clock = ManualClock(T0 * SECOND)
    session = Session(replace(config, sources=(source,)), Forgetful(), Wishes())

    def begun(numbers: range) -> None:
        for number in numbers:
            (logs / f"{number:03}.log").write_bytes(line(1))
        # At rest by this clock: else it is listed for each of them.
        os.utime(logs, (T0 - 60, T0 - 60))

    begun(range(20))
    store = open_folder(tmp_path / "state", program="test", now=clock.now())
    daemon = Daemon(session, clock, Keeper(store, session, clock))
    kept: list[int] = []
    clock.at(7, lambda: begun(range(20, 120)))  # what is loaded once is loaded
    clock.at(16, tracemalloc.start)
    for second in (17, 27, 37):
        new = range(second * 10 - 50, second * 10 + 50)
        clock.at(second - 1, lambda: kept.append(_kept()))
        clock.at(second, partial(begun, new))
    clock.at(46, lambda: kept.append(_kept()))
    clock.at(47, daemon.stop)
    try:
        daemon.run()
    finally:
        tracemalloc.stop()
    store.close()
    assert sum(s.tally.events for s in session.engine.logs.values()) == 420
    # The least of three: in a process that has run many tests, Python's table of names
    # may double meanwhile, which takes more than all these logs.
    assert min(b - a for a, b in pairwise(kept)) / 100 < BYTES_OF_A_LOG


def _kept() -> int:
    """Return the bytes that are kept, since the start of counting."""
    gc.collect()
    return tracemalloc.get_traced_memory()[0]
