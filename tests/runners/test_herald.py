"""The others are told of a channel in trouble, and when it is well, through a broker."""

import asyncio
from collections.abc import Coroutine

from msgspec.structs import replace
from tests.runners.outbox_world import message

from tocsin.channels.mask import Masking
from tocsin.model import wire
from tocsin.model.instant import SECOND
from tocsin.model.notification import Fate, Kind, Notification, Outcome
from tocsin.model.state import Outgoing
from tocsin.runners.clock import SystemClock
from tocsin.runners.herald import Herald
from tocsin.runners.outbox import outgoing
from tocsin.runners.retrying import Lane
from tocsin.runners.trouble import CALM, TELL_EVERY


class Jumping(SystemClock):
    """The machine's clock, and how far we are ahead of it (µs)."""

    ahead = 0

    def now(self) -> int:
        return super().now() + self.ahead


class World:
    """A herald, and a broker that takes letters, or refuses so many of them first."""

    def __init__(self, refuses: int = 0) -> None:
        self.clock = Jumping()
        self.lanes = {"a": Lane(), "b": Lane(), "c": Lane()}
        self.herald = Herald(self.lanes, self.clock)
        self.refuses = refuses
        self.asked: list[str] = []
        self.taken: list[Notification] = []
        self.came = asyncio.Event()

    async def publish(self, row: Outgoing) -> bool:
        self.asked.append(row.key)
        if len(self.asked) <= self.refuses:
            return False
        self.taken.append(wire.from_bytes(row.body))
        self.came.set()
        return True

    async def breaks(self, _: Outgoing) -> bool:
        raise ConnectionError

    def ended(self, status: str, key: str = "1") -> None:
        """Let a message of channel `a` come to an end."""
        now = self.clock.now()
        row = outgoing(message(key), Masking(), now, now)
        outcome = {"somebody": {"fate": "refused", "detail": "404 Not Found"}}
        self.herald.tried("a")
        self.herald.ended(replace(row, status=status, outcome=outcome))

    async def tell(self) -> None:
        await self.herald.tell(self.publish)

    @property
    def told(self) -> list[tuple[str, Kind]]:
        return [(one.channel, one.kind) for one in self.taken]


def run(work: Coroutine[None, None, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 60))


FIRING = [("b", Kind.FIRING), ("c", Kind.FIRING)]
RESOLVED = [("b", Kind.RESOLVED), ("c", Kind.RESOLVED)]


def test_the_others_are_told_once_and_again_when_it_is_well() -> None:
    async def story() -> None:
        world = World()
        world.ended("dead")
        await world.tell()
        await world.tell()
        assert world.told == FIRING
        world.ended("delivered", "2")
        await world.tell()
        assert world.told == FIRING, "it has not been well for long"
        world.clock.ahead += CALM
        await world.tell()
        await world.tell()
        assert world.told == FIRING + RESOLVED
        assert world.taken[2].answers == world.taken[0].key
        assert world.taken[2].thread == world.taken[0].thread

    run(story())


def test_that_it_is_well_is_told_by_itself_once_it_is_time() -> None:
    async def story() -> None:
        world = World()
        world.ended("dead")
        standing = asyncio.create_task(world.herald.stand(world.publish))
        await world.came.wait()
        world.clock.ahead += CALM - SECOND // 5
        world.came.clear()
        world.ended("delivered", "2")
        await world.came.wait()
        await world.tell()
        assert world.told == FIRING + RESOLVED
        standing.cancel()

    run(story())


def test_what_could_not_be_published_is_published_later_and_once() -> None:
    async def story() -> None:
        world = World(refuses=1)
        world.ended("dead")
        await world.tell()
        assert world.told == [("c", Kind.FIRING)]
        await world.tell()
        assert world.told == [("c", Kind.FIRING), ("b", Kind.FIRING)]
        await world.tell()
        assert len(world.asked) == 3

    run(story())


def test_what_was_to_be_told_when_the_connection_broke_is_told_over_the_next() -> None:
    async def story() -> None:
        world = World()
        world.ended("dead")
        try:
            await world.herald.tell(world.breaks)
        except ConnectionError:
            await world.tell()
        assert world.told == FIRING

    run(story())


def test_of_one_that_takes_nothing_for_long_those_that_work_are_told() -> None:
    async def story() -> None:
        world = World()
        failed = [Outcome("somebody", Fate.RETRY, "cannot connect")]
        for _ in range(4):
            lane = world.lanes["a"].after(failed, world.clock.now(), 0.5)
            world.lanes["a"] = lane
            world.herald.tried("a")
            await world.tell()
            assert world.told == ([] if world.clock.ahead < TELL_EVERY else FIRING)
            world.clock.ahead += TELL_EVERY // 3

    run(story())
