"""Syslog from the network: datagrams, and connections with or without TLS.

A thread of its own takes messages in, so that no peer and no other source waits for
the other. It waits on sockets alone; how old they are matters nowhere.
"""

from __future__ import annotations

import socket
import ssl
from datetime import UTC, datetime
from threading import Thread
from typing import TYPE_CHECKING

from tocsin.model.errors import SourceError
from tocsin.model.instant import SECOND
from tocsin.runners.datagrams import Datagrams
from tocsin.runners.peers import Peers
from tocsin.sources import PROMISES, Inbox
from tocsin.sources.framing import dated
from tocsin.sources.inbox import ROOM

if TYPE_CHECKING:
    from tocsin.config.intake_values import ListenConfig
    from tocsin.model.protocols import Chunk
    from tocsin.runners.clock import Clock

_ENDS_WITHIN = 5.0
_BACKLOG = 128


class Listening:
    """An open port for syslog; implements `Intake`.

    Messages that carry no time get the one at which they came. Each listener is one
    stream, in the order of arrival.
    """

    def __init__(
        self, config: ListenConfig, clock: Clock, *, at: int = 0, room: int = ROOM
    ) -> None:
        """Open the port; `room` is how many bytes may wait to be read.

        Raises:
            SourceError: It cannot be had.
        """
        self.stream = config.place
        self.promise = PROMISES["udp" if config.datagrams else "tcp, tls"]
        self.config = config
        self.inbox = Inbox(config.place, at=at, room=room)
        self._clock = clock
        try:
            self._door: Datagrams | Peers = self._opened()
        except BaseException:
            self.inbox.close()
            raise
        self._thread = Thread(target=self._run, name=self.stream, daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """The port that is open."""
        return self._door.port

    @property
    def trouble(self) -> str:
        """Why nothing is taken in any more."""
        return "" if self._thread.is_alive() or self._door.stopped else "it has failed"

    @property
    def at(self) -> int:
        """The position after all that was read."""
        return self.inbox.at

    def fileno(self) -> int:
        """Return a descriptor to wait on."""
        return self.inbox.fileno()

    def read(self, limit: int) -> Chunk:
        """Return the next lines; never waits."""
        return self.inbox.take(limit)

    def confirm(self, at: int) -> None:
        """Do nothing: syslog's senders want no answer."""

    def stop(self) -> None:
        """Take in what has arrived, and nothing more."""
        self._door.stop()
        self._thread.join(_ENDS_WITHIN)
        self.inbox.end()

    def close(self) -> None:
        """Let go of everything. Idempotent."""
        self.stop()
        self.inbox.close()

    def _opened(self) -> Datagrams | Peers:
        config = self.config
        try:
            if config.datagrams:
                return Datagrams(_bound(config), self.inbox, self._dated)
            context = _context(config) if config.encrypted else None
            door = _bound(config)
            return Peers(door, self.inbox, self._dated, context, config.framing)
        except OSError as error:
            reason = error.strerror or str(error)
            raise SourceError(f"{config.place}: cannot listen: {reason}") from error

    def _run(self) -> None:
        try:
            self._door.run()
        except OSError as error:
            self.inbox.note(f"nothing more is taken in: {error.strerror or error}")

    def _dated(self, lines: bytes, host: str) -> bytes:
        now = datetime.fromtimestamp(self._clock.now() / SECOND, UTC)
        stamp = now.strftime("%Y-%m-%dT%H:%M:%S.%fZ").encode()
        return dated(lines, stamp, host.encode())


def _bound(config: ListenConfig) -> socket.socket:
    kind = socket.SOCK_DGRAM if config.datagrams else socket.SOCK_STREAM
    found = socket.getaddrinfo(config.host, config.port or 0, type=kind)
    family, _, _, _, address = found[0]
    door = socket.socket(family, kind)
    try:
        door.setblocking(False)  # noqa: FBT003 - its only argument
        if kind == socket.SOCK_STREAM:
            door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        door.bind(address)
        if kind == socket.SOCK_STREAM:
            door.listen(_BACKLOG)
    except BaseException:
        door.close()
        raise
    return door


def _context(config: ListenConfig) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(config.certificate, config.key, password=lambda: "")
    if config.client_ca:
        context.load_verify_locations(config.client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context
