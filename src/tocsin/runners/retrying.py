"""What becomes of a row of the outbox, and when a channel may be asked: pure decisions.

Times are in microseconds, as in the rows. Randomness comes in as a number in [0, 1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from tocsin.model.instant import SECOND, iso
from tocsin.model.notification import Fate, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tocsin.model.state import Outgoing

FIRST, MOST, LATER = 10 * SECOND, 300 * SECOND, 1800 * SECOND
"""The waits between attempts: the first, the longest of the first hours, and after."""

_MANY = 30
"""After so many attempts it is no hiccup any more."""

BREAKS_AFTER = 3
"""Failures of a channel in a row after which it is left alone for a while."""

AT_ONCE = 4
"""Messages that a channel is sent at the same time."""

PER_MINUTE, BURST = 60, 20
"""How many messages a channel is sent, on average and after a calm: no storm follows."""


def wait(attempts: int, random: float) -> int:
    """Return how long to wait after so many attempts: twice as long each time.

    Half of it is chance, so that those who failed together do not come back together.
    """
    most = MOST if attempts < _MANY else LATER
    whole = min(FIRST * 2 ** min(attempts - 1, 20), most)
    return int(whole * (0.5 + 0.5 * random))


def decide(
    row: Outgoing, outcomes: Iterable[Outcome], now: int, random: float
) -> Outgoing:
    """Return the row after an attempt: delivered, dead, or to be tried again.

    It is `delivered` when everybody was reached, and `dead` when nobody is left to try
    and somebody was not: `outcome` says who and why. A Retry-After is kept, and a row
    that would have to wait beyond its deadline is given up.
    """
    found = tuple(outcomes)
    told = {**row.outcome, **{o.recipient: entry(o, now) for o in found}}
    attempts = row.attempts + 1
    tried = replace(row, attempts=attempts, outcome=told, due=now)
    if not _left(told):
        return _ended(tried, "nobody to send it to")
    asked = max((o.after or 0.0 for o in found if o.fate is Fate.RETRY), default=0.0)
    due = now + max(wait(attempts, random), int(asked * SECOND))
    if row.deadline is not None and due > row.deadline:
        return replace(tried, status="dead")
    return replace(tried, due=due)


def give_up(row: Outgoing, reason: str, now: int) -> Outgoing:
    """Return the row as dead without another attempt, and say why."""
    entry_ = {"fate": Fate.REFUSED.value, "detail": reason, "at": iso(now)}
    return replace(row, status="dead", due=now, outcome={**row.outcome, "": entry_})


def withhold(row: Outgoing, reason: str, now: int) -> Outgoing:
    """Return the row as withheld, and say why."""
    entry_ = {"fate": "withheld", "detail": reason, "at": iso(now)}
    return replace(row, status="withheld", due=now, outcome={**row.outcome, "": entry_})


def pending(row: Outgoing, recipients: Iterable[str]) -> tuple[str, ...]:
    """Return the recipients that were not reached yet, and did not refuse."""
    return tuple(who for who in recipients if _open(row.outcome.get(who)))


def entry(outcome: Outcome, now: int) -> dict[str, Any]:
    """Return what a row remembers of an outcome."""
    return {"fate": outcome.fate.value, "detail": outcome.detail, "at": iso(now)}


def _left(told: Mapping[str, Any]) -> bool:
    return any(_open(one) for one in told.values())


def _open(one: Mapping[str, Any] | None) -> bool:
    return one is None or one["fate"] == Fate.RETRY


def _ended(row: Outgoing, reason: str) -> Outgoing:
    if not row.outcome:
        return give_up(row, reason, row.due)
    reached = all(one["fate"] == Fate.DELIVERED for one in row.outcome.values())
    return replace(row, status="delivered" if reached else "dead")


class Lane(Struct, frozen=True):
    """How a channel does: whether it may be asked, and by how many at once.

    After `BREAKS_AFTER` failures in a row it is left alone until `closed_until`; then
    one message tries it, and each that is taken lets twice as many go at once. `tokens`
    are the messages that it may be sent by `at`, which bounds them per minute. A lane
    that is `gone` is never asked again. `since` is when the first of its `failures` was
    (µs), `why` what was said at the last.
    """

    failures: int = 0
    closed_until: int = 0
    room: int = AT_ONCE
    tokens: float = BURST
    at: int = 0
    gone: str = ""
    since: int = 0
    why: str = ""

    def admits(self, now: int, flying: int) -> bool:
        """Return whether one more message may be sent now."""
        return (
            now >= self.closed_until and flying < self.room and self._tokens(now) >= 1.0
        )

    def opens(self, now: int) -> int:
        """Return when it may admit a message, if none were on its way."""
        lacks = max(1.0 - self._tokens(now), 0.0)
        return max(self.closed_until, now + int(lacks * 60 * SECOND / PER_MINUTE) + 1)

    def sent(self, now: int) -> Lane:
        """Return the lane after a message went off."""
        return replace(self, tokens=self._tokens(now) - 1.0, at=max(now, self.at))

    def after(self, outcomes: Iterable[Outcome], now: int, random: float) -> Lane:
        """Return the lane after what became of a message.

        A refusal is an answer, too: only who reached nobody and may try again failed.
        """
        found = tuple(outcomes)
        gone = next((o.detail for o in found if o.fate is Fate.GONE), "")
        if gone:
            return replace(self, gone=gone)
        if not found or any(o.fate is not Fate.RETRY for o in found):
            return replace(self, failures=0, room=min(self.room * 2, AT_ONCE))
        failures = self.failures + 1
        since = self.since if self.failures else now
        failed = replace(self, failures=failures, since=since, why=found[0].detail)
        if failures < BREAKS_AFTER:
            return failed
        asked = max((o.after or 0.0 for o in found), default=0.0)
        pause = wait(failures - BREAKS_AFTER + 1, random)
        until = now + max(pause, int(asked * SECOND))
        return replace(failed, room=1, closed_until=until)

    def _tokens(self, now: int) -> float:
        passed = max(now - self.at, 0) if self.at else 0
        return min(self.tokens + passed * PER_MINUTE / (60 * SECOND), float(BURST))
