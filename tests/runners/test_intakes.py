"""Sources that are no files, in the daemon: counted, saved, and in nobody's way."""

import http.client
import json
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace
from tests.program import ran, read_until, started
from tests.runners.intake_world import PATIENCE, beside, free_port
from tests.runners.world import SOURCE, append, lines, rules

from tocsin.config.intake_values import CommandConfig, ListenConfig
from tocsin.config.values import Config, FormatConfig, SourceConfig
from tocsin.model.records import Notice, Summary
from tocsin.model.secret import Secret
from tocsin.runners.clock import SystemClock
from tocsin.runners.daemon import Daemon
from tocsin.runners.follow import Follow
from tocsin.runners.intakes import open_intake
from tocsin.runners.keeping import Keeper
from tocsin.runners.session import Session
from tocsin.runners.wishes import Wishes
from tocsin.state.memory import MemoryStore
from tocsin.testing import CollectingView

TOKEN = "canary-0123456789"  # noqa: S105 - of this test alone
COMMON = FormatConfig(name="common", type="common")


def tcp(port: int) -> ListenConfig:
    return ListenConfig(scheme="tcp", host="127.0.0.1", port=port)


def pushed(port: int) -> ListenConfig:
    return replace(tcp(port), scheme="http", token=Secret(TOKEN))


def taking(*intakes: CommandConfig | ListenConfig, path: str = "") -> Config:
    """Return rules over files, if there are any, and other sources."""
    config = rules()
    first = replace(config.sources[0], path=(path,) if path else (), format=COMMON)
    others = (
        SourceConfig(name=f"s{n}", path=(), intake=intake, format=COMMON)
        for n, intake in enumerate(intakes)
    )
    return replace(config, sources=(first, *others))


class Life:
    """One life of a daemon, on the machine's own clock."""

    def __init__(self, config: Config, store: MemoryStore | None = None) -> None:
        self.view, self.clock = CollectingView(), SystemClock()
        self.session = Session(config, self.view, Wishes())
        self.store = store or MemoryStore()
        keeper = Keeper(self.store, self.session, self.clock)
        self.daemon = Daemon(self.session, self.clock, keeper)

    def until(self, enough: Callable[[], object]) -> "Life":
        """Live until there is enough."""
        began = self.clock.monotonic()

        def over() -> bool:
            assert self.clock.monotonic() - began < PATIENCE, self.counts
            return bool(enough())

        self.daemon.run(over)
        return self

    @property
    def counts(self) -> dict[str, int]:
        """How many lines each stream has had, by its name, in all its lives."""
        streams = self.session.engine.state.streams
        return {name: state.tally.lines for name, state in streams.items()}

    @property
    def notices(self) -> str:
        return "\n".join(notice.text for notice in self.view.of(Notice))


def send(port: int, data: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as sock:
        sock.sendall(data)


def test_a_stream_without_positions_keeps_its_counts() -> None:
    store, intake = MemoryStore(), tcp(free_port())
    for life in (1, 2, 3):
        running = Life(taking(intake), store)
        send(intake.port, lines(range(life * 10, life * 10 + 5)))
        running.until(lambda n=life: running.counts[intake.place] == 5 * n)  # type: ignore[misc]  # noqa: B023
        assert store.positions()[intake.place].lines == 5 * life
    (summary,) = running.view.of(Summary)
    stream = next(s for s in summary.streams if s.stream == intake.place)
    assert (stream.lines, stream.events) == (15, 15)


def test_the_end_counts_what_was_taken_in() -> None:
    store, intake = MemoryStore(), tcp(free_port())
    running = Life(taking(intake), store)
    with socket.create_connection(("127.0.0.1", intake.port), PATIENCE) as sock:
        sock.sendall(lines([1]))
        began = False

        def once_more() -> bool:
            nonlocal began
            if running.counts[intake.place] == 1 and not began:
                sock.sendall(lines(range(2, 50)) + lines([50])[:-1])
                began = True
            return began

        running.until(once_more)
    assert store.positions()[intake.place].lines == 50


def test_a_push_is_answered_when_its_lines_are_saved() -> None:
    store, intake = MemoryStore(), pushed(free_port())
    running = Life(taking(intake), store)
    found: list[int] = []

    def post() -> None:
        client = http.client.HTTPConnection("127.0.0.1", intake.port, timeout=PATIENCE)
        headers = {"Authorization": f"Bearer {TOKEN}"}
        client.request("POST", "/", lines(range(7)), headers)
        assert client.getresponse().status == 200
        found.append(store.positions()[intake.place].lines)
        client.close()

    with beside(post) as answer:
        running.until(answer.done)
        answer.result()
    assert found == [7]


def test_a_peer_that_stalls_and_one_that_floods_stop_nobody(tmp_path: Path) -> None:
    log, stalled, flooded = tmp_path / "a.log", tcp(free_port()), tcp(free_port())
    log.write_bytes(lines([1]))
    loud = CommandConfig(argv=(sys.executable, "-c", "while True: print('x' * 99)"))
    broken = CommandConfig(argv=(str(tmp_path / "gone"),))
    running = Life(taking(stalled, flooded, loud, broken, path=str(log)))
    with socket.create_connection(("127.0.0.1", stalled.port), PATIENCE) as sock:
        sock.sendall(b"half a mess")
        send(flooded.port, b"\xff\x00\n" * 10_000)
        steps = iter(range(2, 9))

        def growing() -> bool:
            done = running.counts[str(log)]
            if done == 8:
                return True
            if done == getattr(growing, "seen", 1):
                append(log, lines([next(steps)]))
                growing.seen = done + 1  # type: ignore[attr-defined]
            return False

        running.until(growing)
    assert running.counts[stalled.place] == 1  # its half, when it was sent away
    assert running.counts[flooded.place] == 10_000
    assert "cannot be started" in running.notices


def test_hostile_lines_never_end_the_daemon_nor_choose_the_format() -> None:
    intake = tcp(free_port())
    config = taking(intake)
    auto = replace(config.sources[1], format=FormatConfig())
    running = Life(replace(config, sources=(auto,), metrics=(), alarms=()))
    send(intake.port, b"neither this nor that\n" * 1000)
    running.until(lambda: running.counts[intake.place] == 1000)
    assert "all its lines are counted as parse errors" in running.notices


def test_a_port_that_is_taken_is_waited_for(tmp_path: Path) -> None:
    log, intake = tmp_path / "a.log", tcp(free_port())
    log.write_bytes(lines([1]))
    with socket.create_server(("127.0.0.1", intake.port)):
        running = Life(taking(intake, path=str(log)))
        running.until(lambda: running.counts[str(log)] == 1)
    assert "cannot listen: Address already in use" in running.notices


def test_a_reload_closes_one_port_and_opens_another() -> None:
    first, second = tcp(free_port()), tcp(free_port())
    store = MemoryStore()
    running = Life(taking(first), store)
    send(first.port, lines(range(5)))
    changed = False

    def over() -> bool:
        nonlocal changed
        if not changed and running.counts[first.place] == 5:
            assert running.daemon.change(taking(second))
            with pytest.raises(ConnectionRefusedError):
                send(first.port, b"")
            send(second.port, lines(range(5, 9)))
            changed = True
        return changed and running.counts.get(second.place) == 4

    running.until(over)
    assert first.place not in store.positions()
    assert store.positions()[second.place].lines == 4
    again = Life(taking(first), store)
    again.until(lambda: True)
    assert second.place not in store.positions()


def test_a_reload_that_changes_nothing_of_it_keeps_a_connection() -> None:
    intake = tcp(free_port())
    running = Life(taking(intake))
    with socket.create_connection(("127.0.0.1", intake.port), PATIENCE) as sock:
        sock.sendall(lines([1])[:-9])
        changed = False

        def over() -> bool:
            nonlocal changed
            if not changed:
                other = rules(threshold=99)
                config = replace(taking(intake), alarms=other.alarms)
                assert running.daemon.change(config)
                sock.sendall(lines([1])[-9:])
                changed = True
            return running.counts[intake.place] == 1

        running.until(over)


def test_a_follower_without_a_store_takes_lines_in_too() -> None:
    clock, view, intake = SystemClock(), CollectingView(), pushed(free_port())
    session = Session(rules(), view, Wishes())
    follow = Follow(session, clock)
    follow.add(intake.place, SOURCE, open_intake(intake, clock))

    def post() -> int:
        client = http.client.HTTPConnection("127.0.0.1", intake.port, timeout=PATIENCE)
        headers = {"Authorization": f"Bearer {TOKEN}"}
        client.request("POST", "/", lines(range(3)), headers)
        status = client.getresponse().status
        client.close()
        return status

    with beside(post) as answer:
        follow.run(answer.done)
        assert answer.result() == 200
    (summary,) = view.of(Summary)
    assert summary.streams[0].events == 3


def test_the_program_takes_in_what_a_configuration_names(tmp_path: Path) -> None:
    config, port = tmp_path / "tocsin.yaml", free_port(socket.SOCK_DGRAM)
    config.write_text(
        "sources:\n"
        f"  - {{name: hosts, listen: 'udp://127.0.0.1:{port}'}}\n"
        "  - {name: out, command: [/bin/echo, '2026-01-01T00:00:00Z h app: hello'],\n"
        "     format: syslog}\n"
        "metrics: [{name: all, source: out, type: COUNT, period: 10s}]\n"
    )
    arguments = ("run", "-c", config, "--state", tmp_path / "state", "--listen", "off")
    with started(*arguments, "--output", "jsonl") as process:
        read_until(process.stdout, b"it ended with status 0")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.sendto(b"<14>hello", ("127.0.0.1", port))
        process.terminate()
        out, _ = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0
    summary = out.splitlines()[-1]
    assert (
        f'"stream":"udp://127.0.0.1:{port}","format":"syslog","lines":1'.encode()
        in summary
    )
    assert b"command: /bin/echo" in summary


def test_what_was_answered_with_200_survives_a_kill(tmp_path: Path) -> None:
    config, port, state = tmp_path / "tocsin.yaml", free_port(), tmp_path / "state"
    config.write_text(
        f"sources:\n  - {{name: app, listen: 'http://127.0.0.1:{port}', token: {TOKEN},\n"
        "     format: common}\n"
        "metrics: [{name: all, source: app, type: COUNT, period: 10s}]\n"
    )
    accepted = 0
    for life in range(3):
        arguments = ("run", "-c", config, "--state", state, "--listen", "off")
        with started(*arguments) as process:
            for n in range(4):
                accepted += push_when_open(port, lines([life * 10 + n] * 25))
            process.kill()
            process.wait()
    shown = ran("state", "show", "--state", state).stdout
    assert f"(app): {accepted} lines" in shown, shown
    assert accepted == 300


def push_when_open(port: int, body: bytes) -> int:
    """Push lines, as soon as somebody listens; return how many are saved."""
    clock = SystemClock()
    until = clock.monotonic() + PATIENCE
    while True:
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        try:
            client.request("POST", "/", body, {"Authorization": f"Bearer {TOKEN}"})
            answer = client.getresponse()
            assert answer.status == 200
            return int(json.loads(answer.read())["accepted"])
        except ConnectionRefusedError:
            assert clock.monotonic() < until
            clock.wait(0.05)
        finally:
            client.close()
