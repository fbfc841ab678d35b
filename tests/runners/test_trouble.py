"""Of a channel in trouble the others are told, and told again when it is over."""

from tests.runners.outbox_world import Scripted, World, down, message, taken

from tocsin.model import wire
from tocsin.model.notification import Fate, Kind, Notification, Outcome
from tocsin.runners.outbox import ABOUT_DEAD
from tocsin.runners.sender import Sender


def refuses(_: Notification, who: str) -> Outcome:
    return Outcome(who, Fate.REFUSED, "404 Not Found")


def test_about_the_dead_the_others_are_told_once() -> None:
    """N3: 404."""
    world = World(Scripted("a", refuses), Scripted("b"))
    world.add(*(message(f"{i}") for i in range(7)))
    world.run(60)

    assert [row.status for row in world.dead] == ["dead"] * 7
    letters = [r for r in world.rows.values() if r.key.startswith(ABOUT_DEAD)]
    assert {row.channel for row in letters} == {"b"}
    told = [wire.from_bytes(row.body) for row in letters]
    assert told[0].alerts[0].alarm == "Notifications cannot be delivered"
    assert "404 Not Found" in told[0].alerts[0].reason
    assert set(world.channels["b"].keys) == {row.key for row in letters}
    assert len(letters) == 1


def test_the_dead_of_a_quarter_of_an_hour_are_told_of_together() -> None:
    world = World(Scripted("a", refuses), Scripted("b"))
    for i in range(30):
        world.add(message(f"{i}"))
        world.run(60)
    world.run(1_000)

    letters = [wire.from_bytes(r.body) for r in world.rows.values() if r.incident == 0]
    assert 2 <= len(letters) <= 4
    said = " ".join(letter.alerts[0].text for letter in letters)
    counts = [int(w) if w.isdigit() else 1 for w in said.replace("a ", "1 ").split()
              if w.isdigit() or w == "1"]  # fmt: skip
    assert sum(counts) == 30


def letters(world: World) -> list[Notification]:
    """Return what was told about channels, in its order."""
    rows = [r for r in world.rows.values() if r.key.startswith(ABOUT_DEAD)]
    return [wire.from_bytes(row.body) for row in rows]


def test_that_a_channel_delivers_again_is_told_to_those_who_were_told() -> None:
    bad = Scripted("a", refuses)
    world = World(bad, Scripted("b"), Scripted("c"))
    world.add(message("1"))
    world.run(60)
    bad.answer = taken
    world.add(message("2"))
    world.run(60)
    assert {letter.kind for letter in letters(world)} == {Kind.FIRING}, "not at once"
    world.run(600)

    first, _, over, _ = told = letters(world)
    assert [(one.channel, one.kind) for one in told] == [
        ("b", Kind.FIRING), ("c", Kind.FIRING), ("b", Kind.RESOLVED), ("c", Kind.RESOLVED),
    ]  # fmt: skip
    assert (over.thread, over.answers) == (first.thread, first.key)
    assert over.alerts[0].status == "resolved"
    assert over.alerts[0].text == "the channel 'a' delivers again"
    assert set(world.status().values()) == {"delivered", "dead"}
    world.run(7_200)
    assert len(letters(world)) == 4


def test_one_who_is_killed_in_between_still_tells_that_a_channel_delivers_again() -> (
    None
):
    bad = Scripted("a", refuses)
    world = World(bad, Scripted("b"))
    world.add(message("1"))
    world.run(60)
    world.sender = Sender(world.channels, world.clock, world.random)
    world.sender.restore(world.rows.values())
    bad.answer = taken
    world.add(message("2"))
    world.run(600)
    world.sender = Sender(world.channels, world.clock, world.random)
    world.sender.restore(world.rows.values())
    world.add(message("3"))
    world.run(2_000)

    assert [one.kind for one in letters(world)] == [Kind.FIRING, Kind.RESOLVED]


def test_a_channel_that_refuses_every_second_message_is_not_told_well() -> None:
    def every_second(one: Notification, who: str) -> Outcome:
        return taken(one, who) if int(one.key) % 2 else refuses(one, who)

    world = World(Scripted("a", every_second), Scripted("b"))
    for number in range(60):
        world.add(message(str(number)))
        world.run(60)

    assert {one.kind for one in letters(world)} == {Kind.FIRING}
    assert len(letters(world)) <= 5
    assert len({one.thread for one in letters(world)}) == 1


def test_of_a_channel_that_takes_nothing_for_long_the_others_are_told_once() -> None:
    bad = Scripted("a", down)
    world = World(bad, Scripted("b"))
    world.add(message("1"))
    world.run(890)
    assert letters(world) == []
    world.run(6 * 3_600)
    (told,) = letters(world)
    assert "has taken nothing since" in told.alerts[0].text
    assert told.alerts[0].reason == "cannot connect"

    bad.answer = taken
    world.run(3_600)
    assert [one.kind for one in letters(world)] == [Kind.FIRING, Kind.RESOLVED]
    assert set(world.status().values()) == {"delivered"}


def test_when_no_channel_takes_anything_nothing_is_told_about_channels() -> None:
    bad = Scripted("a", down), Scripted("b", down)
    world = World(*bad)
    world.add(message("1"), message("2", channel="b"))
    world.run(7_200)
    for channel in bad:
        channel.answer = taken
    world.run(3_600)

    assert letters(world) == []
    assert set(world.status().values()) == {"delivered"}


def test_it_is_said_when_a_channel_takes_nothing_and_when_it_works_again() -> None:
    bad = Scripted("a", down)
    world = World(bad)
    world.add(message("1"))
    world.run(600)
    bad.answer = taken
    world.run(600)

    assert [(one.subject, one.text) for one in world.said] == [
        ("a", "the channel takes nothing (cannot connect): it is tried again"),
        ("a", "the channel works again"),
    ]


def test_an_alarm_about_the_dead_that_dies_begets_none() -> None:
    world = World(Scripted("a", refuses), Scripted("b", refuses))
    world.add(message("1"))
    world.run(3_600)

    assert len(world.rows) == 2
    assert set(world.status().values()) == {"dead"}
