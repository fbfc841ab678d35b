"""One who hands over to a broker, notifiers behind it, and a site that they tell."""

import asyncio
import json
import subprocess
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import SHUT_RDWR, create_connection, create_server, socket
from threading import Event, Lock, Thread
from typing import Any, Self, TypeVar

from msgspec.structs import replace
from tests.integration.broker import Broker
from tests.program import Process, command, environment, started

from tocsin.channels.mask import Masking
from tocsin.config import load
from tocsin.config.rabbit_values import RabbitConfig
from tocsin.model import samples
from tocsin.model.instant import SECOND
from tocsin.model.notification import Kind, Notification
from tocsin.model.records import Notice
from tocsin.model.secret import Secret
from tocsin.model.state import Change, Outgoing
from tocsin.runners.clock import SystemClock, new_random
from tocsin.runners.mailroom import Mailroom, channels_of
from tocsin.runners.notifier import Notifier
from tocsin.runners.outbox import outgoing
from tocsin.runners.rabbit import Relay, link, relayed
from tocsin.runners.rabbit_plan import Topology
from tocsin.state.memory import MemoryStore
from tocsin.state.opening import open_folder

CHANNELS = ("good", "bad")
RULES = """\
channels:
  - {{name: good, type: webhook, url: "http://127.0.0.1:{web}/good", allow: [127.0.0.1]}}
  - {{name: bad, type: webhook, url: "http://127.0.0.1:{web}/bad", allow: [127.0.0.1]}}
rabbitmq: {{url: "{url}", exchange: {name}, queue: {name}, prefetch: 4, attempts: 2}}
sources: [{{name: log, path: "{folder}/*.log", format: common}}]
metrics:
  - {{name: hits, type: COUNT, source: log, period: 10m, every: 1s, group_by: [section]}}
alarms: [{{name: "busy {{section}}", metric: hits, threshold: 2}}]
routes: [{{channels: good, group_by: [section], group_wait: 0s}}]
notifications: {{caps: [{{messages: 1000, per: 1m}}]}}
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
        self.sections: set[str] = set()
        self.answer = 503
        self.open = Event()
        self.open.set()
        self.lock = Lock()

    def twice(self) -> set[str]:
        """Return the keys that were taken twice; none was more often."""
        assert max(self.taken.values()) <= 2
        return {key for key, times in self.taken.items() if times == 2}


class _Answers(BaseHTTPRequestHandler):
    server: Site

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        said = json.loads(body)
        key, site = said["key"], self.server
        code = 200 if self.path == "/good" else site.answer
        with site.lock:
            site.tried[key] += 1
            if code == 200:
                site.taken[key] += 1
                site.sections |= {a["key"].get("section", "") for a in said["alerts"]}
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


class Wire:
    """A way to a port of this machine, on which answers can be lost, and which can be cut."""

    def __init__(self, to: int) -> None:
        self._to = to
        self._door = create_server(("127.0.0.1", 0))
        self.port: int = self._door.getsockname()[1]
        self.mute = Event()
        self._ends: list[socket] = []

    def __enter__(self) -> Self:
        Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._door.close()
        self.cut()

    def cut(self) -> None:
        """Cut what is connected; who connects anew is heard, and gets answers."""
        self.mute.clear()
        ends, self._ends = self._ends, []
        for end in ends:
            with suppress(OSError):
                end.shutdown(SHUT_RDWR)

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._door.accept()
                far = create_connection(("127.0.0.1", self._to))
                self._ends += [near, far]
                Thread(
                    target=self._pass, args=(near, far, Event()), daemon=True
                ).start()
                Thread(
                    target=self._pass, args=(far, near, self.mute), daemon=True
                ).start()

    def _pass(self, source: socket, target: socket, mute: Event) -> None:
        with source, suppress(OSError):
            while data := source.recv(65536):
                if not mute.is_set():
                    target.sendall(data)


class Hurried(SystemClock):
    """The machine's clock, whose user may be ahead of it: then waits are over at once."""

    ahead = 0

    def now(self) -> int:
        return super().now() + self.ahead


class Post:
    """One outbox with its relay to a broker, and notifiers behind it.

    Or a daemon that reads a log, in place of the outbox; and what its relay reaches the
    broker by, where that is not its own address.
    """

    def __init__(
        self, broker: Broker, site: Site, name: str, folder: Path, by: str = ""
    ) -> None:
        self.config = RabbitConfig(url=Secret(broker.url), exchange=name, queue=name)
        self.topology = Topology.of(self.config)
        self.folder = folder
        self.rules = folder / "tocsin.yaml"
        port = site.server_address[1]
        text = RULES.format(web=port, url=broker.url, name=name, folder=folder)
        self.rules.write_text(text)
        self.clock = Hurried()
        self.store = MemoryStore()
        self.relay = Relay(replace(self.config, url=Secret(by or broker.url)))
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

    def soon_handed_over(self) -> bool:
        """Return whether all is; the waits between attempts pass at once."""
        self.clock.ahead += SECOND
        return self.all_handed_over()

    def hits(self, numbers: range) -> None:
        """Let these sections have so many hits that their alarms ring."""
        now = datetime.fromtimestamp(SystemClock().now() / SECOND, UTC)
        at = now.strftime("%d/%b/%Y:%H:%M:%S +0000")
        lines = (f'::1 - - [{at}] "GET /{n}/ HTTP/1.1" 200 1\n' for n in numbers)
        with (self.folder / "web.log").open("a") as log:
            log.writelines(line * 3 for line in lines)

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

    def ids(self, queue: str) -> Counter[str]:
        """Return the ids of the messages that wait in a queue, and leave them there."""

        async def read(channel: Any) -> Counter[str]:  # noqa: ANN401
            found = await channel.get_queue(queue, ensure=False)
            ids = Counter[str]()
            while (message := await found.get(no_ack=False, fail=False)) is not None:
                ids[message.message_id] += 1
            return ids

        return self.ask(read)

    def daemon(self) -> AbstractContextManager[Process]:
        """Return a daemon that reads the log, and hands over to the broker."""
        return started(
            "run", "-c", self.rules, "--state", self.folder / "state",
            "--output", "jsonl", "--listen", "off", "--workers", "1",
        )  # fmt: skip

    def outbox(self) -> Sequence[Outgoing]:
        """Return what is in the outbox of the daemon, which has ended."""
        folder, now = self.folder / "state", self.clock.now()
        store = open_folder(folder, program="test", now=now, make=False)
        try:
            return store.outbox()
        finally:
            store.close()

    @contextmanager
    def notifier(self) -> Iterator[Process]:
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

    @contextmanager
    def own_notifier(self, said: list[Notice]) -> Iterator[Hurried]:
        """Run a notifier in a thread; yield its clock. What it says comes into a list."""
        clock = Hurried()
        channels = channels_of(load(self.rules), clock)
        notifier = Notifier(self.config, channels, clock, new_random(), said.append)
        thread = Thread(target=notifier.run)
        thread.start()
        try:
            yield clock
        finally:
            notifier.stop()
            thread.join()


def _notification(number: int, channel: str, at: int) -> Notification:
    alert = samples.firing(at, ["section"])
    made = samples.notification(Kind.FIRING, alert, channel=channel, at=at)
    key = f"{channel}-{number}"
    return Notification(key, channel, key, made.kind, made.alerts, at, made.why)
