"""The real RabbitMQ: what is handed over arrives, whoever is killed on the way."""

import asyncio
import json
import signal
import subprocess
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any, TypeVar

import pytest
from tests.integration.broker import PROGRAM, Broker, running, until
from tests.program import command, environment

from tocsin.channels.mask import Masking
from tocsin.config.rabbit_values import RabbitConfig
from tocsin.model import samples
from tocsin.model.notification import Kind, Notification
from tocsin.model.secret import Secret
from tocsin.model.state import Change, Outgoing
from tocsin.runners.clock import SystemClock, new_random
from tocsin.runners.mailroom import Mailroom
from tocsin.runners.outbox import outgoing
from tocsin.runners.rabbit import Relay, link, relayed
from tocsin.runners.rabbit_plan import REDELIVERIES, Topology
from tocsin.state.memory import MemoryStore

pytestmark = pytest.mark.integration

pytest.importorskip("aio_pika")
CHANNELS = ("good", "bad")
RULES = """\
channels:
  - {{name: good, type: webhook, url: "http://127.0.0.1:{web}/good", allow: [127.0.0.1]}}
  - {{name: bad, type: webhook, url: "http://127.0.0.1:{web}/bad", allow: [127.0.0.1]}}
rabbitmq: {{url: "{url}", exchange: {name}, queue: {name}, prefetch: 4, attempts: 2}}
"""
T = TypeVar("T")


class Site(ThreadingHTTPServer):
    """Takes what is posted to /good; /bad answers with `answer`. Shut, it holds all."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.taken: Counter[str] = Counter()
        self.tried: Counter[str] = Counter()
        self.held: set[str] = set()
        self.answer = 503
        self.open = Event()
        self.open.set()
        self.lock = Lock()


class _Answers(BaseHTTPRequestHandler):
    server: Site

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        key = json.loads(body)["key"]
        site = self.server
        code = 200 if self.path == "/good" else site.answer
        with site.lock:
            site.tried[key] += 1
            site.taken[key] += code == 200
            site.held.add(key)
        site.open.wait(60)
        with site.lock:
            site.held.discard(key)
        with suppress(OSError):  # whoever asked was killed
            self.send_response(code)
            self.send_header("Content-Length", "0")
            self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    if not PROGRAM.exists():
        pytest.skip(f"{PROGRAM} is not installed")
    with running(tmp_path_factory.mktemp("rabbitmq")) as found:
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


class Post:
    """One outbox with its relay to a broker, and notifiers behind it."""

    def __init__(self, broker: Broker, site: Site, name: str, folder: Path) -> None:
        self.broker = broker
        self.config = RabbitConfig(url=Secret(broker.url), exchange=name, queue=name)
        self.topology = Topology.of(self.config)
        self.rules = folder / "tocsin.yaml"
        port = site.server_address[1]
        self.rules.write_text(RULES.format(web=port, url=broker.url, name=name))
        self.clock = SystemClock()
        self.store = MemoryStore()
        self.relay = Relay(self.config)
        channels = relayed(CHANNELS, self.relay)
        self.room = Mailroom(self.store, channels, self.clock, new_random())

    def put(self, numbers: range, channel: str = "good") -> set[str]:
        """Write notifications into the outbox; return their keys."""
        now = self.clock.now()
        made = [_notification(n, channel, now // 1_000_000) for n in numbers]
        rows = tuple(outgoing(one, Masking(), now, now) for one in made)
        self.store.commit(Change(outbox=rows))
        self.room.expect()
        return {one.key for one in made}

    def statuses(self) -> Counter[str]:
        """Let the mailroom do its work; return how many rows stand how."""
        change, _ = self.room.turn()
        self.store.commit(change)
        return Counter(row.status for row in self.store.outbox())

    def tried(self) -> list[Outgoing]:
        """Let the mailroom do its work; return what the broker did not take."""
        self.statuses()
        return [row for row in self.store.outbox(("waiting",)) if row.attempts]

    def all_handed_over(self) -> bool:
        return set(self.statuses()) == {"delivered"}

    def ask(self, work: Callable[[Any], Coroutine[Any, Any, T]]) -> T:
        """Do something with the broker, over a connection of its own."""

        async def whole() -> T:
            found = await link(self.config)
            try:
                return await work(found.channel)
            finally:
                await found.connection.close()

        return asyncio.run(whole())

    def waiting(self, queue: str) -> int:
        async def count(channel: Any) -> int:  # noqa: ANN401
            found = await channel.declare_queue(queue, passive=True)
            return int(found.declaration_result.message_count)

        return self.ask(count)

    @contextmanager
    def notifier(self) -> Iterator[subprocess.Popen[bytes]]:
        with subprocess.Popen(
            command("notifier", "-c", self.rules),
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ) as process:
            try:
                assert process.stdout is not None
                assert process.stdout.readline().startswith(b"ready")
                yield process
            finally:
                process.kill()


def _notification(number: int, channel: str, at: int) -> Notification:
    alert = samples.firing(at, ["section"])
    made = samples.notification(Kind.FIRING, alert, channel=channel, at=at)
    key = f"{channel}-{number}"
    return Notification(key, channel, key, made.kind, made.alerts, at, made.why)


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

    twice = {key for key, times in site.taken.items() if times > 1}
    assert twice <= held
    assert len(twice) <= 4  # as many as the one that was killed had in hand
    assert max(site.taken.values()) <= 2
    assert post.waiting(post.topology.dead) == 0


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


def test_a_message_that_no_queue_takes_stays_in_the_outbox(post: Post) -> None:
    post.put(range(1))
    until(post.all_handed_over)

    async def unbind(channel: Any) -> None:  # noqa: ANN401
        queue = await channel.get_queue(post.config.queue, ensure=False)
        await queue.unbind(post.config.exchange, "#")

    post.ask(unbind)
    post.put(range(1, 2))
    [row] = until(post.tried)
    assert "no queue takes it" in row.outcome["rabbitmq"]["detail"]


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
