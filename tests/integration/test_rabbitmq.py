"""The real RabbitMQ: what is handed over arrives, whoever is killed on the way."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest
from tests.integration.broker import PROGRAM, Broker, running, until
from tests.integration.relaying import Post, Site, Wire
from tests.program import PATIENCE, Process, command, environment, read_until

from tocsin.runners.rabbit_plan import REDELIVERIES
from tocsin.runners.trouble import CALM

if TYPE_CHECKING:
    from tocsin.model.records import Notice

pytestmark = pytest.mark.integration

pytest.importorskip("aio_pika")


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    if not PROGRAM.exists():
        pytest.skip(f"{PROGRAM} is not installed")
    with running(tmp_path_factory.mktemp("rabbitmq")) as found:
        yield found


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[Broker]:
    """A broker of one test alone, which may kill it."""
    if not PROGRAM.exists():
        pytest.skip(f"{PROGRAM} is not installed")
    (tmp_path / "broker").mkdir()
    with running(tmp_path / "broker") as found:
        yield found


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as found:
        thread = Thread(target=found.serve_forever)
        thread.start()
        yield found
        found.open.set()
        found.shutdown()
        thread.join()


@pytest.fixture
def post(
    broker: Broker, site: Site, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Post]:
    made = Post(broker, site, request.node.name.replace("_", "-"), tmp_path)
    yield made
    made.relay.close()


def test_killed_notifiers_lose_nothing_and_send_twice_only_what_they_held(
    post: Post, site: Site
) -> None:
    keys = post.put(range(16))
    site.open.clear()
    with ExitStack() as stack:
        one = stack.enter_context(post.notifier())
        other = stack.enter_context(post.notifier())
        until(lambda: post.all_handed_over() and len(site.held) == 8)
        held = set(site.held)

        one.kill()
        # What it held goes to the other one, which has no room before its own is done.
        site.open.set()
        until(lambda: set(site.taken) == keys and post.waiting(post.config.queue) == 0)
        other.send_signal(signal.SIGTERM)
        assert other.wait(30) == 0

    assert site.twice() <= held
    assert len(site.twice()) <= 4  # as many as the one that was killed had in hand
    assert post.waiting(post.topology.dead) == 0


def end(*processes: Process) -> None:
    """Tell processes to end, which they do in peace."""
    for process in processes:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=PATIENCE)
        assert process.returncode == 0


def test_a_broker_that_is_killed_at_work_loses_nothing_and_all_come_back_to_it(
    mortal: Broker, site: Site, tmp_path: Path
) -> None:
    post = Post(mortal, site, "mortal", tmp_path)
    site.open.clear()
    with ExitStack() as stack:
        daemon = stack.enter_context(post.daemon())
        one, *others = [stack.enter_context(post.notifier()) for _ in range(3)]
        until(lambda: mortal.remembers(post.topology.queues()))
        post.hits(range(12))
        until(lambda: len(site.held) == 12)  # notifiers have their hands full
        held = set(site.held)
        post.hits(range(12, 16))
        until(lambda: post.waiting(post.config.queue) == 4)

        mortal.kill()
        one.kill()
        post.hits(range(16, 20))
        read_until(daemon.stdout, b"takes nothing")
        site.open.set()  # what was held is done; nobody can be told so
        mortal.start()
        post.hits(range(20, 22))
        until(lambda: len(site.sections) == 22, 180)
        until(lambda: post.waiting(post.config.queue) == 0)
        end(daemon, *others)

    rows = post.outbox()
    assert len(rows) == 22
    assert {row.key for row in rows} == set(site.taken)
    assert any(row.attempts > 1 for row in rows)
    assert site.twice() <= held  # taken, but not acknowledged when the broker died
    assert post.waiting(post.topology.dead) == 0
    post.relay.close()


def test_a_message_whose_confirmation_is_lost_comes_again_and_is_told_once(
    broker: Broker, site: Site, tmp_path: Path
) -> None:
    """N7: the broker has it, but the connection dies before that is said."""
    with Wire(broker.port) as wire:
        address = broker.url.replace(str(broker.port), str(wire.port))
        post = Post(broker, site, "unconfirmed", tmp_path, by=address)
        post.put(range(1))
        until(post.all_handed_over)
        wire.mute.set()
        post.put(range(1, 2))
        until(lambda: post.tried() or post.waiting(post.config.queue) == 2)
        wire.cut()
        [row] = until(post.tried)
        assert (row.key, row.attempts) == ("good-1", 1)
        until(post.soon_handed_over)
        assert post.ids(post.config.queue) == {"good-0": 1, "good-1": 2}
        with post.notifier():
            until(lambda: post.waiting(post.config.queue) == 0)
            until(lambda: site.taken.total() == 2)
        assert site.taken == {"good-0": 1, "good-1": 1}
        post.relay.close()


def test_a_message_that_the_broker_refuses_stays_in_the_outbox(post: Post) -> None:
    """N7: a nack; of a queue that is bound there and has no room."""
    post.put(range(1))
    until(post.all_handed_over)

    async def bind_full(channel: Any) -> None:  # noqa: ANN401
        full = {"x-max-length": 1, "x-overflow": "reject-publish"}
        queue = await channel.declare_queue("full", durable=False, arguments=full)
        await queue.bind(post.config.exchange, "#")

    async def unbind_full(channel: Any) -> None:  # noqa: ANN401
        await channel.queue_delete("full")

    post.ask(bind_full)
    post.put(range(1, 4))
    row, *_ = until(post.tried)
    assert "nack" in row.outcome["rabbitmq"]["detail"]
    post.ask(unbind_full)
    until(post.soon_handed_over)
    ids = post.ids(post.config.queue)
    assert ids.keys() == {f"good-{n}" for n in range(4)}


def test_what_a_channel_refuses_is_put_aside_and_holds_up_nothing(
    post: Post, site: Site
) -> None:
    site.answer = 400
    bad = post.put(range(3), "bad")
    good = post.put(range(3))
    with post.notifier():
        until(lambda: post.all_handed_over() and good <= set(site.taken))
        until(lambda: post.waiting(post.topology.dead) == len(bad))
        # The other channel is told, once.
        letters = until(lambda: [k for k in site.taken if k.startswith("dead-letter")])
    assert [site.tried[key] for key in sorted(bad)] == [1, 1, 1]
    assert len(letters) == 1


def test_that_a_channel_delivers_again_is_told_to_those_who_were_told(
    post: Post, site: Site
) -> None:
    site.answer = 400
    post.put(range(1), "bad")
    said: list[Notice] = []
    with post.own_notifier(said) as clock:
        until(lambda: post.all_handed_over() and site.taken.total() == 1)
        site.answer = 200
        post.put(range(1, 2), "bad")
        until(lambda: post.all_handed_over() and site.taken["bad-1"])
        clock.ahead += CALM
        post.put(range(2, 3), "bad")
        until(lambda: post.all_handed_over() and site.taken.total() == 4)
    told = [key for key in site.taken if not key.startswith("bad-")]
    assert len(told) == 2
    assert told[1].endswith("-over-good")


def test_it_is_said_when_a_channel_takes_nothing_and_when_it_works_again(
    post: Post, site: Site
) -> None:
    post.put(range(3), "bad")
    said: list[Notice] = []

    def words() -> list[str]:
        post.statuses()
        return [one.text for one in said if one.subject == "bad"]

    with post.own_notifier(said) as clock:
        until(lambda: any("takes nothing (503" in word for word in words()))
        site.answer = 200
        clock.ahead += CALM
        post.put(range(3, 4), "bad")
        until(lambda: "the channel works again" in words())


def test_what_fails_waits_elsewhere_and_is_put_aside_after_its_last_attempt(
    post: Post, site: Site
) -> None:
    post.put(range(1), "bad")
    with post.notifier():
        until(lambda: post.all_handed_over() and site.tried["bad-0"] == 1)
        until(lambda: post.waiting(post.topology.waiting(10)) == 1)
        good = post.put(range(5))
        until(lambda: post.all_handed_over() and good <= set(site.taken))
        assert site.tried["bad-0"] == 1
        until(lambda: post.waiting(post.topology.dead) == 1)
    assert site.tried["bad-0"] == 2


def test_a_poison_that_kills_whoever_takes_it_ends_in_the_dead_letter_queue(
    post: Post,
) -> None:
    post.put(range(1))
    until(post.all_handed_over)

    async def die(channel: Any) -> int:  # noqa: ANN401
        queue = await channel.get_queue(post.config.queue, ensure=False)
        times = 0
        while (message := await queue.get(no_ack=False, fail=False)) is not None:
            times += 1
            await message.nack(requeue=True)
        return times

    assert post.ask(die) == REDELIVERIES + 1
    assert until(lambda: post.waiting(post.topology.dead)) == 1


def test_what_cannot_be_read_is_put_aside(post: Post, site: Site) -> None:
    good = post.put(range(2))
    until(post.all_handed_over)

    async def spoil(channel: Any) -> None:  # noqa: ANN401
        from aio_pika import Message  # noqa: PLC0415 - an extra

        for body in (b"{}", b"\xff", b"[" * 100_000):
            await channel.default_exchange.publish(Message(body), post.config.queue)

    post.ask(spoil)
    with post.notifier():
        until(lambda: good <= set(site.taken))
        until(lambda: post.waiting(post.topology.dead) == 3)


def test_a_message_that_no_queue_takes_stays_in_the_outbox_until_there_is_one(
    post: Post,
) -> None:
    """N7: without `mandatory` the broker would say that it has it."""
    post.put(range(1))
    until(post.all_handed_over)

    async def delete(channel: Any) -> None:  # noqa: ANN401
        await channel.queue_delete(post.config.queue)

    post.ask(delete)
    post.put(range(1, 2))
    [row] = until(post.tried)
    assert "no queue takes it" in row.outcome["rabbitmq"]["detail"]
    until(post.soon_handed_over)
    assert post.ids(post.config.queue) == {"good-1": 1}


def test_another_queue_of_that_name_is_said(post: Post) -> None:
    async def take_the_name(channel: Any) -> None:  # noqa: ANN401
        queue = await channel.get_queue(post.config.queue, ensure=False)
        await queue.delete(if_unused=False, if_empty=False)
        await channel.declare_queue(post.config.queue, durable=True)

    post.ask(take_the_name)
    done = subprocess.run(
        command("notifier", "-c", post.rules), env=environment(),
        capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert b"the broker has something else of that name" in done.stderr
    assert b"guest:guest" not in done.stderr
