"""The sender: waiting rows of the outbox go to their channels, in threads.

It keeps nothing that matters: what became of a row is in the rows it returns, and the
caller commits them. Killed in between, a row that was taken is sent again with the same
key. A channel that fails or is slow holds up no other; messages of one thread go in
their order, each when the one before it is done with.
"""

from __future__ import annotations

from queue import Empty, SimpleQueue
from threading import Condition, Thread
from typing import TYPE_CHECKING, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from tocsin.channels.text import line
from tocsin.model import wire
from tocsin.model.discovery import FAILURES, blamed
from tocsin.model.notification import Fate, Kind, Notification, Outcome
from tocsin.runners.retrying import Lane, decide, give_up, pending, withhold
from tocsin.runners.trouble import Troubles, changes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from random import Random

    from tocsin.model.protocols import Channel
    from tocsin.model.records import Notice
    from tocsin.model.state import Outgoing
    from tocsin.runners.clock import Clock

_Landed: TypeAlias = "tuple[Outgoing, tuple[Outcome, ...]]"

_PASSING = (Kind.REPEAT, Kind.HEARTBEAT)
"""Kinds of messages that mean nothing once there is a later one."""


class Turn(Struct, frozen=True):
    """What a turn of the sender came to: rows to commit, and those given up by it.

    `rows` holds new rows, too: letters about channels in trouble. `next` is when to turn
    again (µs), unless something is sent before; None when nothing waits. `said` are
    words about channels that stopped taking messages, or take them again.
    """

    rows: tuple[Outgoing, ...]
    dead: tuple[Outgoing, ...] = ()
    next: int | None = None
    said: tuple[Notice, ...] = ()


class Sender:
    """Sends what is due. All its methods are called by one thread.

    `wake` is called by other threads whenever a message is done with: then it is time
    for a turn.
    """

    def __init__(
        self,
        channels: Mapping[str, Channel],
        clock: Clock,
        random: Random,
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        self._channels = dict(channels)
        self._clock = clock
        self._random = random
        self._wake = wake
        self._lanes = {name: Lane() for name in channels}
        self._flying: dict[str, Outgoing] = {}
        self._decided: dict[str, Outgoing] = {}
        self._new: dict[str, Outgoing] = {}
        self._mourned: set[str] = set()
        self._read: dict[str, Notification | None] = {}
        self._troubles = Troubles()
        self._said: list[Notice] = []
        self._done: SimpleQueue[_Landed] = SimpleQueue()
        self._landed = Condition()

    def restore(self, rows: Iterable[Outgoing]) -> None:
        """Take up what was told of channels in trouble, from all rows of the store."""
        self._troubles.restore(rows)

    @property
    def flying(self) -> int:
        """How many messages are on their way."""
        return len(self._flying)

    def turn(self, waiting: Iterable[Outgoing]) -> Turn:
        """Begin to send what is due, and return the rows that changed; never blocks.

        `waiting` are all rows of the store that wait, in any order. Rows that are
        returned are to be committed; until that is seen, they are returned again, and
        not sent again.
        """
        now = self._clock.now()
        rows = {row.key: row for row in waiting}
        self._collect(now)
        self._forget(rows)
        live = [self._decided.get(key, row) for key, row in rows.items()]
        times = list[int]()
        for row, overtaken in self._heads(r for r in live if r.status == "waiting"):
            after, again = self._try(row, overtaken=overtaken, now=now)
            if after is not row:
                self._decided[row.key] = after
                again = now  # another may stand behind it
            times += [again] if again is not None else []
        dead = self._died()
        self._write_letters(dead, now)
        times += [now] if self._new else []
        times += [again] if (again := self._troubles.next()) is not None else []
        changed = (*self._decided.values(), *self._new.values())
        said, self._said = tuple(self._said), []
        return Turn(changed, dead, min(times, default=None), said)

    def change(self, channels: Mapping[str, Channel]) -> None:
        """Send through other channels from now on.

        What is on its way stays so, and is not sent again; a channel that keeps its
        name keeps its pace, but one that was gone may be another by now.
        """
        kept = {n: self._lanes[n] for n in channels.keys() & self._lanes.keys()}
        kept = {name: replace(lane, gone="") for name, lane in kept.items()}
        self._lanes = {name: kept.get(name, Lane()) for name in channels}
        self._channels = dict(channels)

    def settle(self, seconds: float) -> bool:
        """Wait until nothing is on its way, or so long; return whether it is so."""
        with self._landed:
            return self._landed.wait_for(self._all_landed, seconds)

    def lane(self, channel: str) -> Lane:
        """Return how a channel does."""
        return self._lanes[channel]

    def _all_landed(self) -> bool:
        return self._done.qsize() >= len(self._flying)

    def _collect(self, now: int) -> None:
        while True:
            try:
                row, outcomes = self._done.get_nowait()
            except Empty:
                return
            del self._flying[row.key]
            if (lane := self._lanes.get(row.channel)) is not None:
                after = lane.after(outcomes, now, self._random.random())
                self._lanes[row.channel] = after
                self._troubles.tried(row.channel, after, now)
                self._said += changes(row.channel, lane, after)
            self._decided[row.key] = decide(row, outcomes, now, self._random.random())
            if self._decided[row.key].status == "delivered":
                self._troubles.delivered(row.channel)

    def _forget(self, rows: Mapping[str, Outgoing]) -> None:
        """Let go of what the store knows by now."""
        for key in [k for k, r in self._decided.items() if _is_seen(rows.get(k), r)]:
            del self._decided[key]
        for known in (self._new.keys() & rows.keys(), self._mourned - rows.keys()):
            for key in known:
                self._new.pop(key, None)
                self._mourned.discard(key)
        for key in self._read.keys() - rows.keys():
            del self._read[key]

    def _heads(self, rows: Iterable[Outgoing]) -> list[tuple[Outgoing, bool]]:
        """Return the first row of each thread, and if others wait behind it, by dues."""
        threads: dict[tuple[str, str], list[Outgoing]] = {}
        for row in sorted(rows, key=self._order):
            read = self._notification(row)
            thread = read.thread if read is not None else row.key
            threads.setdefault((row.channel, thread), []).append(row)
        heads = [(row, len(more) > 0) for row, *more in threads.values()]
        return sorted(heads, key=lambda head: (head[0].due, head[0].place))

    def _order(self, row: Outgoing) -> tuple[int, bool, str]:
        read = self._notification(row)
        # Of two made in one step, that which begins the thread goes first.
        return row.place, read is not None and read.answers != "", row.key

    def _try(
        self, row: Outgoing, *, overtaken: bool, now: int
    ) -> tuple[Outgoing, int | None]:
        """Return the row, changed if it came to its end, and when to look at it again."""
        if row.key in self._flying:
            return row, None
        if (ended := self._ended(row, overtaken=overtaken, now=now)) is not None:
            return ended, None
        lane = self._lanes[row.channel]
        if row.due > now:
            return row, max(row.due, lane.closed_until)
        flying = sum(r.channel == row.channel for r in self._flying.values())
        if not lane.admits(now, flying):
            return row, lane.opens(now) if flying < lane.room else None
        self._lanes[row.channel] = lane.sent(now)
        self._start(row)
        return row, None

    def _ended(self, row: Outgoing, *, overtaken: bool, now: int) -> Outgoing | None:
        """Return the row if there is nothing to send any more; None if there is."""
        notification = self._notification(row)
        if notification is None:
            return give_up(row, "what it says cannot be read", now)
        if row.channel not in self._channels:
            return give_up(row, "there is no channel of this name any more", now)
        if row.deadline is not None and now > row.deadline:
            return give_up(row, "its time is over", now)
        if gone := self._lanes[row.channel].gone:
            return give_up(row, f"the channel takes nothing any more ({gone})", now)
        if overtaken and notification.kind in _PASSING:
            return withhold(row, "overtaken by a later message", now)
        return None

    def _start(self, row: Outgoing) -> None:
        self._flying[row.key] = row
        channel, notification = self._channels[row.channel], self._notification(row)
        assert notification is not None
        Thread(
            target=self._send,
            args=(channel, notification, row),
            name=row.channel,
            daemon=True,
        ).start()

    def _send(
        self, channel: Channel, notification: Notification, row: Outgoing
    ) -> None:
        """Send one message, in a thread of its own."""
        outcomes = attempt(channel, notification, row)
        with self._landed:
            self._done.put((row, outcomes))
            self._landed.notify_all()
        self._wake()

    def _notification(self, row: Outgoing) -> Notification | None:
        if row.key not in self._read:
            try:
                self._read[row.key] = wire.from_bytes(row.body)
            except ValueError:
                self._read[row.key] = None
        return self._read[row.key]

    def _died(self) -> tuple[Outgoing, ...]:
        """Return the rows that were given up since they were asked for."""
        dead = tuple(
            row
            for key, row in self._decided.items()
            if row.status == "dead" and key not in self._mourned
        )
        self._mourned |= {row.key for row in dead}
        return dead

    def _write_letters(self, dead: Sequence[Outgoing], now: int) -> None:
        """Tell the others of channels in trouble, and when it is over."""
        for row in dead:
            self._troubles.gave_up(row, now)
        letters = self._troubles.letters(self._lanes, now)
        self._new |= {row.key: row for row in letters}


def attempt(
    channel: Channel, notification: Notification, row: Outgoing
) -> tuple[Outcome, ...]:
    """Send a row once to those who are left; return what became of each.

    A channel that raises or keeps silent is a plugin's mistake, and is tried again.
    """
    who: tuple[str, ...] = ("",)
    try:
        who = pending(row, channel.recipients(notification))
        found = {o.recipient: o for o in channel.send(notification, who)} if who else {}
    except FAILURES as error:
        told = line(blamed(error, channel), 200)
        return tuple(Outcome(name, Fate.RETRY, told) for name in who)
    silent = "the channel did not say what became of it"
    return tuple(found.get(n) or Outcome(n, Fate.RETRY, silent) for n in who)


def _is_seen(stored: Outgoing | None, decided: Outgoing) -> bool:
    """Return whether a decision is in the store: it is not waiting there, or as far."""
    if stored is None:
        return True
    return stored.attempts >= decided.attempts and stored.status == decided.status
