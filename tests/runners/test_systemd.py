"""What the service manager is told."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tocsin.runners.systemd import Systemd


@pytest.fixture
def door(tmp_path: Path) -> Iterator[socket.socket]:
    """A socket that listens as the service manager does."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as found:
        found.bind(str(tmp_path / "notify"))
        found.settimeout(5)
        yield found


def test_words_reach_the_manager(door: socket.socket) -> None:
    manager = Systemd({"NOTIFY_SOCKET": door.getsockname()}, 1)
    manager.say("READY=1", "STATUS=all is well")
    assert door.recv(100) == b"READY=1\nSTATUS=all is well"


def test_the_watchdog_is_fed_twice_as_often_as_it_asks(door: socket.socket) -> None:
    environ = {"NOTIFY_SOCKET": door.getsockname(), "WATCHDOG_USEC": "10000000"}
    manager = Systemd(environ, 7)
    for second in (10, 12, 15, 16, 21):
        manager.alive(second)
    manager.say("end")
    heard = []
    while (word := door.recv(100)) != b"end":
        heard.append(word)
    assert heard == [b"WATCHDOG=1", b"WATCHDOG=1"]


QUIET = {
    "no manager": {},
    "a manager that has gone": {"NOTIFY_SOCKET": "/nowhere/notify"},
    "an abstract name of nobody": {"NOTIFY_SOCKET": "@tocsin-nobody"},
    "a watchdog for another": {"WATCHDOG_USEC": "1000", "WATCHDOG_PID": "1"},
}


@pytest.mark.parametrize("environ", QUIET.values(), ids=QUIET)
def test_where_nobody_listens_nothing_is_said(environ: dict[str, str]) -> None:
    manager = Systemd(environ, 7)
    manager.say("READY=1")
    manager.alive(100.0)
    assert manager.watchdog is None
