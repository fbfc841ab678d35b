"""The daemon's door: is it alive, is it ready; and what people ask of it, with a token.

HTTP on the loopback. `/livez` and `/readyz` answer anybody; all below `/api` wants the
token that lies in the state folder, which only the daemon's user can read.
"""

from __future__ import annotations

import hmac
import json
import os
import socket
from collections.abc import Callable, Mapping
from functools import partial
from threading import Thread
from typing import TYPE_CHECKING, TypeAlias

from tocsin.model.errors import SourceError, UsageError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterator

    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import JSONResponse, Response

    from tocsin.runners.desk import Desk
    from tocsin.runners.health import Health

Params: TypeAlias = Mapping[str, object]
Do: TypeAlias = Callable[[Params, Params], object]

_OK, _WRONG, _DENIED, _UNKNOWN, _UNAVAILABLE = 200, 400, 401, 404, 503
_LARGEST = 64 << 10
_PORTS = 65536


def application(health: Health, desk: Desk, token: str) -> Starlette:
    """Return what answers. Every answer is JSON, those of `/api` behind the token."""
    from starlette.applications import Starlette  # noqa: PLC0415 - see Lazy
    from starlette.responses import JSONResponse, Response  # noqa: PLC0415
    from starlette.routing import Route  # noqa: PLC0415

    async def livez(_request: Request) -> JSONResponse:
        alive = health.alive
        body = {"alive": alive.good} | ({} if alive.good else {"why": alive.word})
        return JSONResponse(body, _OK if alive.good else _UNAVAILABLE)

    async def readyz(_request: Request) -> Response:
        report = health.report()
        status = _OK if report["ready"] else _UNAVAILABLE
        told = _with_streams(report, health)
        return Response(told, status, media_type="application/json")

    routes = [Route("/livez", livez), Route("/readyz", readyz)]
    for path, method, do in _wishes(desk):
        routes.append(Route(path, _endpoint(desk, token, do), methods=[method]))
    return Starlette(routes=routes)


def _with_streams(report: Mapping[str, object], health: Health) -> bytes:
    """Return a report and its streams as JSON: thousands are made one by one."""
    body = bytearray(json.dumps(report)[:-1] + ', "streams": [', "utf-8")
    for number, stream in enumerate(health.streams()):
        body += f"{', ' if number else ''}{json.dumps(stream)}".encode()
    return bytes(body + b"]}")


def _wishes(desk: Desk) -> Iterator[tuple[str, str, Do]]:
    """Yield path, method and what is done with path and body, in the loop's thread."""
    from tocsin.runners.desk import asked  # noqa: PLC0415 - see Lazy

    def incidents(_path: Params, query: Params) -> object:
        statuses = [s for s in str(query.get("status", "")).split(",") if s]
        return desk.incidents(statuses, int(str(query.get("most", 100))))

    def acknowledge(path: Params, body: Params) -> object:
        note = asked(body, "note", str) if "note" in body else ""
        return desk.acknowledge(int(str(path["id"])), asked(body, "by", str), note)

    def note(path: Params, body: Params) -> object:
        by, text = asked(body, "by", str), asked(body, "text", str)
        return desk.note(int(str(path["id"])), by, text)

    def silence(_path: Params, body: Params) -> object:
        match = [str(m) for m in asked(body, "match", list)]
        seconds = asked(body, "seconds", int)
        comment = asked(body, "comment", str) if "comment" in body else ""
        return desk.silence(match, seconds, asked(body, "by", str), comment)

    one = "/api/incidents/{id:int}"
    yield "/api/incidents", "GET", incidents
    yield one, "GET", lambda path, _: desk.incident(int(str(path["id"])))
    yield f"{one}/ack", "POST", acknowledge
    yield f"{one}/note", "POST", note
    yield "/api/silences", "GET", lambda _path, _query: desk.silences()
    yield "/api/silences", "POST", silence
    yield "/api/backup", "POST", lambda _, body: desk.backup(asked(body, "file", str))
    gone = "/api/silences/{id:str}"
    yield gone, "DELETE", lambda path, _: desk.expire(str(path["id"]))


def _endpoint(
    desk: Desk, token: str, do: Do
) -> Callable[[Request], Awaitable[JSONResponse]]:
    from starlette.concurrency import run_in_threadpool  # noqa: PLC0415
    from starlette.responses import JSONResponse  # noqa: PLC0415

    from tocsin.model.errors import TocsinError  # noqa: PLC0415
    from tocsin.runners.desk import UnknownError  # noqa: PLC0415

    async def endpoint(request: Request) -> JSONResponse:
        given = request.headers.get("authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
            return JSONResponse({"error": "the token is missing or wrong"}, _DENIED)
        try:
            data = await _body(request)
            path = dict(request.path_params)
            wish = partial(desk.ask, lambda: do(path, data))
            return JSONResponse(await run_in_threadpool(wish))
        except UnknownError as error:
            return JSONResponse({"error": str(error)}, _UNKNOWN)
        except (TocsinError, ValueError) as error:
            return JSONResponse({"error": str(error)}, _WRONG)
        except TimeoutError:
            return JSONResponse({"error": "the daemon is busy"}, _UNAVAILABLE)

    return endpoint


async def _body(request: Request) -> dict[str, object]:
    """Return the query, or the object of JSON that was sent: at most 64 KiB of it."""
    if request.method in {"GET", "DELETE"}:
        return dict(request.query_params)
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _LARGEST:
            message = "the request is too large"
            raise ValueError(message)
    found = json.loads(body)
    if not isinstance(found, dict):
        message = "expected an object of JSON"
        raise ValueError(message)  # noqa: TRY004 - it is told to the one who asked
    return found


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
        self.url = f"http://{f'[{host}]' if ':' in host else host}:{self.port}"
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
