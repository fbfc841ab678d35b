"""Channels in trouble: the others are told, and told again when it is over.

A channel is in trouble when it gave a message up, or took none for a while. It is over
when a message of it has reached everybody, and none has failed for some minutes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field

from tocsin.model import wire
from tocsin.model.instant import SECOND
from tocsin.model.notification import Kind
from tocsin.model.records import Notice
from tocsin.runners.outbox import (
    ABOUT_DEAD,
    Trouble,
    about_dead,
    about_end,
    about_silence,
)
from tocsin.runners.retrying import BREAKS_AFTER

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tocsin.model.state import Outgoing
    from tocsin.runners.retrying import Lane

TELL_EVERY = 900 * SECOND
"""How often, at most, others are told that a channel does not deliver (µs).

And for how long one may take nothing before they are told of that.
"""

CALM = 300 * SECOND
"""For how long nothing may have failed before it is said that it is over (µs)."""


class _State(Struct):
    """How one channel does: what it gave up since `told`, and when it failed `last`."""

    dead: list[Outgoing] = field(default_factory=list)
    failing: Lane | None = None
    told: int | None = None
    trouble: Trouble | None = None
    last: int = 0
    better: bool = False


class Troubles:
    """Writes letters about channels, for the others. Times are in µs."""

    def __init__(self) -> None:
        self._states: dict[str, _State] = {}

    def restore(self, rows: Iterable[Outgoing]) -> None:
        """Take up what was told, from the letters that are in the outbox."""
        for row in sorted(rows, key=lambda row: row.place):
            if not row.key.startswith(ABOUT_DEAD):
                continue
            try:
                letter = wire.from_bytes(row.body)
            except ValueError:
                continue
            state = self._state(letter.group.get("channel", ""))
            if letter.kind is Kind.RESOLVED:
                state.trouble = None
            else:
                state.trouble = state.trouble or Trouble(letter.thread, letter.at)
                state.trouble.first.setdefault(letter.channel, letter.key)
                state.told = state.last = row.place

    def gave_up(self, row: Outgoing, now: int) -> None:
        """Note that a message was given up. Those about trouble beget no other."""
        state = self._state(row.channel)
        state.last, state.better = now, False
        if not row.key.startswith(ABOUT_DEAD):
            state.dead.append(row)

    def tried(self, channel: str, lane: Lane, now: int) -> None:
        """Note how a channel does after an attempt."""
        state = self._state(channel)
        long = lane.failures >= BREAKS_AFTER and now - lane.since >= TELL_EVERY
        state.failing = lane if long and state.trouble is None else None
        if lane.failures:
            state.last, state.better = now, False

    def delivered(self, channel: str) -> None:
        """Note that a message has reached all whom it should."""
        self._state(channel).better = True

    def letters(self, lanes: Mapping[str, Lane], now: int) -> list[Outgoing]:
        """Return what is to be told now. It is told once: the caller keeps it."""
        made: list[Outgoing] = []
        for channel, state in self._states.items():
            others = [n for n, ln in lanes.items() if n != channel and not ln.gone]
            if state.told is None or now >= state.told + TELL_EVERY:
                made += self._begun(channel, state, lanes, others, now)
            if state.better and state.trouble and now >= state.last + CALM:
                made += about_end(channel, state.trouble, others, now)
                state.trouble = None
        return made

    def next(self) -> int | None:
        """Return when there is something to tell, if nothing happens before (µs)."""
        every = self._states.values()
        times = [s.told + TELL_EVERY for s in every if s.dead and s.told is not None]
        times += [s.last + CALM for s in every if s.better and s.trouble]
        return min(times, default=None)

    def _begun(
        self,
        channel: str,
        state: _State,
        lanes: Mapping[str, Lane],
        others: list[str],
        now: int,
    ) -> list[Outgoing]:
        """Return the letters about what a channel gave up, or that it takes nothing."""
        failing = state.failing
        if state.dead:
            trouble = state.trouble or Trouble("", now // SECOND)
            made = about_dead(channel, state.dead, others, now, trouble)
        elif failing is not None:
            # Whoever takes nothing either would only be one more to tell of.
            well = [name for name in others if not lanes[name].failures]
            trouble = Trouble("", failing.since // SECOND)
            made = about_silence(channel, failing.why, well, now, trouble)
        else:
            return []
        state.failing, state.dead = None, []
        state.told = now if made else state.told
        state.trouble = trouble if made else state.trouble
        return made

    def _state(self, channel: str) -> _State:
        return self._states.setdefault(channel, _State())


def changes(channel: str, before: Lane, after: Lane) -> Iterator[Notice]:
    """Yield a word when a channel stops taking messages, and when it takes them again."""
    if before.failures < BREAKS_AFTER <= after.failures:
        text = f"the channel takes nothing ({after.why}): it is tried again"
        yield Notice(text, "warning", channel)
    if after.failures == 0 and before.failures >= BREAKS_AFTER:
        yield Notice("the channel works again", "info", channel)
