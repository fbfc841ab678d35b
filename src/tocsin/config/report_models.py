"""The shape of the section `report` in a document."""

from __future__ import annotations

from tocsin.config.part import Part
from tocsin.config.types import Points, Seconds
from tocsin.config.values import SECOND


class ReportPart(Part):
    """The statistics of the screen."""

    alone = "every"

    every: Seconds = 10 * SECOND
    top: Points = 10
