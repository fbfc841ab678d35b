"""`tocsin incidents`, `ack`, `silence`: what people do while a real daemon tells them."""

from __future__ import annotations

import json
import select
from contextlib import ExitStack
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import SMTP
from typing import TYPE_CHECKING, Any

import pytest
from tests.channels.postbox import Postbox, post
from tests.program import ran, started

from tocsin.model.errors import UsageError
from tocsin.model.instant import SECOND
from tocsin.runners.clock import SystemClock
from tocsin.views.door import Door

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from email.message import EmailMessage
    from pathlib import Path

RULES = """
sources: [{{name: web, path: "{folder}/*.log", format: common}}]
metrics:
  - {{name: size, type: AVG, field: bytes, period: 10m, every: 1s, group_by: [section]}}
alarms:
  - {{name: "Busy {{section}}", metric: size, threshold: 100, level: error, labels: {{team: web}}}}
channels:
  - {{name: mail, type: email, from: tocsin@example.org, to: ["{{{{ labels.team }}}}@example.org"],
      to_allow: ["*@example.org"], smtp: {{host: 127.0.0.1, port: {port}, tls: none}}}}
routes: [{{channels: mail, group_by: [section], group_wait: 0s, group_interval: 1s}}]
"""
LOOKS = 2400


class House:
    """A daemon that mails, and the commands that talk to it."""

    def __init__(self, folder: Path, box: Postbox) -> None:
        self.folder = folder
        self.state = folder / "state"
        self.box = box

    def rings(self, section: str) -> None:
        """Let the alarm of a section ring."""
        self.answers(section, 1000, 9)

    def recovers(self, section: str) -> None:
        self.answers(section, 0, 900)

    def answers(self, section: str, size: int, times: int) -> None:
        now = datetime.fromtimestamp(SystemClock().now() / SECOND, UTC)
        at = now.strftime("%d/%b/%Y:%H:%M:%S +0000")
        line = f'::1 - - [{at}] "GET {section}/x HTTP/1.1" 200 {size}\n'
        with (self.folder / "web.log").open("a") as log:
            log.write(line * times)

    def said(self, *command: str, code: int = 0) -> str:
        """Return what a command says on the way that its exit code asks for."""
        done = ran(*command, "--state", self.state)
        assert done.returncode == code, done.stderr
        return done.stderr if code else done.stdout

    def incident(self, number: int) -> dict[str, Any]:
        """Return what the daemon knows of an incident, without a command."""
        found: dict[str, Any] = Door.of(self.state).ask(
            "GET", f"/api/incidents/{number}"
        )
        return found

    def events(self, number: int) -> list[str]:
        """Return what became of an incident; nothing while there is none."""
        try:
            return [entry["event"] for entry in self.incident(number)["history"]]
        except UsageError:
            return []

    def mails(self, subject: str) -> list[EmailMessage]:
        """Return the mails that have come about something."""
        found = (message_from_bytes(raw, policy=SMTP) for _, raw in self.box.taken)
        return [mail for mail in found if mail["Subject"] == subject]


def until(true: Callable[[], bool]) -> None:
    for _ in range(LOOKS):
        if true():
            return
        select.select([], [], [], 0.05)
    raise AssertionError("it never came to pass")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with ExitStack() as stack:
        box = Postbox()
        port = stack.enter_context(post(box))
        rules = tmp_path / "tocsin.yaml"
        rules.write_text(RULES.format(folder=tmp_path, port=port))
        (tmp_path / "web.log").touch()
        made = House(tmp_path, box)
        stack.enter_context(
            started("run", "-c", rules, "--state", made.state, "--quiet",
                    "--listen", "127.0.0.1:0", "--workers", "1")
        )  # fmt: skip
        until((made.state / "door.json").exists)
        yield made


def test_an_incident_is_listed_acknowledged_and_over_and_mailed_in_one_thread(
    house: House,
) -> None:
    assert house.said("incidents") == "no incidents\n"
    house.rings("/shop")
    until(lambda: len(house.mails("[ERROR] Busy /shop")) == 1)
    assert house.said("incidents").startswith(
        "#1 open error Busy /shop section=/shop since"
    )
    told = house.said("ack", "1", "--by", "ann", "--note", "rolling back")
    assert told == "#1 Busy /shop: acknowledged by ann\n"
    assert house.events(1) == ["opened", "notified", "acknowledged"]
    history = json.loads(house.said("incidents", "1", "--json"))["history"]
    assert (history[1]["channel"], history[1]["why"]) == ("mail", "it rings (new)")
    assert history[2]["note"] == "rolling back"

    noted = house.said("incidents", "1", "--note", "since the deploy", "--by", "bob")
    assert noted.splitlines()[-1].endswith("note  bob, since the deploy")

    house.recovers("/shop")
    until(lambda: len(house.mails("[RESOLVED] Busy /shop")) == 1)
    [first], [over] = (
        house.mails("[ERROR] Busy /shop"),
        house.mails("[RESOLVED] Busy /shop"),
    )
    assert first["To"] == over["To"] == "web@example.org"
    assert over["In-Reply-To"] == first["Message-ID"]
    assert house.said("incidents") == "no incidents\n"
    listed = house.said("incidents", "--all")
    assert "#1 resolved error Busy /shop" in listed
    assert "(ann worked on it)" in listed
    assert "incident #1 is over" in house.said("ack", "1", code=2)
    assert "there is no incident #7" in house.said("incidents", "7", code=2)


def test_what_is_silenced_is_not_told_and_says_who_wanted_that(house: House) -> None:
    house.rings("/pay")
    until(lambda: len(house.mails("[ERROR] Busy /pay")) == 1)
    words = house.said(
        "silence", "add", 'section=~"/pay|/shop"', "--for", "1h", "--by", "bob",
        "--comment", "a load test",
    )  # fmt: skip
    assert "(1 that ring now match)" in words
    name = words.partition(":")[0]
    house.rings("/shop")
    until(lambda: "withheld" in house.events(2))
    [held] = [e for e in house.incident(2)["history"] if e["event"] == "withheld"]
    assert held["reason"] == "silenced"
    assert "by bob: a load test" in house.said("incidents", "2")
    assert house.mails("[ERROR] Busy /shop") == []

    assert "is no longer quiet" in house.said("silence", "expire", name)
    until(lambda: len(house.mails("[ERROR] Busy /shop")) == 1)
    told = house.mails("[ERROR] Busy /shop")[0].get_body(("plain",))
    assert told is not None
    assert "(unmuted)" in told.get_content()
    assert "over since" in house.said("silence", "list")
    assert "there is no silence 'zz'" in house.said("silence", "expire", "zz", code=2)
    assert "nothing that rings now matches" in house.said(
        "silence", "add", 'section="pay"'
    )
