"""`syslog`: one line to the system's log, or to a log server (RFC 5424).

Over TCP and TLS the server says nothing: what was handed over is taken for delivered.
"""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import TYPE_CHECKING

from msgspec import Struct, field

from tocsin.channels import text as words
from tocsin.channels.http import Site, Unreachable
from tocsin.channels.message import compose
from tocsin.channels.smtp import EVERYWHERE
from tocsin.model.notification import Fate, Outcome
from tocsin.model.wire import moment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tocsin.model.notification import Notification

PROTOCOLS = ("udp", "tcp", "tls")
FACILITIES = {
    "kern": 0, "user": 1, "mail": 2, "daemon": 3, "auth": 4, "syslog": 5, "lpr": 6,
    "news": 7, "uucp": 8, "cron": 9, "authpriv": 10, "ftp": 11, "local0": 16,
    "local1": 17, "local2": 18, "local3": 19, "local4": 20, "local5": 21, "local6": 22,
    "local7": 23,
}  # fmt: skip
LOCAL = "/dev/log"

_LONGEST = 1_800  # a datagram should fit into a packet
_SEVERITIES = {"critical": 2, "error": 3, "warning": 4, "info": 6}
_NOTICE = 5


class Syslog(Struct, frozen=True):
    """Writes to the socket `address`, or to a `host` by `protocol`."""

    name: str
    address: str = LOCAL
    host: str = ""
    port: int = 514
    protocol: str = "udp"
    facility: str = "daemon"
    site: Site = field(default_factory=lambda: Site(allow=EVERYWHERE))
    templates: Mapping[str, str] = field(default_factory=dict)

    def recipients(self, notification: Notification) -> tuple[str, ...]:  # noqa: ARG002
        """Return the socket or the server."""
        where = (
            f"{self.protocol}://{self.host}:{self.port}" if self.host else self.address
        )
        return (words.line(where, 200),)

    def preview(self, notification: Notification) -> str:
        """Return the line."""
        return self._line(notification).decode()

    def send(
        self, notification: Notification, recipients: tuple[str, ...]
    ) -> tuple[Outcome, ...]:
        """Hand the line over once."""
        told = self._line(notification)
        return tuple(self._hand(told, who) for who in recipients)

    def _hand(self, told: bytes, recipient: str) -> Outcome:
        try:
            if not self.host:
                self._local(told)
            elif self.protocol == "udp":
                self._datagram(told)
            else:
                self._stream(told)
        except (Unreachable, OSError) as error:
            said = getattr(error, "strerror", None) or str(error)
            return Outcome(recipient, Fate.RETRY, words.line(said))
        return Outcome(recipient, Fate.DELIVERED, "handed over")

    def _local(self, told: bytes) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.settimeout(self.site.timeout)
            sock.connect(self.address)
            sock.sendall(told)

    def _datagram(self, told: bytes) -> None:
        try:
            family, *_, where = socket.getaddrinfo(
                self.host, self.port, type=socket.SOCK_DGRAM
            )[0]
        except UnicodeError as error:
            raise Unreachable(f"{self.host!r} is no name") from error
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.connect(where)
            sock.sendall(told)

    def _stream(self, told: bytes) -> None:
        with (
            self.site.connected(self.host, self.port) as plain,
            self._wrapped(plain) as sock,
        ):
            # Counted (RFC 6587), so that no line end of ours can begin another message.
            sock.sendall(b"%d %b" % (len(told), told))
            with suppress(OSError):
                sock.shutdown(socket.SHUT_WR)

    def _wrapped(self, sock: socket.socket) -> socket.socket:
        if self.protocol != "tls":
            return sock
        return self.site.tls().wrap_socket(sock, server_hostname=self.host)

    def _line(self, notification: Notification) -> bytes:
        priority = FACILITIES[self.facility] * 8 + self._severity(notification)
        message = compose(notification, self.templates)
        text = (
            message.text
            if "text" in self.templates
            else _sentence(notification, message.subject)
        )
        told = words.line(text, _LONGEST).encode()
        if not self.host:
            # The socket of a machine speaks the older form, and knows the time itself.
            return b"<%d>tocsin: %b" % (priority, told)
        key = "".join(c for c in words.line(notification.key, 100) if c not in '"\\]')
        head = (
            f"<{priority}>1 {moment(notification.at)} - tocsin - {notification.kind} "
        )
        return f'{head}[tocsin@32473 key="{key}"] '.encode() + told

    def _severity(self, notification: Notification) -> int:
        fires = any(alert.status == "firing" for alert in notification.alerts)
        return _SEVERITIES.get(notification.level, _NOTICE) if fires else _NOTICE


def _sentence(notification: Notification, subject: str) -> str:
    told = [subject]
    told += [words.line(a.text or a.reason, 300) for a in notification.alerts[:5]]
    return " - ".join(part for part in told if part)
