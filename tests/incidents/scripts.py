"""Short scripts of what happens, and what is told of it, as lines of text.

A line of a script is `TIME EVENT INCIDENT label=value...`; one of an answer is
`TIME CHANNEL KIND INCIDENTS reason` or, for what is withheld, `TIME INCIDENT reason`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec.structs import replace

from tocsin.incidents.alerts import (
    Acknowledged,
    AlarmNotes,
    Happening,
    labels_of,
)
from tocsin.incidents.draft import NotifySpec, State
from tocsin.incidents.notify import step
from tocsin.incidents.plain import from_json, to_json
from tocsin.incidents.routes import Route
from tocsin.model.matchers import matcher
from tocsin.model.notification import Alert

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tocsin.incidents.intake import Event
    from tocsin.incidents.reasons import Withheld
    from tocsin.model.matchers import Matchers
    from tocsin.model.notification import Notification

MAIL = Route(id="all", channels=("mail",))
PLAIN = NotifySpec(routes=(MAIL,))

_STATUS = {"opened": "firing", "reopened": "firing"}


def match(*texts: str) -> Matchers:
    return tuple(map(matcher, texts))


class Script:
    """Alerts as they come and go; `run` carries them through the steps."""

    def __init__(self, text: str) -> None:
        self.alerts: dict[int, Alert] = {}
        self.events: list[tuple[int, Event]] = []
        for line in filter(None, map(str.strip, text.splitlines())):
            time, event, incident, *labels = line.split()
            self._add(int(time), event, int(incident), dict(_pairs(labels)))

    def _add(self, at: int, event: str, incident: int, labels: dict[str, str]) -> None:
        if event == "acknowledged":
            self.events.append((at, Acknowledged(incident, labels["by"], at)))
            return
        began = int(labels.pop("at", at))
        alert = self._alert(event, incident, began, labels)
        self.alerts[incident] = alert
        self.events.append((at, Happening(event, alert, began)))

    def _alert(
        self, event: str, incident: int, at: int, labels: dict[str, str]
    ) -> Alert:
        known = self.alerts.get(incident)
        status = _STATUS.get(event, event)
        if known is None:
            return replace(_alert(incident, at, labels), status=status)
        if event == "level":
            changed = {**known.labels, "level": labels["level"]}
            return replace(known, level=labels["level"], labels=changed)
        if event == "corrected":
            return replace(known, opened=at)
        return replace(known, status=status, closed=None if status == "firing" else at)


def _alert(incident: int, at: int, labels: dict[str, str]) -> Alert:
    name = labels.pop("alarm", "Slow")
    level = labels.pop("level", "critical")
    found = labels_of(AlarmNotes(name=name), level, labels)
    return Alert(incident, name, labels, "firing", level, at, labels=found)


def _pairs(words: Iterable[str]) -> Iterable[tuple[str, str]]:
    for word in words:
        name, _, value = word.partition("=")
        yield name, value


def run(  # noqa: PLR0913
    spec: NotifySpec,
    script: Script | str,
    until: int,
    *,
    stops: Iterable[int] = (),
    state: State | None = None,
    restart: bool = False,
) -> tuple[State, list[Notification], list[Withheld]]:
    """Step through a script, with further stops; `restart` saves and reads each time."""
    script = Script(script) if isinstance(script, str) else script
    times = {at for at, _ in script.events} | set(stops) | {until}
    state = state or State()
    sent: list[Notification] = []
    held: list[Withheld] = []
    for at in sorted(times):
        events = [event for when, event in script.events if when == at]
        if restart:
            state = from_json(to_json(state))
        state, more, kept = step(spec, state, events, at)
        due = next_due(spec, state)
        assert due is None or due > at
        sent += more
        held += kept
    return state, sent, held


def next_due(spec: NotifySpec, state: State) -> int | None:
    """Return when (s) there may be something to tell if nothing happens until then."""
    dues = [group.due for group in state.groups.values()]
    for channel, meter in state.meters.items():
        due = meter.due(spec.cap_of(channel))
        dues += [] if due is None else [due]
    return min(dues, default=None)


def minutely(until: int) -> range:
    """Return a stop for each minute: what a live run would at least make."""
    return range(0, until, 60)


def name_of(why: str) -> str:
    found = re.search(r"\((\w+)\)$", why)
    assert found is not None
    return found[1]


def shown(sent: Iterable[Notification]) -> list[str]:
    """Return messages as lines."""
    return [
        f"{n.at} {n.channel} {n.kind} {_incidents(n)} {name_of(n.why)}" for n in sent
    ]


def _incidents(message: Notification) -> str:
    named = ",".join(f"#{alert.incident}" for alert in message.alerts)
    return f"{named}+{message.held}" if message.held else named


def withheld(held: Iterable[Withheld]) -> list[str]:
    """Return what was withheld as lines."""
    return [f"{one.at} #{one.incident} {one.reason}" for one in held]
