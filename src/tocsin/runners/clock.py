"""The one place that reads the machine's clock, waits, and draws what nobody can guess."""

from __future__ import annotations

import secrets
import select
import time
from random import Random
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence


class Clock(Protocol):
    """Where a runner's time comes from."""

    def now(self) -> int:
        """Return the wall clock's time in µs since the epoch."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        ...

    def wait(self, seconds: float, fds: Sequence[int] = ()) -> None:
        """Wait, at most so long; less when one of the files becomes readable."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> int:
        """Return the wall clock's time in µs since the epoch."""
        return time.time_ns() // 1000

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        return time.monotonic()

    def wait(self, seconds: float, fds: Sequence[int] = ()) -> None:
        """Wait, at most so long; less when one of the files becomes readable."""
        if fds:
            poll = select.poll()  # `select` knows no descriptor above 1023
            for fd in fds:
                poll.register(fd, select.POLLIN)
            poll.poll(seconds * 1000)
        else:
            time.sleep(seconds)


def new_token() -> str:
    """Return a token that nobody can guess."""
    return secrets.token_urlsafe(32)


def new_random() -> Random:
    """Return chances of their own, for waits that shall not fall together."""
    return Random(secrets.randbits(64))  # noqa: S311 - no secrets are made of it
