"""What the cases of the core are made of."""

from __future__ import annotations

from typing import Any

from tests.plain import SECOND, Row, Said, Stream
from tests.runs import final_points

from tocsin.config.values import (
    AlarmConfig,
    MetricConfig,
    SourceConfig,
)


def source(lateness: float = 5, amend: float = 300, skew: float = 300) -> SourceConfig:
    """Return the only source, with times in seconds."""
    return SourceConfig(
        lateness=int(lateness * SECOND),
        amend_for=int(amend * SECOND),
        future_skew=int(skew * SECOND),
    )


def metric(
    name: str = "hits",
    period: int = 10,
    every: int = 1,
    **options: Any,  # noqa: ANN401
) -> MetricConfig:
    """Return a metric that counts."""
    return MetricConfig(
        name=name, period=period * SECOND, every=every * SECOND, **options
    )


def alarm(
    metric: str = "hits",
    above: float = 2,
    **options: Any,  # noqa: ANN401
) -> AlarmConfig:
    """Return an alarm above a value."""
    plain: dict[str, Any] = {
        "name": "alarm",
        "threshold": above,
        "recovery_threshold": above,
    }
    return AlarmConfig(metric=metric, **(plain | options))


def stream(*seconds: float, **fields: Any) -> Stream:  # noqa: ANN401
    """Return a stream of rows at these seconds."""
    return Stream("s", "default", [Row(int(s * SECOND), fields) for s in seconds])


def valued(values: dict[float, float | None], **fields: Any) -> Stream:  # noqa: ANN401
    """Return a stream of one value for each second."""
    rows = [Row(int(s * SECOND), {"v": v} | fields) for s, v in values.items()]
    return Stream("s", "default", rows)


def series(said: list[Said], name: str, key: str = "{}") -> dict[int, float | None]:
    """Return the last word on the values of a metric, by end."""
    points = final_points(said)
    found = {e: v for (n, k, e), (v, _) in points.items() if (n, k) == (name, key)}
    return dict(sorted(found.items()))


def history(said: list[Said]) -> list[str]:
    """Return the transitions as they were said, in short."""
    return [
        f"{s.kind} {s.end}" + " amended" * s.amended + " withdrawn" * s.flag
        for s in said
        if s.kind != "point"
    ]
