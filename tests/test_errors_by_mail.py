"""The example of mails about errors: several windows at once, and a burst across two."""

import os
import runpy
from collections.abc import Sequence
from datetime import datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from random import Random

import pytest
from msgspec.structs import replace
from tests.channels.postbox import Postbox, post

from tocsin.config import load
from tocsin.config.values import Config
from tocsin.model.instant import SECOND, iso
from tocsin.model.records import IncidentEvent, Transition
from tocsin.pipeline.notifying import alarm_notes, notify_spec
from tocsin.runners.daemon import Daemon
from tocsin.runners.keeping import Keeper
from tocsin.runners.mailroom import Mailroom, channels_of
from tocsin.runners.replay import Replay
from tocsin.runners.session import Session
from tocsin.runners.telling import Teller
from tocsin.runners.wishes import Wishes
from tocsin.sources import families
from tocsin.state.memory import MemoryStore
from tocsin.testing import CollectingView, ManualClock

FOLDER = Path(__file__).parents[1] / "examples" / "errors-by-mail"
LOG = FOLDER / "app.log"
BEGAN = 5190
"""Seconds after the first line of the log at which the daemon starts: at 9:56:30."""
LONG = 315
"""Seconds until all is told."""
LAST_POST = 30.0


def config(port: int, log: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    """Return the example as it ships, with a mail server of ours and another log."""
    monkeypatch.setenv("SMTP_HOST", "127.0.0.1")
    monkeypatch.setenv("SMTP_PORT", str(port))
    made = load(FOLDER / "tocsin.yaml")
    (source,) = made.sources
    return replace(made, sources=(replace(source, path=(str(log),)),))


def written_at(line: bytes) -> int:
    """Return when a line of the log was written, in seconds."""
    return int(datetime.fromisoformat(line.split()[0].decode()).timestamp())


class Afternoon:
    """The daemon under the example's rules, while the log is written, on a made clock."""

    def __init__(self, rules: Config, log: Path) -> None:
        lines = LOG.read_bytes().splitlines(keepends=True)
        self.began = written_at(lines[0]) + BEGAN
        self.clock = ManualClock(self.began * SECOND)
        self.view = CollectingView()
        store = MemoryStore()
        random = Random(1)  # noqa: S311 - waits, no secrets
        room = Mailroom(store, channels_of(rules, self.clock), self.clock, random)
        teller = Teller(notify_spec(rules), alarm_notes(rules), store, room)
        session = Session(rules, self.view, Wishes())
        keeper = Keeper(store, session, self.clock, teller)
        self.daemon = Daemon(session, self.clock, keeper)
        for line in lines:
            self.write(log, line)
        for second in range(0, LONG, 5):  # the clock is faster than any mail server
            self.clock.at(second, lambda: room.settle(LAST_POST))

    def write(self, log: Path, line: bytes) -> None:
        def grow() -> None:
            with log.open("ab") as out:
                out.write(line)

        self.clock.at(max(written_at(line) - self.began, 0), grow)

    def pass_by(self) -> None:
        self.clock.at(LONG, self.daemon.stop)
        self.daemon.run()


def times(view: CollectingView, to: str) -> dict[str, str]:
    """Return when each alarm changed to a state."""
    found = [t for t in view.of(Transition) if t.to_state == to]
    return {t.alarm: iso(t.at) for t in found}


def subjects(mails: Sequence[EmailMessage]) -> list[str]:
    return [mail["Subject"] for mail in mails]


@pytest.fixture
def mails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sequence[EmailMessage]:
    """What the mail server took, in its order."""
    box, log = Postbox(), tmp_path / "app.log"
    log.touch()
    with post(box) as port:
        Afternoon(config(port, log, monkeypatch), log).pass_by()
    assert {who for who, _ in box.taken} == {("ops@example.org",)}
    return [message_from_bytes(raw, policy=SMTP) for _, raw in box.taken]


def test_both_windows_mail_and_each_recovery_answers_its_alarm(
    mails: Sequence[EmailMessage],
) -> None:
    hour, hour_over, minute, minute_over = mails
    assert "Errors of billing" in hour["Subject"]
    assert "Burst of errors" in minute["Subject"]
    assert hour_over["In-Reply-To"] == hour["Message-ID"]
    assert minute_over["In-Reply-To"] == minute["Message-ID"]
    for mail in (hour_over, minute_over):
        assert "RECOVERED" in mail["Subject"].upper() or "RESOLVED" in mail["Subject"]
    body = minute.get_body(("plain",))
    assert body is not None
    assert "errors = 11" in body.get_content()


def test_a_mail_shows_lines_of_the_log_and_a_picture_of_the_metric(
    mails: Sequence[EmailMessage],
) -> None:
    pytest.importorskip("vl_convert", reason="the extra charts is not installed")
    minute = next(m for m in mails if "CRITICAL" in m["Subject"])
    body = minute.get_body(("plain",))
    assert body is not None
    shown = [r for r in body.get_content().splitlines() if r.startswith("    | ")]
    assert len(shown) == 5
    assert all("the database is away" in row for row in shown)
    pictures = [p for p in minute.walk() if p.get_content_type() == "image/png"]
    assert len(pictures) == 1


def replayed(rules: Config) -> CollectingView:
    """Return all that the example's log comes to under some rules."""
    after = written_at(LOG.read_bytes().splitlines()[-1]) + 60
    clock, view = ManualClock(after * SECOND), CollectingView()
    replay = Replay(Session(rules, view, Wishes()), clock, workers=1)
    (source,) = rules.sources
    replay.run([(source.name, family) for family in families([LOG])], clock.now())
    return view


def test_neither_of_two_periods_holds_the_burst_but_it_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rules = config(25, LOG, monkeypatch)
    aligned = tuple(replace(m, every=m.period) for m in rules.metrics)

    assert replayed(replace(rules, metrics=aligned)).of(IncidentEvent) == []
    assert times(replayed(rules), "firing") == {
        "Burst of errors": "2026-03-14T10:00:10Z",
        "Errors of {app}": "2026-03-14T09:14:00Z",
    }


def test_the_generator_writes_the_log_that_ships() -> None:
    written = "".join(runpy.run_path(os.fspath(FOLDER / "generate.py"))["log"]())
    assert written == LOG.read_text(encoding="utf-8")
