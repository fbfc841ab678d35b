"""A state that a daemon holds: it is asked for a copy; and what a reload would do."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from tests.runners.world import T0

from tocsin.config import load
from tocsin.incidents.draft import NotifySpec
from tocsin.model.instant import SECOND
from tocsin.runners.desk import Desk
from tocsin.runners.health import Health
from tocsin.runners.keeping import Keeper
from tocsin.runners.session import Session
from tocsin.runners.telling import Teller
from tocsin.runners.wishes import Wishes
from tocsin.state.backup import verify
from tocsin.state.opening import open_folder
from tocsin.testing import CollectingView, ManualClock
from tocsin.views.cli import run
from tocsin.views.door import NOTE, Door
from tocsin.views.service import Service, application

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RULES = """
sources: [{name: web, path: web.log, format: combined}]
metrics:
  - {name: hits, type: COUNT, source: web, period: 1m}
  - {name: load, type: SUM, field: bytes, source: web, period: 1m}
alarms: [{name: busy, metric: hits, threshold: 10}]
"""


class Held:
    """A state that is held by a daemon which answers, or does not."""

    def __init__(self, folder: Path) -> None:
        self.rules = folder / "tocsin.yaml"
        self.rules.write_text(RULES)
        self.folder = folder / "state"
        clock = ManualClock(T0 * SECOND)
        self.store = open_folder(self.folder, program="test", now=0)
        session = Session(load(self.rules), CollectingView(), Wishes())
        self.teller = Teller(NotifySpec(), {}, self.store)
        self.keeper = Keeper(self.store, session, clock, self.teller)
        self.desk = Desk(self.store, self.teller, clock)
        self.service = Service(
            application(Health(clock), self.desk, "token"), "127.0.0.1", 0
        )
        self.keeper.turn((), (), now=True)

    def answers(self) -> None:
        Door(self.service.url, "token").write(self.folder)

    def run(self, *args: str) -> int:
        """Run a command beside the daemon, while its loop turns."""
        with ThreadPoolExecutor(1) as people:
            code = people.submit(run, [*args, "--state", str(self.folder)])
            while not code.done():
                if self.desk.serve():
                    self.desk.saved()
        return code.result()


@pytest.fixture
def held(tmp_path: Path) -> Iterator[Held]:
    made = Held(tmp_path)
    yield made
    made.service.close()
    made.store.close()


def test_a_daemon_writes_a_backup_while_it_runs(held: Held, tmp_path: Path) -> None:
    held.answers()
    assert held.run("state", "backup", str(tmp_path / "copy.db")) == 0
    assert verify(tmp_path / "copy.db").commits == held.store.about().commits


def test_a_backup_that_cannot_be_written_is_refused(held: Held, tmp_path: Path) -> None:
    held.answers()
    (tmp_path / "copy.db").write_text("something of value")
    assert held.run("state", "backup", str(tmp_path / "copy.db")) == 2
    assert (tmp_path / "copy.db").read_text() == "something of value"


def test_what_a_daemon_holds_is_shown_of_a_copy_that_is_gone_then(
    held: Held, capsys: pytest.CaptureFixture[str]
) -> None:
    held.answers()
    before = {*held.folder.iterdir()}
    assert held.run("state", "show") == 0
    assert "1 commits" in capsys.readouterr().out
    assert {*held.folder.iterdir()} == before


@pytest.mark.parametrize("note", [False, True], ids=["no note", "an old note"])
def test_a_state_whose_holder_does_not_answer_is_locked(
    held: Held, *, note: bool
) -> None:
    if note:
        held.folder.joinpath(NOTE).write_text(
            '{"url": "http://127.0.0.1:1", "token": ""}'
        )
    assert held.run("state", "show") == 4


CHANGES = {
    "nothing": ("", "", 0, ["kept       metric  hits", "kept       alarm   busy"]),
    "a name": (
        "hits", "requests", 0, ["kept       metric  requests (it was called hits)"],
    ),
    "a period": (
        "source: web, period: 1m}\n  -", "source: web, period: 2m}\n  -", 1,
        ["begins     metric  hits (its definition is another: its windows are forgotten)",
         "kept       metric  load",
         "begins     alarm   busy (its metric is another: its incidents are closed)"],
    ),
    "an alarm": (
        "alarms: [{name: busy, metric: hits, threshold: 10}]", "", 1,
        ["forgotten  alarm   busy (it is not in the configuration)"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_check_says_what_a_reload_would_do(
    held: Held,
    capsys: pytest.CaptureFixture[str],
    change: tuple[str, str, int, list[str]],
) -> None:
    old, new, code, said = change
    held.answers()
    held.rules.write_text(RULES.replace(old, new) if old else RULES)
    assert held.run("check", str(held.rules), "--against-state") == code
    told = capsys.readouterr().out.splitlines()
    assert [line for line in told if line in said] == said
