"""What a channel says: by its templates, or in plain words where they fail.

A template never costs the message: when it fails, the plain form is sent, and says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from tocsin.channels import text as words
from tocsin.model.notification import Kind
from tocsin.model.template import TemplateFailed, context, render

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tocsin.model.notification import Notification

LONGEST_TEXT = 50_000


class Message(Struct, frozen=True):
    """A subject of one line, plain text, and the forms that a template gave.

    `failed` says, form by form, which templates could not be rendered and why.
    """

    subject: str
    text: str
    html: str | None = None
    json: str | None = None
    failed: str = ""

    def whole(self, limit: int) -> str:
        """Return subject and text in one, cut to a length."""
        return words.lines(f"{self.subject}\n\n{self.text}", limit)


def compose(notification: Notification, templates: Mapping[str, str]) -> Message:
    """Return what is said about a notification; heartbeats are always plain."""
    subject, text = words.title(notification), words.body(notification)
    if not templates or notification.kind is Kind.HEARTBEAT:
        return Message(subject, text)
    values = context(notification, subject, text)
    forms, failed = dict[str, str](), list[str]()
    for form, template in templates.items():
        try:
            forms[form] = render(template, form, values)
        except TemplateFailed as error:
            failed.append(f"the template for {form} failed: {words.line(str(error))}")
    note = "; ".join(failed)
    text = words.lines(forms.get("text") or text, LONGEST_TEXT)
    return Message(
        words.line(forms.get("subject", ""), words.LONGEST_TITLE).strip() or subject,
        f"{text}\n\n({note}; this is the plain form.)\n" if note else text,
        forms.get("html"),
        forms.get("json"),
        note,
    )
