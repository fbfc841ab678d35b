"""Syslog over real sockets: each message once, or told; and nobody waits for another."""

import logging
import logging.handlers
import re
import socket
import ssl
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from msgspec.structs import replace
from tests.runners.intake_world import PATIENCE, Taking

from tocsin.config.intake_values import ListenConfig
from tocsin.model.errors import SourceError
from tocsin.runners.listening import Listening
from tocsin.sources.inbox import ROOM
from tocsin.testing import ManualClock

CHANNELS = Path(__file__).parents[1] / "channels"
KEYS = (str(CHANNELS / "localhost.pem"), str(CHANNELS / "localhost.key"))
UDP = ListenConfig(scheme="udp", host="127.0.0.1", port=0)
TCP = ListenConfig(scheme="tcp", host="127.0.0.1", port=0)
TLS = replace(TCP, scheme="tls", certificate=KEYS[0], key=KEYS[1])
DATED = b"<14>1 2026-01-01T00:00:00Z host app - - - "


@contextmanager
def listening(config: ListenConfig, room: int = ROOM) -> Iterator[tuple[Taking, int]]:
    """Open a port for a while; yield what reads it, and the port."""
    reader = Listening(config, ManualClock(), room=room)
    try:
        yield Taking(reader), reader.port
    finally:
        reader.close()


@contextmanager
def peer(port: int, context: ssl.SSLContext | None = None) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as sock:
        if context is None:
            yield sock
        else:
            with context.wrap_socket(sock, server_hostname="localhost") as secret:
                yield secret


def trusting() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=KEYS[0])


def test_a_datagram_is_a_line() -> None:
    with listening(UDP) as (taking, port):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            for message in (DATED + b"one", b"", DATED + b"two\nlines\n", b"\xff\0x"):
                sock.sendto(message, ("127.0.0.1", port))
        assert taking.lines(3) == DATED + b"one\n" + DATED + b"two#012lines\n\xff\0x\n"
        assert taking.chunks[-1].caught_up


def test_ipv6_is_listened_on() -> None:
    with suppress(SourceError), listening(replace(UDP, host="::1")) as (taking, port):
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
            sock.sendto(DATED + b"six", ("::1", port))
        assert taking.lines(1) == DATED + b"six\n"
        assert taking.intake.stream == "udp://[::1]:0"


@pytest.mark.parametrize("config", [UDP, TCP], ids=["udp", "tcp"])
def test_python_s_own_messages_get_the_time_at_which_they_come(
    config: ListenConfig,
) -> None:
    kind = socket.SOCK_DGRAM if config.datagrams else socket.SOCK_STREAM
    with listening(config) as (taking, port):
        to_us = logging.handlers.SysLogHandler(("127.0.0.1", port), socktype=kind)
        logger = logging.getLogger("tests.listening")
        logger.addHandler(to_us)
        logger.error("it broke")
        logger.removeHandler(to_us)
        to_us.close()
        expected = b"<11>2023-11-14T22:13:20.000000Z 127.0.0.1 it broke\n"
        assert taking.lines(1) == expected


STREAMS = {
    "lines": b"".join(DATED + b"%d\n" % n for n in range(200)),
    "counted": b"".join(
        b"%d %b%d" % (len(DATED) + len(str(n)), DATED, n) for n in range(200)
    ),
}
EXPECTED = STREAMS["lines"]


@pytest.mark.parametrize("stream", STREAMS.values(), ids=STREAMS)
@pytest.mark.parametrize("encrypted", [False, True], ids=["tcp", "tls"])
@pytest.mark.parametrize("cut", [7, 100_000])
def test_a_connection_brings_messages(
    stream: bytes, cut: int, *, encrypted: bool
) -> None:
    config, context = (TLS, trusting()) if encrypted else (TCP, None)
    with listening(config) as (taking, port):
        with peer(port, context) as sock:
            for at in range(0, len(stream), cut):
                sock.sendall(stream[at : at + cut])
            assert taking.lines(200) == EXPECTED
        assert taking.notes == ""


def test_tls_gives_all_of_a_large_record_at_once() -> None:
    message = DATED + b"x" * 60_000 + b"\n"
    with listening(TLS) as (taking, port), peer(port, trusting()) as sock:
        sock.sendall(message * 20)
        assert taking.lines(20) == message * 20


def test_only_those_whom_the_authority_signed_may_speak() -> None:
    with listening(replace(TLS, client_ca=KEYS[0])) as (taking, port):
        with suppress(OSError), peer(port, trusting()) as sock:
            sock.sendall(DATED + b"a stranger\n")
            sock.recv(1)
        taking.until(
            lambda: "127.0.0.1: the connection broke: peer did" in taking.notes
        )
        known = trusting()
        known.load_cert_chain(*KEYS)
        with peer(port, known) as sock:
            sock.sendall(DATED + b"a friend\n")
            assert taking.lines(1) == DATED + b"a friend\n"


def test_what_is_no_tls_is_told_and_stops_nobody() -> None:
    with (
        listening(TLS) as (taking, port),
        peer(port) as plain,
        peer(port, trusting()) as sock,
    ):
        plain.sendall(b"GET / HTTP/1.1\r\n\r\n")
        taking.until(lambda: "the connection broke: http request" in taking.notes)
        sock.sendall(DATED + b"fine\n")
        assert taking.lines(1) == DATED + b"fine\n"


def test_one_that_does_not_count_is_sent_away() -> None:
    config = replace(TCP, framing="octets")
    with listening(config) as (taking, port), peer(port) as wrong, peer(port) as right:
        wrong.sendall(b"no count\n")
        taking.until(lambda: "does not begin with its length" in taking.notes)
        assert wrong.recv(1) == b""
        right.sendall(b"4 good")
        assert taking.lines(1) == b"good\n"


def test_a_connection_that_breaks_leaves_its_last_message() -> None:
    with listening(TCP) as (taking, port):
        with peer(port) as sock:
            sock.sendall(DATED + b"torn")
        assert taking.lines(1) == DATED + b"torn\n"
        with peer(port) as sock:
            sock.setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
            )
            sock.sendall(DATED + b"reset\n")
            taking.lines(2)
        taking.until(lambda: "the connection broke" in taking.notes)


def test_a_message_that_is_too_long_is_counted() -> None:
    with listening(TCP) as (taking, port), peer(port) as sock:
        sock.sendall(b"<1>" + b"x" * 200_000 + b"\n" + DATED + b"short\n")
        assert taking.lines(1) == DATED + b"short\n"
        assert sum(chunk.oversized for chunk in taking.chunks) == 1


def test_a_sender_that_is_too_fast_waits_and_nothing_is_lost() -> None:
    with listening(TCP, room=1 << 16) as (taking, port):
        with peer(port) as sock, peer(port) as other:
            line = DATED + b"y" * 900 + b"\n"
            sock.settimeout(0.5)
            sent = 0
            with suppress(TimeoutError):
                while sent < 100 << 20:  # more than any socket holds
                    sent += sock.send(line * 50)
            assert sent < 100 << 20
            other.sendall(DATED + b"other\n")
            sock.shutdown(socket.SHUT_WR)
            taking.until(lambda: len(taking.text) >= sent)
            taking.until(lambda: DATED + b"other\n" in taking.text)
        text = taking.text.replace(DATED + b"other\n", b"")
        whole = sent // len(line)
        rest = line[: sent % len(line)]
        assert text == line * whole + (rest + b"\n" if rest else b"")
        assert taking.lost == 0


def test_datagrams_that_find_no_room_are_counted_and_told() -> None:
    with (
        listening(UDP, room=10_000) as (taking, port),
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock,
    ):
        sent = 0

        def send() -> None:
            nonlocal sent
            sock.sendto(DATED + b"%04d" % sent, ("127.0.0.1", port))
            sent += 1

        def accounted() -> bool:
            found = re.findall("([0-9]+) messages came faster", taking.notes)
            all_ = taking.text.count(b"\n") + sum(map(int, found)) == sent
            if not found:  # whoever reads has kept up so far
                for _ in range(3000):
                    send()
            elif not all_:  # what the system dropped, it tells with the next one
                send()
            return all_ and bool(found)

        taking.until(accounted)
        lost = [loss for chunk in taking.chunks for loss in chunk.losses]
        assert sum(loss.bytes for loss in lost) == taking.lost > 0
        ends = [0, *(chunk.end + chunk.lost for chunk in taking.chunks)]
        assert [chunk.start for chunk in taking.chunks] == ends[:-1]


def test_silent_peers_make_room_for_those_who_speak() -> None:
    with listening(TCP) as (taking, port), peer(port) as first:
        first.sendall(DATED + b"first\n")
        taking.lines(1)
        crowd = [
            socket.create_connection(("127.0.0.1", port), PATIENCE) for _ in range(300)
        ]
        with peer(port) as last:
            last.sendall(DATED + b"last\n")
            taking.lines(2)
            first.sendall(DATED + b"first again\n")
            assert taking.lines(3).endswith(DATED + b"first again\n")
        for sock in crowd:
            sock.close()


@pytest.mark.parametrize("config", [UDP, TCP, TLS], ids=["udp", "tcp", "tls"])
def test_the_end_takes_in_what_has_arrived(config: ListenConfig) -> None:
    with listening(config) as (taking, port):
        if config.datagrams:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                for n in range(100):
                    sock.sendto(b"<1>%d" % n, ("127.0.0.1", port))
            assert taking.rest().count(b"\n") == 100
            return
        with peer(port, trusting() if config.encrypted else None) as sock:
            sock.sendall(b"<1>1\n")
            taking.lines(1)  # it is let in
            sock.sendall(b"<1>x\n" * 99 + b"<1>and a last")
            assert taking.rest().count(b"\n") == 101
        assert taking.chunks[-1].ended


def test_a_port_that_is_taken_is_one_clear_sentence() -> None:
    with listening(TCP) as (_, port):
        message = rf"tcp://127\.0\.0\.1:{port}: cannot listen: Address already in use"
        with pytest.raises(SourceError, match=message):
            Listening(replace(TCP, port=port), ManualClock())
