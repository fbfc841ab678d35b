"""Numbers and instants, as people read them."""

import math
from collections.abc import Mapping

from tocsin.model.instant import SECOND, iso

_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")
_KILO = 1000
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def size(count: float) -> str:
    """Return a number of bytes in decimal units: `142.1 kB`."""
    value, unit = float(count), 0
    while round(abs(value), 1) >= _KILO and unit < len(_UNITS) - 1:
        value, unit = value / _KILO, unit + 1
    return f"{value:.1f} {_UNITS[unit]}" if unit else f"{int(value)} B"


def number(value: float | None) -> str:
    """Return a measured value without needless digits: `10.05`, `1206`, `-`."""
    if value is None or not math.isfinite(value):
        return "-"
    if float(value).is_integer() and abs(value) < 1e15:  # noqa: PLR2004
        return str(int(value))
    return f"{value:.2f}" if abs(value) >= 1 else f"{value:.3g}"


def clock(instant: int) -> str:
    """Return the time of day of an instant, to the second: `21:12:37`."""
    text = iso(instant // SECOND * SECOND)
    return text[11:-1] if text.endswith("Z") else text


def moment(instant: int) -> str:
    """Return day and time of an instant, to the second: `2019-02-07 21:12:37`."""
    text = iso(instant // SECOND * SECOND)
    return text[:-1].replace("T", " ") if text.endswith("Z") else text


def span(start: int, end: int, arrow: str) -> str:
    """Return a period, the day said once: `2019-02-07 21:12:30 → 21:12:40`."""
    one_day = iso(start)[:10] == iso(end)[:10]
    return f"{moment(start)} {arrow} {(clock if one_day else moment)(end)}"


def duration(microseconds: int) -> str:
    """Return a length of time in its two largest units: `1m 27s`."""
    seconds = max(microseconds, 0) // SECOND
    days, rest = divmod(seconds, _DAY)
    hours, rest = divmod(rest, _HOUR)
    minutes, rest = divmod(rest, _MINUTE)
    parts = [(days, "d"), (hours, "h"), (minutes, "m"), (rest, "s")]
    while len(parts) > 1 and not parts[0][0]:
        parts.pop(0)
    return " ".join(f"{n}{unit}" for n, unit in parts[:2] if n) or "0s"


def pairs(counts: Mapping[str, object], between: str = " ", apart: str = "  ") -> str:
    """Return names with their values: `GET 100  POST 20`."""
    return apart.join(f"{name}{between}{value}" for name, value in counts.items())


def share(part: int, whole: int) -> str:
    """Return a part in per cent: `12.5 %`; nothing of nothing is `0 %`."""
    if whole <= 0 or part <= 0:
        return "0 %"
    return f"{100 * part / whole:.1f} %"


def counted(count: int, noun: str) -> str:
    """Return a count with its noun: `1 incident`, `2 incidents`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
