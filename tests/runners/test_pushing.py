"""Lines that are pushed by a real client: accepted whole, or refused and said why."""

import gzip
import http.client
import json
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import pytest
from msgspec.structs import replace
from tests.runners.intake_world import PATIENCE, Taking, beside

from tocsin.config.intake_values import ListenConfig
from tocsin.model.errors import SourceError
from tocsin.model.secret import Secret
from tocsin.runners.pushing import Pushing
from tocsin.sources.inbox import ROOM

CHANNELS = Path(__file__).parents[1] / "channels"
KEYS = (str(CHANNELS / "localhost.pem"), str(CHANNELS / "localhost.key"))
TOKEN = "canary-0123456789"  # noqa: S105 - of this test alone
KNOWN = {"Authorization": f"Bearer {TOKEN}"}
HTTP = ListenConfig(
    scheme="http", host="127.0.0.1", port=0, path="/logs", token=Secret(TOKEN)
)
HTTPS = replace(HTTP, scheme="https", certificate=KEYS[0], key=KEYS[1])


Body: TypeAlias = bytes | Iterator[bytes]


class Answer(NamedTuple):
    status: int
    said: dict[str, Any]
    headers: dict[str, str]


class Site:
    """An open port: what reads it, and how it is spoken to."""

    def __init__(self, pushing: Pushing) -> None:
        self.pushing = pushing
        self.taking = Taking(pushing)

    def post(
        self,
        body: Body = b"",
        headers: dict[str, str] | None = None,
        path: str = "/logs",
    ) -> Answer:
        """Send a request, and wait for the answer."""
        if self.pushing.config.encrypted:
            context = ssl.create_default_context(cafile=KEYS[0])
            client: http.client.HTTPConnection = http.client.HTTPSConnection(
                "localhost", self.pushing.port, timeout=PATIENCE, context=context
            )
        else:
            client = http.client.HTTPConnection(
                "127.0.0.1", self.pushing.port, timeout=PATIENCE
            )
        try:
            client.request("POST", path, body, KNOWN if headers is None else headers)
            answer = client.getresponse()
            told = {k.lower(): v for k, v in answer.getheaders()}
            read = answer.read()
            return Answer(answer.status, json.loads(read), told)
        finally:
            client.close()

    def saved(self, body: Body, headers: dict[str, str] | None = None) -> Answer:
        """Send lines, and save what comes until they are answered."""
        with beside(lambda: self.post(body, headers)) as answer:

            def settled() -> bool:
                self.pushing.confirm(self.pushing.at)
                return answer.done()

            self.taking.until(settled)
        found = answer.result()
        assert isinstance(found, Answer)
        return found


@contextmanager
def open_site(
    config: ListenConfig = HTTP, room: int = ROOM, patience: float = PATIENCE
) -> Iterator[Site]:
    pushing = Pushing(config, room=room, patience=patience)
    try:
        yield Site(pushing)
    finally:
        pushing.close()


@pytest.mark.parametrize("config", [HTTP, HTTPS], ids=["http", "https"])
def test_lines_are_accepted_and_answered_once_they_are_saved(
    config: ListenConfig,
) -> None:
    with open_site(config) as site:
        answer = site.saved(b"one\ntwo\nthree")
        assert answer[:2] == (200, {"accepted": 3, "too_long": 0, "saved": True})
        assert site.taking.text == b"one\ntwo\nthree\n"
        site.saved(b"four\n")
        assert site.taking.text == b"one\ntwo\nthree\nfour\n"


def test_no_answer_comes_before_they_are_saved() -> None:
    with open_site(patience=0.2) as site:
        with beside(lambda: site.post(b"one\n")) as answer:
            site.taking.lines(1)
            found = answer.result()
        assert isinstance(found, Answer)
        assert found[:2] == (202, {"accepted": 1, "too_long": 0, "saved": False})
        site.pushing.confirm(site.pushing.at)  # late: nobody waits any more
        assert site.saved(b"two\n").status == 200


def test_a_gzip_body_is_expanded() -> None:
    with open_site() as site:
        body, zipped = b"a line\n" * 1000, {**KNOWN, "Content-Encoding": "gzip"}
        assert site.saved(gzip.compress(body), zipped).said["accepted"] == 1000
        assert site.taking.text == body


def test_a_body_may_come_in_pieces() -> None:
    with open_site() as site:
        answer = site.saved(iter([b"o", b"ne\ntw", b"o\n"]))
        assert (answer.status, site.taking.text) == (200, b"one\ntwo\n")


def test_an_empty_body_is_no_mistake() -> None:
    with open_site() as site:
        answer = site.post()
        assert answer[:2] == (200, {"accepted": 0, "too_long": 0, "saved": True})


def test_a_line_that_is_too_long_is_counted() -> None:
    with open_site() as site:
        answer = site.saved(b"x" * (2 << 20) + b"\nshort\n")
        assert answer.said == {"accepted": 1, "too_long": 1, "saved": True}
        assert site.taking.text == b"short\n"
        assert sum(chunk.oversized for chunk in site.taking.chunks) == 1


SMALL = replace(HTTP, max_body=1000)
ZIPPED = {**KNOWN, "Content-Encoding": "gzip"}
REFUSED: dict[str, tuple[Body, dict[str, str], int, str]] = {
    "no token": (b"x\n", {}, 401, "the token is missing or wrong"),
    "another token": (b"x\n", {"Authorization": "Bearer x"}, 401, "the token is"),
    "a token that is not ASCII": (
        b"x\n", {"Authorization": "Bearer \u00e9"}, 401, "the token is"),
    "a large body": (b"x" * 1001, KNOWN, 413, "at most 1000 bytes, expanded"),
    "one that does not say so": (iter([b"x" * 600] * 2), KNOWN, 413, "at most 1000"),
    "one that expands a lot": (
        gzip.compress(b"x" * (64 << 20), 9)[:999], ZIPPED, 413, "at most 1000"),
    "a damaged one": (b"\x1f\x8b\x08nothing", ZIPPED, 400, "the gzip body is damaged"),
    "one that is cut off": (
        gzip.compress(b"x\n" * 9)[:-3], ZIPPED, 400, "ends in its middle"),
    "two in one": (gzip.compress(b"x\n") * 2, ZIPPED, 400, "more than one member"),
    "another packing": (
        b"x\n", {**KNOWN, "Content-Encoding": "br"}, 415, "must be plain or gzip"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("body", "headers", "status", "why"), REFUSED.values(), ids=REFUSED
)
def test_refused(body: Body, headers: dict[str, str], status: int, why: str) -> None:
    if not isinstance(body, bytes):
        body = iter([b"x" * 600] * 2)
    with open_site(SMALL) as site:
        answer = site.post(body, headers)
        assert (answer.status, answer.said["accepted"]) == (status, 0)
        assert why in answer.said["error"]
        assert TOKEN not in str(answer)
        assert site.taking.look().text == b""
        assert site.saved(b"and it goes on\n").status == 200


def test_without_room_it_says_when_to_come_again() -> None:
    with open_site(room=10, patience=0.1) as site:
        assert site.post(b"first line\n").status == 202
        answer = site.post(b"second line\n")
        assert answer[:2] == (
            429,
            {"error": "there is no room for more lines now", "accepted": 0},
        )
        assert answer.headers["retry-after"] == "1"
        assert site.taking.look().text == b"first line\n"
        assert site.saved(b"second line\n").status == 200
        assert site.taking.text == b"first line\nsecond line\n"


def test_only_so_many_are_read_at_a_time() -> None:
    with open_site() as site:
        slow = [
            http.client.HTTPConnection("127.0.0.1", site.pushing.port, timeout=PATIENCE)
            for _ in range(8)
        ]
        for client in slow:
            client.putrequest("POST", "/logs")
            client.putheader("Authorization", f"Bearer {TOKEN}")
            client.putheader("Content-Length", "5")
            client.endheaders()
            client.send(b"li")
        busy: Callable[[], bool] = lambda: site.saved(b"x\n").status == 429  # noqa: E731
        site.taking.until(busy)
        for client in slow:
            client.send(b"ne\n")
        site.taking.until(lambda: site.taking.text.count(b"line\n") == 8)
        site.pushing.confirm(site.pushing.at)
        assert [client.getresponse().status for client in slow] == [200] * 8
        for client in slow:
            client.close()


def test_the_end_still_answers_those_who_wait() -> None:
    with open_site() as site:
        with beside(lambda: site.post(b"last\n")) as answer:
            site.taking.until(lambda: site.taking.text)
            site.pushing.stop()
            assert site.post(b"too late\n")[:2] == (
                503,
                {"error": "it is about to end", "accepted": 0},
            )
            assert site.taking.rest() == b"last\n"
            site.pushing.confirm(site.pushing.at)
            found = answer.result()
        assert isinstance(found, Answer)
        assert found.status == 200


def test_another_path_and_another_method_are_none() -> None:
    with open_site() as site:
        client = http.client.HTTPConnection(
            "127.0.0.1", site.pushing.port, timeout=PATIENCE
        )
        for method, path, status in (("POST", "/", 404), ("GET", "/logs", 405)):
            client.request(method, path, headers=KNOWN)
            answer = client.getresponse()
            answer.read()
            assert answer.status == status
        client.close()


def test_a_port_that_is_taken_is_one_clear_sentence() -> None:
    with open_site() as site:
        config = replace(HTTP, port=site.pushing.port)
        with pytest.raises(SourceError, match="cannot listen: Address already in use"):
            Pushing(config)
