"""The crew: files read by workers say what files read here say, whoever dies."""

import random
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

import polars as pl
import pytest
from msgspec.structs import replace
from tests.runners.crewed import NearLink, near_crew
from tests.runners.world import SOURCE, T0, World, append, line, lines, rules

from tocsin.config.values import Config, ConsumerConfig, MetricConfig
from tocsin.model.instant import SECOND
from tocsin.model.records import (
    ConsumerReport,
    Notice,
    Record,
    StreamAccount,
    Summary,
    Transition,
)
from tocsin.runners import crew, hand
from tocsin.runners.crew import Crew
from tocsin.runners.letters import Begin, Look, decode
from tocsin.runners.session import Session
from tocsin.runners.wishes import Wishes

_END = 25
Deed = tuple[float, Callable[[], object]]


class Paths:
    """A raw log consumer whose partials are pairs, as rows of a frame are."""

    fields = ("path",)

    def observe(self, events: pl.DataFrame) -> list[tuple[str, int]]:
        return events.group_by("path").len().rows()

    def merge(
        self, left: list[tuple[str, int]], right: list[tuple[str, int]]
    ) -> list[tuple[str, int]]:
        return left + right

    def report(
        self, partial: list[tuple[str, int]], start: int, end: int
    ) -> dict[str, int]:
        counts = sorted(sum_by_path(partial).items())
        return {**dict(counts), "from": start, "to": end}


def sum_by_path(pairs: list[tuple[str, int]]) -> Counter[str]:
    return sum((Counter({path: n}) for path, n in pairs), Counter[str]())


def two_rules() -> Config:
    """Return rules with windows, keys, a second metric and a plugin."""
    made = rules(threshold=0.5)
    keyed = MetricConfig(
        name="by_path", type="COUNT", source=SOURCE, period=5 * SECOND,
        every=SECOND, group_by=("path",),
    )  # fmt: skip
    own = ConsumerConfig(
        name="paths", type=f"{__name__}.Paths", period=5 * SECOND, source=SOURCE
    )
    return replace(made, metrics=(*made.metrics, keyed), raw_log_consumers=(own,))


def scenario(folder: Path, chance: random.Random) -> tuple[list[Path], list[Deed]]:
    """Return logs, and what befalls them: appends, torn lines, renames, copies."""
    logs = [folder / f"{name}.log" for name in "abc"[: chance.randrange(1, 4)]]
    deeds: list[Deed] = []
    for log in logs:
        log.write_bytes(lines([0]))
        tear = b""
        for second in range(1, 20):
            at = second + chance.random() * 0.9
            rows = [
                line(
                    second - chance.choice([0, 0, 0, 1, 3]), f"/{chance.choice('xyz')}"
                )
                for _ in range(chance.choice([0, 0, 1, 2, 6]))
            ]
            if chance.random() < 0.05:
                rows.insert(0, line(second + 4000))  # far ahead: held, and refused
            whole = tear + b"".join(rows)
            cut = (
                chance.randrange(30) if len(whole) > 60 and chance.random() < 0.3 else 0
            )
            data, tear = whole[: len(whole) - cut], whole[len(whole) - cut :]
            deeds.append((at, partial(append, log, data)))
            if not tear and chance.random() < 0.1:
                old = log.with_suffix(f".log.{50 - second}")
                deeds.append((at + 0.01, partial(log.rename, old)))
                deeds.append((at + 0.02, partial(append, log, b"")))
    return logs, deeds


def lived(
    folder: Path, seed: int, share: Callable[[World], object] = lambda _: None
) -> World:
    """Return a world in which the scenario of a seed has come to pass."""
    folder.mkdir()
    logs, deeds = scenario(folder, random.Random(seed))  # noqa: S311 - no secret
    world = World(two_rules(), wishes=Wishes(statistics=SOURCE, datapoints=True))
    share(world)
    world.files(*logs)
    for at, deed in deeds:
        world.clock.at(at, deed)
    return world.until(_END + 10)


def shared(
    world: World, most: int = 2, fate: Callable[[bytes], bool] = lambda _: False
) -> None:
    """Have a crew read the logs of a world."""
    world.follow.share(near_crew(world.session, world.clock, most, fate))


def said(world: World) -> list[Record]:
    """Return all that was said in order, but for words about the run itself."""
    return [r for r in world.view.records if not isinstance(r, Notice | Summary)]


def accounts(world: World) -> list[StreamAccount]:
    return [
        replace(account, stream=Path(account.stream).name)
        for account in world.summary.streams
    ]


@pytest.mark.parametrize("seed", range(5))
def test_any_number_of_workers_says_what_one_process_says(
    tmp_path: Path, seed: int
) -> None:
    alone = lived(tmp_path / "alone", seed)
    for most in (1, 2):
        crewed = lived(tmp_path / f"{most}", seed, partial(shared, most=most))
        assert accounts(crewed) == accounts(alone)
        assert said(crewed) == said(alone)
        assert any(isinstance(record, ConsumerReport) for record in said(crewed))


@pytest.mark.parametrize("seed", range(8))
def test_workers_that_are_killed_at_any_letter_change_nothing(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(seed)  # noqa: S311 - no secret
    deaths = [0]
    monkeypatch.setattr(crew, "MOST_DEATHS", 100)  # chance may strike thrice in a row

    def fate(letter: bytes) -> bool:
        # Idle workers send most letters, those at work the ones that matter.
        odds = 0.15 if isinstance(decode(letter), Begin | Look) else 0.02
        deaths[0] += (dies := deaths[0] < 20 and chance.random() < odds)
        return dies

    alone = lived(tmp_path / "alone", seed)
    crewed = lived(tmp_path / "crewed", seed, partial(shared, fate=fate))
    assert deaths[0] > 0
    assert not any("set aside" in text for text in crewed.notices)
    assert accounts(crewed) == accounts(alone)
    assert final(said(crewed)) == final(said(alone))


def final(records: list[Record]) -> list[Record]:
    """Return what was said of all but the last seconds: a death puts off a look."""
    end = (T0 + _END) * SECOND
    return [r for r in records if _time(r) <= end]


def _time(record: Record) -> int:
    found = getattr(record, "end", None) or getattr(record, "at", None)
    assert isinstance(found, int)
    return found


def test_blocks_of_any_size_say_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = lived(tmp_path / "alone", 5)
    for size in (100, 777):
        monkeypatch.setattr(hand, "BLOCK", size)
        crewed = lived(tmp_path / f"{size}", 5, shared)
        assert accounts(crewed) == accounts(alone)


def test_a_held_row_that_a_tick_lets_go_is_observed_under_the_clock_that_is(
    tmp_path: Path,
) -> None:
    """The worker believes the row still held; the run has counted it meanwhile."""
    log = tmp_path / "a.log"
    worlds = []
    for crewed in (False, True):
        log.write_bytes(lines([0, 1, 400]))
        world = World(rules(), began=390, wishes=Wishes(datapoints=True))
        if crewed:
            shared(world)
        world.files(log)
        world.write(2, log, lines([391, 392]))
        world.write(15, log, lines([403, 404, 800]))
        worlds.append(world.until(20))
    near, far = worlds
    assert said(far) == said(near)
    assert accounts(far) == accounts(near)


def test_a_stream_over_which_three_workers_die_is_set_aside_and_named(
    tmp_path: Path,
) -> None:
    good, bad = tmp_path / "good.log", tmp_path / "bad.log"
    good.write_bytes(lines([1] * 20))
    bad.write_bytes(lines([1]))
    world, poisoned = World(), list[bool]()

    def fate(letter: bytes) -> bool:
        opened = decode(letter)
        if not (poisoned and isinstance(opened, Look) and opened.seen):
            return False
        return opened.task in tasks()

    def tasks() -> set[int]:
        streams = world.follow.crew._streams if world.follow.crew else {}
        return {s.far.task for s in streams.values() if s.far and "bad" in s.name}

    world.follow.share(near_crew(world.session, world.clock, 1, fate))
    world.files(good, bad)
    world.write(5, bad, lines([5]))
    world.clock.at(4.9, partial(poisoned.append, True))  # noqa: FBT003
    world.write(30, good, lines([30, 31]))
    world.until(80)
    rows = {Path(a.stream).name: a.lines for a in world.summary.streams}
    assert rows == {"good.log": 22, "bad.log": 1}
    words = [n for n in world.view.of(Notice) if "set aside" in n.text]
    assert [Path(n.subject).name for n in words] == ["bad.log"] * len(words)
    assert words
    assert world.rings == [("firing", 2), ("ok", 12)]


class Sleepy(NearLink):
    """A worker that is stopped for a while: it says nothing, and is not gone."""

    asleep = False

    def receive(self) -> tuple[list[bytes], bool]:
        return ([], False) if self.asleep else super().receive()


def test_a_worker_that_hangs_is_named_and_holds_no_other_back(tmp_path: Path) -> None:
    a, b = tmp_path / "a.log", tmp_path / "b.log"
    for log in (a, b):
        log.write_bytes(lines([1]))
    world, links = World(), list[Sleepy]()

    def start(session: Session) -> Sleepy:
        links.append(Sleepy(session, world.clock, lambda _: False))
        return links[-1]

    world.follow.share(Crew(world.session, world.clock, start, 2))
    world.files(a, b)
    world.clock.at(5, lambda: setattr(links[0], "asleep", True))
    world.write(6, a, lines([6]))
    world.write(8, b, lines([8] * 20))
    world.clock.at(90, lambda: setattr(links[0], "asleep", False))
    world.until(120)

    assert world.rings == [("firing", 9), ("ok", 19)]
    assert world.view.first(lambda r: isinstance(r, Transition)) < 60
    named = [n for n in world.view.of(Notice) if "not been heard of" in n.text]
    assert [Path(n.subject).name for n in named] == ["a.log"]
    assert world.summary.total("lines") == 23


def test_a_crew_is_not_begun_for_one_small_file_alone(tmp_path: Path) -> None:
    a, b = tmp_path / "a.log", tmp_path / "b.log"
    for log in (a, b):
        log.write_bytes(lines([1]))
    world = World()
    mine = near_crew(world.session, world.clock)
    mine._at_once = False
    world.follow.share(mine)
    world.files(a)
    assert mine._workers == []
    world.files(b)
    assert [len(worker.streams) for worker in mine._workers] == [1, 1]
    assert world.until(20).summary.total("lines") == 2


def test_new_rules_are_read_by_new_workers(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_bytes(lines([1] * 3))
    world = World()
    mine = near_crew(world.session, world.clock)
    world.follow.share(mine)
    world.files(log)
    world.clock.at(3, lambda: mine.renew(world.session))
    world.write(4, log, lines([4] * 2))
    assert world.until(30).summary.total("lines") == 5
    assert world.hits[0] == 5
