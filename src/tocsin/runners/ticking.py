"""Ticks: how the time of streams goes on that have nothing more to read."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tocsin.pipeline.engine import Engine
    from tocsin.runners.clock import Clock
    from tocsin.runners.stream import Stream

_REST_AFTER = 10.0
"""Seconds of silence after which a stream holds back no other."""


def tick(engine: Engine, clock: Clock, streams: Sequence[Stream]) -> None:
    """Tick the streams that have nothing more to read; let the silent ones rest."""
    now, at = clock.now(), clock.monotonic()
    live = [s for s in streams if not s.ended]
    looked = {s.name: s.looked for s in live}
    ticks = {s.name: s.expects(now, looked[s.name] or at) for s in live}
    latest = max((t for t in ticks.values() if t is not None), default=None)
    engine.ticks(
        {n: t for n, t in ticks.items() if t is not None and looked[n] is not None}
    )
    for stream in live:
        due = ticks[stream.name]
        # The one that is furthest on never rests: its time goes on for all.
        silent = at - stream.read_at > _REST_AFTER and due != latest
        quiet = stream.caught_up or bool(stream.trouble)
        if quiet and (due is None or silent):
            engine.rest(stream.name)
