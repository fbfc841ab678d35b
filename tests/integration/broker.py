"""A RabbitMQ of our own: the real one, from its package, without a service manager."""

import os
import signal
import socket
import subprocess
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from tocsin.runners.clock import SystemClock

PROGRAM = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
UP = 180.0
CONFIG = """\
listeners.tcp.1 = 127.0.0.1:{port}
log.console = false
log.file.level = warning
"""

T = TypeVar("T")


def until(look: Callable[[], T], seconds: float = 120.0) -> T:
    """What `look` returns, as soon as that is true."""
    clock = SystemClock()
    end = clock.monotonic() + seconds
    while not (found := look()):
        assert clock.monotonic() < end, "it never came to pass"
        clock.wait(0.05)
    return found


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def _is_open(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


class Broker:
    """One broker on the loopback; what it keeps survives `kill` and `start`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"amqp://guest:guest@127.0.0.1:{self.port}/"
        (folder / "rabbitmq.conf").write_text(CONFIG.format(port=self.port))
        self._spread = {
            "RABBITMQ_DIST_PORT": str(free_port()),
            "ERL_EPMD_PORT": str(free_port()),
        }
        self._process: subprocess.Popen[bytes] | None = None
        self._names: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Begin, or begin again with what was kept; return once it answers."""
        self._keep_names()
        with (self.folder / "out").open("ab") as out:
            self._process = subprocess.Popen(
                [PROGRAM], env=self._environment(), start_new_session=True,
                stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
            )  # fmt: skip
        until(self._answers, UP)

    def kill(self) -> None:
        """End it with all its processes, without a chance to put anything in order."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None
            until(lambda: not _is_open(self.port))

    def close(self) -> None:
        """End it, and what knows the names of nodes, which was started for it alone."""
        self.kill()
        if self._names is not None:
            self._names.kill()
            self._names.wait()
            self._names = None

    def remembers(self, queues: Iterable[str]) -> bool:
        """Return whether it would know quorum queues again if it were killed now.

        Older versions write down which there are only some seconds after they were
        made (rabbitmq/ra, pull request 443). Killed in between, the broker knows of a
        queue that never answers.
        """
        files = self.folder.glob("data/*/quorum/*/names.dets")
        kept = b"".join(path.read_bytes() for path in files)
        return all(f"%2F_{queue}m\0\0\0".encode() in kept for queue in queues)

    def _keep_names(self) -> None:
        """Start epmd, which the broker would start, too, but never end."""
        if self._names is not None:
            return
        port = int(self._spread["ERL_EPMD_PORT"])
        self._names = subprocess.Popen(
            ["epmd", "-address", "127.0.0.1", "-port", str(port)],  # noqa: S607
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        until(lambda: _is_open(port))

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self.folder / "out").read_text()
        with socket.socket() as sock:
            sock.settimeout(2)
            try:
                sock.connect(("127.0.0.1", self.port))
                # It greets nobody: who speaks no AMQP is told which version there is.
                sock.sendall(b"HTTP/1.1")
                return sock.recv(4) == b"AMQP"
            except OSError:
                return False

    def _environment(self) -> dict[str, str]:
        here = str(self.folder)
        return {
            **os.environ,
            **self._spread,
            "HOME": here,
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": f"tocsin{self.port}@localhost",
            "RABBITMQ_CONFIG_FILE": f"{here}/rabbitmq.conf",
            "RABBITMQ_CONF_ENV_FILE": f"{here}/none.conf",
            "RABBITMQ_ADVANCED_CONFIG_FILE": f"{here}/none.config",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{here}/plugins",
            "RABBITMQ_MNESIA_BASE": f"{here}/data",
            "RABBITMQ_LOG_BASE": f"{here}/log",
            "RABBITMQ_PID_FILE": f"{here}/pid",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS":
                "-kernel inet_dist_use_interface {127,0,0,1}",
        }  # fmt: skip


@contextmanager
def running(folder: Path) -> Iterator[Broker]:
    """A broker that is up; nothing of it is left behind."""
    broker = Broker(folder)
    try:
        broker.start()
        yield broker
    finally:
        broker.close()
