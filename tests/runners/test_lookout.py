"""The lookout: sources that are gone and logs that are read too slowly, in a live run."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.runners.world import T0, TimedView, append, lines

from tocsin.config import from_data
from tocsin.model.instant import SECOND
from tocsin.model.protocols import Chunk
from tocsin.model.records import IncidentEvent, Summary, Transition
from tocsin.runners.daemon import Daemon
from tocsin.runners.follow import Follow
from tocsin.runners.keeping import Keeper
from tocsin.runners.session import Session
from tocsin.runners.wishes import Wishes
from tocsin.state.memory import MemoryStore
from tocsin.testing import ManualClock, ScriptedSource

if TYPE_CHECKING:
    from tocsin.config.values import Config

WAIT = {"for": "30s"}


def rules(path: Path | str, written: dict[str, Any] | None = None) -> Config:
    """Return a configuration with one source, read live."""
    own = {"source_gone": WAIT, "source_behind": WAIT, **(written or {})}
    data = {
        "sources": [{"name": "web", "path": str(path)}],
        "metrics": [{"name": "hits", "type": "COUNT", "period": "10s"}],
        "alarms": [{"name": "Busy", "metric": "hits", "threshold": 1e9}],
        "builtin_alarms": own,
    }
    return from_data(data).watched()


@dataclass
class Life:
    """One life of a daemon, which began so many seconds after `T0`."""

    config: Config
    store: MemoryStore = field(default_factory=MemoryStore)
    began: float = 0

    def __post_init__(self) -> None:
        self.clock = ManualClock(T0 * SECOND + round(self.began * SECOND))
        self.view = TimedView(self.clock)
        self.session = Session(self.config, self.view, Wishes())
        keeper = Keeper(self.store, self.session, self.clock)
        self.daemon = Daemon(self.session, self.clock, keeper)

    def until(self, second: float) -> Life:
        """Live until so many seconds after its beginning."""
        self.clock.at(second, self.daemon.stop)
        self.daemon.run()
        return self

    @property
    def said(self) -> list[Transition]:
        return self.view.of(Transition)

    @property
    def changes(self) -> list[tuple[str, int]]:
        """To which state alarms went, and how many seconds after `T0`."""
        return [(t.to_state, t.at // SECOND - T0) for t in self.said]


Write = Callable[[Path, ManualClock], None]


def nothing(_log: Path, _clock: ManualClock) -> None:
    """Leave a log alone."""


def grows(log: Path, clock: ManualClock) -> None:
    log.write_bytes(lines([0]))
    for second in range(10, 100, 10):
        clock.at(second, lambda second=second: append(log, lines([second])))  # type: ignore[misc]


def empty(log: Path, _clock: ManualClock) -> None:
    log.write_bytes(b"")


def filled_later(log: Path, clock: ManualClock) -> None:
    log.write_bytes(b"")
    clock.at(60, lambda: append(log, lines([60])))


def comes_later(log: Path, clock: ManualClock) -> None:
    clock.at(60, lambda: log.write_bytes(lines([60])))


def comes_soon(log: Path, clock: ManualClock) -> None:
    clock.at(15, lambda: log.write_bytes(lines([15])))


def deleted(log: Path, clock: ManualClock) -> None:
    log.write_bytes(lines([0]))
    clock.at(20, log.unlink)


def rotated(log: Path, clock: ManualClock) -> None:
    log.write_bytes(lines([0]))
    clock.at(20, lambda: log.rename(log.with_name("a.log.1")))
    clock.at(22, lambda: log.write_bytes(lines([22])))


def one_of_two(log: Path, clock: ManualClock) -> None:
    deleted(log, clock)
    grows(log.with_name("b.log"), clock)


GONE: dict[str, tuple[str, Write, list[tuple[str, int]], str]] = {
    "a log that grows is not gone": ("a.log", grows, [], ""),
    "a log that is not there is, after a while": (
        "a.log", nothing, [("firing", 40)], "a.log: there is no such file",
    ),
    "one that comes is there again": (
        "a.log", comes_later, [("firing", 40), ("ok", 70)], "a.log: there is no such",
    ),
    "one that comes soon was not gone for long enough": (
        "a.log", comes_soon, [], "",
    ),
    "a pattern that no file matches is": (
        "*.log", nothing, [("firing", 40)], "*.log: no file matches",
    ),
    "a log without a line is": (
        "a.log", empty, [("firing", 40)], "a.log: there has been no line",
    ),
    "until its first line": (
        "a.log", filled_later, [("firing", 40), ("ok", 70)], "there has been no line",
    ),
    "a log that is deleted is": (
        "a.log", deleted, [("firing", 60)], "a.log: there is no such file",
    ),
    "one that is rotated is not": ("a.log", rotated, [], ""),
    "a log that a pattern named, and that is gone for good, is not if others are there": (
        "*.log", one_of_two, [], "",
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("path", "write", "changes", "why"), GONE.values(), ids=GONE.keys()
)
def test_gone(
    tmp_path: Path, path: str, write: Write, changes: list[tuple[str, int]], why: str
) -> None:
    life = Life(rules(tmp_path / path))
    write(tmp_path / "a.log", life.clock)
    life.until(90)

    assert life.changes == changes
    for said in life.said[:1]:
        assert said.alarm == "tocsin: {path} is gone"
        assert said.key == {"source": "web", "path": str(tmp_path / path)}
        assert said.level == "error"
        assert why in said.evidence[0]
        assert said.reason.startswith("tocsin: seconds gone was ")


def test_lines_that_nobody_can_read_are_as_good_as_none(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(b"nobody can read this\n" * 600)
    (tmp_path / "b.log").write_bytes(lines([1]))
    two = from_data(
        {
            "sources": [
                {"name": "odd", "path": str(tmp_path / "a.log")},
                {"name": "web", "path": str(tmp_path / "b.log")},
            ],
            "builtin_alarms": {"source_gone": WAIT},
        }
    )
    life = Life(two.watched()).until(60)

    assert life.changes == [("firing", 40)]
    assert "no line of it can be read" in life.said[0].evidence[0]


def test_one_that_is_gone_over_a_restart_is_one_incident(tmp_path: Path) -> None:
    config, store = rules(tmp_path / "a.log"), MemoryStore()
    first = Life(config, store).until(60)
    second = Life(config, store, began=75)
    second.clock.at(20, lambda: (tmp_path / "a.log").write_bytes(lines([95])))
    second.until(45)

    assert first.changes == [("firing", 40)]
    assert second.changes == [("ok", 110)]
    assert {e.id for e in second.view.of(IncidentEvent)} == {1}


def test_a_short_life_counts_for_the_next_one(tmp_path: Path) -> None:
    """What was pending goes on to be so."""
    config, store = rules(tmp_path / "a.log"), MemoryStore()

    assert Life(config, store).until(20).changes == []
    assert Life(config, store, began=22).until(30).changes == [("firing", 40)]


OFF = {
    "one is off": {"source_gone": "off"},
    "one is off for a source": {
        "source_gone": {"overrides": [{"match": {"source": "web"}, "enabled": False}]}
    },
}


@pytest.mark.parametrize("written", OFF.values(), ids=OFF.keys())
def test_nothing_is_said_where(tmp_path: Path, written: dict[str, Any]) -> None:
    assert Life(rules(tmp_path / "a.log", written)).until(60).changes == []


class Slow:
    """A log that is read slower than it grows, until a second of the clock."""

    stream = "slow.log"

    def __init__(self, clock: ManualClock, until: float) -> None:
        self._clock = clock
        self._until = until
        self._read = -1.0

    def read(self, limit: int) -> Chunk:
        """Return a line of two minutes ago, each second."""
        del limit
        at, data = self._clock.monotonic(), b""
        if at >= self._read + 1:
            self._read = at
            data = lines([self._clock.now() // SECOND - T0 - 120])
        if at < self._until:
            self._clock.move(0.25)  # it is at work all the time
        return Chunk(data, 0, len(data), caught_up=at >= self._until)

    def close(self) -> None:
        """Do nothing."""


@pytest.mark.parametrize(
    ("until", "changes"),
    [
        pytest.param(0, [], id="a log that is read to its end is not behind"),
        pytest.param(15, [], id="one that is read soon is not behind for long enough"),
        pytest.param(
            70, [("firing", 40), ("ok", 80)], id="one that is old and not read is"
        ),
    ],
)
def test_behind(tmp_path: Path, until: float, changes: list[tuple[str, int]]) -> None:
    clock = ManualClock(T0 * SECOND)
    view = TimedView(clock)
    follow = Follow(Session(rules(tmp_path), view, Wishes()), clock)
    follow.add("slow.log", "web", Slow(clock, until))
    clock.at(100, follow.stop)
    follow.run()
    said = [t for t in view.of(Transition) if "is behind" in t.alarm]

    assert [(t.to_state, t.at // SECOND - T0) for t in said] == changes
    for one in said[:1]:
        assert one.key == {"source": "web", "stream": "slow.log"}
        assert one.value is not None
        assert one.value >= 120
        assert "slow.log" in one.evidence[0]


class Unseen(Slow):
    """A stream of which nobody has come to read a line yet, as at a start."""

    stream = "a.log"

    def read(self, limit: int) -> Chunk:
        """Return no line; whether there is one is not known before `until`."""
        del limit
        at = self._clock.monotonic()
        if at < self._until:
            self._clock.move(0.25)
        return Chunk(b"", 0, 0, caught_up=at >= self._until)


@pytest.mark.parametrize(
    ("until", "changes"),
    [
        pytest.param(0, [("firing", 40)], id="a log without a line is gone"),
        pytest.param(30, [("firing", 70)], id="but not before somebody has looked"),
    ],
)
def test_gone_at_a_start(
    tmp_path: Path, until: float, changes: list[tuple[str, int]]
) -> None:
    clock = ManualClock(T0 * SECOND)
    view = TimedView(clock)
    follow = Follow(Session(rules(tmp_path), view, Wishes()), clock)
    follow.add("a.log", "web", Unseen(clock, until))
    clock.at(100, follow.stop)
    follow.run()

    assert [(t.to_state, t.at // SECOND - T0) for t in view.of(Transition)] == changes


def test_what_is_watched_is_not_in_the_account(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(lines([1, 2]))
    life = Life(rules(tmp_path / "a.log")).until(20)
    (summary,) = life.view.of(Summary)

    assert [s.stream for s in summary.streams] == [str(tmp_path / "a.log")]
    assert summary.total("lines") == 2
    assert (summary.start, summary.end) == ((T0 + 1) * SECOND, (T0 + 2) * SECOND)
    (status, *_) = life.view.statuses[::-1]
    assert status.lines == 2
    assert status.now == (T0 + 2) * SECOND
    assert [a.name for a in status.alarms] == ["Busy"]


def test_a_run_that_is_not_live_watches_nothing() -> None:
    clock = ManualClock(T0 * SECOND)
    view = TimedView(clock)
    config = from_data({"builtin_alarms": {"source_gone": WAIT}})
    follow = Follow(Session(config, view, Wishes()), clock)
    follow.add("s", "default", ScriptedSource(clock, [(80, b"")], still_open=True))
    clock.at(80, follow.stop)
    follow.run()

    assert view.of(Transition) == []


def test_its_transitions_have_the_published_shape(tmp_path: Path) -> None:
    life = Life(rules(tmp_path / "a.log")).until(60)
    row = json.loads(json.dumps(life.said[0].as_json()))

    assert row["type"] == "transition"
    assert row["threshold"] == 0.0
    assert row["window"]["end"] == row["at"]
