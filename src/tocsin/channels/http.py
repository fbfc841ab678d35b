"""One request over HTTP: a permitted address, verified TLS, no redirect, an end.

Built on `http.client`: what is asked of it here (to connect to the address that was
looked at, to end whatever the other side does, to read no more than was asked for) are
a few lines around a socket, and no client library offers all three.
"""

from __future__ import annotations

import http.client
import socket
import ssl
from contextlib import contextmanager, suppress
from email.utils import parsedate_to_datetime
from threading import Event, Timer
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from msgspec import Struct

from tocsin import __version__
from tocsin.channels.addresses import AddressRefused, NameUnknown, permitted, resolve
from tocsin.channels.text import line
from tocsin.model.notification import Fate, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tocsin.channels.addresses import Resolver

TIMEOUT = 15.0
_CONNECT = 5.0
_MOST_ANSWER = 4_096
"""Bytes of an answer that are read; they are for people."""

_PORTS = {"http": 80, "https": 443}


class Reply(Struct, frozen=True):
    """What was answered: its status, the first of its text, and when to come again."""

    status: int
    text: str = ""
    after: float | None = None


class Unreachable(Exception):  # noqa: N818 - it says what happened
    """There was no answer; another try may help unless `final`."""

    def __init__(self, message: str, *, final: bool = False) -> None:
        self.final = final
        super().__init__(message)


class Site(Struct, frozen=True):
    """How other machines are asked: whom one may ask, and for how long.

    `allow` names hosts and networks that may be asked though they are not public,
    `ca_file` holds the authorities to trust in place of the system's, `timeout` is all
    the time that one request may take (s).
    """

    allow: tuple[str, ...] = ()
    timeout: float = TIMEOUT
    ca_file: str = ""
    resolver: Resolver = resolve

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        """Send a body once, and return what was answered.

        Raises:
            Unreachable: Nothing was, or nothing in time, or it may not be asked.
        """
        parts = urlsplit(url)
        try:
            with (
                self.connected(parts.hostname or "", _port(url)) as plain,
                self._wrapped(plain, url) as sock,
            ):
                return _exchanged(sock, url, body, headers)
        except (http.client.HTTPException, OSError, ValueError) as error:
            raise Unreachable(self._said(error)) from None

    @contextmanager
    def connected(self, host: str, port: int) -> Iterator[socket.socket]:
        """Open a connection that is cut off when the time is over.

        Raises:
            Unreachable: It may not be opened, or cannot be.
        """
        try:
            addresses = permitted(host, port, self.allow, self.resolver)
        except AddressRefused as error:
            raise Unreachable(str(error), final=True) from None
        except NameUnknown as error:
            raise Unreachable(str(error)) from None
        with _opened(addresses, port, min(self.timeout, _CONNECT)) as sock:
            sock.settimeout(self.timeout + _CONNECT)  # cut off before that
            with cut_off(sock, self.timeout) as over:
                try:
                    yield sock
                except (http.client.HTTPException, OSError):
                    if not over.is_set():
                        raise
                    raise Unreachable(f"no answer in {self.timeout:g} s") from None

    def tls(self) -> ssl.SSLContext:
        """Return how certificates are verified: always, and against the host's name."""
        return ssl.create_default_context(cafile=self.ca_file or None)

    def _wrapped(self, sock: socket.socket, url: str) -> socket.socket:
        parts = urlsplit(url)
        if parts.scheme != "https":
            return sock
        return self.tls().wrap_socket(sock, server_hostname=parts.hostname)

    def _said(self, error: Exception) -> str:
        if isinstance(error, ssl.SSLCertVerificationError):
            return f"the certificate is not trusted: {error.verify_message}"
        if isinstance(error, TimeoutError):
            return f"no answer in {self.timeout:g} s"
        told = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return line(f"no answer: {told}", 200)


@contextmanager
def cut_off(sock: socket.socket, seconds: float) -> Iterator[Event]:
    """Shut a socket down when the time is over, whatever is being read or written.

    What is yielded is set when that happened. A time-out of the socket alone would
    start anew with every byte that trickles in.
    """
    # Its own handle: the socket may be wrapped in TLS by then, or closed.
    handle = sock.dup()
    over = Event()

    def shut() -> None:
        over.set()
        with suppress(OSError):
            handle.shutdown(socket.SHUT_RDWR)

    timer = Timer(seconds, shut)
    timer.daemon = True
    timer.start()
    try:
        yield over
    finally:
        timer.cancel()
        timer.join()
        handle.close()


def outcome(recipient: str, reply: Reply) -> Outcome:
    """Return what a status of HTTP means for a notification."""
    said = line(f"{reply.status} {http.client.responses.get(reply.status, '')}".strip())
    detail = f"{said}: {line(reply.text, 200)}" if reply.text else said
    if reply.status < http.HTTPStatus.MULTIPLE_CHOICES:
        return Outcome(recipient, Fate.DELIVERED, said)
    if reply.status < http.HTTPStatus.BAD_REQUEST:
        return Outcome(recipient, Fate.REFUSED, f"{said}: redirects are not followed")
    if reply.status == http.HTTPStatus.GONE:
        return Outcome(recipient, Fate.GONE, detail)
    if (
        reply.status in _PASSING
        or reply.status >= http.HTTPStatus.INTERNAL_SERVER_ERROR
    ):
        return Outcome(recipient, Fate.RETRY, detail, reply.after)
    return Outcome(recipient, Fate.REFUSED, detail)


def failed(recipient: str, error: Unreachable) -> Outcome:
    """Return what having no answer means for a notification."""
    fate = Fate.REFUSED if error.final else Fate.RETRY
    return Outcome(recipient, fate, str(error))


def host_of(url: str) -> str:
    """Return what of an address may be shown: paths and queries often are secrets."""
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return line(f"{parts.scheme}://{parts.hostname}{port}", 200)


_PASSING = (
    http.HTTPStatus.REQUEST_TIMEOUT,
    http.HTTPStatus.TOO_EARLY,
    http.HTTPStatus.TOO_MANY_REQUESTS,
)


def _port(url: str) -> int:
    parts = urlsplit(url)
    return parts.port or _PORTS.get(parts.scheme, 443)


@contextmanager
def _opened(addresses: list[str], port: int, seconds: float) -> Iterator[socket.socket]:
    said = ""
    for address in addresses:
        try:
            sock = socket.create_connection((address, port), seconds)
        except OSError as error:
            said = error.strerror or str(error) or type(error).__name__
            continue
        with sock:
            yield sock
        return
    raise Unreachable(f"cannot connect: {said}")


def _exchanged(
    sock: socket.socket, url: str, body: bytes, headers: Mapping[str, str]
) -> Reply:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", _port(url))
    connection.sock = sock
    target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    host = parts.netloc.rpartition("@")[2]
    agent = {"Host": host, "User-Agent": f"tocsin/{__version__}", "Connection": "close"}
    try:
        connection.request("POST", target, body, agent | dict(headers))
        answer = connection.getresponse()
        text = answer.read1(_MOST_ANSWER).decode("utf-8", "replace")
        later = _after(answer.getheader("Retry-After"), answer.getheader("Date"))
        return Reply(answer.status, text, later)
    finally:
        connection.close()


def _after(text: str | None, date: str | None) -> float | None:
    """Return the seconds of Retry-After; a time of day is held against their own."""
    if text is None:
        return None
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        wait = parsedate_to_datetime(text) - parsedate_to_datetime(date or "")
    except (ValueError, TypeError):
        return None
    return max(wait.total_seconds(), 0.0)
