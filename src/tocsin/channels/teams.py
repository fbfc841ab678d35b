"""`teams`: a workflow of Microsoft Teams that takes webhooks, as an Adaptive Card."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tocsin.channels import text as words
from tocsin.channels.links import web
from tocsin.channels.message import compose
from tocsin.channels.parcel import Parcel, Posting, packed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tocsin.channels.http import Site
    from tocsin.model.notification import Alert, Notification
    from tocsin.model.secret import Secret

_MOST_ALERTS = 10
_LONGEST = 10_000  # all of a message may have 28 KB
_COLOURS = {"critical": "Attention", "error": "Attention", "warning": "Warning"}
_MARKUP = str.maketrans({c: f"\\{c}" for c in r"\`*_[]()#~>"})


@dataclass(frozen=True, slots=True)
class Teams(Posting):
    """Posts to a workflow ("when a webhook request is received")."""

    name: str
    site: Site
    url: Secret
    templates: Mapping[str, str] = field(default_factory=dict)

    def _parcel(self, notification: Notification) -> Parcel:
        card = {
            "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
            "type": "AdaptiveCard",
            "version": "1.4",
            "msteams": {"width": "Full"},
            "body": [*self._parts(notification)],
            "actions": [*_links(notification)],
        }
        kind = "application/vnd.microsoft.card.adaptive"
        attachment = {"contentType": kind, "contentUrl": None, "content": card}
        said = {"type": "message", "attachments": [attachment]}
        return Parcel(self.url, packed(said))

    def _parts(self, notification: Notification) -> Iterator[dict[str, Any]]:
        message = compose(notification, self.templates)
        fires = any(a.status == "firing" for a in notification.alerts)
        colour = _COLOURS.get(notification.level, "Default") if fires else "Good"
        yield _text(message.subject, size="Large", weight="Bolder", color=colour)
        if "text" in self.templates:
            yield _text(words.lines(message.text, _LONGEST))
            return
        for alert in notification.alerts[:_MOST_ALERTS]:
            yield from _alert(alert)
        more = words.beyond(notification)
        told = [more] * bool(more) + [words.footer(notification)]
        yield _text("\n\n".join(told), size="Small", isSubtle=True)


def _alert(alert: Alert) -> Iterator[dict[str, Any]]:
    yield _text(f"{words.state(alert)}  {words.named(alert)}", weight="Bolder")
    told = [words.line(w) for w in (alert.text, alert.reason) if w]
    if told:
        yield _text("\n\n".join(told))
    facts = [{"title": k, "value": v.translate(_MARKUP)} for k, v in words.facts(alert)]
    yield {"type": "FactSet", "facts": facts}
    for evidence in alert.evidence[:5]:
        yield _text(words.line(evidence, 300), fontType="Monospace", size="Small")


def _links(notification: Notification) -> Iterator[dict[str, Any]]:
    found = dict.fromkeys(web(alert.runbook) for alert in notification.alerts)
    for link in [link for link in found if link][:3]:
        yield {"type": "Action.OpenUrl", "title": "Runbook", "url": link}


def _text(text: str, **looks: object) -> dict[str, Any]:
    # Cards read a little Markdown: what looks like it is only text here.
    plain = text.translate(_MARKUP)
    return {"type": "TextBlock", "text": plain, "wrap": True, **looks}
