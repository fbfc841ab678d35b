"""A picture of a metric: its datapoints, the threshold, and the incident marked.

Drawn by Vega-Lite through the extra `charts`. Where it is not installed, or a picture
cannot be drawn, that is said in words, and nothing else is lost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tocsin.channels.text import line

if TYPE_CHECKING:
    from tocsin.model.notification import Alert

MISSING = "No chart: install it with pip install 'tocsin[charts]'."

_WIDTH, _HEIGHT, _SCALE = 400, 150, 3
_MOST = 500
"""Datapoints that are drawn, the newest: a picture has not more columns to show."""

_WORDS: dict[str, Any] = {
    "type": "text", "color": "#c62828", "align": "left", "dy": -8, "x": 4, "fontSize": 12,
}  # fmt: skip
_LINE, _LIMIT, _BAND = "#1f5fa8", "#c62828", "#f9d9d6"


class NoChart(Exception):  # noqa: N818 - it says what happened
    """There is no picture; the text says why, for people."""


def png(alert: Alert) -> bytes:
    """Return the picture of an alert's series.

    Raises:
        NoChart: There is nothing to draw, or nothing to draw it with.
    """
    if len(alert.series) < 2:  # noqa: PLR2004 - a line has two ends
        raise NoChart("")
    try:
        import vl_convert  # noqa: PLC0415 - an extra, and 30 MB
    except ImportError:
        raise NoChart(MISSING) from None
    try:
        return bytes(
            vl_convert.vegalite_to_png(spec(alert), scale=_SCALE, allowed_base_urls=[])
        )
    except Exception as error:  # noqa: BLE001 - a picture never costs the message
        raise NoChart(f"No chart: {line(str(error), 120)}") from None


def spec(alert: Alert) -> dict[str, Any]:
    """Return the picture as Vega-Lite: all data within, nothing loaded."""
    points = [{"at": at * 1000, "value": v} for at, v in alert.series[-_MOST:]]
    first, last = points[0]["at"], points[-1]["at"]
    start = max(alert.opened * 1000, first or 0)
    end = last if alert.closed is None else min(alert.closed * 1000, last or 0)
    shown = _clock((last or 0) - (first or 0))
    layers = [_band(start, end, shown), _curve(points, shown)]
    if alert.threshold is not None:
        layers.append(_limit(alert.threshold))
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "width": _WIDTH,
        "height": _HEIGHT,
        "background": "white",
        "padding": 8,
        "layer": layers,
        "config": {
            "view": {"stroke": None},
            "font": "Liberation Sans, sans-serif",
            "axis": {"labelFontSize": 12, "titleFontSize": 11},
        },
    }


def _band(start: float | None, end: float | None, shown: str) -> dict[str, Any]:
    return {
        "data": {"values": [{"from": start, "to": end}]},
        "mark": {"type": "rect", "color": _BAND},
        "encoding": {"x": _time("from", shown), "x2": {"field": "to"}},
    }


def _curve(points: list[dict[str, float | None]], shown: str) -> dict[str, Any]:
    return {
        "data": {"values": points},
        "mark": {
            "type": "line",
            "color": _LINE,
            "strokeWidth": 2,
            "interpolate": "step-before",
        },
        "encoding": {
            "x": _time("at", shown),
            "y": {
                "field": "value",
                "type": "quantitative",
                "title": None,
                "axis": {"tickCount": 4, "gridColor": "#e6e6e6", "domain": False},
            },
        },
    }


def _limit(threshold: float) -> dict[str, Any]:
    value = {"field": "threshold", "type": "quantitative"}
    name = {"field": "name"}
    return {
        "data": {"values": [{"threshold": threshold, "name": f"threshold {threshold:g}"}]},
        "layer": [
            {
                "mark": {"type": "rule", "color": _LIMIT, "strokeDash": [6, 4], "size": 1.5},
                "encoding": {"y": value},
            },
            # Written twice, below with a white rim: so it can be read on the curve.
            *(
                {"mark": _WORDS | rim, "encoding": {"y": value, "text": name}}
                for rim in ({"stroke": "white", "strokeWidth": 4}, {})
            ),
        ],
    }  # fmt: skip


def _clock(span: float) -> str:
    """Return how times are written along a span (ms)."""
    if span < 600_000:  # noqa: PLR2004 - ten minutes
        return "%H:%M:%S"
    return "%H:%M" if span < 86_400_000 else "%d %b %H:%M"  # noqa: PLR2004 - a day


def _time(field: str, shown: str) -> dict[str, Any]:
    return {
        "field": field,
        "type": "temporal",
        "scale": {"type": "utc"},
        "title": "UTC",
        "axis": {"grid": False, "tickCount": 4, "labelOverlap": True, "format": shown},
    }
