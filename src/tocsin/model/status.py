"""How a run stands at this moment: what is shown between two records."""

from msgspec import Struct, field

from tocsin.model.records import Key


class StreamStatus(Struct, frozen=True):
    """One stream as it stands: `lag` is its unread bytes.

    `waiting` says that it is not there yet; `trouble`, in words, that it cannot be
    read; both may pass.
    """

    stream: str
    lag: int = 0
    waiting: bool = False
    trouble: str = ""
    format: str = ""


class AlarmStatus(Struct, frozen=True):
    """The value of one alarm's newest window, beside the threshold it is held to.

    `operator` is the one that rings; `value` is None before the first window and
    where there is no data. `count` is the number of events in the window.
    """

    name: str
    value: float | None
    count: int
    threshold: float
    firing: bool = False
    operator: str = ">"
    state: str = ""
    """ok, pending, firing, recovering, no_data or error; empty where nobody says."""
    level: str = ""
    """Of an alarm that fires."""
    key: Key = field(default_factory=dict)


class LiveStatus(Struct, frozen=True):
    """The run as it stands; `now` is the log's time in microseconds, not the wall's.

    `lines_per_s` is the reading speed, by the runner's clock; None when not measured.
    """

    now: int | None = None
    streams: tuple[StreamStatus, ...] = ()
    lines: int = 0
    parse_errors: int = 0
    alarms: tuple[AlarmStatus, ...] = ()
    lines_per_s: float | None = None
