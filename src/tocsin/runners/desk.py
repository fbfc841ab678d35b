"""The desk: what people ask of a running daemon is done between two turns of its loop.

Whoever asks waits in a thread of their own; the loop does what is asked, saves it, and
only then answers. So the state has one owner, and an answer is never taken back.
"""

from __future__ import annotations

import json
from concurrent.futures import Future
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar

from msgspec import Struct

from tocsin.incidents.mute import Silence
from tocsin.model.errors import TocsinError, UsageError
from tocsin.model.instant import SECOND, iso
from tocsin.model.matchers import matcher, matches, shown
from tocsin.state import backup as copies
from tocsin.state.opening import FolderStore

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tocsin.model.protocols import Store
    from tocsin.model.state import IncidentRow
    from tocsin.runners.clock import Clock
    from tocsin.runners.telling import Teller

_R = TypeVar("_R")

PATIENCE = 30.0
"""Seconds that somebody who asks waits for an answer."""
_MOST = 1000


class UnknownError(TocsinError):
    """There is nothing of that name or number."""


class _Wish(Struct, frozen=True):
    what: Callable[[], Any]
    answer: Future[Any]


class Desk:
    """Takes wishes from any thread; `serve` grants them in the loop's."""

    def __init__(self, store: Store, teller: Teller, clock: Clock) -> None:
        self._store = store
        self._teller = teller
        self._clock = clock
        self._wishes: SimpleQueue[_Wish] = SimpleQueue()
        self._granted: list[tuple[Future[Any], Any]] = []

    def serve(self) -> bool:
        """Do what is asked; say whether anything was. Answers wait for `saved`."""
        while True:
            try:
                wish = self._wishes.get_nowait()
            except Empty:
                return bool(self._granted)
            try:
                self._granted.append((wish.answer, wish.what()))
            except Exception as error:  # noqa: BLE001 - it is raised where it was asked
                wish.answer.set_exception(error)

    def saved(self) -> None:
        """Answer all whose wishes are saved now."""
        for answer, result in self._granted:
            answer.set_result(result)
        self._granted = []

    def ask(self, what: Callable[[], _R]) -> _R:
        """Have something done in the loop's thread; return its answer once saved.

        Raises:
            TimeoutError: The loop has not answered in time.
        """
        wish = _Wish(what, Future())
        self._wishes.put(wish)
        answer: _R = wish.answer.result(PATIENCE)
        return answer

    def incidents(self, statuses: Sequence[str], most: int) -> list[dict[str, Any]]:
        """Return incidents, newest first."""
        rows = self._store.incidents(tuple(statuses), min(most, _MOST))
        return [self._incident(row) for row in rows]

    def incident(self, number: int) -> dict[str, Any]:
        """Return an incident with what became of it. Raises UnknownError."""
        row = self._row(number)
        history = [
            {"event": e.event, "at": iso(e.at)} | dict(e.body)
            for e in self._store.history(number)
        ]
        return self._incident(row) | {"history": history}

    def acknowledge(self, number: int, by: str, note: str) -> dict[str, Any]:
        """Note that somebody works on an incident. Raises UnknownError."""
        row = self._row(number)
        if not self._teller.acknowledge(number, by, note, self._clock.now()):
            raise UnknownError(f"incident #{number} is over: there is nothing to do")
        return self._incident(row) | {"acknowledged_by": by}

    def note(self, number: int, by: str, text: str) -> dict[str, Any]:
        """Write a note to an incident. Raises UnknownError."""
        row = self._row(number)
        self._teller.note(number, by, text, self._clock.now())
        return self._incident(row)

    def silences(self) -> list[dict[str, Any]]:
        """Return the silences that were added, those that are over last."""
        now = self._clock.now() // SECOND
        known = self._teller.state.silences.values()
        ordered = sorted(known, key=lambda s: (s.end <= now, s.end, s.id))
        return [_silence(one, now) for one in ordered]

    def silence(
        self, match: Sequence[str], seconds: int, by: str, comment: str
    ) -> dict[str, Any]:
        """Keep matching alerts quiet from now on, for so many seconds.

        The answer counts those that ring now and match, as `matching`.

        Raises:
            UsageError: A matcher is none.
        """
        now = self._clock.now() // SECOND
        wanted = Silence(
            match=tuple(map(matcher, match)),
            start=now,
            end=now + seconds,
            author=by,
            comment=comment,
        )
        alerts = self._teller.state.known().values()
        rings = [
            matches(wanted.match, a.labels) for a in alerts if a.status == "firing"
        ]
        return _silence(self._teller.silence(wanted), now) | {"matching": sum(rings)}

    def expire(self, silence: str) -> dict[str, Any]:
        """End a silence. Raises UnknownError."""
        found = self._teller.expire(silence, self._clock.now())
        if found is None:
            raise UnknownError(f"there is no silence {silence!r}")
        return _silence(found, self._clock.now() // SECOND)

    def backup(self, file: str) -> dict[str, Any]:
        """Write all that is committed to a new file, named from the root.

        Raises:
            UsageError: It is not named so.
            StateUnwritable: It cannot be written, or is there already.
        """
        if not isinstance(self._store, FolderStore):
            raise UsageError("this state is not in a folder: there is nothing to copy")
        if not Path(file).is_absolute():
            raise UsageError(f"{file!r}: expected a path from the root")
        written = copies.backup(self._store, Path(file))
        return {"file": file, "bytes": written, "commits": self._store.about().commits}

    def _row(self, number: int) -> IncidentRow:
        found = self._store.incident(number)
        if found is None:
            raise UnknownError(f"there is no incident #{number}")
        return found

    def _incident(self, row: IncidentRow) -> dict[str, Any]:
        alert = self._teller.state.known().get(row.id)
        return {
            "id": row.id,
            "alarm": row.alarm,
            "key": json.loads(row.key),
            "status": row.status,
            "level": alert.level if alert else None,
            "opened": iso(row.opened),
            "closed": None if row.closed is None else iso(row.closed),
            "acknowledged_by": (alert.acknowledged_by or None) if alert else None,
            "text": alert.text if alert else None,
        }


def _silence(one: Silence, now: int) -> dict[str, Any]:
    return {
        "id": one.id,
        "match": shown(one.match),
        "start": iso(one.start * SECOND),
        "end": iso(one.end * SECOND),
        "author": one.author,
        "comment": one.comment,
        "active": one.start <= now < one.end,
    }


def asked(body: Mapping[str, Any], name: str, kind: type[_R]) -> _R:
    """Return a value of a request's body. Raises TocsinError if it is no such value."""
    value = body.get(name)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise TocsinError(f"{name}: expected {kind.__name__}, got {value!r}")
    return value
