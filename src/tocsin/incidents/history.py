"""What the history of an incident says of its notifications and of those who work on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tocsin.model.instant import SECOND
from tocsin.model.state import IncidentEntry

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tocsin.incidents.alerts import Acknowledged
    from tocsin.incidents.reasons import Withheld
    from tocsin.model.notification import Notification


def entries(
    sent: Iterable[Notification], withheld: Iterable[Withheld]
) -> Iterator[IncidentEntry]:
    """Yield what is to be written down of the messages of one step.

    `notified` for each incident that a message names, with the message's key;
    `withheld` for what was not told, with the reason and its words.
    """
    for message in sent:
        for alert in message.alerts:
            body = {
                "key": message.key,
                "channel": message.channel,
                "kind": message.kind.value,
                "why": message.why,
            }
            yield IncidentEntry(alert.incident, "notified", message.at * SECOND, body)
    for one in withheld:
        yield _withheld(one)


def acknowledged(event: Acknowledged) -> IncidentEntry:
    """Return what is to be written down of an acknowledgement."""
    body = {"by": event.by, "note": event.note}
    return IncidentEntry(event.incident, "acknowledged", event.at * SECOND, body)


def note(incident: int, by: str, text: str, at: int) -> IncidentEntry:
    """Return what is to be written down of a note that somebody made at `at` (s)."""
    return IncidentEntry(incident, "note", at * SECOND, {"by": by, "text": text})


def _withheld(one: Withheld) -> IncidentEntry:
    body = {"reason": one.reason.value, "words": one.reason.words}
    for name in ("route", "channel", "detail"):
        if getattr(one, name):
            body[name] = getattr(one, name)
    return IncidentEntry(one.incident, "withheld", one.at * SECOND, body)
