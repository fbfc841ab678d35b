"""The daemon's door for machines: is it alive, is it ready. HTTP on the loopback."""

from __future__ import annotations

import os
import socket
from threading import Thread
from typing import TYPE_CHECKING

from tocsin.model.errors import SourceError, UsageError

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import JSONResponse

    from tocsin.runners.health import Health

_OK, _UNAVAILABLE = 200, 503
_PORTS = 65536


def application(health: Health) -> Starlette:
    """Return what answers `/livez` and `/readyz`.

    Both answer 200 or 503, with JSON that says why.
    """
    from starlette.applications import Starlette  # noqa: PLC0415 - see Lazy
    from starlette.responses import JSONResponse  # noqa: PLC0415
    from starlette.routing import Route  # noqa: PLC0415

    async def livez(_request: Request) -> JSONResponse:
        alive = health.alive
        body = {"alive": alive.good} | ({} if alive.good else {"why": alive.word})
        return JSONResponse(body, _OK if alive.good else _UNAVAILABLE)

    async def readyz(_request: Request) -> JSONResponse:
        report = health.report()
        return JSONResponse(report, _OK if report["ready"] else _UNAVAILABLE)

    return Starlette(routes=[Route("/livez", livez), Route("/readyz", readyz)])


def address(text: str) -> tuple[str, int]:
    """Return host and port of `HOST:PORT`, or of a port alone.

    Raises:
        UsageError: It is neither.
    """
    host, _, port = text.rpartition(":")
    if not port.isdigit() or int(port) >= _PORTS:
        message = f"--listen: expected HOST:PORT, got {text!r}"
        raise UsageError(f"{message}\n  hint: --listen 127.0.0.1:4277, or off")
    return host.strip("[]") or "127.0.0.1", int(port)


class Service:
    """Serves an application from a thread of its own."""

    def __init__(self, app: Starlette, host: str, port: int) -> None:
        """Take the address at once.

        Raises:
            SourceError: It cannot be had.
        """
        import uvicorn  # noqa: PLC0415 - see Lazy

        try:
            family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
            self._door = socket.create_server((host, port), family=family)
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno else error
            message = f"cannot listen on {host}:{port}: {reason}"
            raise SourceError(
                f"{message}\n  hint: --listen HOST:PORT, or off"
            ) from error
        self.port: int = self._door.getsockname()[1]
        config = uvicorn.Config(
            app, log_level="critical", access_log=False, lifespan="off"
        )
        self._server = uvicorn.Server(config)
        self._thread = Thread(target=self._run, name="service", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Answer no more."""
        self._server.should_exit = True
        self._thread.join(timeout=5)
        self._door.close()

    def _run(self) -> None:
        self._server.run(sockets=[self._door])
