"""The whole system in one process and one seed: clock, disk, crashes, all made up.

What writes, rotates and dies, when, and how slow the disk is, follows from the seed. The
program is the real one, on a clock that is moved by hand, a disk that fails and lingers,
and a store in memory that keeps what was committed.
"""

from __future__ import annotations

import errno
import os
import random
import shutil
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from msgspec.structs import replace
from tests.runners.world import T0, line, rules

from tocsin.model.errors import StateFull
from tocsin.model.instant import SECOND
from tocsin.model.records import Summary
from tocsin.runners.daemon import Daemon
from tocsin.runners.keeping import Keeper
from tocsin.runners.session import Session
from tocsin.runners.wishes import Wishes
from tocsin.sources import Crowd, Disk
from tocsin.state.memory import MemoryStore
from tocsin.testing import CollectingView, ManualClock

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tocsin.config.values import Config
    from tocsin.model.records import Loss
    from tocsin.model.state import Change
    from tocsin.model.status import LiveStatus
    from tocsin.sources.disk import Look

LENGTH: Final = 120.0
"""Seconds for which there is something written."""
LIVES: Final = 4
FARTHEST: Final = 200.0
"""Seconds by which the wall clock is put back at most: less than `future_skew`."""


class Killed(BaseException):
    """The end of a process."""


class Clock(ManualClock):
    """Waits longer than it is asked to; its wall clock jumps."""

    def __init__(self, chance: random.Random) -> None:
        super().__init__(T0 * SECOND)
        self.chance = chance
        self.ahead = 0.0
        self.lazy = True

    def now(self) -> int:
        return super().now() + round(self.ahead * SECOND)

    def wait(self, seconds: float, fds: Sequence[int] = ()) -> None:
        factor = self.chance.choice([1, 4, 20, 40]) if self.lazy else 20
        super().wait(seconds * factor, fds)


@dataclass
class Fate:
    """What is to go wrong, and what has: one for all lives of a seed."""

    chance: random.Random
    clock: Clock
    dies_in: int = -1
    """How many calls of the disk or the store are left in this life; -1: no end."""
    broken: bool = False
    full: bool = False
    calm: bool = False

    def met(self) -> None:
        """Let happen what may happen at a call: death, or time that passes."""
        if self.calm:
            return
        if self.dies_in == 0:
            raise Killed
        self.dies_in -= self.dies_in > 0
        if self.chance.random() < 0.02:
            self.clock.move(self.chance.choice([0.1, 1.0, 7.0]))


class SlowDisk(Disk):
    """The machine's disk, when it lingers, fails, or is the last that a process sees."""

    def __init__(self, fate: Fate) -> None:
        self._fate = fate

    def look(self, path: Path | str) -> Look:
        self._fate.met()
        return super().look(path)

    def look_at(self, fd: int) -> Look:
        self._fate.met()
        if self._fate.broken and not self._fate.calm:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return super().look_at(fd)

    def open(self, path: Path | str) -> int:
        self._fate.met()
        return super().open(path)

    def names(self, folder: Path | str) -> list[tuple[str, int]]:
        self._fate.met()
        return super().names(folder)


class Store(MemoryStore):
    """What was committed outlives the process; the disk below it fills, and is slow."""

    def __init__(self, fate: Fate) -> None:
        super().__init__(program="test", now=0)
        self._fate = fate

    def commit(self, change: Change) -> int:
        self._fate.met()
        if self._fate.full and not self._fate.calm:
            raise StateFull("there is no room for the state")
        done = super().commit(change)
        self._fate.met()
        return done


class Writer:
    """Writes one log, numbered, and rotates it in its own way."""

    def __init__(self, path: Path, store: Store, clock: Clock) -> None:
        self.path, self._store, self._clock = path, store, clock
        self._chance = chance = clock.chance
        self.way = chance.choice(["rename", "copy", "copy with a gap"])
        self.kept: list[bytes] = []
        self.gaps: list[int] = []
        """Where lines begin that no reader can have."""
        self._half = b""
        self._number = 0
        self._changed = 0
        self._append(b"")

    def write(self) -> None:
        """Write some lines, perhaps the last not to its end."""
        count = self._chance.choice([1, 1, 2, 30])
        said = b"".join(self._line() for _ in range(count))
        self.kept.append(said)
        cut = self._chance.choice([0, 5])
        said = self._half + said
        self._half = said[len(said) - cut :]
        self._append(said[: len(said) - cut])

    def end(self) -> None:
        """Write the rest of the line that was begun."""
        self._append(self._half)
        self._half = b""

    def rotate(self) -> None:
        """Rename the log, or copy and empty it: once it is known.

        What was rotated away before nobody can know of, and nobody promises to.
        """
        if str(self.path) not in self._store.positions():
            return
        self.end()
        for number in range(40, 0, -1):
            old = self._old(number)
            if old.exists():
                old.rename(self._old(number + 1))
        if self.way == "rename":
            self.path.rename(self._old(1))
        else:
            shutil.copyfile(self.path, self._old(1))
            self._touch(self._old(1))
            if self.way != "copy":
                self.gaps.append(self.path.stat().st_size)
                self._append(self._line())
            os.truncate(self.path, 0)
        self._append(b"")

    def _old(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}")

    def _line(self) -> bytes:
        self._number += 1
        # The lines' own time is the true one, wherever the wall clock stands.
        return line(self._clock.monotonic(), f"/{self.path.name}/{self._number}")

    def _append(self, data: bytes) -> None:
        with self.path.open("ab") as out:
            out.write(data)
        self._touch(self.path)

    def _touch(self, path: Path) -> None:
        self._changed += 1
        at = T0 * SECOND * 1000 + int(self._clock.monotonic() * 1e9) + self._changed
        os.utime(path, ns=(at, at))


class World:
    """One seed: two logs, and the lives of a daemon that follows them."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.chance = random.Random(seed)  # noqa: S311 - seeded, no secrets
        self.clock = Clock(self.chance)
        self.fate = Fate(self.chance, self.clock)
        self.store = Store(self.fate)
        self.deaths = 0
        self.folder = folder / "logs"
        self.folder.mkdir()
        self.writers = [
            Writer(self.folder / name, self.store, self.clock)
            for name in ("a.log", "b.log")
        ]
        self._plan()

    def live(self) -> Summary:
        """Live all lives, the last in peace, until all is read; return its account."""
        for _ in range(LIVES):
            self._one(self.chance.choice([-1, *(10**n for n in (1, 1, 2, 3))]))
            self.clock.move(self.chance.choice([0, 1, 30]))
        for writer in self.writers:
            writer.end()
        self.fate.calm, self.clock.lazy = True, False
        left = max(0.0, LENGTH - self.clock.monotonic())
        # Time goes on once the wall clock has, which may yet be put back.
        view = self._one(-1, left + 200 + FARTHEST)
        (summary,) = view.of(Summary)
        return summary

    def _plan(self) -> None:
        for writer in self.writers:
            at = 1.0
            while at < LENGTH:
                self._at(at, writer.write)
                at += self.chance.choice([0.3, 1, 5, 20]) * (0.5 + self.chance.random())
            for _ in range(self.chance.randrange(5)):
                # Apart, as those are who rotate: several at once would be one.
                self._at(self.chance.uniform(2, LENGTH), writer.rotate)
            self._at(LENGTH, writer.end)
        for name in ("broken", "full"):
            begin = self.chance.uniform(0, LENGTH)
            self._at(begin, partial(setattr, self.fate, name, True))  # noqa: FBT003
            end = begin + self.chance.choice([0, 5, 60])
            self._at(end, partial(setattr, self.fate, name, False))  # noqa: FBT003
        for _ in range(self.chance.randrange(3)):
            jump = self.chance.choice([-FARTHEST / 2, -1, 1, 3600, 86400])
            self._at(self.chance.uniform(0, LENGTH), partial(self._jump, jump))

    def _jump(self, seconds: float) -> None:
        self.clock.ahead = max(-FARTHEST, self.clock.ahead + seconds)

    def _at(self, second: float, action: Callable[[], Any]) -> None:
        self.clock.at(second, action)

    def _one(self, dies_in: int, seconds: float = 50.0) -> CollectingView:
        self.fate.dies_in = dies_in if dies_in < 0 else self.chance.randrange(dies_in)
        view = Glimpses()
        try:
            session = Session(config(self.folder), view, Wishes())
            daemon = Living(session, self.clock, self.store, SlowDisk(self.fate))
            end = self.clock.monotonic() + seconds
            daemon.run(lambda: self.clock.monotonic() >= end)
        except Killed:
            self.deaths += 1
        return view


class Glimpses(CollectingView):
    """A view that looks now and then at how the run stands, as a person does."""

    def __init__(self) -> None:
        super().__init__()
        self._asked = 0

    def refresh(self, look: Callable[[], LiveStatus]) -> None:
        self._asked += 1
        if self._asked % 10 == 1:
            super().refresh(look)


class Living(Daemon):
    """A daemon on a disk of ours."""

    def __init__(
        self, session: Session, clock: Clock, store: MemoryStore, disk: Disk
    ) -> None:
        self.disk = disk
        super().__init__(session, clock, Keeper(store, session, clock))

    def crowd(self) -> Crowd:
        return Crowd(64, self.disk)


def config(folder: Path) -> Config:
    """Return rules over the logs of a folder."""
    made = rules(threshold=1.0, form="common")
    paths = tuple(str(folder / f"{name}.log*") for name in "ab")
    return replace(made, sources=(replace(made.sources[0], path=paths),))


def incidents(store: MemoryStore) -> list[tuple[Any, ...]]:
    """Return what there is to be known of incidents in the end, but their numbers."""
    rows = [r for r in store.incidents() if r.status != "withdrawn"]
    return sorted((r.alarm, r.key, r.status, r.opened, r.closed) for r in rows)


def told(world: World) -> list[tuple[Any, ...]]:
    """Return the incidents of a run over all lines that could be read, long after."""
    folder = world.folder.with_name("oracle")
    folder.mkdir()
    for writer in world.writers:
        (folder / writer.path.name).write_bytes(b"".join(writer.kept))
    chance = random.Random(0)  # noqa: S311 - seeded, no secrets
    clock = Clock(chance)
    clock.lazy = False
    clock.move(LENGTH * 3)
    fate = Fate(chance, clock, calm=True)
    store = Store(fate)
    session = Session(config(folder), CollectingView(), Wishes())
    daemon = Living(session, clock, store, SlowDisk(fate))
    end = clock.monotonic() + 200
    daemon.run(lambda: clock.monotonic() >= end)
    return incidents(store)


def unnamed(writer: Writer, losses: Sequence[Loss]) -> list[int]:
    """Return the gaps of a log that no loss speaks of."""
    mine = [x for x in losses if x.path.startswith(str(writer.path))]
    return [
        gap
        for gap in writer.gaps
        if not any(x.start <= gap and (x.more or gap < x.end) for x in mine)
    ]
