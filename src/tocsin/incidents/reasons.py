"""Why a message is sent, or is not: each reason has a name and words for people."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class Reason(StrEnum):
    """Why something is told, or withheld."""

    NEW = "new"
    BRIEF = "brief"
    RECOVERED = "recovered"
    REOPENED = "reopened"
    LEVEL = "level"
    WITHDRAWN = "withdrawn"
    UNMUTED = "unmuted"
    FLAPPING = "flapping"
    CALM = "calm"
    SEVERAL = "several"
    REPEAT = "repeat"
    RATE_CAP = "rate_cap"
    CATCH_UP = "catch_up"

    INHIBITED = "inhibited"
    SILENCED = "silenced"
    DOWNTIME = "downtime"
    MUTED = "muted"
    INACTIVE = "inactive"
    ACKNOWLEDGED = "acknowledged"
    COUNTED = "counted"
    TIMES_ONLY = "times_only"
    NEVER_TOLD = "never_told"
    UNKNOWN = "unknown"
    NO_ROUTE = "no_route"
    NO_CHANNEL = "no_channel"

    @property
    def words(self) -> str:
        """The reason as a clause for people."""
        return _WORDS[self]

    @property
    def told(self) -> str:
        """The words with the name behind them, as a message gives its reason."""
        return f"{self.words} ({self.value})"


_WORDS = {
    Reason.NEW: "it rings",
    Reason.BRIEF: "it rang, and was over before it could be told",
    Reason.RECOVERED: "it has recovered",
    Reason.REOPENED: "late lines show that it is not over",
    Reason.LEVEL: "its level has changed",
    Reason.WITHDRAWN: "late lines show that it did not happen",
    Reason.UNMUTED: "it still rings, now that nothing keeps it quiet",
    Reason.FLAPPING: "it comes and goes: nothing more is told until it is quiet",
    Reason.CALM: "it no longer comes and goes: this is how it stands",
    Reason.SEVERAL: "several things have changed",
    Reason.REPEAT: "it still rings",
    Reason.RATE_CAP: "there were more messages than the channel may take",
    Reason.CATCH_UP: "it is too long ago to be told one by one",
    Reason.INHIBITED: "another alarm explains it",
    Reason.SILENCED: "somebody silenced it",
    Reason.DOWNTIME: "it falls in a planned downtime",
    Reason.MUTED: "its route is muted at this time",
    Reason.INACTIVE: "its route is not active at this time",
    Reason.ACKNOWLEDGED: "somebody works on it, so it is not repeated",
    Reason.COUNTED: "it is counted in a message that has no room to name it",
    Reason.TIMES_ONLY: "late lines moved its times, and nothing else",
    Reason.NEVER_TOLD: "it did not happen, and nobody was told that it did",
    Reason.UNKNOWN: "nobody was told of it, or too long ago to remember",
    Reason.NO_ROUTE: "no route matches it",
    Reason.NO_CHANNEL: "its route has no channel",
}


class Withheld(Struct, frozen=True):
    """Something about an incident that is not told, at `at` (s), and why.

    `route` and `channel` are empty where the reason holds for all of them; `detail`
    names the silence, the schedule or the alarm that is to blame.
    """

    incident: int
    reason: Reason
    at: int
    route: str = ""
    channel: str = ""
    detail: str = ""
