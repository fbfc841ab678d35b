"""The other side of a sender: real servers that kill whoever speaks to them.

At one point of their conversation, about one notification. The one that was killed is
gone before they go on, so that it never hears what they say after it.
"""

# What the mail server hands to its mind has no types, and it names what it calls.
# ruff: noqa: ANN401, N802

from __future__ import annotations

import hashlib
import json
import os
import select
import signal
from collections import Counter
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any

from tests.channels.postbox import post

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENCE = 30.0


class DeadError(Exception):
    """Whoever we spoke to is dead."""


@dataclass
class Peer:
    """What a server took, by key; and at which point, about which key, it kills."""

    at: str = ""
    about: str = ""
    victim: Future[int] = field(default_factory=Future)
    taken: Counter[str] = field(default_factory=Counter)
    bodies: set[tuple[str, str]] = field(default_factory=set)
    lock: Lock = field(default_factory=Lock)

    def pass_by(self, point: str, key: str = "") -> None:
        """Go on, or kill. Raises DeadError to the one that killed."""
        if point == self.at and (not key or key == self.about):
            _end(self.victim.result(PATIENCE))
            raise DeadError

    def take(self, key: str, body: bytes) -> None:
        """Accept a notification."""
        with self.lock:
            self.taken[key] += 1
            self.bodies.add((key, hashlib.sha256(body).hexdigest()))


def _end(pid: int) -> None:
    """Kill a process, and return once it is gone."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return  # another conversation has killed it
    try:
        signal.pidfd_send_signal(process, signal.SIGKILL)
        assert select.select([process], [], [], PATIENCE)[0]
    except ProcessLookupError:
        pass
    finally:
        os.close(process)


@contextmanager
def web(peer: Peer) -> Iterator[int]:
    """Run a web server; yield its port. After it, nothing is taken any more."""

    class Talking(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            try:
                self.talk()
            except DeadError:
                self.close_connection = True

        def talk(self) -> None:
            peer.pass_by("before it is read")
            body = self.rfile.read(int(self.headers["Content-Length"]))
            key = json.loads(body)["key"]
            peer.pass_by("before it is accepted", key)
            peer.take(key, body)
            peer.pass_by("before the answer", key)
            self.send_response_only(200)
            self.send_header("Content-Length", "0")
            self.end_headers()
            peer.pass_by("after the answer", key)

        def log_message(self, *_: object) -> None:
            pass

    class Serving(ThreadingHTTPServer):
        daemon_threads = False

        def handle_error(self, *_: Any) -> None:
            """Whoever asked was killed."""

    server = Serving(("127.0.0.1", 0), Talking)
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Mind:
    """What a mail server thinks."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer

    async def handle_MAIL(
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        if self._dies("at MAIL"):
            return "421 dead"
        envelope.mail_from = address
        return "250 fine"

    async def handle_RCPT(
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        if self._dies("at RCPT"):
            return "421 dead"
        envelope.rcpt_tos.append(address)
        return "250 fine"

    async def handle_DATA(self, _server: Any, session: Any, envelope: Any) -> str:
        key = str(message_from_bytes(envelope.content)["Subject"])
        if self._dies("before it is accepted", key):
            return "421 dead"
        self.peer.take(key, envelope.content)
        session.about = key
        return "421 dead" if self._dies("before the answer", key) else "250 fine"

    async def handle_QUIT(self, _server: Any, session: Any, _envelope: Any) -> str:
        self._dies("after the answer", getattr(session, "about", ""))
        return "221 bye"

    def _dies(self, point: str, key: str = "") -> bool:
        try:
            self.peer.pass_by(point, key)
        except DeadError:
            return True
        return False


@contextmanager
def mail(peer: Peer) -> Iterator[int]:
    """Run a mail server; yield its port. After it, nothing is taken any more."""
    with post(Mind(peer)) as port:
        yield port
