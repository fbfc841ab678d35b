"""The rate cap of a channel, and what waits for its digest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field

if TYPE_CHECKING:
    from tocsin.incidents.reasons import Reason


class Cap(Struct, frozen=True, kw_only=True):
    """At most so many `messages` in any `per` seconds.

    What is above is counted, and told in a digest once nothing has been added for
    `quiet` seconds, or `per` after the first; two digests are `per` apart.
    """

    messages: int = 20
    per: int = 300
    quiet: int = 30


class Meter(Struct):
    """What a channel has been sent: the times (s) of its last messages.

    `held` maps each incident that waits for the digest to the reason; `since` and
    `last` are when the first and the newest came, `digested` when a digest was made,
    `number` counts the digests.
    """

    sent: tuple[int, ...] = ()
    held: dict[int, Reason] = field(default_factory=dict)
    since: int = 0
    last: int = 0
    digested: int | None = None
    number: int = 0

    def copied(self) -> Meter:
        """Return a meter that may be changed without changing this one."""
        return Meter(
            self.sent,
            dict(self.held),
            self.since,
            self.last,
            self.digested,
            self.number,
        )

    def takes(self, cap: Cap, at: int) -> bool:
        """Count a message in, if the channel may be sent one more."""
        sent = self.sent[-cap.messages :]
        if len(sent) == cap.messages and at < sent[0] + cap.per:
            return False
        self.sent = (*sent, at)[-cap.messages :]
        return True

    def hold(self, incident: int, reason: Reason, at: int) -> None:
        """Leave an incident to the digest."""
        if not self.held:
            self.since = at
        self.last = at
        self.held[incident] = reason

    def due(self, cap: Cap) -> int | None:
        """Return when the digest is due (s); None when there is nothing in it."""
        if not self.held:
            return None
        wanted = min(self.last + cap.quiet, self.since + cap.per)
        return wanted if self.digested is None else max(wanted, self.digested + cap.per)
