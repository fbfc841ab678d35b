"""Schedules: weekdays, times and months in a named time zone, through summer time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.laws import law

from tocsin.incidents.schedule import inside
from tocsin.model.schedule import Period, Schedule


def hours(start: str, end: str) -> tuple[int, int]:
    return tuple(int(t[:2]) * 3600 + int(t[3:]) * 60 for t in (start, end))  # type: ignore[return-value]


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


OFFICE = Schedule(
    name="office",
    timezone="Europe/Paris",
    periods=(Period(weekdays=((0, 4),), times=(hours("09:00", "18:00"),)),),
)
NIGHT = Schedule(
    name="night",
    timezone="Europe/Paris",
    periods=(Period(weekdays=((4, 4),), times=(hours("22:00", "06:00"),)),),
)
MONTH_END = Schedule(name="end", periods=(Period(days=((-3, -1),)),))
WINTER = Schedule(name="winter", periods=(Period(months=((11, 12), (1, 2))),))
CHRISTMAS = Schedule(
    name="christmas", periods=(Period(months=((12, 12),), days=((24, 26),)),)
)
TWO = Schedule(
    name="two",
    periods=(Period(times=(hours("01:00", "02:00"),)), Period(years=((2030, 2030),))),
)

CASES: dict[str, tuple[Schedule, str, bool]] = {
    "a Monday at nine, in winter": (OFFICE, "2026-11-23T09:00+01:00", True),
    "a second before": (OFFICE, "2026-11-23T08:59:59+01:00", False),
    "the end is excluded": (OFFICE, "2026-11-23T18:00+01:00", False),
    "nine in summer is seven in UTC": (OFFICE, "2026-07-06T07:00+00:00", True),
    "nine in winter is eight in UTC": (OFFICE, "2026-11-23T07:30+00:00", False),
    "a Saturday": (OFFICE, "2026-11-28T12:00+01:00", False),
    "the day is that of the place, not of UTC": (
        Schedule(
            name="t", timezone="Asia/Tokyo", periods=(Period(weekdays=((0, 0),)),)
        ),
        "2026-11-22T15:30+00:00",
        True,
    ),
    "Friday night goes on to Saturday": (NIGHT, "2026-11-28T05:59+01:00", True),
    "but not Thursday's": (NIGHT, "2026-11-27T05:59+01:00", False),
    "Friday at ten in the evening": (NIGHT, "2026-11-27T22:00+01:00", True),
    "the last day of a short month": (MONTH_END, "2027-02-28T12:00+00:00", True),
    "the third last of a leap month": (MONTH_END, "2028-02-27T12:00+00:00", True),
    "the fourth last": (MONTH_END, "2028-02-26T23:59+00:00", False),
    "months over the end of the year": (WINTER, "2027-01-15T00:00+00:00", True),
    "a month in between": (WINTER, "2027-06-15T00:00+00:00", False),
    "all that is given must hold": (CHRISTMAS, "2026-11-25T00:00+00:00", False),
    "and does": (CHRISTMAS, "2026-12-25T00:00+00:00", True),
    "one of the periods is enough": (TWO, "2030-06-01T12:00+00:00", True),
    "none of them": (TWO, "2029-06-01T12:00+00:00", False),
    "an empty period is always": (
        Schedule(name="ever"),
        "1999-01-01T00:00+00:00",
        True,
    ),
}


@pytest.mark.parametrize(("schedule", "instant", "expected"), CASES.values(), ids=CASES)
def test_inside(schedule: Schedule, instant: str, expected: bool) -> None:  # noqa: FBT001
    assert inside(schedule, at(instant)) is expected


def seconds_inside(schedule: Schedule, day: str) -> int:
    start = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(schedule.timezone))
    end = start + timedelta(days=1)  # by the clock on the wall
    span = range(int(start.timestamp()), int(end.timestamp()), 600)
    return sum(600 for second in span if inside(schedule, second))


NIGHTLY = Schedule(
    name="n",
    timezone="Europe/Paris",
    periods=(Period(times=(hours("01:00", "04:00"),)),),
)


def test_the_night_that_loses_an_hour_and_the_one_that_has_one_twice() -> None:
    assert seconds_inside(NIGHTLY, "2026-03-28") == 3 * 3600
    assert seconds_inside(NIGHTLY, "2026-03-29") == 2 * 3600
    assert seconds_inside(NIGHTLY, "2026-10-25") == 4 * 3600


def test_times_that_no_calendar_holds_are_taken_for_its_ends() -> None:
    assert inside(Schedule(name="ever"), 10**15)
    assert inside(Schedule(name="ever"), -(10**15))


@law(200)
@given(
    st.integers(0, 2**31),
    st.integers(0, 23 * 60),
    st.integers(1, 24 * 60),
    st.sampled_from(["UTC", "Europe/Paris", "Asia/Kolkata", "America/New_York"]),
)
def test_a_time_and_what_is_left_of_the_day_share_it(
    second: int, start: int, length: int, zone: str
) -> None:
    begin, end = start * 60, min(start + length, 24 * 60) * 60
    rest = tuple(s for s in ((0, begin), (end, 86_400)) if s[0] < s[1])
    one = Schedule(name="a", timezone=zone, periods=(Period(times=((begin, end),)),))
    other = Schedule(name="b", timezone=zone, periods=(Period(times=rest),))

    if rest:
        assert inside(one, second) != inside(other, second)
    local = datetime.fromtimestamp(second, UTC).astimezone(ZoneInfo(zone))
    passed = local.hour * 3600 + local.minute * 60 + local.second
    assert inside(one, second) == (begin <= passed < end)
