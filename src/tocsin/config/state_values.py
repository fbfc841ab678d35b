"""What is kept, and for how long. Durations are whole microseconds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct, field

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_SECOND: Final = 1_000_000
_DAY: Final = 86_400 * _SECOND
DATAPOINTS: Final[Mapping[int, int]] = {
    _SECOND: _DAY,
    60 * _SECOND: 30 * _DAY,
    3600 * _SECOND: 366 * _DAY,
}


class RetentionConfig(Struct, frozen=True, kw_only=True):
    """How long what is over is kept.

    `datapoints` says for each resolution, from fine to coarse, how long datapoints are
    kept at it: the finest are as they were said, each other one is a multiple of the
    one before. Empty keeps none.
    """

    incidents: int = 90 * _DAY
    notifications: int = 30 * _DAY
    datapoints: Mapping[int, int] = field(default_factory=lambda: DATAPOINTS)


class StateConfig(Struct, frozen=True, kw_only=True):
    """Where a run is saved (None: the usual place), and what is kept of the past."""

    folder: Path | None = None
    retention: RetentionConfig = RetentionConfig()
