"""`email`: a mail in text and HTML, with a chart, its recovery threaded under its alarm.

Every attempt sends the same bytes: the same Message-ID, date and boundaries, so that a
mail which arrives twice is known to be one.
"""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime, timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from msgspec import Struct, field

from tocsin.channels import chart
from tocsin.channels import text as words
from tocsin.channels.html import page
from tocsin.channels.message import compose
from tocsin.model.notification import Fate, Outcome
from tocsin.model.template import TemplateFailed, context, render

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tocsin.channels.message import Message
    from tocsin.channels.smtp import Server
    from tocsin.model.notification import Alert, Notification

MOST_CHARTS = 3

_ADDRESS = re.compile(
    r"[A-Za-z0-9_+=!#$%&'*/?^`{|}~-]+(?:\.[A-Za-z0-9_+=!#$%&'*/?^`{|}~-]+)*"
    r"@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?"
)
_PLAIN = re.compile(r"[A-Za-z0-9._+-]+@[A-Za-z0-9.-]+")
_LONGEST_ADDRESS = 254
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Email(Struct, frozen=True):
    """Mails to addresses, of which a template may make one for each alert.

    `to_allow` are patterns such as `*@example.org`: with them, an address that a
    label made is only mailed to when it fits one.
    """

    name: str
    server: Server
    sender: str
    to: tuple[str, ...]
    to_allow: tuple[str, ...] = ()
    charts: bool = True
    templates: Mapping[str, str] = field(default_factory=dict)

    def recipients(self, notification: Notification) -> tuple[str, ...]:
        """Return the addresses; those that may not be mailed to are refused later."""
        found = dict[str, None]()
        for written in self.to:
            if "{" not in written:
                found[parseaddr(written)[1]] = None
                continue
            for alert in notification.alerts:
                found |= dict.fromkeys(_filled(written, notification, alert))
        return tuple(found)

    def preview(self, notification: Notification) -> str:
        """Return the mail with its headers and text; pictures and HTML are named."""
        mail = self.mail(notification)
        text = mail.get_body(("plain",))
        told = [f"{name}: {value}" for name, value in mail.items()]
        told += ["", "" if text is None else str(text.get_content())]
        parts = [p.get_content_type() for p in mail.walk() if not p.is_multipart()]
        refused = [a for a in self.recipients(notification) if self._refused(a)]
        told += [f"({', '.join(parts)}; by {self.server})"]
        told += [f"(not sent to {words.line(a)}: {self._refused(a)})" for a in refused]
        return "\n".join(told)

    def send(
        self, notification: Notification, recipients: tuple[str, ...]
    ) -> tuple[Outcome, ...]:
        """Send one mail to all of them, in one conversation."""
        reasons = {who: self._refused(who) for who in recipients}
        fine = tuple(who for who, reason in reasons.items() if not reason)
        found = {}
        if fine:
            raw = self.mail(notification).as_bytes()
            envelope = parseaddr(self.sender)[1]
            found = self.server.send(envelope, fine, raw)
        return tuple(
            found.get(who) or Outcome(who, Fate.REFUSED, reasons[who])
            for who in recipients
        )

    def mail(self, notification: Notification) -> EmailMessage:
        """Return the mail to all who may be mailed to."""
        message = compose(notification, self.templates)
        mail = EmailMessage(policy=SMTP)
        self._head(mail, notification, message.subject)
        mail.set_content(message.text)
        drawn, pictures = self._charts(notification)
        html = _html(notification, message, drawn)
        mail.add_alternative(html, subtype="html")
        part = mail.get_payload()[1]  # type: ignore[index]  # alternative: text, html
        used = {cid: png for cid, png in pictures.items() if f"cid:{cid}" in html}
        for cid, png in used.items():
            part.add_related(png, "image", "png", cid=f"<{cid}>", filename=f"{cid}.png")  # type: ignore[union-attr]
        _bound(mail, notification.key)
        return mail

    def _head(
        self, mail: EmailMessage, notification: Notification, subject: str
    ) -> None:
        mail["Subject"] = subject
        mail["From"] = _address(self.sender)
        addresses = [a for a in self.recipients(notification) if not self._refused(a)]
        if addresses:
            mail["To"] = tuple(_address(address) for address in addresses)
        mail["Date"] = format_datetime(_EPOCH + timedelta(seconds=notification.at))
        mail["Message-ID"] = self._id(notification.key)
        mail["Auto-Submitted"] = "auto-generated"
        mail["X-Auto-Response-Suppress"] = "All"
        thread = self._id(f"thread {notification.thread}")
        before = self._id(notification.answers) if notification.answers else thread
        # The first of a thread points to its root, too: so all stand together, whichever
        # of them arrives.
        mail["In-Reply-To"] = before
        mail["References"] = thread if before == thread else f"{thread} {before}"
        mail["X-Tocsin-Key"] = words.line(notification.key, 200)

    def _id(self, key: str) -> str:
        domain = parseaddr(self.sender)[1].rpartition("@")[2] or "tocsin.invalid"
        return f"<{_hash(f'{self.name} {key}')}@{domain}>"

    def _charts(
        self, notification: Notification
    ) -> tuple[dict[int, str], dict[str, bytes]]:
        """Return what stands for each alert's picture, and the pictures."""
        drawn, pictures = dict[int, str](), dict[str, bytes]()
        if not self.charts:
            return drawn, pictures
        for n, alert in enumerate(notification.alerts[:MOST_CHARTS]):
            try:
                pictures[f"chart{n + 1}"] = chart.png(alert)
                drawn[n] = f"cid:chart{n + 1}"
            except chart.NoChart as reason:
                drawn[n] = str(reason)
        return drawn, pictures

    def _refused(self, address: str) -> str:
        """Return why an address is not mailed to; empty when it is."""
        if len(address) > _LONGEST_ADDRESS or not _ADDRESS.fullmatch(address):
            return "it is no address"
        fixed = {parseaddr(w)[1] for w in self.to if "{" not in w}
        if address in fixed:
            return ""
        if not _PLAIN.fullmatch(address):
            return "no label may make such an address"
        fits = any(fnmatchcase(address.lower(), p.lower()) for p in self.to_allow)
        return "" if fits else "no pattern of to_allow permits it"


def _filled(template: str, notification: Notification, alert: Alert) -> Iterator[str]:
    values = context(notification)
    # Each alert speaks for itself: another's labels must not choose its readers.
    own = {"alert": {"labels": dict(alert.labels)}, "labels": dict(alert.labels)}
    own["key"] = dict(alert.key)
    try:
        made = render(template, "text", values | own)
    except TemplateFailed:
        made = template  # no address: it is refused, and so told
    yield words.line(made, _LONGEST_ADDRESS + 1).strip()


def _html(
    notification: Notification, message: Message, drawn: Mapping[int, str]
) -> str:
    if message.html is not None:
        return message.html
    note = f"{message.failed}; this is the plain form." if message.failed else ""
    return page(notification, message.subject, drawn, note)


def _address(text: str) -> Address:
    name, address = parseaddr(text)
    return Address(display_name=words.line(name, 100), addr_spec=address)


def _bound(mail: EmailMessage, key: str) -> None:
    """Give the parts boundaries that are the same at every attempt."""
    parts = [part for part in mail.walk() if part.is_multipart()]
    for n, part in enumerate(parts):
        part.set_boundary(f"=_{_hash(f'{key} {n}')}")


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:40]
