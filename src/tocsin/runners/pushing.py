"""Lines that are pushed: POST with a token; answered when they are saved.

A server in a thread of its own. What one request brings is taken in whole or not at
all, so that it can be sent again; 429 says that there is no room now.
"""

from __future__ import annotations

import asyncio
import hmac
import os
import socket
import zlib
from collections import deque
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any

from tocsin.model.errors import SourceError
from tocsin.sources import PROMISES, Inbox
from tocsin.sources.inbox import ROOM
from tocsin.sources.lines import LineSplitter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import JSONResponse

    from tocsin.config.intake_values import ListenConfig
    from tocsin.model.protocols import Chunk

_SAVED_WITHIN = 10.0
"""Seconds for which an answer waits until its lines are saved."""
_SENT_WITHIN = 30.0
"""Seconds in which a request must have come."""
_AT_ONCE = 8
"""Requests that are read at a time."""
_MOST_CONNECTED = 256
_GZIP = 31
_ENDS_WITHIN = 5.0
_RETRY = {"Retry-After": "1"}


class RefusedError(Exception):
    """A request that is answered with a status and a sentence."""

    def __init__(
        self, status: int, text: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(text)
        self.status = status
        self.headers = dict(headers or {})


class Pushing:
    """An open port for lines that are pushed; implements `Intake`."""

    promise = PROMISES["http, https"]

    def __init__(
        self,
        config: ListenConfig,
        *,
        at: int = 0,
        room: int = ROOM,
        patience: float = _SAVED_WITHIN,
    ) -> None:
        """Open the port; `room` is how many bytes may wait to be read.

        Lines that are not saved within `patience` (seconds) are answered with 202.

        Raises:
            SourceError: It cannot be had, or its certificate cannot be used.
        """
        self.stream = config.place
        self.config = config
        self.inbox = Inbox(config.place, at=at, room=room)
        self._lock = Lock()
        self._patience = patience
        self._waiters: deque[tuple[int, Future[bool]]] = deque()
        self._saved = at
        self._reading = 0
        self._stopped = self._closed = False
        try:
            self._serve()
        except BaseException:
            self.inbox.close()
            raise

    @property
    def port(self) -> int:
        """The port that is open."""
        return int(self._door.getsockname()[1])

    @property
    def trouble(self) -> str:
        """Why nothing is taken in any more."""
        return "" if self._thread.is_alive() or self._stopped else "it has failed"

    @property
    def at(self) -> int:
        """The position after all that was read."""
        return self.inbox.at

    def fileno(self) -> int:
        """Return a descriptor to wait on."""
        return self.inbox.fileno()

    def read(self, limit: int) -> Chunk:
        """Return the next lines; never waits."""
        return self.inbox.take(limit)

    def confirm(self, at: int) -> None:
        """Answer those whose lines are saved."""
        with self._lock:
            self._saved = max(self._saved, at)
            while self._waiters and self._waiters[0][0] <= self._saved:
                _answer(self._waiters.popleft()[1], saved=True)

    def stop(self) -> None:
        """Take nothing more in; those who wait for an answer still get it."""
        self._stopped = True
        self.inbox.end()

    def close(self) -> None:
        """Answer who is still waiting, and let go of everything. Idempotent."""
        self.stop()
        if self._closed:
            return
        self._closed = True
        with self._lock:
            while self._waiters:
                _answer(self._waiters.popleft()[1], saved=False)
        self._server.should_exit = True
        self._thread.join(_ENDS_WITHIN)
        self._door.close()
        self.inbox.close()

    def _serve(self) -> None:
        import uvicorn  # noqa: PLC0415 - takes a moment to load

        config = self.config
        try:
            kind = socket.SOCK_STREAM
            family = socket.getaddrinfo(config.host, config.port, type=kind)[0][0]
            self._door = socket.create_server((config.host, config.port), family=family)
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno else error
            raise SourceError(f"{config.place}: cannot listen: {reason}") from error
        options = uvicorn.Config(
            self._application(),
            log_level="critical",
            access_log=False,
            lifespan="off",
            server_header=False,
            limit_concurrency=_MOST_CONNECTED,
            timeout_graceful_shutdown=int(_ENDS_WITHIN) - 1,
            ssl_certfile=config.certificate or None,
            ssl_keyfile=config.key or None,
            ssl_ca_certs=config.client_ca or None,
            ssl_cert_reqs=2 if config.client_ca else 0,
        )
        try:
            options.load()
        except (OSError, ValueError) as error:
            self._door.close()
            message = f"{config.place}: its certificate cannot be used: {error}"
            raise SourceError(message) from error
        self._server = uvicorn.Server(options)
        self._thread = Thread(target=self._run, name=self.stream, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        self._server.run(sockets=[self._door])

    def _application(self) -> Starlette:
        from starlette.applications import Starlette  # noqa: PLC0415 - see above
        from starlette.responses import JSONResponse  # noqa: PLC0415
        from starlette.routing import Route  # noqa: PLC0415

        async def push(request: Request) -> JSONResponse:
            try:
                status, said = await self._pushed(request)
            except RefusedError as error:
                body = {"error": str(error), "accepted": 0}
                return JSONResponse(body, error.status, error.headers)
            return JSONResponse(said, status)

        return Starlette(routes=[Route(self.config.path, push, methods=["POST"])])

    async def _pushed(self, request: Request) -> tuple[int, dict[str, Any]]:
        """Take the lines of a request in.

        Raises:
            RefusedError: Nothing of it was taken in.
        """
        self._check(request.headers)
        if self._stopped:
            raise RefusedError(503, "it is about to end", _RETRY)
        if self._reading >= _AT_ONCE:
            raise RefusedError(429, "too many requests at once", _RETRY)
        self._reading += 1
        try:
            async with asyncio.timeout(_SENT_WITHIN):
                body = await _body(request, self.config.max_body)
        except TimeoutError:
            message = f"the request has not come within {_SENT_WITHIN:.0f} s"
            raise RefusedError(408, message) from None
        finally:
            self._reading -= 1
        return await self._taken(body)

    def _check(self, headers: Mapping[str, str]) -> None:
        """Refuse a request by its head, before anything more of it is read."""
        given = headers.get("authorization", "").encode()
        token = self.config.token.reveal() if self.config.token else ""
        if not token or not hmac.compare_digest(given, f"Bearer {token}".encode()):
            challenge = {"WWW-Authenticate": "Bearer"}
            raise RefusedError(401, "the token is missing or wrong", challenge)
        if headers.get("content-encoding", "identity") not in {"identity", "gzip"}:
            raise RefusedError(415, "the body must be plain or gzip")
        length = headers.get("content-length", "0")
        if length.isdigit() and int(length) > self.config.max_body:
            raise _too_large(self.config.max_body)

    async def _taken(self, body: bytes) -> tuple[int, dict[str, Any]]:
        splitter = LineSplitter()
        lines = splitter.step(body) + splitter.finish()
        count = lines.data.count(b"\n")
        said = {"accepted": count, "too_long": lines.oversized}
        if not body:
            return 200, said | {"saved": True}
        end = self.inbox.put(lines.data, lines.oversized)
        if end is None:
            raise RefusedError(429, "there is no room for more lines now", _RETRY)
        saved = await self._is_saved(end)
        return (200 if saved else 202), said | {"saved": saved}

    async def _is_saved(self, end: int) -> bool:
        """Wait until all before a position is saved; whether it was in time."""
        waiter: Future[bool] = Future()
        with self._lock:
            if self._saved >= end:
                return True
            # Those who put at the same moment may come in another order.
            self._waiters.append((end, waiter))
            self._waiters = deque(sorted(self._waiters, key=lambda pair: pair[0]))
        try:
            async with asyncio.timeout(self._patience):
                return await asyncio.wrap_future(waiter)
        except TimeoutError:
            with self._lock:
                self._waiters = deque(p for p in self._waiters if p[1] is not waiter)
            return False


def _answer(waiter: Future[bool], *, saved: bool) -> None:
    with suppress(InvalidStateError):  # it has given up waiting
        waiter.set_result(saved)


async def _body(request: Request, most: int) -> bytes:
    """Return what was sent, expanded; never more than `most` bytes of either."""
    packed = request.headers.get("content-encoding") == "gzip"
    zipped = zlib.decompressobj(_GZIP)
    parts: list[bytes] = []
    size = sent = 0
    async for part in request.stream():
        sent += len(part)
        plain = _expanded(zipped, part, most + 1 - size) if packed else part
        size += len(plain)
        if max(size, sent) > most:
            raise _too_large(most)
        parts.append(plain)
    if packed and sent and not zipped.eof:
        raise RefusedError(400, "the gzip body ends in its middle")
    return b"".join(parts)


def _expanded(zipped: Any, part: bytes, most: int) -> bytes:  # noqa: ANN401
    try:
        plain: bytes = zipped.decompress(part, most)
    except zlib.error as error:
        raise RefusedError(400, f"the gzip body is damaged: {error}") from error
    if zipped.unused_data:
        raise RefusedError(400, "there is more than one member in the gzip body")
    return plain


def _too_large(most: int) -> RefusedError:
    return RefusedError(413, f"at most {most} bytes, expanded, in one request")
