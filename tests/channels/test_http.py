"""What the other side may do to a request, and where no request ever goes."""

import ipaddress
import socket
import threading
from collections.abc import Iterable
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.channels.servers import HERE, LOOPBACK, answer, tcp, web

from tocsin.channels.addresses import (
    AddressRefused,
    NameUnknown,
    permitted,
    public,
    resolve,
)
from tocsin.channels.http import Reply, Site, Unreachable, failed, host_of, outcome
from tocsin.model.notification import Fate

ANSWERS = {
    "200 is a delivery": (answer(200), Fate.DELIVERED, None),
    "202 is a delivery": (answer(202), Fate.DELIVERED, None),
    "a redirect is not followed": (
        answer(302, Location="http://127.0.0.1:1/"), Fate.REFUSED, None,
    ),
    "400 will never be taken": (answer(400), Fate.REFUSED, None),
    "404 will never be taken": (answer(404), Fate.REFUSED, None),
    "410 says that nothing ever will": (answer(410), Fate.GONE, None),
    "408 may pass": (answer(408), Fate.RETRY, None),
    "429 says when": (answer(429, Retry_After="17"), Fate.RETRY, 17.0),
    "503 may say a time of day": (
        answer(
            503,
            Date="Thu, 07 Feb 2019 21:12:37 GMT",
            Retry_After="Thu, 07 Feb 2019 21:13:07 GMT",
        ), Fate.RETRY, 30.0,
    ),
    "a Retry-After that is nonsense": (answer(500, Retry_After="soon"), Fate.RETRY, None),
    "500 may pass": (answer(500, b"oops"), Fate.RETRY, None),
}  # fmt: skip


@pytest.mark.parametrize(("said", "fate", "after"), ANSWERS.values(), ids=ANSWERS)
def test_a_status_means(
    said: tuple[int, dict[str, str], bytes], fate: Fate, after: float | None
) -> None:
    """N3."""
    with web(said) as server:
        reply = HERE.post(server.url, b"{}", {})
        found = outcome("r", reply)

    assert (found.fate, found.after) == (fate, after)
    assert len(server.requests) == 1


def drip(sock: socket.socket) -> None:
    sock.recv(65_536)
    waiting = threading.Event()
    for _ in range(200):
        sock.sendall(b"H")
        waiting.wait(0.05)


def silent(sock: socket.socket) -> None:
    while sock.recv(65_536):
        pass


def hang_up(sock: socket.socket) -> None:
    sock.recv(65_536)


def flood(sock: socket.socket, sent: list[int]) -> None:
    sock.recv(65_536)
    sock.sendall(b"HTTP/1.1 500 x\r\n\r\n")
    for _ in range(1_000):
        sock.sendall(b"x" * 1_000_000)
        sent.append(1_000_000)


def headers_for_ever(sock: socket.socket) -> None:
    sock.recv(65_536)
    sock.sendall(b"HTTP/1.1 200 OK\r\n")
    for n in range(100_000):
        sock.sendall(b"X-%d: y\r\n" % n)


@pytest.mark.parametrize(
    ("converse", "said"),
    [
        pytest.param(drip, "no answer in 0.5 s", id="a byte now and then"),
        pytest.param(silent, "no answer in 0.5 s", id="never a word"),
        pytest.param(hang_up, "no answer", id="hangs up"),
        pytest.param(headers_for_ever, "no answer", id="headers without end"),
    ],
)
def test_no_answer_is_known_in_time(converse: object, said: str) -> None:
    """N2."""
    site = Site(allow=LOOPBACK, timeout=0.5)
    with tcp(converse) as port, pytest.raises(Unreachable, match=said) as caught:  # type: ignore[arg-type]
        site.post(f"http://127.0.0.1:{port}/", b"{}", {})

    assert failed("r", caught.value).fate is Fate.RETRY


def test_an_answer_without_end_is_not_read_to_its_end() -> None:
    """N2."""
    sent: list[int] = []
    with tcp(partial(flood, sent=sent)) as port:
        reply = HERE.post(f"http://127.0.0.1:{port}/", b"{}", {})

    assert reply.status == 500
    assert len(reply.text) <= 4_096
    assert sum(sent) < 100_000_000, "what the kernel holds, of a thousand million"


def test_a_closed_port_may_be_open_later() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(Unreachable, match="cannot connect") as caught:
        HERE.post(f"http://127.0.0.1:{port}/", b"", {})
    assert not caught.value.final


def test_certificates_are_verified() -> None:
    with tcp(silent) as port, pytest.raises(Unreachable):
        Site(allow=LOOPBACK, timeout=0.3).post(f"https://127.0.0.1:{port}/", b"", {})
    context = HERE.tls()
    assert context.check_hostname
    assert context.verify_mode.name == "CERT_REQUIRED"


INSIDE = {
    "the machine itself": "127.0.0.1",
    "as one number": "2130706433",
    "in hexadecimal": "0x7f000001",
    "in octal": "0177.0.0.1",
    "short": "127.1",
    "the machine by name": "localhost",
    "nowhere": "0.0.0.0",  # noqa: S104
    "metadata of a cloud": "169.254.169.254",
    "a private network": "10.1.2.3",
    "shared by a provider": "100.64.0.1",
    "of many": "224.0.0.1",
    "IPv6 itself": "::1",
    "IPv6 that is IPv4": "::ffff:127.0.0.1",
    "IPv6 through NAT64": "64:ff9b::7f00:1",
    "IPv6 through 6to4": "2002:7f00:1::1",
    "IPv6 of this link": "fe80::1",
    "IPv6 of this site": "fd00::1",
}


@pytest.mark.parametrize("host", INSIDE.values(), ids=INSIDE)
def test_what_is_inside_is_not_asked(host: str) -> None:
    """X9."""
    shown = f"[{host}]" if ":" in host else host
    with pytest.raises(Unreachable, match="no public address") as caught:
        Site(timeout=1.0).post(f"http://{shown}:9/", b"", {})

    assert failed("r", caught.value).fate is Fate.REFUSED


def test_a_name_that_points_inside_is_not_asked_and_what_it_says_later_is_not_heard() -> (
    None
):
    """X9."""
    asked = list[str]()

    def flips(host: str, _port: int) -> Iterable[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) > 1 else ["198.51.100.7", "10.0.0.1"]

    # The documentation's networks are not public either: nothing remains.
    with pytest.raises(AddressRefused):
        permitted("rebind.example.org", 80, (), flips)
    assert asked == ["rebind.example.org"]


def test_only_the_address_that_was_looked_at_is_connected_to() -> None:
    """X9."""
    asked = list[str]()

    def once(host: str, _port: int) -> Iterable[str]:
        asked.append(host)
        return ["127.0.0.1"]

    with web() as server:
        site = Site(allow=LOOPBACK, resolver=once)
        reply = site.post(f"http://nowhere.invalid:{server.port}/", b"{}", {})

    assert reply.status == 200
    assert asked == ["nowhere.invalid"]
    assert server.requests[0].headers["Host"] == f"nowhere.invalid:{server.port}"


@pytest.mark.parametrize("allowed", ["127.0.0.1", "127.0.0.0/8", "LOCALHOST"])
def test_one_may_allow_it(allowed: str) -> None:
    assert permitted("localhost", 80, (allowed,), lambda *_: ["127.0.0.1"])


def test_a_name_without_an_address_may_have_one_later() -> None:
    with pytest.raises(NameUnknown):
        resolve("no-such-name.invalid", 80)
    with pytest.raises(NameUnknown):
        permitted("x", 80, (), lambda *_: [])


@given(st.ip_addresses(v=4))
def test_an_address_of_ipv4_is_judged_alike_inside_ipv6(
    address: ipaddress.IPv4Address,
) -> None:
    inner = int(address)
    forms = [0xFFFF << 32 | inner, 0x64FF9B << 96 | inner]
    for form in forms:
        assert public(ipaddress.IPv6Address(form)) == public(address)


@given(st.text(max_size=30), st.text(max_size=30))
@settings(deadline=None, max_examples=50)
def test_no_header_begins_another(name: str, value: str) -> None:
    with web() as server:
        try:
            HERE.post(server.url, b"{}", {f"X-{name}": value})
        except Unreachable:
            assert server.requests == []
            return
    (request,) = server.requests
    known = {"Host", "Accept-Encoding", "Content-Length", "User-Agent", "Connection"}
    assert len(set(request.headers) - known) <= 1


def test_of_an_address_only_the_host_is_shown() -> None:
    assert (
        host_of("https://u:p@example.org:8443/secret?token=x")
        == "https://example.org:8443"
    )


def test_what_was_said_is_one_line() -> None:
    found = outcome("r", Reply(500, "a\r\nb\x1b[31m\u202e"))
    assert found.detail == "500 Internal Server Error: a b [31m"
