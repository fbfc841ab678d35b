"""`slack`: an incoming webhook of Slack (or of Mattermost), in blocks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tocsin.channels import text as words
from tocsin.channels.links import web
from tocsin.channels.message import compose
from tocsin.channels.parcel import Parcel, Posting, packed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tocsin.channels.http import Site
    from tocsin.model.notification import Alert, Notification
    from tocsin.model.secret import Secret

_MOST_ALERTS = 10
_LONGEST = 2_900  # a section takes 3,000 characters
_LONGEST_HEADER = 150
_SIGNS = {"info": "🔵", "warning": "🟡", "error": "🟠", "critical": "🔴"}


@dataclass(frozen=True, slots=True)
class Slack(Posting):
    """Posts to an incoming webhook, which belongs to one room."""

    name: str
    site: Site
    url: Secret
    templates: Mapping[str, str] = field(default_factory=dict)

    def _parcel(self, notification: Notification) -> Parcel:
        return Parcel(self.url, packed(self._said(notification)))

    def _said(self, notification: Notification) -> dict[str, Any]:
        message = compose(notification, self.templates)
        header = _plain(message.subject[:_LONGEST_HEADER])
        if "text" in self.templates:
            # What a template makes is text, too: fields could hold markup.
            blocks = [_section(escaped(words.lines(message.text, _LONGEST)))]
        else:
            blocks = [_alert(a) for a in notification.alerts[:_MOST_ALERTS]]
            blocks.append(_context(notification))
        return {
            "text": escaped(message.subject),
            "blocks": [{"type": "header", "text": header}, *blocks],
        }


def escaped(text: str) -> str:
    """Return text in which Slack sees no link, no person and no room."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _alert(alert: Alert) -> dict[str, Any]:
    sign = _SIGNS.get(alert.level, "⚪") if alert.status == "firing" else "✅"
    told = [f"{sign} {words.state(alert)}  {words.named(alert)}"]
    told += [words.line(w) for w in (alert.text, alert.reason) if w]
    told += [f"{name}: {value}" for name, value in words.facts(alert)]
    shown = escaped(words.lines("\n".join(told), _LONGEST // 2))
    if alert.evidence:
        lines = "\n".join(words.line(e, 200) for e in alert.evidence[:5])
        shown += f"\n```{escaped(lines.replace('`', chr(0x2CB)))}```"
    if link := web(alert.runbook):
        shown += f"\n<{link}|Runbook>"
    return _section(shown[:_LONGEST])


def _context(notification: Notification) -> dict[str, Any]:
    more = words.beyond(notification)
    told = (
        f"{more}. {words.footer(notification)}" if more else words.footer(notification)
    )
    return {"type": "context", "elements": [_plain(told)]}


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": False}
