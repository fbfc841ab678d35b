"""The sender on a made clock: outages, order, slow channels, and what is lost: nothing."""

import threading
from collections import Counter, defaultdict

import pytest
from msgspec.structs import replace
from tests.runners.outbox_world import PATIENCE, Scripted, World, down, message, taken

from tocsin.channels.mask import Masking
from tocsin.model import samples
from tocsin.model.instant import SECOND
from tocsin.model.notification import Fate, Kind, Notification, Outcome
from tocsin.runners.outbox import outgoing
from tocsin.runners.sender import Sender


def test_what_is_due_is_sent_once() -> None:
    world = World(Scripted("a"))
    world.add(message("1"), message("2"))
    world.run(60)

    assert sorted(world.channels["a"].keys) == ["1", "2"]
    assert world.status() == {"1": "delivered", "2": "delivered"}


@pytest.mark.parametrize("seed", range(5))
def test_an_hour_of_outage_loses_nothing_and_keeps_order(seed: int) -> None:
    """N1, N11."""
    channel = Scripted("a", down)
    world = World(channel, seed=seed)
    world.add(*(message(f"{i} {k}", thread=f"{i}") for i in range(20) for k in "abc"))
    world.run(3_600)
    assert max(Counter(channel.keys).values()) <= 32
    assert all(key.endswith("a") for key in channel.keys), (
        "only the first of each thread"
    )

    channel.answer, channel.asked = taken, []
    world.run(3_600)
    assert Counter(channel.keys) == Counter([*world.rows]), "each exactly once"
    assert set(world.status().values()) == {"delivered"}
    by_thread = defaultdict(list)
    for key in channel.keys:
        by_thread[key.split()[0]].append(key[-1])
    assert all(order == ["a", "b", "c"] for order in by_thread.values())


def test_no_storm_follows_an_outage() -> None:
    channel = Scripted("a", down)
    world = World(channel)
    world.add(*(message(f"{i}") for i in range(500)))
    world.run(1_800)
    channel.answer, channel.asked = taken, []
    before = world.clock.now()
    world.run(300)

    minutes = (world.clock.now() - before) / (60 * SECOND)
    assert len(channel.asked) <= 20 + 60 * minutes
    assert len(channel.asked) >= 60 * (minutes - 1) - 300


def test_a_channel_that_is_down_holds_up_no_other() -> None:
    """N12."""
    bad, good = Scripted("a", down), Scripted("b")
    world = World(bad, good)
    world.add(message("1"), message("2", channel="b"))
    world.run(600)

    assert good.keys == ["2"]
    assert world.status() == {"1": "waiting", "2": "delivered"}


def test_a_channel_that_hangs_holds_up_no_other() -> None:
    """N2."""
    released = threading.Event()

    def hangs(_: Notification, who: str) -> Outcome:
        released.wait(PATIENCE)
        return Outcome(who, Fate.DELIVERED)

    arrived = threading.Event()

    def notes(_: Notification, who: str) -> Outcome:
        arrived.set()
        return Outcome(who, Fate.DELIVERED)

    world = World(Scripted("a", hangs), Scripted("b", notes))
    world.add(message("1"), message("2", channel="b"))
    world.turn()
    assert arrived.wait(PATIENCE)
    assert not world.sender.settle(0.05)
    world.turn()  # it hangs still: it is not asked again
    released.set()
    assert world.sender.settle(PATIENCE)
    world.turn()

    assert world.status() == {"1": "delivered", "2": "delivered"}
    assert world.channels["a"].keys == ["1"]


def test_those_who_have_it_do_not_get_it_again() -> None:
    def one_later(_: Notification, who: str) -> Outcome:
        first = channel.asked.count(("1", who)) == 1
        fate = {"b": Fate.RETRY if first else Fate.DELIVERED, "c": Fate.REFUSED}
        return Outcome(who, fate.get(who, Fate.DELIVERED), "said")

    channel = Scripted("a", one_later, "a", "b", "c")
    world = World(channel)
    world.add(message("1"))
    world.run(600)

    assert Counter(who for _, who in channel.asked) == {"a": 1, "b": 2, "c": 1}
    row = world.rows["1"]
    assert {who: one["fate"] for who, one in row.outcome.items()} == {
        "a": "delivered", "b": "delivered", "c": "refused",
    }  # fmt: skip
    assert row.status == "dead", "somebody was not reached"


def test_what_was_not_committed_is_told_again_and_not_sent_again() -> None:
    world = World(Scripted("a"))
    world.add(message("1"))
    world.sender.turn(world.waiting())
    assert world.sender.settle(PATIENCE)
    for _ in range(3):  # the disk is full: none of these is committed
        lost = world.sender.turn(world.waiting())
        assert [(row.key, row.status) for row in lost.rows] == [("1", "delivered")]
    world.run(10)

    assert world.channels["a"].keys == ["1"]
    assert world.sender.turn(world.waiting()).rows == ()


def test_who_is_killed_before_the_commit_sends_the_same_key_again() -> None:
    channel = Scripted("a")
    world = World(channel)
    world.add(message("1"))
    world.sender.turn(world.waiting())
    assert world.sender.settle(PATIENCE)
    world.sender = Sender(
        world.channels, world.clock, world.random
    )  # nothing was saved
    world.run(10)

    assert channel.keys == ["1", "1"]
    assert world.status() == {"1": "delivered"}


def test_what_is_gone_is_not_asked_again() -> None:
    """N3: 410."""

    def gone(_: Notification, who: str) -> Outcome:
        return Outcome(who, Fate.GONE, "410 Gone")

    world = World(Scripted("a", gone), Scripted("b"))
    world.add(message("1"))
    world.run(10)
    world.add(message("2"), message("3"))
    world.run(10)

    assert world.channels["a"].keys == ["1"]
    assert {world.rows[k].status for k in "123"} == {"dead"}
    assert "410 Gone" in world.rows["2"].outcome[""]["detail"]


def test_a_repetition_that_a_recovery_overtakes_is_withheld() -> None:
    channel = Scripted("a", down)
    world = World(channel)
    kinds = {"1": Kind.FIRING, "2": Kind.REPEAT, "3": Kind.REPEAT, "4": Kind.RESOLVED}
    world.add(*(message(key, thread="t", kind=kind) for key, kind in kinds.items()))
    world.run(60)
    channel.answer, channel.asked = taken, []
    world.run(600)

    assert channel.keys == ["1", "4"]
    assert world.status() == {
        "1": "delivered",
        "2": "withheld",
        "3": "withheld",
        "4": "delivered",
    }
    assert world.rows["2"].outcome[""]["detail"] == "overtaken by a later message"


def test_the_last_repetition_is_sent() -> None:
    world = World(Scripted("a"))
    world.add(message("1", kind=Kind.REPEAT))
    world.run(10)
    assert world.status() == {"1": "delivered"}


def test_other_channels_while_a_message_is_on_its_way_do_not_send_it_twice() -> None:
    released = threading.Event()

    def hangs(_: Notification, who: str) -> Outcome:
        released.wait(PATIENCE)
        return Outcome(who, Fate.DELIVERED)

    old, new = Scripted("a", hangs), Scripted("a")
    world = World(old)
    world.add(message("1"), message("2"))
    world.rows["2"] = replace(world.rows["2"], due=world.clock.now() + SECOND)
    world.turn()
    world.sender.change({"a": new})
    world.turn()
    released.set()
    assert world.sender.settle(PATIENCE)
    world.run(10)

    assert (old.keys, new.keys) == (["1"], ["2"])
    assert set(world.status().values()) == {"delivered"}


def test_a_channel_that_is_taken_away_takes_its_messages_with_it() -> None:
    world = World(Scripted("a", down), Scripted("b"))
    world.add(message("1"))
    world.turn()
    world.sender.change({"b": world.channels["b"]})
    assert world.sender.settle(PATIENCE)
    world.run(60)

    assert world.rows["1"].status == "dead"
    assert len(world.channels["b"].keys) == 1, "the other is told"


def raises(_: Notification, __: str) -> Outcome:
    raise RuntimeError("a plugin's mistake")


HOPELESS = {
    "a channel that is configured no more": (
        replace(message("1"), channel="z"),
        None,
        0,
    ),
    "a message that cannot be read": (message("1"), b"nonsense", 0),
    "a deadline that has passed": (message("1"), None, 90_000),
    "a message that nobody is to have": (replace(message("1"), alerts=()), None, 0),
}


@pytest.mark.parametrize(("one", "body", "pause"), HOPELESS.values(), ids=HOPELESS)
def test_what_cannot_be_sent_is_given_up_with_a_reason(
    one: Notification, body: bytes | None, pause: int
) -> None:
    world = World(Scripted("a"))
    world.add(one)
    if body is not None:
        world.rows["1"] = replace(world.rows["1"], body=body)
    world.clock.move(pause)
    world.run(60)

    assert world.rows["1"].status == "dead"
    assert world.rows["1"].outcome[""]["detail"]


def test_a_channel_that_raises_is_tried_again_and_given_up() -> None:
    world = World(Scripted("a", raises))
    world.add(message("1"))
    world.run(90_000)

    assert world.rows["1"].status == "dead"
    assert "a plugin's mistake" in world.rows["1"].outcome["somebody"]["detail"]


def test_whoever_waits_is_woken() -> None:
    woken = threading.Event()
    world = World(Scripted("a"))
    world.sender = Sender(world.channels, world.clock, world.random, woken.set)
    world.add(message("1"))
    world.sender.turn(world.waiting())

    assert woken.wait(PATIENCE)


def test_a_row_holds_no_personal_data() -> None:
    seen = replace(
        samples.firing(), evidence=("203.0.113.9 ada@example.org ?token=abc",)
    )
    row = outgoing(samples.notification(Kind.FIRING, seen), Masking(), 0, 0)

    assert b"203.0.113.x [email] ?token=***" in row.body
