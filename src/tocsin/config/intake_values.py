"""Where lines come from that are in no file: a command's output, or an open port."""

from __future__ import annotations

from shlex import join
from typing import TYPE_CHECKING, Final, TypeAlias

from msgspec import Struct

if TYPE_CHECKING:
    from tocsin.model.secret import Secret

SCHEMES: Final = ("udp", "tcp", "tls", "http", "https")
MAX_BODY: Final = 8 << 20
"""Bytes of one request, expanded, unless told otherwise."""


class CommandConfig(Struct, frozen=True, kw_only=True):
    """A program and its arguments; it is not run by a shell."""

    argv: tuple[str, ...]

    @property
    def place(self) -> str:
        """What it is called, and told apart from others by."""
        return f"command: {join(self.argv)}"


class ListenConfig(Struct, frozen=True, kw_only=True):
    """An address where lines are taken in: `scheme` is udp, tcp, tls, http or https.

    `framing` (auto, octets or lines) is for tcp and tls; `path`, `token` and `max_body`
    (bytes) for http and https. `certificate`, `key` and `client_ca` are paths of files.
    """

    scheme: str
    host: str
    port: int
    path: str = "/"
    framing: str = "auto"
    token: Secret | None = None
    max_body: int = MAX_BODY
    certificate: str = ""
    key: str = ""
    client_ca: str = ""

    @property
    def place(self) -> str:
        """What it is called, and told apart from others by."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        path = self.path if self.pushed else ""
        return f"{self.scheme}://{host}:{self.port}{path}"

    @property
    def pushed(self) -> bool:
        """Whether lines come in HTTP requests."""
        return self.scheme.startswith("http")

    @property
    def datagrams(self) -> bool:
        """Whether each message is a datagram."""
        return self.scheme == "udp"

    @property
    def encrypted(self) -> bool:
        """Whether peers speak TLS."""
        return self.scheme in {"tls", "https"}


IntakeConfig: TypeAlias = CommandConfig | ListenConfig
