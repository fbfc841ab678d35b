"""What the daemon answers to those who ask how it is."""

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.runners.world import T0, rules

from tocsin.model.errors import SourceError, UsageError
from tocsin.model.instant import SECOND
from tocsin.runners.health import STALE_AFTER, STUCK_AFTER, Health
from tocsin.runners.keeping import Keeper
from tocsin.runners.session import Session, Wishes
from tocsin.runners.stream import Stream
from tocsin.state.memory import MemoryStore
from tocsin.testing import CollectingView, ManualClock, ScriptedSource
from tocsin.views.service import Service, address, application


class Ward:
    """A daemon's health, and the door through which it is asked for."""

    def __init__(self) -> None:
        self.clock = ManualClock(T0 * SECOND)
        session = Session(rules(), CollectingView(), Wishes())
        self.keeper = Keeper(MemoryStore(), session, self.clock)
        self.health = Health(self.clock)
        self.service = Service(application(self.health), "127.0.0.1", 0)
        self.stream = Stream("a.log", "log", ScriptedSource(self.clock, []), 0.0)
        self.stream.caught_up = True

    def ask(self, path: str) -> tuple[int, dict[str, Any]]:
        url = f"http://127.0.0.1:{self.service.port}{path}"
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def turn(self) -> None:
        self.health.turned([self.stream], self.keeper)


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


BAD = {
    "no room for the state": (full, "disk", "cannot be saved"),
    "lines that wait": (behind, "lag", "a.log"),
    "a log that cannot be read": (troubled, "sources", "permission denied"),
    "an old commit": (stale, "commit", "61 s ago"),
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
        Service(application(ward.health), "127.0.0.1", ward.service.port)
