"""The shape of the section `state` in a document."""

from __future__ import annotations

from pydantic import Field

from tocsin.config.durations import as_text
from tocsin.config.part import Part
from tocsin.config.state_values import DATAPOINTS, RetentionConfig
from tocsin.config.types import Seconds, Text

_KEEP = RetentionConfig()


class RetentionPart(Part):
    """How long what is over is kept."""

    incidents: Seconds = _KEEP.incidents
    notifications: Seconds = _KEEP.notifications
    datapoints: dict[str, Seconds] = Field(
        default_factory=lambda: {as_text(r): keep for r, keep in DATAPOINTS.items()}
    )


class StatePart(Part):
    """What a run remembers: where, and for how long."""

    alone = "folder"

    folder: Text | None = None
    retention: RetentionPart = RetentionPart.model_construct()
