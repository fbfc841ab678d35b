"""The daemon: stopped, killed, started again; rotated under its eyes and behind them."""

import errno
import os
import random
from pathlib import Path

import pytest
from msgspec.structs import replace
from tests.runners.world import T0, TimedView, append, lines, rules

from tocsin.config.values import Config
from tocsin.model.errors import StateFull
from tocsin.model.instant import SECOND
from tocsin.model.records import IncidentEvent, Notice, Summary, Transition
from tocsin.model.state import Change
from tocsin.runners.daemon import Daemon
from tocsin.runners.keeping import Keeper
from tocsin.runners.session import Session
from tocsin.runners.wishes import Wishes
from tocsin.sources import Crowd, Disk
from tocsin.state.memory import MemoryStore
from tocsin.testing import ManualClock


class Seeing(Daemon):
    """A daemon that sees its logs by some disk."""

    def __init__(
        self, session: Session, clock: ManualClock, store: MemoryStore, disk: Disk
    ) -> None:
        self.disk = disk
        super().__init__(session, clock, Keeper(store, session, clock))

    def crowd(self) -> Crowd:
        return Crowd(0, self.disk)


class Life:
    """One life of a daemon over logs in a folder: from its start to its end."""

    def __init__(
        self,
        store: MemoryStore,
        config: Config,
        began: float,
        disk: Disk | None = None,
    ) -> None:
        self.clock = ManualClock(T0 * SECOND + round(began * SECOND))
        self.view = TimedView(self.clock)
        session = Session(config, self.view, Wishes())
        self.daemon = Seeing(session, self.clock, store, disk or Disk())

    def until(self, second: float) -> "Life":
        """Live for so many seconds, and be told to stop."""
        self.clock.at(second, self.daemon.stop)
        self.daemon.run()
        return self

    @property
    def lines(self) -> int:
        (summary,) = self.view.of(Summary)
        return summary.total("lines")

    @property
    def rings(self) -> list[tuple[str, int]]:
        return [(t.to_state, t.at // SECOND - T0) for t in self.view.of(Transition)]


def config(folder: Path, pattern: str = "*.log*") -> Config:
    """Return rules over the logs of a folder."""
    made = rules()
    source = made.sources[0]
    return replace(made, sources=(replace(source, path=(str(folder / pattern),)),))


def test_a_second_life_goes_on_where_the_first_ended(tmp_path: Path) -> None:
    log, store = tmp_path / "a.log", MemoryStore()
    log.write_bytes(lines([1] * 20))
    assert Life(store, config(tmp_path), 1).until(5).lines == 20
    append(log, lines([2] * 5))
    second = Life(store, config(tmp_path), 6).until(30)
    assert second.lines == 25
    assert second.rings == [("firing", 2), ("ok", 12)]


def test_a_second_life_in_which_nothing_comes_notices_the_recovery(
    tmp_path: Path,
) -> None:
    log, store = tmp_path / "a.log", MemoryStore()
    log.write_bytes(lines([1] * 20))
    assert Life(store, config(tmp_path), 1).until(8).rings == [("firing", 2)]
    assert Life(store, config(tmp_path), 9).until(30).rings == [("ok", 12)]


def test_what_was_rotated_away_in_between_is_read(tmp_path: Path) -> None:
    log, store = tmp_path / "a.log", MemoryStore()
    log.write_bytes(lines([1] * 4))
    Life(store, config(tmp_path), 1).until(5)
    append(log, lines([2] * 3))
    log.rename(tmp_path / "a.log.1")
    log.write_bytes(lines([3] * 2))
    assert Life(store, config(tmp_path), 6).until(5).lines == 9


def test_older_files_of_a_new_log_are_read_first(tmp_path: Path) -> None:
    (tmp_path / "a.log.2").write_bytes(lines([1]))
    (tmp_path / "a.log.1").write_bytes(lines([2, 3]))
    (tmp_path / "a.log").write_bytes(lines([4, 5, 6]))
    life = Life(MemoryStore(), config(tmp_path), 7).until(5)
    (summary,) = life.view.of(Summary)
    assert [(s.lines, s.late) for s in summary.streams] == [(6, 0)]


def test_r15_a_log_that_several_patterns_and_links_name_is_read_once(
    tmp_path: Path,
) -> None:
    log = tmp_path / "a.log"
    log.write_bytes(lines([1] * 4))
    (tmp_path / "current.log").symlink_to(log)
    made = config(tmp_path)
    patterns = tuple(str(tmp_path / name) for name in ("current.log", "*.log*", "a.*"))
    made = replace(made, sources=(replace(made.sources[0], path=patterns),))
    life = Life(MemoryStore(), made, 1)
    life.clock.at(3, lambda: append(log, lines([2] * 3)))
    assert life.until(20).lines == 7


def test_a_log_of_two_sources_is_read_by_the_first_and_that_is_said(
    tmp_path: Path,
) -> None:
    (tmp_path / "a.log").write_bytes(lines([1] * 4))
    (tmp_path / "b.log").write_bytes(lines([1] * 3))
    made, other = config(tmp_path), config(tmp_path, "a.log").sources[0]
    made = replace(made, sources=(*made.sources, replace(other, name="other")))
    life = Life(MemoryStore(), made, 1)
    assert life.until(20).lines == 7
    told = [
        n
        for n in life.view.of(Notice)
        if "source log reads it: other has none of it" in n.text
    ]
    assert [Path(n.subject).name for n in told] == ["a.log"]


def test_a_log_that_appears_is_found(tmp_path: Path) -> None:
    life = Life(MemoryStore(), config(tmp_path), 0)
    life.clock.at(3, lambda: (tmp_path / "new.log").write_bytes(lines([1, 2])))
    assert life.until(20).lines == 2


def test_a_log_that_is_named_by_the_day_goes_on_under_its_next_name(
    tmp_path: Path,
) -> None:
    (tmp_path / "a.log-20231114").write_bytes(lines([1, 2]))
    life = Life(MemoryStore(), config(tmp_path), 3)
    later = tmp_path / "a.log-20231115"
    life.clock.at(3, lambda: later.write_bytes(lines([4])))
    life.until(20)
    (summary,) = life.view.of(Summary)
    assert [s.lines for s in summary.streams] == [3]


def test_a_log_that_was_empty_in_the_last_life_rings_in_this(tmp_path: Path) -> None:
    log, store = tmp_path / "a.log", MemoryStore()
    log.touch()
    Life(store, config(tmp_path), 1).until(20)
    assert store.documents()  # it has saved something, but no position
    log.write_bytes(lines([21] * 20))
    assert Life(store, config(tmp_path), 21).until(30).rings == [
        ("firing", 22), ("ok", 32),
    ]  # fmt: skip


def test_a_log_that_comes_back_after_long_rings_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tocsin.runners.daemon._GONE_FOR", 30.0)
    log = tmp_path / "a.log"
    log.write_bytes(lines([1] * 20))
    life = Life(MemoryStore(), config(tmp_path), 1)
    life.clock.at(60, log.unlink)
    life.clock.at(120, lambda: log.write_bytes(lines([120, 120])))
    life.clock.at(121, lambda: append(log, lines([120] * 30)))
    assert [what for what, _ in life.until(160).rings] == ["firing", "ok"] * 2
    assert life.lines == 52


class Unreadable(Disk):
    """A disk that cannot read one file for a while."""

    path = ""

    def open(self, path: Path | str) -> int:
        if self.path and str(path).endswith(self.path):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return super().open(path)


@pytest.mark.parametrize("unreadable", ["a.log", "a.log.1"])
@pytest.mark.parametrize("known", [True, False], ids=["known", "new"])
def test_a_log_that_cannot_be_opened_goes_on_where_it_was_once_it_can(
    tmp_path: Path, unreadable: str, *, known: bool
) -> None:
    log, store, disk = tmp_path / "a.log", MemoryStore(), Unreadable()
    log.write_bytes(lines([1] * 20))
    if known:
        assert Life(store, config(tmp_path), 1).until(5).lines == 20
    append(log, lines([2] * 5))
    log.rename(tmp_path / "a.log.1")
    log.write_bytes(lines([3] * 2))
    (tmp_path / "b.log").write_bytes(lines([3] * 4))
    disk.path = unreadable
    life = Life(store, config(tmp_path), 6, disk)
    life.clock.at(20, lambda: setattr(disk, "path", ""))
    life.until(60)
    assert life.lines == 31
    assert ("ok", 13) in life.rings


class Tight(MemoryStore):
    """A store for which there is sometimes no room."""

    full = False

    def commit(self, change: Change) -> int:
        if self.full:
            raise StateFull("there is no room for the state")
        return super().commit(change)


def test_a_full_disk_stops_reading_and_says_so_until_there_is_room(
    tmp_path: Path,
) -> None:
    log, store = tmp_path / "a.log", Tight()
    log.write_bytes(lines([1] * 20))
    life = Life(store, config(tmp_path), 1)
    life.clock.at(2, lambda: setattr(store, "full", True))
    life.clock.at(3, lambda: append(log, lines([4] * 7)))
    read: list[int] = []

    def look() -> None:
        streams = life.daemon.session.engine.state.streams.values()
        read.append(sum(s.tally.lines for s in streams))

    life.clock.at(60, lambda: append(log, lines([5] * 9)))
    life.clock.at(100, look)
    life.clock.at(110, lambda: setattr(store, "full", False))
    life.until(130)
    assert (read, life.lines) == ([27], 36)
    words = [text for text in map(str, life.view.records) if "room" in text]
    assert len(words) == 1
    assert life.rings == [("firing", 2), ("ok", 15)]


@pytest.mark.parametrize("seed", range(30))
def test_killed_at_any_commit_it_tells_what_it_would_have_told(
    tmp_path: Path, seed: int
) -> None:
    """A process that dies takes all with it that was not committed."""
    chance, store = random.Random(seed), MemoryStore()  # noqa: S311 - no secret
    log, total = tmp_path / "a.log", 0
    told: set[tuple[str, int]] = set()
    for life in range(6):
        count = chance.randrange(30)
        total += count
        append(log, lines([life * 4 + chance.randrange(3) for _ in range(count)]))
        if chance.random() < 0.4:
            log.rename(tmp_path / f"a.log.{9 - life}")
        dying = Dying(store, chance.randrange(4))
        try:
            one = Life(dying, config(tmp_path), life * 4 + 3)
            one.until(3)
        except Killed:
            pass
        told |= {(str(i.event), i.id) for i in one.view.of(IncidentEvent)}
    last = Life(store, config(tmp_path), 60).until(60)
    assert last.lines == total
    told |= {(str(i.event), i.id) for i in last.view.of(IncidentEvent)}
    kept = {(e.event, r.id) for r in store.incidents() for e in store.history(r.id)}
    assert told <= kept


class Killed(BaseException):
    """The end of a process."""


class Dying(MemoryStore):
    """A store whose process is killed at one of its commits, before or after it."""

    def __init__(self, store: MemoryStore, left: int) -> None:
        self.__dict__ = store.__dict__
        self._left = [left]

    def commit(self, change: Change) -> int:
        left = self._left[0]
        self._left[0] = left - 1
        if left == 0:
            raise Killed
        done = super().commit(change)
        if left == 1:
            raise Killed
        return done
