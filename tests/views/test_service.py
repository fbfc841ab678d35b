"""What the daemon answers to those who ask how it is."""

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tests.runners.world import T0, rules

from tocsin.config import load
from tocsin.config.folder import files_of
from tocsin.incidents.draft import NotifySpec
from tocsin.model.errors import ConfigError, Problem, SourceError, UsageError
from tocsin.model.instant import SECOND
from tocsin.model.records import IncidentEvent
from tocsin.runners.desk import Desk
from tocsin.runners.health import STALE_AFTER, STUCK_AFTER, Health
from tocsin.runners.keeping import Keeper
from tocsin.runners.rules import Rules
from tocsin.runners.session import Session
from tocsin.runners.stream import Stream
from tocsin.runners.telling import Teller
from tocsin.runners.wishes import Wishes
from tocsin.state.memory import MemoryStore
from tocsin.testing import CollectingView, ManualClock, ScriptedSource
from tocsin.views.door import NOTE, Door
from tocsin.views.service import Service, address, application

TOKEN = "a token of these tests"  # noqa: S105 - no secret


class Ward:
    """A daemon's health, and the door through which it is asked for."""

    def __init__(self) -> None:
        self.clock = ManualClock(T0 * SECOND)
        session = Session(rules(), CollectingView(), Wishes())
        store = MemoryStore()
        self.teller = Teller(NotifySpec(), {}, store)
        self.keeper = Keeper(store, session, self.clock, self.teller)
        self.desk = Desk(store, self.teller, self.clock)
        self.health = Health(self.clock)
        self.rules = Rules(Path("tocsin.yaml"), load, files_of, self.clock)
        app = application(self.health, self.desk, TOKEN)
        self.service = Service(app, "127.0.0.1", 0)
        self.door = Door(self.service.url, TOKEN)
        self.stream = Stream("a.log", "log", ScriptedSource(self.clock, []), 0.0)
        self.stream.caught_up = True

    def ask(self, path: str) -> tuple[int, dict[str, Any]]:
        url = f"http://127.0.0.1:{self.service.port}{path}"
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def wish(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401
        """Ask as a command does, while the loop turns; return the answer."""
        with ThreadPoolExecutor(1) as people:
            answer = people.submit(self.door.ask, method, path, body)
            while not answer.done():
                if self.desk.serve():
                    self.keeper.turn((), (), now=True)
                    self.desk.saved()
        return answer.result()

    def ring(self) -> None:
        """Let an alarm ring, and be saved."""
        event = IncidentEvent(
            1, "opened", "busy", {"section": "/a"}, T0 * SECOND, "it rings"
        )
        self.keeper.turn((), [event])

    def turn(self) -> None:
        self.health.turned([self.stream], self.keeper, self.rules)


@pytest.fixture
def ward() -> Iterator[Ward]:
    made = Ward()
    yield made
    made.service.close()


def test_it_is_alive_but_not_ready_before_its_first_turn(ward: Ward) -> None:
    assert ward.ask("/livez") == (200, {"alive": True})
    status, body = ward.ask("/readyz")
    assert (status, body["checks"]["start"]["why"]) == (503, "has just begun")


def test_it_is_ready_when_all_is_read_and_saved(ward: Ward) -> None:
    ward.turn()
    status, body = ward.ask("/readyz")
    assert (status, body["ready"]) == (200, True)
    assert [s["stream"] for s in body["streams"]] == ["a.log"]


@pytest.mark.parametrize(("caught_up", "ago"), [(True, 7.0), (False, None)])
def test_of_a_log_that_is_read_to_its_end_it_says_when_that_was_seen(
    ward: Ward, *, caught_up: bool, ago: float | None
) -> None:
    ward.stream.caught_up = caught_up
    ward.stream.looked_at = ward.clock.monotonic()
    ward.turn()
    ward.clock.move(7)
    assert [s["looked_ago"] for s in ward.ask("/readyz")[1]["streams"]] == [ago]


def test_a_loop_that_hangs_is_not_alive(ward: Ward) -> None:
    ward.turn()
    ward.clock.move(STUCK_AFTER + 1)
    assert ward.ask("/livez")[0] == 503
    assert ward.ask("/readyz")[1]["checks"]["loop"]["ok"] is False


def full(ward: Ward) -> None:
    ward.keeper.full = True


def behind(ward: Ward) -> None:
    ward.stream.caught_up = False


def troubled(ward: Ward) -> None:
    ward.stream.trouble = "permission denied"


def stale(ward: Ward) -> None:
    ward.clock.move(STALE_AFTER + 1)


def misspelt(ward: Ward) -> None:
    ward.rules.refused(ConfigError([Problem("tocsin.yaml:3", "alarmz", "unknown key")]))


BAD = {
    "no room for the state": (full, "disk", "cannot be saved"),
    "lines that wait": (behind, "lag", "a.log"),
    "a log that cannot be read": (troubled, "sources", "permission denied"),
    "an old commit": (stale, "commit", "61 s ago"),
    "rules with a mistake": (misspelt, "configuration", "tocsin.yaml has problems"),
}


@pytest.mark.parametrize(("spoil", "check", "word"), BAD.values(), ids=BAD)
def test_it_is_not_ready_and_says_why(
    ward: Ward,
    spoil: Callable[[Ward], None],
    check: str,
    word: str,
) -> None:
    spoil(ward)
    ward.turn()
    status, body = ward.ask("/readyz")
    wrong = {name: c["why"] for name, c in body["checks"].items() if not c["ok"]}
    assert status == 503
    assert list(wrong) == [check]
    assert word in wrong[check]


ADDRESSES = {
    "127.0.0.1:80": ("127.0.0.1", 80),
    ":80": ("127.0.0.1", 80),
    "80": ("127.0.0.1", 80),
    "[::1]:80": ("::1", 80),
}


@pytest.mark.parametrize(("text", "found"), ADDRESSES.items(), ids=ADDRESSES)
def test_an_address(text: str, found: tuple[str, int]) -> None:
    assert address(text) == found


@pytest.mark.parametrize("text", ["", "here", "host:", "host:70000", "host:-1"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="expected HOST:PORT"):
        address(text)


def test_an_address_that_is_taken_is_named(ward: Ward) -> None:
    with pytest.raises(SourceError, match="Address already in use"):
        Service(
            application(ward.health, ward.desk, TOKEN), "127.0.0.1", ward.service.port
        )


def test_incidents_are_listed_and_acknowledged(ward: Ward) -> None:
    ward.ring()
    assert [i["id"] for i in ward.wish("GET", "/api/incidents?status=open")] == [1]
    ward.wish("POST", "/api/incidents/1/ack", {"by": "ann", "note": "mine"})
    ward.wish("POST", "/api/incidents/1/note", {"by": "bob", "text": "a deploy"})
    found = ward.wish("GET", "/api/incidents/1")
    assert found["acknowledged_by"] == "ann"
    told = [(e["event"], e.get("by")) for e in found["history"]]
    assert told[-2:] == [("acknowledged", "ann"), ("note", "bob")]


def test_a_silence_is_kept_and_ended(ward: Ward) -> None:
    body = {"match": ['section=~"/a.*"'], "seconds": 60, "by": "ann", "comment": "x"}
    made = ward.wish("POST", "/api/silences", body)
    again = Teller(NotifySpec(), {}, ward.keeper.store)
    assert list(again.state.silences) == [made["id"]]
    assert [s["active"] for s in ward.wish("GET", "/api/silences")] == [True]
    assert not ward.wish("DELETE", f"/api/silences/{made['id']}")["active"]


WRONG = {
    "an incident that is none": ("GET", "/api/incidents/7", None, "no incident #7"),
    "to work on an incident that is none": (
        "POST", "/api/incidents/1/ack", {"by": "ann"}, "no incident #1",
    ),
    "no name": ("POST", "/api/incidents/1/ack", {}, "by: expected str"),
    "no matcher": (
        "POST", "/api/silences", {"match": ["x"], "seconds": 1, "by": "a"}, "a matcher",
    ),
    "no number": (
        "POST", "/api/silences", {"match": [], "seconds": "1", "by": "a"}, "seconds",
    ),
    "a silence that is none": ("DELETE", "/api/silences/zz", None, "no silence"),
    "a list": ("POST", "/api/silences", [1], "an object of JSON"),
    "too much": ("POST", "/api/silences", {"x": "y" * 70_000}, "too large"),
}  # fmt: skip


@pytest.mark.parametrize(("method", "path", "body", "word"), WRONG.values(), ids=WRONG)
def test_a_wish_that_cannot_be_granted_is_refused_in_words(
    ward: Ward, method: str, path: str, body: object, word: str
) -> None:
    with pytest.raises(UsageError, match=word):
        ward.wish(method, path, body)


@pytest.mark.parametrize("token", ["", "Bearer ", "Bearer wrong", TOKEN])
def test_without_the_token_nothing_is_told(ward: Ward, token: str) -> None:
    url = f"{ward.service.url}/api/incidents"
    request = urllib.request.Request(url, headers={"Authorization": token})  # noqa: S310
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=10)  # noqa: S310
    with refused.value as answer:
        assert (answer.code, "token" in json.load(answer)["error"]) == (401, True)


def test_the_note_in_the_state_folder_is_for_its_owner_alone(tmp_path: Path) -> None:
    Door("http://127.0.0.1:1", TOKEN).write(tmp_path)
    assert (tmp_path / NOTE).stat().st_mode & 0o777 == 0o600
    assert Door.of(tmp_path) == Door("http://127.0.0.1:1", TOKEN)
    with pytest.raises(SourceError, match="cannot be reached"):
        Door.of(tmp_path).ask("GET", "/api/silences")


def test_without_a_daemon_that_is_said(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no daemon is running"):
        Door.of(tmp_path)
