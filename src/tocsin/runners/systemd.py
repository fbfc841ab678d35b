"""Words to systemd: ready, reloading, stopping, alive. Silent where there is none.

The protocol is that of sd_notify(3): datagrams of `NAME=value` lines to a socket.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_MICROSECONDS = 1_000_000


class Systemd:
    """Tells the service manager how a service is."""

    def __init__(self, environ: Mapping[str, str], pid: int) -> None:
        self._address = environ.get("NOTIFY_SOCKET", "")
        mine = environ.get("WATCHDOG_PID", str(pid)) == str(pid)
        limit = environ.get("WATCHDOG_USEC", "") if mine else ""
        self.watchdog = int(limit) / _MICROSECONDS if limit.isdigit() else None
        """Seconds within which it wants to hear that we are alive, if it does."""
        self._heard = 0.0

    def say(self, *words: str) -> None:
        """Say things such as `READY=1`; a manager that does not listen is no fault."""
        if not self._address:
            return
        name = self._address
        address = "\0" + name[1:] if name.startswith("@") else name
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as door:
            try:
                door.sendto("\n".join(words).encode(), address)
            except OSError:
                self._address = ""

    def reloading(self, at: float) -> None:
        """Say at a moment (s, monotonic) that the rules change; `READY=1` ends it."""
        self.say("RELOADING=1", f"MONOTONIC_USEC={round(at * _MICROSECONDS)}")

    def alive(self, at: float) -> None:
        """Say at a moment (s) that the loop turns: twice as often as is asked for."""
        if self.watchdog is not None and at - self._heard > self.watchdog / 2:
            self._heard = at
            self.say("WATCHDOG=1")
