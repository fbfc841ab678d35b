"""What is kept of the past, and what goes, with each commit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tocsin.model.instant import SECOND
from tocsin.model.state import Change
from tocsin.pipeline.history import said, sum_up, summed_up

if TYPE_CHECKING:
    from tocsin.model.protocols import Store
    from tocsin.pipeline.engine import Engine
    from tocsin.pipeline.history import Keep

_SILENT = 3600
_CLEAN_EVERY = 600
"""Seconds of the log between two looks for rows that are too old."""


class Upkeep:
    """Knows what of the past is saved. Time is that of the logs: how far all is judged."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._summed: dict[int, int] | None = None
        self._cleaned: int | None = None
        self._pieces = 0
        self._next: tuple[dict[int, int], int | None] = ({}, None)

    def past(self, engine: Engine, keep: Keep | None) -> Change:
        """Return what was said since the last save, and what goes."""
        if keep is None:
            return Change()
        self._pieces = 0 if engine.past is None else len(engine.past.pieces)
        made = Change() if engine.past is None else said(engine.past.pieces)
        now, settled = _now(engine), _settled(engine)
        summed, cleaned = self._known(), self._cleaned
        if settled is not None and now is not None:
            more, summed = sum_up(self.store, keep, summed, (settled, now))
            made += more
        if now is not None and (cleaned is None or now >= cleaned + _CLEAN_EVERY):
            cleaned = now
            made += Change(
                ended_before=(now - keep.incidents) * SECOND,
                sent_before=(now - keep.notifications) * SECOND,
            )
        self._next = (summed, cleaned)
        return made

    def saved(self, engine: Engine) -> None:
        """Note that what `past` returned is saved."""
        if engine.past is not None:
            del engine.past.pieces[: self._pieces]
        self._summed, self._cleaned = self._next

    def floors(self, engine: Engine, keep: Keep | None) -> dict[str, int]:
        """Return before which second tables of datapoints are not needed."""
        now = _now(engine)
        if keep is None or now is None:
            return {}
        return keep.floors(self._known(), now)

    def _known(self) -> dict[int, int]:
        if self._summed is None:
            self._summed = summed_up(self.store)
        return self._summed


def _now(engine: Engine) -> int | None:
    judged = [s.judged for s in engine.shards if s.judged is not None]
    return max(judged, default=None)


def _settled(engine: Engine) -> int | None:
    """Return the second before which what was said is not expected to change.

    A log that has been silent for long holds nothing up: should it go on with old
    lines, what they change is only seen at the finest resolution.
    """
    now = _now(engine)
    if now is None:
        return None
    begun = [s.settled for s in engine.shards if s.judged is not None]
    longest = now - _SILENT
    return min(longest if s is None else max(s, longest) for s in begun)
