"""A sender is killed (kill -9) at each point of its conversations, and of its saving.

Each notification is taken at least once, and twice only if its sender was killed after
it was taken and before that was saved; then with the same key and the same words.
"""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace
from tests.torture.lives import Nursery
from tests.torture.peers import Peer, mail, web
from tests.torture.sending import Errand
from tests.torture.tracing import killed_at

from tocsin.channels.mask import Masking
from tocsin.model import samples
from tocsin.model.notification import Kind
from tocsin.model.state import Change
from tocsin.runners.clock import SystemClock
from tocsin.runners.outbox import outgoing
from tocsin.state.opening import open_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tocsin.state.opening import FolderStore

if not hasattr(os, "pidfd_open"):
    pytest.skip("needs Linux: no process can be waited for by others here",
                allow_module_level=True)  # fmt: skip

KILLED = -signal.SIGKILL
RULES = {
    "web": 'channels: [{{name: out, type: webhook, url: "http://127.0.0.1:{port}/", '
    "allow: [127.0.0.1]}}]",
    "mail": "channels: [{{name: out, type: email, from: t@example.org, charts: false, "
    "to: [ops@example.org], smtp: {{host: 127.0.0.1, port: {port}, tls: none}}, "
    'templates: {{subject: "{{{{ alert.alarm }}}}"}}}}]',
}
SERVERS: dict[str, Callable[[Peer], AbstractContextManager[int]]] = {
    "web": web, "mail": mail,
}  # fmt: skip
KEYS = tuple(f"n{n}" for n in range(4))


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    made = Nursery("tests.torture.sending")
    yield made
    made.close()


@dataclass(frozen=True)
class World:
    """An outbox in a folder, the other side, and one who begins lives of a sender."""

    nursery: Nursery
    folder: Path
    kind: str

    def fill(self) -> None:
        """Write notifications into a new outbox."""
        now = SystemClock().now()
        one = samples.notification(Kind.FIRING, samples.firing(), channel="out")
        rows = [
            outgoing(
                # A mail shows its alarm, by which the other side knows it.
                replace(one, key=key, thread=key,
                        alerts=(replace(one.alerts[0], alarm=key),)),
                Masking(), place, now,
            )
            for place, key in enumerate(KEYS)
        ]  # fmt: skip
        with self.opened() as store:
            store.commit(Change(outbox=tuple(rows)))

    @contextmanager
    def opened(self) -> Iterator[FolderStore]:
        store = open_folder(self.folder / "state", program="test", now=0)
        try:
            yield store
        finally:
            store.close()

    def live(self, peer: Peer, dies_at: int = 0) -> int:
        """Let a sender live; return how it ended."""
        with self.served(peer):
            peer.victim.set_result(
                self.nursery.begin(Errand(str(self.folder), dies_at))
            )
            return self.nursery.end()

    def live_until_sent(self, peer: Peer, number: int) -> int:
        """Let a sender live until so many system calls that send; tell how it ended."""
        with self.served(peer):
            sender = self.nursery.begin(Errand(str(self.folder), stops=True))
            with killed_at(sender, SENDS, number, self.folder / "strace"):
                return self.nursery.end()

    @contextmanager
    def served(self, peer: Peer) -> Iterator[None]:
        """Let the other side be there, as the rules say."""
        with SERVERS[self.kind](peer) as port:
            rules = RULES[self.kind].format(port=port)
            (self.folder / "tocsin.yaml").write_text(rules, encoding="utf-8")
            yield

    def empty(self) -> None:
        """Forget the state."""
        for path in sorted((self.folder / "state").iterdir()):
            path.unlink()

    def marked(self) -> set[str]:
        """Return the keys that are saved as delivered."""
        with self.opened() as store:
            return {row.key for row in store.outbox(("delivered",))}


@pytest.fixture(params=["web", "mail"])
def world(nursery: Nursery, place: Path, request: pytest.FixtureRequest) -> World:
    return World(nursery, place, request.param)


def assert_nothing_lost(world: World, before: Peer, marked: set[str]) -> None:
    """Let a second life send the rest; all is taken, twice only what must be."""
    assert set(before.taken.values()) <= {1}
    assert marked <= set(before.taken), "what was saved as delivered was taken"
    after = Peer()
    assert world.live(after) == 0
    assert dict(after.taken) == dict.fromkeys(set(KEYS) - marked, 1)
    assert world.marked() == set(KEYS)
    assert len(before.bodies | after.bodies) == len(KEYS), "the same words, both times"


POINTS = {
    "web": ["before it is read", "before it is accepted", "before the answer", "after the answer"],
    "mail": ["at MAIL", "at RCPT", "before it is accepted", "before the answer",
             "after the answer"],
}  # fmt: skip
TWICE = {
    ("web", "before the answer"),
    ("mail", "before the answer"),
    ("mail", "after the answer"),
}
"""Where it is sure that the sender has not saved what the other side took."""
MAY_BE_DONE = ("web", "after the answer")
"""Where the sender may have saved all, and ended, before it is killed."""
ONCE = {("web", "before it is accepted"), ("mail", "before it is accepted")}
"""Where it is sure that the other side has not taken it."""


@pytest.mark.parametrize("about", KEYS)
@pytest.mark.parametrize("point", [(k, p) for k, ps in POINTS.items() for p in ps],
                         ids=" ".join)  # fmt: skip
def test_killed_in_a_conversation_it_sends_all_and_twice_only_what_it_must(
    nursery: Nursery, place: Path, point: tuple[str, str], about: str
) -> None:
    """N4."""
    world = World(nursery, place, point[0])
    world.fill()
    before = Peer(point[1], about)
    ended, marked = world.live(before), world.marked()

    done = point == MAY_BE_DONE and marked == set(KEYS)
    assert ended == KILLED or (done and ended == 0)
    assert (about in before.taken and about not in marked) or point not in TWICE
    assert about not in before.taken or point not in ONCE
    assert_nothing_lost(world, before, marked)


@pytest.mark.parametrize("every", [5, pytest.param(1, marks=pytest.mark.torture)])
def test_killed_before_a_change_of_a_file_it_sends_all_and_twice_only_what_it_must(
    world: World, every: int
) -> None:
    """N4."""
    deaths = between = 0
    while True:
        world.fill()
        before = Peer()
        if (ended := world.live(before, 1 + deaths * every)) == 0:
            break
        assert ended == KILLED
        deaths += 1
        marked = world.marked()
        between += bool(set(before.taken) - marked)
        assert_nothing_lost(world, before, marked)
        world.empty()
    assert deaths > between > 0, "some of them before, and some in between"


SENDS = "sendto,sendmsg,sendmmsg"


@pytest.mark.torture
def test_killed_by_the_kernel_at_every_call_that_sends_it_sends_all(
    world: World,
) -> None:
    number = 0
    while True:
        world.fill()
        before, number = Peer(), number + 1
        if (ended := world.live_until_sent(before, number)) == 0:
            break
        assert ended == KILLED
        assert_nothing_lost(world, before, world.marked())
        world.empty()
    assert number > 2, "it has sent something"
