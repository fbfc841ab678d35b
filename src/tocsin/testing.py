"""Fakes that users may rely on: a clock, a source and a view for tests of rules.

Nothing here waits, and nothing here pretends: `simulate` runs the same session, the
same follower and the same replay as the commands do, on a clock that is moved by hand.

    from tocsin.config import load
    from tocsin.testing import simulate

    said = simulate(load("tocsin.yaml"), [(0.0, b"..."), (130.0, b"")])
"""

from __future__ import annotations

import heapq
import select
from itertools import count
from typing import TYPE_CHECKING, TypeVar

from tocsin.model.instant import SECOND
from tocsin.model.protocols import Chunk
from tocsin.runners.follow import Follow
from tocsin.runners.replay import Replay
from tocsin.runners.session import Session
from tocsin.runners.wishes import Wishes
from tocsin.sources import expand, families

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from tocsin.config.values import Config
    from tocsin.model.records import Record
    from tocsin.model.status import LiveStatus

__all__ = ["CollectingView", "ManualClock", "ScriptedSource", "simulate"]

_R = TypeVar("_R")

LONGEST = 30 * 86400.0
"""Seconds after which a run on a manual clock counts as never ending."""


class ManualClock:
    """A clock that moves when it is waited on, or told to; implements `runners.Clock`.

    `now` is where the wall clock stands at first, in µs since the epoch. Actions given
    with `at` run when their moment comes, in the middle of a wait.
    """

    def __init__(self, now: int = 1_700_000_000 * SECOND) -> None:
        self._began = now
        self._passed = 0.0
        self._actions: list[tuple[float, int, Callable[[], object]]] = []
        self._numbers = count()

    def now(self) -> int:
        """Return the wall clock's time in µs since the epoch."""
        return self._began + round(self._passed * SECOND)

    def monotonic(self) -> float:
        """Return the seconds that have passed."""
        return self._passed

    def at(self, seconds: float, action: Callable[[], object]) -> None:
        """Run an action once so many seconds have passed since the clock began."""
        heapq.heappush(self._actions, (seconds, next(self._numbers), action))

    def wait(self, seconds: float, fds: Sequence[int] = ()) -> None:
        """Let time pass, and run what falls due; readable files end the wait at once.

        Raises:
            AssertionError: Nobody has stopped the run for `LONGEST` seconds.
        """
        if fds and select.select(fds, [], [], 0)[0]:
            return
        self.move(seconds)
        if self._passed > LONGEST:
            message = f"the run went on for {self._passed:.0f} s: nothing stopped it"
            raise AssertionError(message)

    def move(self, seconds: float) -> None:
        """Let time pass, and run what falls due."""
        end = self._passed + seconds
        while self._actions and self._actions[0][0] <= end:
            due, _, action = heapq.heappop(self._actions)
            self._passed = max(self._passed, due)
            action()
        self._passed = end


class ScriptedSource:
    """A stream whose bytes come at given seconds of a clock; implements `Reader`.

    As with a pipe, an unfinished line is held back. The stream ends with its last
    bytes, unless it is `still_open`: then it is caught up, and waits for ever.
    """

    def __init__(
        self,
        clock: ManualClock,
        script: Iterable[tuple[float, bytes]],
        *,
        stream: str = "script",
        still_open: bool = False,
    ) -> None:
        self.stream = stream
        self._clock = clock
        self._script = sorted(script, key=lambda step: step[0])
        self._open = still_open
        self._held = b""
        self._at = 0

    def read(self, limit: int) -> Chunk:
        """Return the whole lines that have come, whatever `limit` is."""
        del limit
        now = self._clock.monotonic()
        while self._script and self._script[0][0] <= now:
            self._held += self._script.pop(0)[1]
        ended = not self._script and not self._open
        cut = len(self._held) if ended else self._held.rfind(b"\n") + 1
        data, self._held = self._held[:cut], self._held[cut:]
        start, self._at = self._at, self._at + len(data)
        return Chunk(data, start, self._at, caught_up=True, ended=ended)

    def close(self) -> None:
        """Do nothing: there is nothing to let go of."""


class CollectingView:
    """A view that keeps all it is told; implements `model.view.View`."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.statuses: list[LiveStatus] = []
        self.steps: list[tuple[int, int, int]] = []
        """Progress, as it was told: (bytes done, bytes in all, lines)."""
        self.closed = False

    def show(self, record: Record) -> None:
        """Keep the next record."""
        self.records.append(record)

    def progress(self, done: int, total: int, lines: int) -> None:
        """Keep how far the run has come."""
        self.steps.append((done, total, lines))

    def refresh(self, look: Callable[[], LiveStatus]) -> None:
        """Keep how the run stands."""
        self.statuses.append(look())

    def close(self) -> None:
        """Remember that the run has let go."""
        self.closed = True

    def of(self, kind: type[_R]) -> list[_R]:
        """Return the records of one kind, in their order."""
        return [record for record in self.records if isinstance(record, kind)]


def simulate(
    config: Config,
    log: Sequence[tuple[float, bytes]] | Sequence[Path],
    *,
    now: int = 1_700_000_000 * SECOND,
    until: float | None = None,
    wishes: Wishes | None = None,
) -> list[Record]:
    """Run a configuration over a log, and return all that it says.

    `log` is a script of (second, bytes): it is followed live, on a clock that stands
    at `now` (µs) at first, and ends with its last bytes or, with `until`, at that
    second. Or it is files, which are replayed. All belong to the first source.
    `wishes` default to every datapoint.
    """
    view = CollectingView()
    clock = ManualClock(now)
    session = Session(config, view, wishes or Wishes(datapoints=True))
    source = config.sources[0].name
    script = [step for step in log if isinstance(step, tuple)]
    if len(script) < len(log):
        files = [path for path in log if not isinstance(path, tuple)]
        found = families(expand(files))
        Replay(session, clock, workers=1).run([(source, f) for f in found], now)
        return view.records
    runner = Follow(session, clock)
    runner.add(
        "script", source, ScriptedSource(clock, script, still_open=until is not None)
    )
    if until is not None:
        clock.at(until, runner.stop)
    runner.run()
    return view.records
