"""Telling people: what becomes of incidents is turned into messages that are saved.

Nothing is sent here. Messages are rows of the outbox, and they and the memory of what
was told are saved in one transaction with what they are about.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tocsin.incidents import history, notify, plain
from tocsin.incidents.alerts import Acknowledged, AlarmNotes, happenings
from tocsin.incidents.draft import NotifySpec, State
from tocsin.model import wire
from tocsin.model.instant import SECOND
from tocsin.model.state import Change, Outgoing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tocsin.config.values import Config
    from tocsin.incidents.intake import Event
    from tocsin.incidents.mute import Silence
    from tocsin.model.notification import Notification
    from tocsin.model.protocols import Store
    from tocsin.model.records import Record
    from tocsin.model.state import IncidentEntry

DOCUMENT = "notify"
"""The document of the store that holds what was told."""
_DEADLINE = 4 * 3600
"""Seconds after which a message that nobody took is given up."""


class Teller:
    """Knows what was told to whom, and what is still to be told."""

    def __init__(
        self, spec: NotifySpec, alarms: Mapping[str, AlarmNotes], store: Store
    ) -> None:
        """Take up what was saved.

        Raises:
            StateError: It cannot be read.
        """
        self.spec = spec
        self.alarms = alarms
        saved = store.documents(DOCUMENT).get(DOCUMENT)
        self.state = State() if saved is None else plain.from_json(saved)
        self._acknowledged: list[Acknowledged] = []
        self._entries: list[IncidentEntry] = []
        self._touched = False

    def step(self, records: Sequence[Record], now: int) -> Change:
        """Move on to `now` (µs); return what is to be saved with these records."""
        at = now // SECOND
        before = self.state
        happened = happenings(records, self.alarms, before.known())
        events: list[Event] = [*self._acknowledged, *happened]
        self.state, sent, withheld = notify.step(self.spec, before, events, at)
        entries = (*self._entries, *history.entries(sent, withheld))
        self._acknowledged, self._entries = [], []
        changed = self.state is not before
        if self._touched:
            changed, self._touched = True, False
        return Change(
            documents={DOCUMENT: plain.to_json(self.state)} if changed else {},
            entries=tuple(entries),
            outbox=tuple(_outgoing(one, now) for one in sent),
        )

    def acknowledge(self, incident: int, by: str, text: str, now: int) -> bool:
        """Note that somebody works on an incident; False if it is not known or over."""
        known = self.state.alerts.get(incident)
        if known is None or known.alert.status != "firing":
            return False
        event = Acknowledged(incident, by, now // SECOND, text)
        self._acknowledged.append(event)
        self._entries.append(history.acknowledged(event))
        return True

    def note(self, incident: int, by: str, text: str, now: int) -> None:
        """Write a note to the history of an incident."""
        self._entries.append(history.note(incident, by, text, now // SECOND))

    def silence(self, wanted: Silence) -> Silence:
        """Keep alerts quiet; return the silence with its id."""
        self.state, made = notify.silence(self.state, wanted)
        self._touched = True
        return made

    def expire(self, silence: str, now: int) -> Silence | None:
        """End a silence now; None if there is none of that id."""
        if silence not in self.state.silences:
            return None
        self.state = notify.expire(self.state, silence, now // SECOND)
        self._touched = True
        return self.state.silences[silence]


def _outgoing(sent: Notification, now: int) -> Outgoing:
    first = min((alert.incident for alert in sent.alerts), default=0)
    return Outgoing(
        key=sent.key,
        incident=first,
        channel=sent.channel,
        place=now,
        body=wire.to_bytes(sent),
        due=now,
        deadline=now + _DEADLINE * SECOND,
    )


def notes_of(config: Config) -> dict[str, AlarmNotes]:
    """Return what a configuration says of its alarms, by their names."""
    return {
        alarm.name: AlarmNotes(
            name=alarm.name,
            level=alarm.level,
            threshold=alarm.threshold,
            metric=alarm.metric,
        )
        for alarm in config.alarms
    }


def spec_of(_config: Config) -> NotifySpec:
    """Return who is told what, by a configuration."""
    return NotifySpec()
