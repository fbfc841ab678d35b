"""Whether an instant lies in a schedule, in the schedule's own time zone.

A day of 23 or 25 hours needs no care: an instant has exactly one local time.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from tocsin.model.schedule import Period, Schedule, Span

_FIRST = -62_000_000_000
_LAST = 253_000_000_000


def inside(schedule: Schedule, at: int) -> bool:
    """Return whether an instant (s since the epoch) lies in a schedule."""
    known = min(max(at, _FIRST), _LAST)  # a log may hold times that no calendar does
    local = datetime.fromtimestamp(known, UTC).astimezone(ZoneInfo(schedule.timezone))
    second = local.hour * 3600 + local.minute * 60 + local.second
    return any(_in_period(p, local.date(), second) for p in schedule.periods)


def _in_period(period: Period, day: date, second: int) -> bool:
    today = _on_day(period, day)
    if not period.times:
        return today
    before = _on_day(period, day - timedelta(days=1))
    return any(_in_time(t, second, today, before) for t in period.times)


def _in_time(time: Span, second: int, today: bool, before: bool) -> bool:  # noqa: FBT001
    start, end = time
    if start < end:
        return today and start <= second < end
    return (today and second >= start) or (before and second < end)


def _on_day(period: Period, day: date) -> bool:
    last = monthrange(day.year, day.month)[1]
    days = tuple((_day(a, last), _day(b, last)) for a, b in period.days)
    return (
        _among(period.weekdays, day.weekday())
        and _among(days, day.day)
        and _among(period.months, day.month)
        and _among(period.years, day.year)
    )


def _day(number: int, last: int) -> int:
    return number if number > 0 else last + 1 + number


def _among(spans: tuple[Span, ...], value: int) -> bool:
    return not spans or any(first <= value <= end for first, end in spans)
