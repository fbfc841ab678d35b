"""Personal data in lines of the log, masked before they leave.

Masking is done where a notification is written into the outbox, so that nothing behind
it ever holds the data. Masking twice changes nothing. Labels and keys are left alone:
an alarm per address has to name it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

if TYPE_CHECKING:
    from tocsin.model.notification import Alert, Notification

LONGEST = 2_000
"""Characters of a line that are looked at and sent: the rest is cut off."""

_NAMES = (
    r"(?:(?:[\w.-]{0,40}[_.-])?(?:api_?key|auth|code|csrf|jwt|key|otp|pass|pwd|sid|sig)"
    r"|[\w.-]{0,40}(?:credential|passw(?:or)?d|secret|session|signature|token)"
    r"[\w.-]{0,20})"
)
_TOKENS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), put)
    for pattern, put in (
        (rf"([?&;]{_NAMES}=)[^&;#\s\"']+", r"\1***"),
        (rf"([\"']{_NAMES}[\"']\s?:\s?[\"'])[^\"']+", r"\1***"),
        (r"\b(bearer|basic|negotiate)( +)[\w.~+/=-]{6,}", r"\1\2***"),
        (r"(://)[^/\s:@\"']{1,100}:[^/\s@\"']{1,200}@", r"\1***@"),
        (r"\beyJ[\w-]{5,}\.[\w-]{5,}(?:\.[\w-]*)?", "***"),
    )
)
_EMAIL = re.compile(
    r"(?<![\w.+%-])[\w.+%-]{1,64}(?:@|%40)(?:[\w-]{1,63}\.){1,8}\w{2,24}"
)
_IPV4 = re.compile(r"(?<![\d.])((?:\d{1,3}\.){3})\d{1,3}(?![\d.]*\d)")
_IPV6 = re.compile(
    r"(?<![\w:.])(?=[0-9a-f:]*:[0-9a-f:]*:)([0-9a-f:]{2,39})(?![\w:]|\.\d)",
    re.IGNORECASE | re.ASCII,
)


class Masking(Struct, frozen=True):
    """Which personal data is masked, and rules of one's own: pattern, replacement.

    Patterns of rules are in the syntax of Rust's engine, which takes linear time.
    """

    addresses: bool = True
    emails: bool = True
    tokens: bool = True
    rules: tuple[tuple[str, str], ...] = ()

    def masked(self, notification: Notification) -> Notification:
        """Return the notification with the evidence of its alerts masked."""
        alerts = tuple(map(self._alert, notification.alerts))
        return replace(notification, alerts=alerts)

    def lines(self, evidence: tuple[str, ...]) -> tuple[str, ...]:
        """Return lines of a log masked, each cut to `LONGEST` characters."""
        cut = [text[:LONGEST] for text in evidence]
        return tuple(self._line(text) for text in self._ruled(cut))

    def _alert(self, alert: Alert) -> Alert:
        if not alert.evidence:
            return alert
        return replace(alert, evidence=self.lines(alert.evidence))

    def _ruled(self, lines: list[str]) -> list[str]:
        if not self.rules or not lines:
            return lines
        import polars as pl  # noqa: PLC0415 - only who has rules pays for it

        # Half characters are in no string of Rust.
        column = pl.Series([t.encode("utf-8", "replace").decode() for t in lines])
        for pattern, put in self.rules:
            column = column.str.replace_all(pattern, put)
        return column.to_list()

    def _line(self, text: str) -> str:
        if self.tokens:
            for pattern, put in _TOKENS:
                text = pattern.sub(put, text)
        if self.emails:
            text = _EMAIL.sub("[email]", text)
        if self.addresses:
            text = _IPV4.sub(r"\1x", text)
            text = _IPV6.sub(_hidden, text)
        return text


def _hidden(match: re.Match[str]) -> str:
    """Return what hides an address of IPv6: its network of 48 bits is kept."""
    from ipaddress import IPv6Address  # noqa: PLC0415

    try:
        whole = IPv6Address(match[1]).exploded
    except ValueError:
        return match[0]  # a time of day, say
    return ":".join(part.lstrip("0") or "0" for part in whole.split(":")[:3]) + ":x"
