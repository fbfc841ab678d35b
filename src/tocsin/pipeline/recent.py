"""The last datapoints of a metric, for the picture in a message."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, TypeAlias

import polars as pl
from msgspec import Struct
from msgspec.structs import replace

from tocsin.pipeline.history import history, unsaved

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tocsin.model.notification import Alert, Notification
    from tocsin.model.protocols import Store
    from tocsin.pipeline.engine import Engine

MOST_DRAWN: Final = 5
"""Alerts of a message that have a picture: the first."""
_BEFORE: Final = 600
_AFTER: Final = 300
_LONGEST: Final = 86_400
_POINTS: Final = 300

Points: TypeAlias = "tuple[tuple[int, float | None], ...]"


def drawn(
    notification: Notification, points: Callable[[Alert], Points]
) -> Notification:
    """Return a notification whose first alerts have datapoints to be drawn."""
    first = (
        replace(alert, series=points(alert)) if alert.metric else alert
        for alert in notification.alerts[:MOST_DRAWN]
    )
    rest = notification.alerts[MOST_DRAWN:]
    return replace(notification, alerts=(*first, *rest))


class Recent(Struct, frozen=True):
    """What is known of the past: in a store, and said since it was saved."""

    store: Store
    pieces: Sequence[pl.DataFrame]
    now: int
    """How far the logs are judged (s)."""

    @classmethod
    def of(cls, store: Store, engine: Engine) -> Recent:
        """Return what an engine and its store know."""
        judged = [s.judged for s in engine.shards if s.judged is not None]
        pieces = () if engine.past is None else tuple(engine.past.pieces)
        return cls(store, pieces, max(judged, default=0))

    def points(self, alert: Alert) -> Points:
        """Return the datapoints of an alert's metric from a while before it began.

        None if its history is not kept; no more than a picture has room for.
        """
        closed = self.now if alert.closed is None else alert.closed + _AFTER
        end = max(min(closed, self.now), alert.opened)
        start = max(alert.opened - _BEFORE, end - _LONGEST)
        for key in _keys(alert):
            saved = history(self.store, alert.metric, key, start, end)
            new = unsaved(self.pieces, alert.metric, key, start, end)
            rows = pl.concat([saved, new]).unique("e", keep="last", maintain_order=True)
            rows = rows.sort("e")
            if rows.height:
                return _thinned(list(rows.select("e", "value").iter_rows()))
        return ()


def _thinned(points: list[tuple[int, float | None]]) -> Points:
    """Return so many points as there is room for, the last among them."""
    step = -(-len(points) // _POINTS)
    return tuple(points[::-1][:: max(step, 1)][::-1])


def _keys(alert: Alert) -> list[dict[str, object]]:
    """Return what the key of an alert may have been before it was all texts."""
    texts: dict[str, object] = dict(alert.key)
    plain = {name: _plain(text) for name, text in alert.key.items()}
    return [texts] if plain == texts else [texts, plain]


def _plain(text: str) -> object:
    try:
        value = json.loads(text)
    except ValueError:
        return text or None
    return value if isinstance(value, int | float) else text
