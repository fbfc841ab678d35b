"""A real mail server on this machine: it answers as it is told, and keeps what it took."""

# What the server hands to its mind has no types, and it names what it calls.
# ruff: noqa: ANN401, N802

import asyncio
import gc
import socket
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from msgspec import Struct, field


class Postbox(Struct):
    """A mail server's mind: what it answers to each command, and what it took."""

    rcpt: dict[str, list[str]] = field(default_factory=dict)
    data: list[str] = field(default_factory=list)
    mail: list[str] = field(default_factory=list)
    taken: list[tuple[tuple[str, ...], bytes]] = field(default_factory=list)
    logins: list[bytes] = field(default_factory=list)

    async def handle_MAIL(
        self,
        _server: Any,
        _session: Any,
        envelope: Any,
        address: str,
        options: Sequence[str],
    ) -> str:
        said = _next(self.mail)
        if said.startswith("2"):
            envelope.mail_from = address
            envelope.mail_options.extend(options)
        return said

    async def handle_RCPT(
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        said = _next(self.rcpt.get(address, []))
        if said.startswith("2"):
            envelope.rcpt_tos.append(address)
        return said

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        said = _next(self.data)
        if said.startswith("2"):
            self.taken.append((tuple(envelope.rcpt_tos), envelope.content))
        return said

    def login(
        self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any
    ) -> AuthResult:
        self.logins.append(data.password)
        return AuthResult(success=data.password == b"canary", handled=False)


def _next(answers: list[str]) -> str:
    return answers.pop(0) if answers else "250 fine"


class _AnyPort(Controller):
    """A controller that looks whether it runs at the port that it was given."""

    def where(self) -> tuple[str, int]:
        assert isinstance(self.server, asyncio.Server)
        host, port = self.server.sockets[0].getsockname()
        return host, port

    def _trigger_server(self) -> None:
        socket.create_connection(self.where(), 5).close()


@contextmanager
def post(box: object, **options: Any) -> Iterator[int]:
    """Run a mail server with such a mind; yield its port."""
    controller = _AnyPort(box, hostname="127.0.0.1", port=0, **options)
    controller.start()
    try:
        yield controller.where()[1]
    finally:
        with warnings.catch_warnings():
            # The server leaves its own ends of connections to the collector, and drops
            # one that it has just accepted, in its thread, while it is being stopped.
            warnings.simplefilter("ignore", ResourceWarning)
            controller.stop()
            del controller  # it holds the last of its conversations
            gc.collect()
