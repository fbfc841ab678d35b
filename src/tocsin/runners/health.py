"""How the daemon is: for those who ask whether it lives, and whether it is of use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tocsin.runners.clock import Clock
    from tocsin.runners.keeping import Keeper
    from tocsin.runners.rules import Rules
    from tocsin.runners.stream import Stream

STUCK_AFTER = 30.0
"""Seconds without a turn of the loop after which the daemon counts as dead."""
STALE_AFTER = 60.0
"""Seconds without a commit after which the daemon is not ready."""


class Check(Struct, frozen=True):
    """One thing that was looked at: whether it is as it should be, and a word."""

    name: str
    good: bool
    word: str


class Health:
    """What a daemon says of itself, from any thread: it only reads."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._turned = clock.monotonic()
        self._checks: tuple[Check, ...] = (
            Check("start", good=False, word="has just begun"),
        )
        self._streams: tuple[Stream, ...] = ()

    def turned(
        self, streams: Sequence[Stream], keeper: Keeper, rules: Rules | None = None
    ) -> None:
        """Note how things are after a turn of the loop."""
        self._turned = self._clock.monotonic()
        age = self._turned - keeper.committed_at
        behind = [s.name for s in streams if not (s.caught_up or s.ended or s.waiting)]
        trouble = [f"{s.name}: {s.trouble}" for s in streams if s.trouble]
        self._checks = (
            Check("disk", not keeper.full, "the state cannot be saved"),
            Check("commit", age < STALE_AFTER, f"the last one was {age:.0f} s ago"),
            Check("lag", not behind, f"not caught up: {_some(behind)}"),
            Check("sources", not trouble, _some(trouble)),
            _configuration(rules),
        )
        self._streams = tuple(streams)

    @property
    def alive(self) -> Check:
        """Whether the loop still turns."""
        age = self._clock.monotonic() - self._turned
        return Check("loop", age < STUCK_AFTER, f"the last turn was {age:.0f} s ago")

    @property
    def checks(self) -> tuple[Check, ...]:
        """All that must be good for the daemon to be ready."""
        return (self.alive, *self._checks)

    def report(self) -> dict[str, Any]:
        """Return all of it as JSON, but for the streams."""
        checks = {
            c.name: {"ok": c.good} if c.good else {"ok": False, "why": c.word}
            for c in self.checks
        }
        ready = all(c.good for c in self.checks)
        return {"ready": ready, "checks": checks}

    def streams(self) -> Iterator[dict[str, Any]]:
        """Yield how each stream stands, as JSON: there may be thousands."""
        at = self._clock.monotonic()
        return (_stream(stream, at) for stream in self._streams)


def _configuration(rules: Rules | None) -> Check:
    """Whether what is at work is what is written; its problems are for no strangers."""
    if rules is None or not rules.bad:
        return Check("configuration", good=True, word="")
    word = f"{rules.path} has problems (tocsin check): what was read before goes on"
    return Check("configuration", good=False, word=word)


def _stream(stream: Stream, at: float) -> dict[str, Any]:
    looked = stream.looked
    return {
        "stream": stream.name,
        "source": stream.source,
        "caught_up": stream.caught_up,
        "looked_ago": None if looked is None else round(at - looked, 3),
        "waiting": stream.waiting,
        "trouble": stream.trouble or None,
    }


def _some(names: Sequence[str]) -> str:
    """Return the first few of some names."""
    shown = 3
    more = len(names) - shown
    return ", ".join(names[:shown]) + (f" and {more} more" if more > 0 else "")
