"""Flap damping: an alarm that comes and goes is told of once, then when it is quiet."""

from __future__ import annotations

from msgspec import Struct


class Flapping(Struct, frozen=True, kw_only=True):
    """So many `changes` `within` a time (s) are too many, until none for `quiet` (s)."""

    changes: int = 6
    within: int = 600
    quiet: int = 600


class Flap(Struct, frozen=True):
    """How one alarm and key has changed lately: when, by the log, and when last heard.

    `since` is when damping began, None as long as it has not.
    """

    times: tuple[int, ...] = ()
    heard: int = 0
    since: int | None = None


def noted(spec: Flapping, flap: Flap, at: int, now: int) -> Flap:
    """Return how things stand after a change at `at`, heard of at `now`."""
    newest = max(at, *flap.times, at)
    times = (*flap.times, at)
    kept = tuple(sorted(t for t in times if t > newest - spec.within))
    kept = kept[-spec.changes :]
    since = flap.since if damped(spec, flap, now) else None
    if since is None and len(kept) >= spec.changes:
        since = now
    return Flap(kept, now, since)


def damped(spec: Flapping, flap: Flap, now: int) -> bool:
    """Return whether nothing is told of the changes of an alarm at an instant."""
    return flap.since is not None and now < flap.heard + spec.quiet


def forgettable(spec: Flapping, flap: Flap, now: int) -> bool:
    """Return whether what is known of an alarm can no longer matter."""
    return now >= flap.heard + spec.quiet + spec.within
