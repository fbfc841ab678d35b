"""What is told to people: alerts, the notification that carries them, and its fate.

An alert is one incident as it stands; a notification is one message to one channel
about a group of alerts. Its `key` is the same however often it is sent, so that those
who receive it twice can tell.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct, field

from tocsin.model.levels import gravity

if TYPE_CHECKING:
    from collections.abc import Mapping


class Kind(StrEnum):
    """Why a notification is sent."""

    FIRING = "firing"
    CHANGED = "changed"
    RESOLVED = "resolved"
    REPEAT = "repeat"
    WITHDRAWN = "withdrawn"
    DIGEST = "digest"
    HEARTBEAT = "heartbeat"
    TEST = "test"


class Alert(Struct, frozen=True):
    """One incident as it is told. Times are in seconds since the epoch, UTC.

    `status` is `firing`, `resolved` or `withdrawn`; `key` is the group key, `labels`
    are those of the alarm and its key together. `text` is the alarm's own message,
    `reason` says why in words. `evidence` holds lines of the log, masked already.
    `series` are the last datapoints of `metric`, to be drawn: their ends and values.
    """

    incident: int
    alarm: str
    key: Mapping[str, str]
    status: str
    level: str
    opened: int
    closed: int | None = None
    value: float | None = None
    count: int | None = None
    threshold: float | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    text: str = ""
    reason: str = ""
    runbook: str = ""
    evidence: tuple[str, ...] = ()
    acknowledged_by: str = ""
    amended: bool = False
    metric: str = ""
    series: tuple[tuple[int, float | None], ...] = ()
    contributors: tuple[str, ...] = ()
    """Whose events made the difference, in words."""


class Notification(Struct, frozen=True):
    """One message to one channel.

    `key` identifies it for ever; `thread` is shared by all messages about the same
    group, so that a recovery stands under its alarm. `group` are the labels its alerts
    have in common, `why` the named reason for sending it now, `at` when it was made
    (s). `held` counts alerts that it stands for but does not name; `tally` then says how
    many there are of each alarm, the gravest and most first. `answers` is the key of the
    message that this one continues; empty if it begins its thread.
    """

    key: str
    channel: str
    thread: str
    kind: Kind
    alerts: tuple[Alert, ...]
    at: int
    why: str
    group: Mapping[str, str] = field(default_factory=dict)
    held: int = 0
    answers: str = ""
    tally: Mapping[str, int] = field(default_factory=dict)

    @property
    def level(self) -> str:
        """The gravest level among the alerts that fire, or else among all."""
        firing = [a.level for a in self.alerts if a.status == "firing"]
        levels = firing or [a.level for a in self.alerts]
        return max(levels, key=gravity, default="info")


class Fate(StrEnum):
    """What became of sending to one recipient."""

    DELIVERED = "delivered"
    RETRY = "retry"
    REFUSED = "refused"
    GONE = "gone"  # refused, as will be everything that is ever sent there


class Outcome(Struct, frozen=True):
    """What became of sending to one recipient, and what the other side said.

    `after` is how many seconds it asked us to wait before another try.
    """

    recipient: str
    fate: Fate
    detail: str = ""
    after: float | None = None
