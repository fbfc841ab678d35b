"""Rounds: which streams a turn looks at, and how long it rests when nothing has come.

Of thousands of logs those that are new take long to read. So a round is spread over
several turns; in between time moves on for those that have been read, and all is saved.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tocsin.runners.clock import Clock
    from tocsin.runners.stream import Stream

_EVERY = 0.25
"""Seconds between two looks when nothing has come."""
_SELDOM = 2.0
"""The same where a look takes long, at most."""
_SHARE = 9
"""How much longer it rests than it looks."""
_LOOKS = 0.5
"""Seconds of a turn in which streams are looked at, about."""


class Rounds:
    """Hands out streams to be looked at, each once in a round."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._round = 0
        self._began = clock.monotonic()
        self.unfinished = False
        """Whether some streams were left for the next turn."""

    def turn(self, streams: Sequence[Stream]) -> Iterator[Stream]:
        """Yield streams that are read here, at least one, until it has taken a while.

        Those that are no files are looked at in each turn: who sends them may wait.
        """
        self._began = self._clock.monotonic()
        near = [s for s in streams if not (s.ended or s.far)]
        files = [s for s in near if s.live is not None]
        left = [s for s in files if s.round <= self._round]
        if not left:
            self._round += 1
            left = files
        others = (s for s in near if s.live is None)
        for stream in others:
            yield self._at(stream)
        for count, stream in enumerate(left):
            if count and self._clock.monotonic() - self._began > _LOOKS:
                self.unfinished = True
                return
            yield self._at(stream)
        self.unfinished = False

    def rest(self) -> float:
        """Return how many seconds to rest after the turn, if it found nothing."""
        return rest_after(self._clock.monotonic() - self._began)

    def _at(self, stream: Stream) -> Stream:
        """Note that a stream is looked at now."""
        stream.looked_at, stream.round = self._clock.monotonic(), self._round + 1
        return stream


def rest_after(took: float) -> float:
    """Return the seconds to rest after a look in vain that took so many.

    So looking costs a tenth of a processor, however many files there are, until it
    takes so long that it would be too seldom.
    """
    return min(max(_EVERY, _SHARE * took), _SELDOM)
