"""Worker processes that are killed for real, while logs grow and are rotated."""

import os
import random
import signal
from collections.abc import Callable, Sequence
from contextlib import closing
from multiprocessing import active_children
from pathlib import Path

import pytest
from msgspec.structs import replace
from tests.runners.world import append, lines, rules

from tocsin.config.values import Config
from tocsin.model.records import Notice, Summary
from tocsin.runners.clock import SystemClock
from tocsin.runners.crew import Crew
from tocsin.runners.daemon import Daemon
from tocsin.runners.keeping import Keeper
from tocsin.runners.processes import ProcessLink
from tocsin.runners.session import Session
from tocsin.runners.wishes import Wishes
from tocsin.state.memory import MemoryStore
from tocsin.testing import CollectingView

_ROUNDS = 60
_MOST_KILLED = 6


def config(folder: Path) -> Config:
    made = rules(threshold=30)
    source = replace(made.sources[0], path=(str(folder / "*.log"),))
    return replace(made, sources=(source,))


class Mortal(ProcessLink):
    """A worker that is killed when it has sent so many letters."""

    def __init__(self, session: Session, left: int | None) -> None:
        super().__init__(session.config, session.wishes)
        self._left = left

    def receive(self) -> tuple[list[bytes], bool]:
        came, gone = super().receive()
        if self._left is not None and self.pid is not None:
            self._left -= len(came)
            if self._left <= 0:
                os.kill(self.pid, signal.SIGKILL)
                self._left = None
        return came, gone


class Busy(SystemClock):
    """The machine's clock; while a run waits, its logs grow and its workers die."""

    def __init__(self, work: Callable[[], object]) -> None:
        self._work = work

    def wait(self, seconds: float, fds: Sequence[int] = ()) -> None:
        self._work()
        super().wait(min(seconds, 0.05), fds)


@pytest.mark.parametrize("seed", range(2))
def test_nothing_is_lost_or_counted_twice_when_workers_are_killed(
    tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 - no secret
    logs = [tmp_path / f"{name}.log" for name in "abc"]
    for log in logs:
        log.write_bytes(lines([0]))
    written, rounds, view = [len(logs)], [0], CollectingView()
    dooms = [chance.randrange(4, 30) for _ in range(_MOST_KILLED)]
    session = Session(config(tmp_path), view, Wishes())

    def grow() -> None:
        rounds[0] += 1
        if rounds[0] < _ROUNDS:
            log = chance.choice(logs)
            count = chance.randrange(2000)
            append(log, lines([rounds[0] // 10] * count))
            written[0] += count
            if chance.random() < 0.1:
                log.rename(log.with_suffix(f".log.{_ROUNDS - rounds[0]}"))
        enough = session.engine.summary().total("lines") >= written[0]
        if (rounds[0] > _ROUNDS and enough and not dooms) or rounds[0] > 2000:
            daemon.stop()

    clock = Busy(grow)
    daemon = Daemon(session, clock, Keeper(MemoryStore(), session, clock))

    def start(mine: Session) -> Mortal:
        return Mortal(mine, dooms.pop() if dooms else None)

    with closing(Crew(session, clock, start, 2)) as crew:
        daemon.share(crew)
        daemon.run()
    (summary,) = view.of(Summary)
    ended = [n.text for n in view.of(Notice) if "signal 9" in n.text]
    assert len(ended) >= _MOST_KILLED - 2
    assert summary.total("lines") == written[0]
    assert summary.total("events") == written[0]
    assert children() == set()


def children() -> set[int]:
    """Return the processes that read files for us."""
    return {child.pid or 0 for child in active_children()}


def test_a_worker_ends_when_nobody_holds_the_other_end(tmp_path: Path) -> None:
    link, clock = ProcessLink(config(tmp_path), Wishes()), SystemClock()
    while not link.receive()[0]:  # its first round: it is up
        clock.wait(30, [link.fd])
    assert link.close() == "exit code 0"
