"""What is to be told is saved with what it is about, and sent; a sign of life, too."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest
from msgspec.structs import replace
from tests.runners.world import T0, lines

from tocsin.channels.file import File
from tocsin.config import load
from tocsin.config.notify_values import HeartbeatConfig
from tocsin.incidents.draft import NotifySpec
from tocsin.incidents.meter import Cap
from tocsin.incidents.routes import Route
from tocsin.model.instant import SECOND
from tocsin.model.records import IncidentEvent, Notice, Record
from tocsin.model.state import Change, Outgoing
from tocsin.runners.daemon import Daemon
from tocsin.runners.keeping import Keeper
from tocsin.runners.mailroom import Mailroom
from tocsin.runners.session import Session
from tocsin.runners.telling import Teller, teller_of
from tocsin.runners.wishes import Wishes
from tocsin.state.memory import MemoryStore
from tocsin.testing import CollectingView, ManualClock

SPEC = NotifySpec(routes=(Route(id="/", channels=("out",), group_wait=0),))


class Office:
    """A teller and its mailroom, a store, and a channel that writes to a file."""

    def __init__(self, folder: Path, store: MemoryStore | None = None) -> None:
        self.clock = ManualClock(T0 * SECOND)
        self.store = store or MemoryStore()
        self.file = folder / "told.jsonl"
        channels = {"out": File(name="out", path=self.file)}
        self.mailroom = Mailroom(self.store, channels, self.clock, Random(1))  # noqa: S311
        self.teller = Teller(SPEC, {}, self.store, self.mailroom)

    def turn(self, *records: Record, seconds: float = 0) -> Change:
        """Move on, take in records, and save what comes of it."""
        self.clock.move(seconds)
        change = self.teller.step(records, self.clock.now())
        self.store.commit(change)
        self.mailroom.settle(10)
        return change

    def told(self) -> Sequence[str]:
        """Return the kinds of the messages that have arrived."""
        lines = self.file.read_text().splitlines() if self.file.exists() else []
        return [json.loads(line)["kind"] for line in lines]

    def waiting(self) -> int:
        return len(self.store.outbox(("waiting",)))


def rings(number: int = 1) -> IncidentEvent:
    return IncidentEvent(number, "opened", "busy", {}, T0 * SECOND, "it rings")


def test_a_message_is_sent_once_it_is_saved(tmp_path: Path) -> None:
    office = Office(tmp_path)
    assert len(office.turn(rings()).outbox) == 1
    assert (office.told(), office.waiting()) == ([], 1)
    office.turn()  # it is sent
    office.turn()  # what became of it is saved
    assert (office.told(), office.waiting()) == (["firing"], 0)


def test_a_second_life_tells_nothing_twice_and_forgets_nothing(tmp_path: Path) -> None:
    office = Office(tmp_path)
    office.turn(rings())
    again = Office(tmp_path, office.store)  # killed before it was sent
    for _ in range(3):
        again.turn()
    assert again.told() == ["firing"]
    third = Office(tmp_path, office.store)
    for _ in range(3):
        third.turn()
    assert third.told() == ["firing"]


def test_what_no_channel_takes_is_said_in_the_end(tmp_path: Path) -> None:
    office = Office(tmp_path)
    office.mailroom.change({})
    office.turn(rings())
    office.turn()
    office.turn()
    (notice,) = office.teller.said()
    assert isinstance(notice, Notice)
    assert "could not be delivered" in notice.text


def test_a_sign_of_life_is_given_once_in_each_period(tmp_path: Path) -> None:
    office = Office(tmp_path)
    office.teller.heartbeat = HeartbeatConfig(channels=("out",), every=600 * SECOND)
    for _ in range(10):
        office.turn(seconds=120)
    office.turn()  # so that it is saved that the last one was taken
    again = Office(tmp_path, office.store)
    again.clock.move(1200)
    again.teller.heartbeat = office.teller.heartbeat
    again.turn()
    again.turn()
    signs = [row for row in office.store.outbox() if row.key.startswith("heartbeat")]
    assert len(signs) == 3
    assert again.told() == ["heartbeat"] * 3


OLD = """
sources: [{{name: log, path: "{folder}/*.log", format: common}}]
metrics: [{{name: requests, type: COUNT, source: log, period: 10s, every: 1s}}]
alarms: [{{name: busy, metric: requests, threshold: 5}}]
channels: [{{name: out, type: file, path: "{folder}/told.jsonl"}}]
"""


@pytest.mark.parametrize("old", [True, False], ids=["a month old", "new"])
def test_a_log_that_is_old_at_the_first_start_is_summed_up(
    tmp_path: Path, *, old: bool
) -> None:
    (tmp_path / "tocsin.yaml").write_text(OLD.format(folder=tmp_path))
    bursts = ([at] * 20 + [at + 60] for at in range(0, 500, 100))
    (tmp_path / "a.log").write_bytes(b"".join(map(lines, bursts)))
    config, age = load(tmp_path / "tocsin.yaml"), 30 * 86400 if old else 510
    clock, store, view = (
        ManualClock((T0 + age) * SECOND),
        MemoryStore(),
        CollectingView(),
    )
    session = Session(config, view, Wishes())
    keeper = Keeper(store, session, clock, teller_of(config, store, clock))
    daemon = Daemon(session, clock, keeper)
    clock.at(200, daemon.stop)
    daemon.run()

    events = [e.event for e in view.of(IncidentEvent)]
    assert events == ["opened", "resolved"] * 5, "all of it is judged"
    said = list(map(json.loads, (tmp_path / "told.jsonl").read_text().splitlines()))
    assert ([m["kind"] for m in said] == ["digest"]) is old


def test_ten_thousand_incidents_are_few_messages_and_each_has_its_history(
    tmp_path: Path,
) -> None:
    """N8."""
    office = Office(tmp_path)
    route = Route(id="/", channels=("out",), group_by=("alarm", "host"), group_wait=0)
    office.teller.spec = NotifySpec(routes=(route,))
    at = T0 * SECOND
    office.turn(
        *(IncidentEvent(n, "opened", "busy", {"host": f"h{n}"}, at, "it rings")
          for n in range(1, 10_001))
    )  # fmt: skip
    for _ in range(45):
        office.turn(seconds=1)

    assert Counter(office.told()) == {"firing": 20, "digest": 1}
    rows = office.store.outbox()
    (digest,) = [r for r in map(_said, rows) if r["kind"] == "digest"]
    assert len(digest["alerts"]) + digest["held"] == 9_980
    events = [[e.event for e in office.store.history(n)] for n in range(1, 10_001, 7)]
    assert all(told[0] in {"notified", "withheld"} for told in events)


def test_500_open_incidents_are_no_news_after_a_restart_or_a_reload(
    tmp_path: Path,
) -> None:
    """N10."""
    each = Route(id="/", channels=("out",), group_by=("alarm", "host"), group_wait=0)
    office = Office(tmp_path)
    office.teller.spec = NotifySpec(routes=(each,), cap=Cap(messages=1000))
    office.turn(
        *(IncidentEvent(n, "opened", "busy", {"host": f"h{n}"}, T0 * SECOND, "it rings")
          for n in range(1, 501))
    )  # fmt: skip
    while office.waiting():
        office.turn(seconds=10)
    assert Counter(office.told()) == {"firing": 500}

    again = Office(tmp_path, office.store)
    again.clock.move((office.clock.now() - again.clock.now()) / SECOND)
    other = replace(each, id="new", group_interval=60)
    for routes in ((each,), (other,), (replace(each, group_by=("alarm",)),)):
        again.teller.spec = NotifySpec(routes=routes)
        for _ in range(20):
            again.turn(seconds=30)
    assert len(again.told()) == 500
    assert again.waiting() == 0


def test_it_is_said_when_a_channel_takes_nothing_and_when_it_works_again(
    tmp_path: Path,
) -> None:
    office = Office(tmp_path)
    (tmp_path / "told.jsonl").mkdir()  # where its file should be
    office.turn(rings())
    office.turn()
    office.turn()
    texts = [n.text for n in office.teller.said() if isinstance(n, Notice)]
    assert texts == [], "one failure is no trouble yet"
    for _ in range(60):
        office.turn(seconds=30)
    (notice,) = office.teller.said()
    assert isinstance(notice, Notice)
    assert "takes nothing" in notice.text
    (tmp_path / "told.jsonl").rmdir()
    for _ in range(30):
        office.turn(seconds=30)
    (notice,) = office.teller.said()
    assert isinstance(notice, Notice)
    assert notice.text == "the channel works again"


def _said(row: Outgoing) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(row.body)
    return found
