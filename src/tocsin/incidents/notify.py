"""From what becomes of incidents to notifications: one pure step, driven by `now`.

Whoever turns the crank calls `step` for every batch of events, and without any as often
as people are to be told in time. Cutting time into more steps changes nothing, nor does
saving the state and reading it again between two of them.
"""

from __future__ import annotations

import heapq
import itertools
from operator import itemgetter
from typing import TYPE_CHECKING

from msgspec.structs import replace

from tocsin.incidents.draft import Draft, NotifySpec, State
from tocsin.incidents.flapping import forgettable
from tocsin.incidents.intake import Event, lead_anew, take
from tocsin.incidents.mute import Silence, named
from tocsin.incidents.posting import digest, post
from tocsin.incidents.rounds import Message, look

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tocsin.incidents.alerts import Happening
    from tocsin.incidents.reasons import Withheld
    from tocsin.model.notification import Notification

_COARSE = 60
"""How far (s) the time in a state may lag behind while nothing else changes."""

_KEPT_SILENCES = 5 * 86_400
_WEEK = 7 * 86_400

Result = tuple[State, "list[Notification]", "list[Withheld]"]


def step(spec: NotifySpec, state: State, events: Sequence[Event], now: int) -> Result:
    """Move time on to `now` (s), then take in events that were heard of at `now`.

    Returns the state after it, what is to be sent, in order, and what is not, with the
    reason. The state is the very same object if there is nothing new to remember.
    `now` never goes back: if it does, it stays where it was.
    """
    now = now if state.now is None else max(now, state.now)
    draft = Draft(spec, state)
    ways = spec.ways()
    if ways != state.ways:
        lead_anew(draft, now)
    if state.now is not None and now - state.now > spec.max_age:
        _sleep_over(draft, now)
    _catch_up(draft, now)
    for event in events:
        take(draft, event, now)
    if events:
        _catch_up(draft, now)
    lag = min(_COARSE, spec.max_age // 4)  # far from what would pass for an outage
    old = state.now is None or now - state.now > lag
    if not (draft.changed or old or ways != state.ways):
        return state, draft.notifications, draft.withheld
    _tidy(draft, now)
    return draft.after(now, ways), draft.notifications, draft.withheld


def walk(
    spec: NotifySpec, state: State, events: Iterable[Happening], now: int
) -> Result:
    """Take in events as if each had been heard of when it was; then move on to `now`.

    For a replay, whose only time is the log's. Their order is kept: a correction of
    what is long ago is heard of after what was said before it. Of a gap in the log that
    is longer than a week, the rest counts as an outage.
    """
    sent: list[Notification] = []
    held: list[Withheld] = []
    for at, batch in _by_time(events, state.now):
        for stop in _stops(spec, state.now, at):
            state, more, kept = step(spec, state, batch if stop == at else (), stop)
            sent += more
            held += kept
    for stop in _stops(spec, state.now, now):
        state, more, kept = step(spec, state, (), stop)
        sent += more
        held += kept
    return state, sent, held


def _by_time(
    events: Iterable[Happening], now: int | None
) -> Iterator[tuple[int, list[Happening]]]:
    """Yield events in their order, in batches of one time, which never goes back."""
    timed: list[tuple[int, Happening]] = []
    for event in events:
        now = event.at if now is None else max(now, event.at)
        timed.append((now, event))
    for at, batch in itertools.groupby(timed, key=itemgetter(0)):
        yield at, [event for _, event in batch]


def _stops(spec: NotifySpec, start: int | None, to: int) -> Iterator[int]:
    """Yield the times to stop at on the way, so that a quiet night is no outage."""
    if start is not None:
        yield from range(start + spec.max_age, min(to, start + _WEEK), spec.max_age)
    yield to


def silence(state: State, wanted: Silence) -> tuple[State, Silence]:
    """Return the state with one more silence, and that silence with its id."""
    made = named(wanted)
    return replace(state, silences={**state.silences, made.id: made}), made


def expire(state: State, silence_id: str, now: int) -> State:
    """Return the state with a silence that ends at `now`. Raises KeyError."""
    found = state.silences[silence_id]
    over = replace(found, end=max(min(found.end, now), found.start))
    return replace(state, silences={**state.silences, silence_id: over})


def _catch_up(draft: Draft, now: int) -> None:
    """Let everything happen that is due by `now`, each at its own time."""
    heap = [(g.due, name) for name, g in draft.groups.items() if g.due <= now]
    heapq.heapify(heap)
    while True:
        at = min(heap[0][0] if heap else now + 1, _digest_due(draft, now))
        if at > now:
            return
        names: list[str] = []
        while heap and heap[0][0] == at:
            names.append(heapq.heappop(heap)[1])
        _round(draft, names, at)
        for name in names:
            group = draft.groups.get(name)
            if group is not None and group.due <= now:
                heapq.heappush(heap, (group.due, name))


def _round(draft: Draft, names: list[str], at: int) -> None:
    """Let groups and digests that are due at an instant speak, the gravest first."""
    said: list[Message] = []
    for name in names:
        said += look(draft, name, at)
    said.sort(key=lambda m: (-m.gravity(draft), m.group, m.late))
    for message in said:
        post(draft, message, at)
    for channel in sorted(draft.meters):
        due = draft.meters[channel].due(draft.spec.cap_of(channel))
        if due is not None and due <= at:
            digest(draft, channel, at)


def _digest_due(draft: Draft, now: int) -> int:
    dues = (m.due(draft.spec.cap_of(c)) for c, m in draft.meters.items())
    return min((due for due in dues if due is not None), default=now + 1)


def _sleep_over(draft: Draft, now: int) -> None:
    """After an outage, look at what was due in it once news have had time to come."""
    for name, group in draft.groups.items():
        if group.due <= now and not group.idle:
            route = draft.routes[group.route]
            draft.group(name).due = now + route.group_interval
    for channel, meter in draft.meters.items():
        if meter.held:
            mine = draft.meter(channel)
            mine.since = mine.last = now


def _tidy(draft: Draft, now: int) -> None:
    """Forget what can no longer matter."""
    flapping = draft.spec.flapping
    draft.flaps = {
        place: flap
        for place, flap in draft.flaps.items()
        if not forgettable(flapping, flap, now)
    }
    draft.silences = {
        name: one
        for name, one in draft.silences.items()
        if one.end + _KEPT_SILENCES > now
    }
