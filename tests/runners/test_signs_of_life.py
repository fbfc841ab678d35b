"""Signs of life come by the way that alarms take, and stay away when nothing is judged."""

import errno
import os
from datetime import datetime
from pathlib import Path
from random import Random

import pytest
from tests.runners.test_daemon import Seeing, Tight, config
from tests.runners.world import T0, TimedView, lines

from tocsin.channels.file import File
from tocsin.config.notify_values import HeartbeatConfig
from tocsin.incidents.draft import NotifySpec
from tocsin.model import wire
from tocsin.model.instant import SECOND
from tocsin.model.notification import Notification
from tocsin.runners.daemon import Daemon
from tocsin.runners.keeping import Keeper
from tocsin.runners.mailroom import Mailroom
from tocsin.runners.session import Session
from tocsin.runners.telling import Teller
from tocsin.runners.wishes import Wishes
from tocsin.sources import Disk
from tocsin.sources.disk import Look
from tocsin.testing import ManualClock

EVERY = 60


def instant(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


class Fallible(Disk):
    """A disk that cannot be read, from some moment on."""

    broken = False

    def look(self, path: Path | str) -> Look:
        if self.broken:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return super().look(path)

    def look_at(self, fd: int) -> Look:
        if self.broken:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return super().look_at(fd)


class Keeping(Seeing):
    """A daemon over logs on some disk, that tells people."""

    def __init__(
        self, session: Session, clock: ManualClock, keeper: Keeper, disk: Disk
    ) -> None:
        self.disk = disk
        Daemon.__init__(self, session, clock, keeper)


class House:
    """A daemon that gives a sign of life once in a minute, and what comes of it."""

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock(T0 * SECOND)
        self.store = Tight()
        self.disk = Fallible()
        channel = File(name="out", path=folder / "told.jsonl")
        room = Mailroom(self.store, {"out": channel}, self.clock, Random(1))  # noqa: S311
        teller = Teller(NotifySpec(), {}, self.store, room)
        teller.heartbeat = HeartbeatConfig(channels=("out",), every=EVERY * SECOND)
        session = Session(config(folder), TimedView(self.clock), Wishes())
        keeper = Keeper(self.store, session, self.clock, teller)
        self.daemon = Keeping(session, self.clock, keeper, self.disk)

    def until(self, second: int) -> list[int]:
        """Live until then; return when signs of life came to be sent."""
        self.clock.at(second, self.daemon.stop)
        self.daemon.run()
        return [one.at - T0 for one in self.signs()]

    def signs(self) -> list[Notification]:
        """Return the signs of life that are saved, which is how they are sent."""
        rows = self.store.outbox()
        found = [r for r in rows if r.key.startswith("heartbeat")]
        return [wire.from_bytes(r.body) for r in sorted(found, key=lambda r: r.place)]


@pytest.fixture
def house(tmp_path: Path) -> House:
    (tmp_path / "a.log").write_bytes(lines([0] * 3))
    return House(tmp_path)


def test_all_is_well_on_a_quiet_log_and_says_how_far_it_is_judged(house: House) -> None:
    """N13: it carries the watermark."""
    at = house.until(400)

    assert at == [0, *range(40, 401, 60)]
    last = house.signs()[-1]
    judged = instant(last.group["judged"])
    assert last.at - 30 <= judged <= last.at
    assert last.group["judged"] in last.why


def test_without_logs_it_lives_all_the_same(tmp_path: Path) -> None:
    assert House(tmp_path).until(400) == [0, *range(40, 401, 60)]


def test_it_stays_away_while_nothing_can_be_read_and_comes_back(house: House) -> None:
    """N13: the watermark is stuck."""
    house.clock.at(100, lambda: setattr(house.disk, "broken", True))
    house.clock.at(400, lambda: setattr(house.disk, "broken", False))
    at = house.until(600)

    assert [t for t in at if 180 < t < 400] == []
    assert len([t for t in at if t >= 400]) >= 3


def test_it_stays_away_while_nothing_can_be_saved_and_comes_back(house: House) -> None:
    """N13: the store is full."""
    house.clock.at(100, lambda: setattr(house.store, "full", True))
    seen: list[int] = []
    house.clock.at(399, lambda: seen.append(len(house.signs())))
    house.clock.at(400, lambda: setattr(house.store, "full", False))
    at = house.until(600)

    assert seen == [2]
    assert len(at) >= 5
