"""What Tocsin says: one type per kind of output, with instants in microseconds.

`as_json` gives the published shape of each (`type` first, times ISO 8601 with `Z`).
"""

from collections.abc import Mapping
from typing import Any, TypeAlias

from msgspec import Struct, field

from tocsin.model.instant import iso

Key: TypeAlias = Mapping[str, str | int | float | bool | None]
"""The group a datapoint or an alarm is about: `{"section": "/api"}`, or `{}`."""


class Datapoint(Struct, frozen=True):
    """The value of a metric for one key over the window that ends at `end`.

    `steps` above 1 stands for that many equal datapoints, the first at `end`, each
    `every` microseconds after the one before: how a long silence is said in one line.
    `approx` says that the metric has more keys than its limit, so that this row may
    lack events that were counted under `__other__`.
    """

    metric: str
    key: Key
    end: int
    value: float | None
    count: int
    amended: bool = False
    partial: bool = False
    steps: int = 1
    every: int = 0
    approx: bool = False

    def as_json(self) -> dict[str, Any]:
        """Return the published shape."""
        row = {
            "type": "datapoint",
            "metric": self.metric,
            "key": dict(self.key),
            "end": iso(self.end),
            "value": self.value,
            "count": self.count,
            "amended": self.amended,
        }
        if self.partial:
            row["partial"] = True
        if self.approx:
            row["approx"] = True
        if self.steps > 1:
            last = self.end + (self.steps - 1) * self.every
            row |= {"steps": self.steps, "until": iso(last)}
        return row


class Contributor(Struct, frozen=True):
    """How much a value of a field had to do with a transition.

    `now` is its share of the window, `before` that of the window before it: of events,
    or of the sum if the metric is one.
    """

    field: str
    value: str
    now: float
    before: float

    @property
    def difference(self) -> float:
        """How much more it came to than before."""
        return self.now - self.before

    def __str__(self) -> str:
        return f"{self.field} {self.value}: {self.now:,.6g}, {self.before:,.6g} before"

    def as_json(self) -> dict[str, Any]:
        """Return the published shape."""
        return {
            "field": self.field,
            "value": self.value,
            "now": self.now,
            "before": self.before,
        }


class Transition(Struct, frozen=True):
    """One change of state of an alarm for one key, and why.

    `at` is the end of the window that made it true. States are ok, firing and no_data;
    `level` is that of the worse of the two, and `from_level`, where an incident's level
    changed, what it was. `threshold` is None where none is concerned. `amended` says
    that late lines made or unmade it; `withdrawn`, that an earlier transition with
    this id should not have been.
    """

    id: str
    alarm: str
    key: Key
    level: str
    from_state: str
    to_state: str
    at: int
    value: float | None
    count: int
    threshold: float | None
    reason: str
    amended: bool = False
    withdrawn: bool = False
    from_level: str = ""
    window: int = 0
    """How long (µs) its window is, which ends at `at`."""
    evidence: tuple[str, ...] = ()
    """Lines of the log that it comes from: the first of the window, and the last."""
    contributors: tuple[Contributor, ...] = ()
    """Whose events made the difference, the greatest first."""
    runbook: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return the published shape."""
        row: dict[str, Any] = {
            "type": "transition",
            "id": self.id,
            "alarm": self.alarm,
            "key": dict(self.key),
            "level": self.level,
            "from": self.from_state,
            "to": self.to_state,
            "at": iso(self.at),
            "value": self.value,
            "count": self.count,
            "threshold": self.threshold,
            "amended": self.amended,
            "reason": self.reason,
        }
        if self.withdrawn:
            row["withdrawn"] = True
        if self.from_level:
            row["from_level"] = self.from_level
        if self.window:
            row["window"] = {"start": iso(self.at - self.window), "end": iso(self.at)}
        if self.evidence:
            row["evidence"] = list(self.evidence)
        if self.contributors:
            row["contributors"] = [one.as_json() for one in self.contributors]
        if self.runbook:
            row["runbook"] = self.runbook
        return row


class IncidentEvent(Struct, frozen=True):
    """What became of an incident.

    `event` is one of opened, escalated, eased, resolved, reopened, corrected, withdrawn;
    `level` how bad it is, or was; `message` the sentence for people, from the alarm's
    template.
    """

    id: int
    event: str
    alarm: str
    key: Key
    at: int
    message: str
    amended: bool = False
    level: str = ""
    """Told of alarms that have several."""

    def as_json(self) -> dict[str, Any]:
        """Return the published shape."""
        row: dict[str, Any] = {
            "type": "incident",
            "id": self.id,
            "event": self.event,
            "alarm": self.alarm,
            "key": dict(self.key),
            "at": iso(self.at),
            "amended": self.amended,
            "message": self.message,
        }
        return row | {"level": self.level} if self.level else row


class Stats(Struct, frozen=True):
    """The statistics of one report period `[start, end)`.

    `statuses` counts by class (`2xx`), `sections` and `methods` most hits first.
    `bytes`, `clients`, `success` and `errors` are None where the format has no such
    field. Success is a status below 400.
    """

    start: int
    end: int
    hits: int
    rate: float
    bytes: int | None
    success: int | None
    errors: int | None
    clients: int | None
    sections: tuple[tuple[str, int], ...]
    statuses: Mapping[str, int]
    methods: Mapping[str, int]
    amended: bool = False
    partial: bool = False

    def as_json(self) -> dict[str, Any]:
        """Return the published shape."""
        row: dict[str, Any] = {
            "type": "stats",
            "start": iso(self.start),
            "end": iso(self.end),
            "hits": self.hits,
            "rate": self.rate,
            "bytes": self.bytes,
            "success": self.success,
            "errors": self.errors,
            "clients": self.clients,
            "sections": [list(pair) for pair in self.sections],
            "statuses": dict(self.statuses),
            "methods": dict(self.methods),
            "amended": self.amended,
        }
        if self.partial:
            row["partial"] = True
        return row


class ConsumerReport(Struct, frozen=True):
    """What a raw log consumer says of one period `[start, end)`."""

    consumer: str
    start: int
    end: int
    text: str
    data: Mapping[str, Any] | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the published shape."""
        return {
            "type": "report",
            "consumer": self.consumer,
            "start": iso(self.start),
            "end": iso(self.end),
            "text": self.text,
            "data": None if self.data is None else dict(self.data),
        }


class Notice(Struct, frozen=True):
    """A word to the user about the run itself: a format found, a file waited for.

    `severity` is info, warning or error.
    """

    text: str
    severity: str = "info"
    subject: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return the published shape."""
        return {
            "type": "notice",
            "severity": self.severity,
            "subject": self.subject,
            "text": self.text,
        }


class Loss(Struct, frozen=True):
    """Bytes `[start, end)` of a file that could not be read and never will be.

    `more` says that further bytes after `end` may have been lost, which nobody can
    count: a file was deleted or truncated, and nobody knows how long it had become.
    """

    path: str
    start: int
    end: int
    more: bool = False

    @property
    def bytes(self) -> int:
        """How many bytes are known to be lost."""
        return self.end - self.start

    def __str__(self) -> str:
        first = f"{self.path}: bytes {self.start} to {self.end} are lost"
        if not self.bytes:
            return f"{self.path}: what came after byte {self.start} may be lost"
        return f"{first}, and perhaps more after them" if self.more else first

    def as_json(self) -> dict[str, Any]:
        """Return the published shape."""
        return {
            "path": self.path,
            "start": self.start,
            "end": self.end,
            "more": self.more,
        }


class StreamAccount(Struct, frozen=True):
    """The account of one stream: nothing is dropped without being named here.

    `lines = events + joined + skipped + parse_errors`;
    `events = counted + late + future`; amended events are among the counted.
    """

    stream: str
    lines: int = 0
    events: int = 0
    counted: int = 0
    joined: int = 0
    skipped: int = 0
    parse_errors: int = 0
    late: int = 0
    future: int = 0
    amended: int = 0
    known_lost_bytes: int = 0
    format: str = ""
    samples: tuple[tuple[str, str], ...] = ()
    """A few unparsed lines, each with the reason."""
    misfits: Mapping[str, int] = field(default_factory=dict)
    """How many values of a field did not fit its type, and counted as missing."""
    lost: tuple[Loss, ...] = ()
    """The newest of what was lost; `known_lost_bytes` counts all of it."""


class Summary(Struct, frozen=True):
    """What the whole run came to, per stream and in all."""

    streams: tuple[StreamAccount, ...] = ()
    alarms_opened: int = 0
    alarms_open: int = 0
    start: int | None = None
    end: int | None = None
    plugin_failures: Mapping[str, str] = field(default_factory=dict)

    def total(self, name: str) -> int:
        """Return the sum of one count over all streams."""
        return sum(int(getattr(s, name)) for s in self.streams)

    def as_json(self) -> dict[str, Any]:
        """Return the published shape."""
        counts = (
            "lines", "events", "counted", "joined", "skipped", "parse_errors",
            "late", "future", "amended", "known_lost_bytes",
        )  # fmt: skip
        streams = [
            {"stream": s.stream, "format": s.format}
            | {name: getattr(s, name) for name in counts}
            | {"lost": [loss.as_json() for loss in s.lost]}
            | {"samples": [{"line": t, "reason": r} for t, r in s.samples]}
            | ({"misfits": dict(s.misfits)} if s.misfits else {})
            for s in self.streams
        ]
        row: dict[str, Any] = {"type": "summary", "streams": streams}
        row |= {name: self.total(name) for name in counts}
        row |= {"incidents": self.alarms_opened, "open_incidents": self.alarms_open}
        row |= {
            "start": None if self.start is None else iso(self.start),
            "end": None if self.end is None else iso(self.end),
        }
        if self.plugin_failures:
            row["plugin_failures"] = dict(self.plugin_failures)
        return row


Record: TypeAlias = (
    Datapoint | Transition | IncidentEvent | Stats | ConsumerReport | Notice | Summary
)
"""Anything a run says, in the order in which it is said."""
