"""A worker reads no further than there is room for what it has read: back-pressure."""

from pathlib import Path

import pytest
from tests.runners.world import SOURCE, T0, lines, rules

from tocsin.metrics.lateness import StreamClock
from tocsin.model.instant import SECOND
from tocsin.runners import hand
from tocsin.runners.hand import Hand
from tocsin.runners.letters import Look, Taken, Task, decode, encode
from tocsin.runners.pieces import Bench
from tocsin.runners.wishes import Wishes
from tocsin.sources import Crowd, FollowReader
from tocsin.testing import ManualClock

BLOCK, ROOM = 1000, 8000


class Desk:
    """One that gives streams to a worker, and takes in what it sends when it likes."""

    def __init__(self) -> None:
        clock = ManualClock((T0 + 1000) * SECOND)
        self.hand = Hand(Bench(rules(), Wishes()), clock, Crowd(40), self._hear)
        self.waiting: list[Look] = []
        self.taken = 0

    def give(self, task: int, log: Path) -> None:
        reader = FollowReader(log)
        mark = reader.bookmark.to_json()
        reader.close()
        self.hand.hear(
            encode(
                Task(task, str(log), SOURCE, str(log), mark, "common", StreamClock())
            )
        )

    def take(self, task: int) -> None:
        """Take in what has come of a stream."""
        mine = [look for look in self.waiting if look.task == task]
        self.waiting = [look for look in self.waiting if look.task != task]
        self.taken += sum(look.bytes for look in mine)
        for look in mine:
            self.hand.hear(encode(Taken(task, look.number)))

    @property
    def held(self) -> int:
        return sum(look.bytes for look in self.waiting)

    def _hear(self, data: bytes) -> None:
        letter = decode(data)
        if isinstance(letter, Look) and letter.seen is not None:
            self.waiting.append(letter)


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setattr(hand, "BLOCK", BLOCK)
    monkeypatch.setattr(hand, "_ROOM", ROOM)
    return Desk()


def logs(folder: Path, count: int) -> list[Path]:
    """Return logs of some ten blocks each."""
    made = [folder / f"{number}.log" for number in range(count)]
    for number, log in enumerate(made):
        log.write_bytes(lines([number] * 150))
    return made


def test_what_is_not_taken_in_stops_reading_and_is_bounded(
    tmp_path: Path, desk: Desk
) -> None:
    for task, log in enumerate(logs(tmp_path, 9)):
        desk.give(task, log)
    for _ in range(30):
        desk.hand.turn()
    assert ROOM <= desk.held <= ROOM + BLOCK
    desk.hand.close()


def test_one_stream_that_is_not_taken_in_holds_no_other_back(
    tmp_path: Path, desk: Desk
) -> None:
    made = logs(tmp_path, 3)
    for task, log in enumerate(made):
        desk.give(task, log)
    for _ in range(30):
        desk.hand.turn()
        for task in (1, 2):
            desk.take(task)
    assert desk.taken == sum(log.stat().st_size for log in made[1:])
    assert [look.number for look in desk.waiting] == [1, 2]
    for _ in range(30):
        desk.hand.turn()
        desk.take(0)
    assert desk.taken == sum(log.stat().st_size for log in made)
    desk.hand.close()
