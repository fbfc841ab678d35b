"""Telling people: what becomes of incidents is turned into messages that are saved.

Nothing is sent here. Messages are rows of the outbox, and they and the memory of what
was told are saved in one transaction with what they are about.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tocsin.channels.mask import Masking
from tocsin.incidents import history, notify, plain
from tocsin.incidents.alerts import Acknowledged, happenings
from tocsin.incidents.draft import State
from tocsin.model.instant import SECOND, iso
from tocsin.model.notification import Kind, Notification
from tocsin.model.state import Change
from tocsin.pipeline.notifying import alarm_notes, notify_spec
from tocsin.pipeline.recent import drawn
from tocsin.runners.clock import new_random
from tocsin.runners.mailroom import Mailroom, outlets_of
from tocsin.runners.masking import masking_of
from tocsin.runners.outbox import outgoing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tocsin.config.notify_values import HeartbeatConfig
    from tocsin.config.values import Config
    from tocsin.incidents.alerts import AlarmNotes
    from tocsin.incidents.draft import NotifySpec
    from tocsin.incidents.intake import Event
    from tocsin.incidents.mute import Silence
    from tocsin.model.protocols import Store
    from tocsin.model.records import Record
    from tocsin.model.state import IncidentEntry
    from tocsin.pipeline.recent import Recent
    from tocsin.runners.clock import Clock

DOCUMENT = "notify"
"""The document of the store that holds what was told."""
BEAT = "heartbeat"
"""The document that holds the number of the last sign of life, and what it said."""


class Teller:
    """Knows what was told to whom, and what is still to be told."""

    def __init__(
        self,
        spec: NotifySpec,
        alarms: Mapping[str, AlarmNotes],
        store: Store,
        mailroom: Mailroom | None = None,
    ) -> None:
        """Take up what was saved; with a mailroom, what is to be told is sent.

        Raises:
            StateError: It cannot be read.
        """
        self.spec = spec
        self.alarms = alarms
        self.masking = Masking()
        self.heartbeat: HeartbeatConfig | None = None
        self.recent: Callable[[], Recent] | None = None
        """Knows the datapoints that messages draw; if there are any."""
        self.reach: Callable[[], int | None] | None = None
        """Knows the tick before which all is judged; if there is anything to judge."""
        self._beat, self._reached = _read_beat(store.documents(BEAT).get(BEAT, b"-1"))
        self._mailroom = mailroom
        self._said: list[Record] = []
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
        made = Change(
            documents={DOCUMENT: plain.to_json(self.state)} if changed else {},
            entries=tuple(entries),
            outbox=tuple(
                outgoing(self._drawn(one), self.masking, now, now) for one in sent
            ),
        )
        made += self._heartbeat(now)
        return made + self._sent(new=bool(made.outbox))

    def _drawn(self, notification: Notification) -> Notification:
        """Return a notification whose alerts have the datapoints to be drawn."""
        known = self.recent
        return notification if known is None else drawn(notification, known().points)

    def _heartbeat(self, now: int) -> Change:
        """Give a sign of life if it is time for one: by the way that alarms take.

        While time stands still, so that nothing is judged, there is none.
        """
        wanted = self.heartbeat
        if wanted is None or now // wanted.every == self._beat:
            return Change()
        reach = self.reach() if self.reach is not None else None
        if reach is not None and reach == self._reached:
            return Change()
        self._beat, self._reached = now // wanted.every, reach
        judged = {} if reach is None else {"judged": iso(reach * SECOND)}
        until = f", all before {judged['judged']} is judged" if judged else ""
        signs = (
            Notification(
                key=f"{BEAT}-{channel}-{self._beat * wanted.every // SECOND}",
                channel=channel,
                thread=BEAT,
                kind=Kind.HEARTBEAT,
                alerts=(),
                at=now // SECOND,
                why=f"a sign of life{until} (heartbeat)",
                group=judged,
            )
            for channel in wanted.channels
        )
        return Change(
            documents={BEAT: _write_beat(self._beat, reach)},
            outbox=tuple(outgoing(sign, self.masking, now, now) for sign in signs),
        )

    def change(self, config: Config, clock: Clock) -> None:
        """Tell people by another configuration from now on.

        Raises:
            UsageError: One of its channels cannot be made.
        """
        channels = outlets_of(config, clock)
        self.spec, self.alarms = notify_spec(config), alarm_notes(config)
        self.masking = masking_of(config)
        self.heartbeat = config.notify.heartbeat
        if self._mailroom is not None:
            self._mailroom.change(channels)

    def said(self) -> list[Record]:
        """Return what there is to say of messages that were not delivered."""
        said, self._said = self._said, []
        return said

    def settle(self, seconds: float) -> None:
        """Wait for messages that are on their way, at most so long."""
        if self._mailroom is not None:
            self._mailroom.settle(seconds)

    def _sent(self, *, new: bool) -> Change:
        """Let the mailroom do its work; return what is to be saved of it."""
        if self._mailroom is None:
            return Change()
        if new:
            self._mailroom.expect()
        change, said = self._mailroom.turn()
        if new:  # they are in the outbox once this is saved
            self._mailroom.expect()
        self._said += said
        return change

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


def _read_beat(saved: bytes) -> tuple[int, int | None]:
    """Return the number of the last sign of life, and up to where all was judged."""
    number, _, reached = saved.partition(b" ")
    return int(number), int(reached) if reached else None


def _write_beat(number: int, reached: int | None) -> bytes:
    return f"{number}{'' if reached is None else f' {reached}'}".encode()


def teller_of(config: Config, store: Store, clock: Clock) -> Teller:
    """Return a teller that sends through the channels of a configuration.

    Raises:
        UsageError: One of them cannot be made.
        StateError: What was told cannot be read.
    """
    mailroom = Mailroom(store, outlets_of(config, clock), clock, new_random())
    made = Teller(notify_spec(config), alarm_notes(config), store, mailroom)
    made.masking = masking_of(config)
    made.heartbeat = config.notify.heartbeat
    return made
