"""Messages that are datagrams (RFC 5426): what finds no room is dropped, and counted."""

from __future__ import annotations

import os
import select
import socket
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from tocsin.sources.framing import LONGEST, as_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from tocsin.sources import Inbox

_BUFFER = 8 << 20
_BATCH = 512
"""Datagrams that are taken before anybody is told of them."""
_MOST_AT_END = 20_000
"""Datagrams that are taken after the end was asked for."""
_RXQ_OVFL = 40
"""Linux: have each datagram tell how many were dropped before it."""


class Datagrams:
    """One socket for datagrams."""

    def __init__(
        self,
        door: socket.socket,
        inbox: Inbox,
        dated: Callable[[bytes, str], bytes],
    ) -> None:
        self.stopped = False
        self._door = door
        self._inbox = inbox
        self._dated = dated
        self._dropped = 0
        self._out, self._in = os.pipe()
        with suppress(OSError):  # less is given where less is allowed
            door.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        with suppress(OSError):
            if sys.platform == "linux":
                door.setsockopt(socket.SOL_SOCKET, _RXQ_OVFL, 1)

    @property
    def port(self) -> int:
        """The port that is open."""
        return int(self._door.getsockname()[1])

    def stop(self) -> None:
        """Take what is there, and end. Idempotent."""
        if not self.stopped:
            self.stopped = True
            with suppress(OSError):  # it has ended already
                os.write(self._in, b"!")

    def run(self) -> None:
        """Take messages in until stopped.

        Raises:
            OSError: The socket is broken.
        """
        poll = select.poll()
        poll.register(self._door, select.POLLIN)
        poll.register(self._out, select.POLLIN)
        try:
            while not self.stopped:
                poll.poll()
                self._take(_BATCH)
            self._take(_MOST_AT_END)
        finally:
            self._door.close()
            out, into, self._out, self._in = self._out, self._in, -1, -1
            os.close(out)
            os.close(into)

    def _take(self, most: int) -> None:
        """Take what is there, and give it on by sender."""
        run: list[bytes] = []
        sender = ""
        for _ in range(most):
            try:
                data, ancillary, _, address = self._door.recvmsg(LONGEST + 1, 64)
            except (BlockingIOError, ConnectionError):  # a peer of ours is gone
                break
            self._count_dropped(ancillary)
            if address[0] != sender:
                self._give(run, sender)
                run, sender = [], str(address[0])
            run.append(as_line(data))
        self._give(run, sender)

    def _give(self, messages: list[bytes], sender: str) -> None:
        lines = self._dated(b"".join(messages), sender)
        if lines and self._inbox.put(lines, force=self.stopped) is None:
            self._inbox.lose(len(lines), len(messages))

    def _count_dropped(self, ancillary: list[tuple[int, int, bytes]]) -> None:
        for level, kind, value in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, _RXQ_OVFL):
                total = int.from_bytes(value[:4], sys.byteorder)
                dropped = (total - self._dropped) % (1 << 32)
                self._dropped = total
                if dropped:
                    self._inbox.lose(0, dropped)
