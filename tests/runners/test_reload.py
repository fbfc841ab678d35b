"""The daemon's configuration changes while it runs, and while it does not."""

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Self

import pytest
from msgspec.structs import replace
from tests.runners.crewed import near_crew
from tests.runners.test_daemon import config
from tests.runners.world import T0, TimedView, append, lines

from tocsin.config import load
from tocsin.config.folder import files_of
from tocsin.config.values import Config, FormatConfig, MetricConfig
from tocsin.model.instant import SECOND
from tocsin.model.records import IncidentEvent, Notice, Summary, Transition
from tocsin.runners.daemon import Daemon
from tocsin.runners.keeping import Keeper
from tocsin.runners.rules import Rules
from tocsin.runners.session import Session
from tocsin.runners.systemd import Systemd
from tocsin.runners.wishes import Wishes
from tocsin.state.memory import MemoryStore
from tocsin.testing import ManualClock


class Life:
    """A daemon whose configuration may change."""

    manager: Systemd | None = None

    def __init__(
        self, store: MemoryStore, rules: Config, began: float, workers: int = 0
    ) -> None:
        self.store = store
        self.clock = ManualClock(T0 * SECOND + round(began * SECOND))
        self.view = TimedView(self.clock)
        session = Session(rules, self.view, Wishes())
        keeper = Keeper(store, session, self.clock)
        self.daemon = Daemon(session, self.clock, keeper, self.manager)
        if workers:
            self.daemon.share(near_crew(session, self.clock, workers))

    def at(self, second: float, action: Callable[[], object]) -> Self:
        self.clock.at(second, action)
        return self

    def change(self, second: float, rules: Config) -> Self:
        return self.at(second, lambda: self.daemon.change(rules))

    def until(self, second: float) -> Self:
        self.clock.at(second, self.daemon.stop)
        self.daemon.run()
        return self

    @property
    def lines(self) -> int:
        (summary,) = self.view.of(Summary)
        return summary.total("lines")

    @property
    def rings(self) -> list[tuple[str, str, int]]:
        found = self.view.of(Transition)
        return [(t.alarm, t.to_state, t.at // SECOND - T0) for t in found]

    def words(self, part: str) -> list[str]:
        return [n.text for n in self.view.of(Notice) if part in n.text]


def wider(rules: Config) -> Config:
    """Return rules among others, of another sentence."""
    more = MetricConfig(
        name="more", source="log", period=3 * SECOND, every=SECOND, group_by=("status",)
    )
    return replace(rules, metrics=(more, *rules.metrics))


def under(rules: Config, source: str) -> Config:
    """Return rules whose source is called otherwise."""
    return replace(
        rules,
        sources=(replace(rules.sources[0], name=source),),
        metrics=tuple(replace(m, source=source) for m in rules.metrics),
    )


CHANGES: dict[str, Callable[[Config], Config]] = {
    "nothing": lambda c: c,
    "metrics more": wider,
    "a source called otherwise": lambda c: under(c, "web"),
    "the pattern of the source": lambda c: replace(
        c, sources=(replace(c.sources[0], path=(*c.sources[0].path, "/nowhere/*.log")),)
    ),
}


@pytest.mark.parametrize("changed", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("workers", [0, 2], ids=["read here", "read by workers"])
@pytest.mark.parametrize("alive", [True, False], ids=["while it runs", "in between"])
def test_what_is_unchanged_goes_on(
    tmp_path: Path,
    changed: Callable[[Config], Config],
    workers: int,
    *,
    alive: bool,
) -> None:
    log, store, rules = tmp_path / "a.log", MemoryStore(), config(tmp_path)
    log.write_bytes(lines([1] * 20))
    life = Life(store, rules, 1, workers)
    if alive:
        life.change(5, changed(rules)).at(6, lambda: append(log, lines([2] * 5)))
        life.until(30)
        rings = life.rings
    else:
        life.until(5)
        append(log, lines([2] * 5))
        rings = life.rings
        life = Life(store, changed(rules), 6, workers).until(30)
        rings += life.rings
    assert life.lines == 25
    assert rings == [("busy", "firing", 2), ("busy", "ok", 12)]
    sources = {p.source for p in store.positions().values()}
    assert sources == {changed(rules).sources[0].name}


@pytest.mark.parametrize("workers", [0, 2], ids=["read here", "read by workers"])
def test_a_source_that_is_gone_ends_and_one_that_is_new_is_read(
    tmp_path: Path, workers: int
) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    for folder in (old, new):
        folder.mkdir()
        (folder / "a.log").write_bytes(lines([1] * 7))
    rules, store = config(old), MemoryStore()
    other = config(new)
    other = under(replace(other, alarms=()), "other")
    life = Life(store, rules, 1, workers).change(3, other)
    life.at(4, lambda: append(old / "a.log", lines([2] * 100)))
    life.at(5, lambda: append(new / "a.log", lines([2] * 3))).until(20)
    assert life.lines == 10
    assert [p.source for p in store.positions().values()] == ["other"]
    assert len(life.words("no source reads it")) == 1


def test_the_incident_of_an_alarm_that_is_removed_is_closed(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(lines([1] * 20))
    rules, store = config(tmp_path), MemoryStore()
    life = Life(store, rules, 1).change(10, replace(rules, alarms=())).until(12)
    events = [(e.id, e.event) for e in life.view.of(IncidentEvent)]
    assert events == [(1, "opened"), (1, "resolved")]
    assert [row.status for row in store.incidents()] == ["resolved"]
    assert len(life.words("alarm busy is forgotten")) == 1


def test_one_that_cannot_be_taken_up_changes_nothing(tmp_path: Path) -> None:
    log, store = tmp_path / "a.log", MemoryStore()
    log.write_bytes(lines([1] * 20))
    rules = config(tmp_path)
    wrong = replace(rules.metrics[0], name="sum", type="SUM", field="nosuch")
    life = Life(store, rules, 1)
    life.change(5, replace(rules, metrics=(*rules.metrics, wrong)))
    assert life.until(30).rings == [("busy", "firing", 2), ("busy", "ok", 12)]
    assert len(life.words("no field 'nosuch'")) == 1


@pytest.mark.parametrize("workers", [0, 2], ids=["read here", "read by workers"])
def test_another_format_is_read_from_the_next_line_on(
    tmp_path: Path, workers: int
) -> None:
    log, store = tmp_path / "a.log", MemoryStore()
    log.write_bytes(lines([1] * 4))
    rules = config(tmp_path)
    form = FormatConfig(type="json")
    other = replace(rules, sources=(replace(rules.sources[0], format=form),))
    row = json.dumps({"time": "2023-11-14T22:13:26Z"}).encode() + b"\n"
    life = Life(store, rules, 1, workers).change(5, other)
    life.at(6, lambda: append(log, row * 3)).until(20)
    (summary,) = life.view.of(Summary)
    assert [(s.lines, s.events) for s in summary.streams] == [(7, 7)]


GOOD = """
sources: [{{name: log, path: "{folder}/*.log"}}]
metrics: [{{name: requests, type: RATE, source: log, period: 10s, every: 1s}}]
alarms: [{{name: busy, metric: requests, threshold: {threshold}}}]
"""


class Written(Life):
    """A daemon whose configuration is a file."""

    def __init__(self, path: Path, store: MemoryStore) -> None:
        self.path = path
        super().__init__(store, load(path), 1)
        self.daemon.rules = Rules(path, load, files_of, self.clock)

    def write(self, second: float, text: str) -> Self:
        return self.at(second, lambda: self.path.write_text(text))


def written(tmp_path: Path) -> Written:
    (tmp_path / "a.log").write_bytes(lines([1] * 30))
    path = tmp_path / "tocsin.yaml"
    path.write_text(GOOD.format(folder=tmp_path, threshold=2))
    return Written(path, MemoryStore())


def test_a_file_that_changes_is_taken_up_by_itself(tmp_path: Path) -> None:
    life = written(tmp_path)
    life.write(5, GOOD.format(folder=tmp_path, threshold=9)).until(30)
    assert len(life.words("1 begins, 1 kept")) == 1
    events = [e.event for e in life.view.of(IncidentEvent)]
    assert events == ["opened", "resolved"]


def test_a_bad_file_changes_nothing_and_is_said_once_until_it_is_mended(
    tmp_path: Path,
) -> None:
    life = written(tmp_path)
    life.write(5, "metrics: [{name: n, period: soon}]\nalarmz: []\n")
    life.write(60, GOOD.format(folder=tmp_path, threshold=2)).until(100)
    (said,) = life.words("goes on")
    assert "'soon'" in said
    assert "alarmz" in said
    assert len(life.words("all is well")) == 1
    assert life.rings == [("busy", "firing", 2), ("busy", "ok", 12)]
    assert life.daemon.rules is not None
    assert not life.daemon.rules.bad


def test_who_asks_is_answered_at_once_and_every_time(tmp_path: Path) -> None:
    life = written(tmp_path)
    rules = life.daemon.rules
    assert rules is not None
    life.write(5, "nonsense")
    for second in (5.1, 20, 21):
        life.at(second, rules.ask)
    life.until(40)
    said = [second for second, r in life.view.told if "goes on" in str(r)]
    assert len(said) == 3
    assert said[0] < 6


def test_the_service_manager_hears_when_the_rules_change_and_when_all_is_ready(
    tmp_path: Path,
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as door:
        door.bind(str(tmp_path / "notify"))
        door.settimeout(5)
        manager = Systemd({"NOTIFY_SOCKET": str(tmp_path / "notify")}, 1)
        Written.manager, before = manager, Written.manager
        try:
            life = written(tmp_path)
        finally:
            Written.manager = before
        rules = life.daemon.rules
        assert rules is not None
        life.write(5, GOOD.format(folder=tmp_path, threshold=9)).at(20, rules.ask)
        life.until(30)
        heard = [door.recv(100).decode().split("\n") for _ in range(6)]
    assert [words[0] for words in heard] == [
        *["READY=1", "RELOADING=1", "READY=1", "RELOADING=1", "READY=1", "STOPPING=1"]
    ]
    moments = [w[1].removeprefix("MONOTONIC_USEC=") for w in heard if len(w) > 1]
    assert len(moments) == 2
    assert int(moments[0]) < int(moments[1])


def test_a_file_that_is_being_written_is_waited_for(tmp_path: Path) -> None:
    life = written(tmp_path)
    whole = GOOD.format(folder=tmp_path, threshold=9)
    for n in range(20):
        life.write(5 + n, "# " + "x" * n + "\nmetrics: [")
    life.write(25, whole).until(60)
    assert not life.words("goes on")
    assert len(life.words("1 begins, 1 kept")) == 1


def test_a_folder_is_watched_too(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(lines([1] * 30))
    rules = tmp_path / "conf.d"
    rules.mkdir()
    (rules / "a.yaml").write_text(GOOD.format(folder=tmp_path, threshold=2))
    life = Written(rules, MemoryStore())
    more = "metrics: [{name: n, type: COUNT, source: log, period: 10s}]\n"
    life.at(5, lambda: (rules / "b.yaml").write_text(more))
    life.at(30, (rules / "b.yaml").unlink).until(60)
    assert len(life.words("1 begins, 2 kept")) == 1
    assert len(life.words("1 forgotten, 2 kept")) == 1
    assert life.rings == [("busy", "firing", 2), ("busy", "ok", 12)]
