"""One conversation with a mail server: TLS verified, an end, and a word about each.

Built on `smtplib`: of a conversation it tells what was said about each recipient.
"""

from __future__ import annotations

import http.client
import smtplib
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from tocsin.channels.http import Site, Unreachable
from tocsin.channels.text import line
from tocsin.model.notification import Fate, Outcome

if TYPE_CHECKING:
    import socket

    from tocsin.model.secret import Secret

STARTTLS, IMPLICIT, NONE = "starttls", "implicit", "none"
PORTS = {STARTTLS: 587, IMPLICIT: 465, NONE: 25}
EVERYWHERE = ("0.0.0.0/0", "::/0")
"""Mail servers are named by whoever writes the configuration, and often are private."""

_OK = 250
_READY = 220
_REFUSED = 500


class Server(Struct, frozen=True):
    """A mail server, and how it is spoken to."""

    host: str
    port: int
    tls: str = STARTTLS
    user: str = ""
    password: Secret | None = None
    site: Site = field(default_factory=lambda: Site(allow=EVERYWHERE))

    def __str__(self) -> str:
        return f"{line(self.host)}:{self.port}, tls: {self.tls}"

    def send(
        self, sender: str, recipients: tuple[str, ...], mail: bytes
    ) -> dict[str, Outcome]:
        """Send a mail once; return what became of it for each recipient.

        A refusal that begins with 4, and any trouble on the way, may pass; one that
        begins with 5 will not, if it was about the mail or the recipient.
        """
        said = dict[str, Outcome]()
        try:
            with self.site.connected(self.host, self.port) as plain:
                session = _Session(self._wrapped(plain), self.host, sender)
                try:
                    self._converse(session, sender, recipients, mail, said)
                finally:
                    session.close()
        except (Unreachable, OSError, ValueError, http.client.HTTPException) as error:
            told = self._told(error)
            said |= {
                who: Outcome(who, Fate.RETRY, told)
                for who in recipients
                if who not in said or said[who].fate is Fate.DELIVERED
            }
        return said

    def _wrapped(self, sock: socket.socket) -> socket.socket:
        if self.tls != IMPLICIT:
            return sock
        return self.site.tls().wrap_socket(sock, server_hostname=self.host)

    def _converse(
        self,
        session: _Session,
        sender: str,
        recipients: tuple[str, ...],
        mail: bytes,
        said: dict[str, Outcome],
    ) -> None:
        self._begin(session)
        code, text = session.mail(sender)
        if code != _OK:
            said |= {who: _outcome(who, code, text) for who in recipients}
            return
        for who in recipients:
            code, text = session.rcpt(who)
            said[who] = _outcome(who, code, text)
        taken = [who for who, what in said.items() if what.fate is Fate.DELIVERED]
        if taken:
            # Until the mail is taken, nobody has it.
            said |= {who: Outcome(who, Fate.RETRY, "not sent") for who in taken}
            code, text = session.deliver(mail)
            said |= {who: _outcome(who, code, text) for who in taken}
        session.leave()

    def _begin(self, session: _Session) -> None:
        code, text = session.getreply()
        if code != _READY:
            raise smtplib.SMTPConnectError(code, text)
        session.ehlo_or_helo_if_needed()
        if self.tls == STARTTLS:
            # Raises if the server does not offer it: nothing is ever sent in the clear.
            session.starttls(context=self.site.tls())
            session.ehlo_or_helo_if_needed()
        if self.password is not None:
            session.login(self.user, self.password.reveal())

    def _told(self, error: Exception) -> str:
        if isinstance(error, smtplib.SMTPResponseException):
            return _said(error.smtp_code, error.smtp_error)
        if isinstance(error, Unreachable):
            return str(error)
        told = (
            getattr(error, "verify_message", "") or str(error) or type(error).__name__
        )
        return line(f"no answer: {told}", 200)


class _Session(smtplib.SMTP):
    """A conversation over a connection that is open already."""

    def __init__(self, sock: socket.socket, host: str, sender: str) -> None:
        super().__init__(local_hostname=sender.rpartition("@")[2] or "localhost")
        self.sock = sock
        self._host = host  # whose certificate is expected

    def deliver(self, mail: bytes) -> tuple[int, bytes]:
        """Send the mail itself; return what was answered."""
        try:
            return self.data(mail)
        except smtplib.SMTPDataError as error:
            said = error.smtp_error
            return error.smtp_code, said if isinstance(said, bytes) else said.encode()

    def leave(self) -> None:
        """Say good-bye; what became of the mail is known by now."""
        try:
            self.quit()
        except (OSError, http.client.HTTPException):
            self.close()


def _outcome(recipient: str, code: int, text: bytes | str) -> Outcome:
    found = Outcome(recipient, Fate.DELIVERED, _said(code, text))
    if code < 300:  # noqa: PLR2004 - what was asked for was done
        return found
    return replace(found, fate=Fate.REFUSED if code >= _REFUSED else Fate.RETRY)


def _said(code: int, text: bytes | str) -> str:
    told = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return line(f"{code} {told}", 200)
