"""Connections that bring syslog messages (RFC 6587), also by TLS (RFC 5425).

Each peer has its place among a bounded number, and one buffer. While there is no room
for lines nobody is read from: the network holds the senders back.
"""

from __future__ import annotations

import os
import selectors
import ssl
from contextlib import suppress
from typing import TYPE_CHECKING

from msgspec import Struct

from tocsin.sources.framing import Frames, FramingError

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from tocsin.sources import Inbox

_MOST = 256
"""Peers at a time."""
_BLOCK = 1 << 16
_MOST_AT_END = 1 << 20
"""Bytes of a peer that are taken after the end was asked for."""
_READ, _WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE
_WANTS = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class _Peer(Struct, eq=False):
    """One connection. `greeted` once TLS is agreed on, `heard` once it has said a word."""

    sock: socket.socket
    host: str
    frames: Frames
    greeted: bool
    heard: bool = False


class Peers:
    """One socket that others connect to, and those who have."""

    def __init__(
        self,
        door: socket.socket,
        inbox: Inbox,
        dated: Callable[[bytes, str], bytes],
        context: ssl.SSLContext | None = None,
        framing: str = "auto",
    ) -> None:
        self.stopped = False
        self._door = door
        self._inbox = inbox
        self._dated = dated
        self._context = context
        self._framing = framing
        self._peers: dict[_Peer, None] = {}
        self._waiting: tuple[bytes, int] | None = None
        """Lines for which there was no room: until there is, nobody is heard."""
        self._out, self._in = os.pipe()
        os.set_blocking(self._out, False)
        os.set_blocking(self._in, False)
        self._events = selectors.DefaultSelector()
        self._events.register(self._door, _READ)
        self._events.register(self._out, _READ)
        self.port: int = door.getsockname()[1]
        inbox.made_room = self._wake

    def stop(self) -> None:
        """Take what is there, and end. Idempotent."""
        self.stopped = True
        self._wake()

    def run(self) -> None:
        """Take messages in until stopped.

        Raises:
            OSError: The listening socket is broken.
        """
        try:
            while not self.stopped:
                self._turn()
            for peer in list(self._peers):
                self._hear_out(peer)
        finally:
            for peer in list(self._peers):
                self._drop(peer)
            self._events.close()
            self._door.close()
            out, into, self._out, self._in = self._out, self._in, -1, -1
            os.close(out)
            os.close(into)

    def _turn(self) -> None:
        for key, _ in self._events.select():
            if key.fileobj == self._out:
                with suppress(BlockingIOError):
                    os.read(self._out, _BLOCK)
                self._resume()
            elif key.fileobj is self._door:
                self._admit()
            elif self._waiting is None and key.data in self._peers:
                self._serve(key.data)

    def _admit(self) -> None:
        """Let one in; the one that has said nothing yet for longest makes room."""
        try:
            sock, address = self._door.accept()
        except (BlockingIOError, ConnectionError):
            return
        except OSError as error:  # no descriptor is free: those who are here go on
            self._inbox.note(f"a peer could not be let in: {error.strerror}")
            self._drop_silent()
            return
        if len(self._peers) >= _MOST and not self._drop_silent():
            sock.close()
            self._inbox.note(
                f"{address[0]} was turned away: {_MOST} peers are connected"
            )
            return
        sock.setblocking(False)  # noqa: FBT003 - its only argument
        if self._context is not None:
            try:
                sock = self._context.wrap_socket(
                    sock, server_side=True, do_handshake_on_connect=False
                )
            except OSError:
                sock.close()
                return
        frames = Frames(self._framing)
        peer = _Peer(sock, str(address[0]), frames, self._context is None)
        self._peers[peer] = None
        if self._waiting is None:
            self._events.register(sock, _READ, peer)

    def _drop_silent(self) -> bool:
        """Let the first peer go that has not said anything; whether there was one."""
        silent = next((peer for peer in self._peers if not peer.heard), None)
        if silent is not None:
            self._drop(silent)
        return silent is not None

    def _serve(self, peer: _Peer) -> None:
        try:
            if not peer.greeted:
                self._greet(peer)
                return
            block = self._read(peer)
            self._take(peer, block)
            if not block:
                self._end(peer)
        except _WANTS:
            return
        except FramingError as error:
            self._inbox.note(f"{peer.host}: {error}; it is disconnected")
            self._drop(peer)
        except (ssl.SSLError, OSError) as error:
            self._inbox.note(f"{peer.host}: {_why(error)}")
            self._end(peer)

    def _greet(self, peer: _Peer) -> None:
        """Go on agreeing on TLS."""
        assert isinstance(peer.sock, ssl.SSLSocket)
        try:
            peer.sock.do_handshake()
        except ssl.SSLWantWriteError:
            self._events.modify(peer.sock, _READ | _WRITE, peer)
            raise
        self._events.modify(peer.sock, _READ, peer)
        peer.greeted = True

    def _read(self, peer: _Peer) -> bytes:
        """Return what a peer has sent; nothing when it has gone.

        Bytes that TLS has decrypted already wake nobody up: all of them are taken.
        """
        block: bytes = peer.sock.recv(_BLOCK)
        if isinstance(peer.sock, ssl.SSLSocket):
            while pending := peer.sock.pending():
                block += peer.sock.recv(pending)
        return block

    def _take(self, peer: _Peer, block: bytes) -> None:
        lines, oversized = peer.frames.feed(block)
        peer.heard = peer.heard or bool(lines)
        self._give(self._dated(lines, peer.host), oversized)

    def _give(self, lines: bytes, oversized: int) -> None:
        if not (lines or oversized):
            return
        if self._inbox.put(lines, oversized, force=self.stopped) is None:
            self._wait(lines, oversized)

    def _wait(self, lines: bytes, oversized: int) -> None:
        """Hear nobody until there is room."""
        before, more = self._waiting or (b"", 0)
        self._waiting = before + lines, more + oversized
        for peer in self._peers:
            with suppress(KeyError):
                self._events.unregister(peer.sock)

    def _resume(self) -> None:
        if self._waiting is None:
            return
        lines, oversized = self._waiting
        if self._inbox.put(lines, oversized, force=self.stopped) is None:
            return
        self._waiting = None
        for peer in self._peers:
            self._events.register(peer.sock, _READ, peer)

    def _hear_out(self, peer: _Peer) -> None:
        """Take what a peer has sent already, and then its last message."""
        self._resume()
        taken = 0
        with suppress(*_WANTS, ssl.SSLError, OSError, FramingError):
            while peer.greeted and taken < _MOST_AT_END and (block := self._read(peer)):
                taken += len(block)
                self._take(peer, block)
        self._end(peer)

    def _end(self, peer: _Peer) -> None:
        lines, oversized = peer.frames.finish()
        self._drop(peer)
        self._give(self._dated(lines, peer.host), oversized)

    def _drop(self, peer: _Peer) -> None:
        self._peers.pop(peer, None)
        with suppress(KeyError, ValueError):
            self._events.unregister(peer.sock)
        peer.sock.close()

    def _wake(self) -> None:
        with suppress(OSError):  # full: it is awake
            os.write(self._in, b"!")


def _why(error: OSError) -> str:
    reason = getattr(error, "reason", None) or error.strerror or str(error)
    return f"the connection broke: {str(reason).lower().replace('_', ' ')}"
