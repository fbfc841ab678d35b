"""Groups: which alerts are told together, and what was told of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field

from tocsin.incidents.reasons import Reason
from tocsin.model.levels import gravity
from tocsin.model.notification import Alert, Kind

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

FIRING, RESOLVED, WITHDRAWN = "firing", "resolved", "withdrawn"
DAMPED = "flapping"
"""What was told of an alert that comes and goes: neither that it rings, nor not."""


class Said(Struct, frozen=True):
    """What was told last of an alert: nothing, as long as `status` is empty.

    `at` is when (s), `repeats` how often it was said again since; `held` names the
    reason for which its newest change has not been told.
    """

    status: str = ""
    level: str = ""
    at: int = 0
    repeats: int = 0
    held: str = ""


class Group(Struct):
    """Alerts of one route with the same labels, told together.

    `due` is when it is looked at next; while `idle`, only to be forgotten. `looked` is
    when it was last, None before its first message: it speaks only whole
    `group_interval`s after that. `born`
    (s) begins a thread of messages, of which `first` holds the first to each channel,
    `number` counts them, and `flaps` says which alarms were told to come and go, and
    since when. `rings` are the channels whose last message of the thread was no end.
    """

    route: str
    labels: dict[str, str]
    born: int
    due: int
    idle: bool = False
    looked: int | None = None
    number: int = 0
    members: dict[int, Said] = field(default_factory=dict)
    flaps: dict[str, int] = field(default_factory=dict)
    first: dict[str, str] = field(default_factory=dict)
    rings: list[str] = field(default_factory=list)

    def turn(self, interval: int, at: int) -> int:
        """Return the first turn to speak that is not before an instant."""
        assert self.looked is not None
        waits = max(-(-(at - self.looked) // interval), 1)
        return self.looked + waits * interval

    def copied(self) -> Group:
        """Return a group that may be changed without changing this one."""
        return Group(
            self.route,
            self.labels,
            self.born,
            self.due,
            self.idle,
            self.looked,
            self.number,
            dict(self.members),
            dict(self.flaps),
            dict(self.first),
            list(self.rings),
        )


_AFTER = {
    ("", FIRING): Reason.NEW,
    ("", RESOLVED): Reason.BRIEF,
    ("", WITHDRAWN): Reason.NEVER_TOLD,
    (FIRING, RESOLVED): Reason.RECOVERED,
    (FIRING, WITHDRAWN): Reason.WITHDRAWN,
    (RESOLVED, WITHDRAWN): Reason.WITHDRAWN,
    (RESOLVED, FIRING): Reason.REOPENED,
    (WITHDRAWN, FIRING): Reason.REOPENED,
    (WITHDRAWN, RESOLVED): Reason.REOPENED,
    (DAMPED, FIRING): Reason.CALM,
    (DAMPED, RESOLVED): Reason.CALM,
    (DAMPED, WITHDRAWN): Reason.WITHDRAWN,
}
"""What has changed when something was told, and an alert now stands like this."""


def difference(said: Said, alert: Alert) -> Reason | None:
    """Return what there is to tell of an alert; None when it was told already."""
    found = _AFTER.get((said.status, alert.status))
    if found is Reason.NEW and said.held:
        return Reason.UNMUTED
    if found is None and alert.status == FIRING and said.level != alert.level:
        return Reason.LEVEL
    return found


def kind_of(
    reasons: Collection[Reason], alerts: Iterable[Alert], *, rings: bool
) -> Kind:
    """Return the kind of a message: an end only if nothing of its group `rings` on."""
    if all(reason in {Reason.NEW, Reason.UNMUTED} for reason in reasons):
        return Kind.FIRING
    if rings or any(alert.status == FIRING for alert in alerts):
        return Kind.CHANGED
    gone = all(reason is Reason.WITHDRAWN for reason in reasons)
    return Kind.WITHDRAWN if gone else Kind.RESOLVED


def gravest_first(alerts: Iterable[Alert]) -> list[Alert]:
    """Return alerts in the order in which people want to see them."""
    return sorted(
        alerts,
        key=lambda a: (-gravity(a.level), a.status != FIRING, a.opened, a.incident),
    )
