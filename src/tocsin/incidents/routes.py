"""The tree of routes: who is told of which alerts, how they are grouped, how often."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from msgspec import Struct

from tocsin.model.matchers import Matchers, matches

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tocsin.model.schedule import Schedule

EVERY_LABEL = "..."
"""In `group_by`: a group for each set of labels, so nothing is grouped."""


class Route(Struct, frozen=True, kw_only=True):
    """One node of the tree, with all it has inherited. Times are in seconds.

    `id` stays the same as long as what it matches does, whatever its timers. With
    `goes_on`, the routes after it are tried, too.
    """

    id: str
    match: Matchers = ()
    channels: tuple[str, ...] = ()
    group_by: tuple[str, ...] = ("alarm",)
    group_wait: int = 30
    group_interval: int = 300
    repeat_interval: int = 4 * 3600
    repeat_backoff: int = 2
    repeat_cap: int = 24 * 3600
    active: tuple[Schedule, ...] = ()
    mute: tuple[Schedule, ...] = ()
    goes_on: bool = False
    routes: tuple[Route, ...] = ()

    def labels(self, labels: Mapping[str, str]) -> dict[str, str]:
        """Return the labels of the group that an alert belongs to here."""
        if EVERY_LABEL in self.group_by:
            return dict(labels)
        return {name: labels[name] for name in self.group_by if name in labels}

    def group(self, labels: Mapping[str, str]) -> str:
        """Return the name of the group that an alert belongs to here."""
        pairs = sorted(self.labels(labels).items())
        return json.dumps([self.id, *pairs], ensure_ascii=False)

    def repeats_after(self, repeats: int) -> int:
        """Return how long after the last message an alert is told again."""
        most = max(self.repeat_cap, self.repeat_interval)
        if self.repeat_backoff == 1:
            return self.repeat_interval
        doublings = min(repeats, most.bit_length())
        factor: int = self.repeat_backoff**doublings
        return min(self.repeat_interval * factor, most)


def matching(routes: tuple[Route, ...], labels: Mapping[str, str]) -> list[Route]:
    """Return the routes an alert takes: the deepest that match, by the first way.

    A route that matches ends the search among its siblings unless it goes on; one of
    whose children none match is itself the end of the way.
    """
    found: list[Route] = []
    for route in routes:
        if not matches(route.match, labels):
            continue
        found += matching(route.routes, labels) or [route]
        if not route.goes_on:
            break
    return found


def every(routes: tuple[Route, ...]) -> Iterator[Route]:
    """Yield all routes of a tree, each before its children."""
    for route in routes:
        yield route
        yield from every(route.routes)
