"""What a session shall say beside transitions and incidents, and what that takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from tocsin.config.values import MetricConfig
from tocsin.pipeline import statistics

if TYPE_CHECKING:
    from tocsin.config.values import Config
    from tocsin.model.expression import Expression

_MOST_KEYS = 1000
"""Keys of each list in the report; the rest share `__other__`."""


class Wishes(Struct, frozen=True):
    """What a session shall say beside transitions and incidents.

    `statistics` is the source whose periodic report is made (None: no report), and
    `where` limits what the report counts. `verbose` asks for more words about the run.
    """

    statistics: str | None = None
    where: Expression | None = None
    datapoints: bool = False
    verbose: bool = False


def report_metrics(config: Config, wishes: Wishes) -> tuple[MetricConfig, ...]:
    """Return the hidden metrics that the periodic report is made from."""
    if wishes.statistics is None:
        return ()
    every = config.report.every
    return tuple(
        MetricConfig(
            name=statistics.PREFIX + metric.name,
            type=metric.type,
            source=wishes.statistics,
            field=metric.field,
            group_by=metric.group_by,
            period=every,
            every=every,
            where=wishes.where,
            limit=_MOST_KEYS,
        )
        for metric in statistics.METRICS
    )
