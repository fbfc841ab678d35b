"""A small world for runners: a clock moved by hand, logs that grow, and rules."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from msgspec.structs import replace

from tocsin.config.values import (
    AlarmConfig,
    Config,
    FormatConfig,
    MetricConfig,
    SourceConfig,
)
from tocsin.model.instant import SECOND
from tocsin.model.records import (
    Datapoint,
    IncidentEvent,
    Notice,
    Record,
    Stats,
    Summary,
    Transition,
)
from tocsin.runners.follow import Follow
from tocsin.runners.replay import Replay
from tocsin.runners.session import Session
from tocsin.runners.wishes import Wishes
from tocsin.sources import families
from tocsin.testing import CollectingView, ManualClock

T0 = 1_700_000_000
"""2023-11-14T22:13:20Z: where the log and, by default, the wall clock begin."""
SOURCE = "log"


def line(second: float, path: str = "/api/x", status: int = 200) -> bytes:
    """Return a line of an access log, so many seconds after `T0`."""
    at = datetime.fromtimestamp(T0 + int(second), UTC)
    stamp = at.strftime("%d/%b/%Y:%H:%M:%S +0000")
    return f'10.0.0.1 - - [{stamp}] "GET {path} HTTP/1.1" {status} 5\n'.encode()


def lines(seconds: Iterable[float]) -> bytes:
    """Return a line for each of these seconds."""
    return b"".join(map(line, seconds))


def rules(
    *,
    threshold: float = 1.0,
    operator: str = ">",
    window: int = 10,
    form: str = "auto",
) -> Config:
    """Return an alarm on the hits a second over a rolling window."""
    opposite = {">": "<=", "<": ">="}[operator]
    source = SourceConfig(name=SOURCE, path=(), format=FormatConfig(type=form))
    metric = MetricConfig(
        name="requests",
        type="RATE",
        source=SOURCE,
        period=window * SECOND,
        every=SECOND,
    )
    alarm = AlarmConfig(
        name="busy",
        metric="requests",
        threshold=threshold,
        operator=operator,
        recovery_threshold=threshold,
        recovery_operator=opposite,
    )
    return Config(sources=(source,), metrics=(metric,), alarms=(alarm,))


class TimedView(CollectingView):
    """A view that remembers at which second of the clock it was told each thing."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__()
        self._clock = clock
        self.told: list[tuple[float, Record]] = []

    def show(self, record: Record) -> None:
        super().show(record)
        self.told.append((self._clock.monotonic(), record))

    def first(self, wanted: Callable[[Record], bool]) -> float:
        """Return when the first such record was told."""
        return next(second for second, record in self.told if wanted(record))


class World:
    """A run that follows, with everything in reach of a test."""

    def __init__(
        self,
        config: Config | None = None,
        *,
        start: str = "start",
        began: float = 0,
        wishes: Wishes | None = None,
    ) -> None:
        self.clock = ManualClock(T0 * SECOND + round(began * SECOND))
        self.view = TimedView(self.clock)
        wishes = wishes or Wishes(statistics=SOURCE)
        self.session = Session(config or rules(), self.view, wishes)
        self.follow = Follow(self.session, self.clock, start=start)

    def files(self, *paths: Path) -> Self:
        """Follow these files."""
        for family in families(paths):
            self.follow.add_files(family, SOURCE)
        return self

    def write(self, second: float, path: Path, data: bytes) -> None:
        """Let data be appended to a file at a second of the clock."""
        self.clock.at(second, lambda: append(path, data))

    def until(self, second: float) -> Self:
        """Run until a second of the clock."""
        self.clock.at(second, self.follow.stop)
        self.follow.run()
        return self

    @property
    def summary(self) -> Summary:
        (summary,) = self.view.of(Summary)
        return summary

    @property
    def notices(self) -> list[str]:
        return [notice.text for notice in self.view.of(Notice)]

    @property
    def hits(self) -> dict[int, int]:
        """The last word on the hits of each period, by its start after `T0`."""
        return last_hits(self.view.records)

    @property
    def rings(self) -> list[tuple[str, int]]:
        """The changes of the alarm: to which state, at which second after `T0`."""
        return [(t.to_state, t.at // SECOND - T0) for t in self.view.of(Transition)]


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as out:
        out.write(data)


def last_hits(records: Iterable[Record]) -> dict[int, int]:
    """Return the last word on the hits of each period, by its start after `T0`."""
    return {
        record.start // SECOND - T0: record.hits
        for record in records
        if isinstance(record, Stats)
    }


def replayed(
    config: Config,
    *paths: Path,
    workers: int = 1,
    piece_bytes: int = 1 << 20,
    wishes: Wishes | None = None,
) -> CollectingView:
    """Return all that a replay of files says, on a clock that stands long after them."""
    clock = ManualClock((T0 + 10**8) * SECOND)
    view = CollectingView()
    wishes = wishes or Wishes(statistics=SOURCE, datapoints=True)
    session = Session(config, view, wishes)
    replay = Replay(session, clock, workers=workers, piece_bytes=piece_bytes)
    replay.run([(SOURCE, family) for family in families(paths)], clock.now())
    return view


def settled(records: Iterable[Record]) -> list[Record]:
    """Return what stands in the end: the last word on every report, and all changes.

    Of the reports, whether they are partial depends on where the input was cut.
    """
    stats: dict[int, Record] = {}
    changes: list[Record] = []
    for record in records:
        if isinstance(record, Stats):
            stats[record.start] = replace(record, amended=False, partial=False)
        elif isinstance(record, Transition | IncidentEvent):
            changes.append(record)
    return [*(stats[start] for start in sorted(stats)), *changes]


def points(records: Iterable[Record]) -> list[Datapoint]:
    return [record for record in records if isinstance(record, Datapoint)]
