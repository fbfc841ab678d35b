"""Real servers on this machine: they answer as they are told, and remember."""

import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tocsin.channels.http import Site

LOOPBACK = ("127.0.0.0/8",)
HERE = Site(allow=LOOPBACK, timeout=5.0)


@dataclass
class Request:
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Told:
    """What a server answers, in turn (the last one for ever), and what it was asked."""

    answers: list[tuple[int, dict[str, str], bytes]]
    requests: list[Request] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?token=canary"


def answer(
    status: int, body: bytes = b"", **headers: str
) -> tuple[int, dict[str, str], bytes]:
    return status, {k.replace("_", "-"): v for k, v in headers.items()}, body


@contextmanager
def web(*answers: tuple[int, dict[str, str], bytes]) -> Iterator[Told]:
    """Run a web server that gives these answers."""
    told = Told(list(answers) or [answer(200)])

    class Answering(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            body = self.rfile.read(length)
            told.requests.append(Request(self.path, dict(self.headers), body))
            status, headers, said = told.answers[0]
            if len(told.answers) > 1:
                told.answers.pop(0)
            self.send_response_only(status)
            for name, value in {"Content-Length": str(len(said)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    told.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield told
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def tcp(converse: Callable[[socket.socket], None]) -> Iterator[int]:
    """Run a server that talks to each who connects; yield its port."""
    server = socket.create_server(("127.0.0.1", 0))
    threads = list[threading.Thread]()

    def talk(sock: socket.socket) -> None:
        with sock, suppress(OSError):  # the other side may go at any time
            converse(sock)

    def accept() -> None:
        while True:
            try:
                sock, _ = server.accept()
            except OSError:
                return
            thread = threading.Thread(target=talk, args=(sock,))
            threads.append(thread)
            thread.start()

    listening = threading.Thread(target=accept)
    listening.start()
    try:
        yield server.getsockname()[1]
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        for thread in (listening, *threads):
            thread.join(10)
