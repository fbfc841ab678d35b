"""Small drawings: charts, gauges, and numbers as people read them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.model.instant import SECOND
from tocsin.views.gauge import Standing, gauge
from tocsin.views.glyphs import ASCII, UNICODE, chart
from tocsin.views.words import clock, duration, moment, number, share, size, span

CHARTS = {
    "nothing": ([], 1, [""]),
    "silence is the lowest sign": ([0, 0], 1, ["▁▁"]),
    "one hit is higher than none": ([0, 1, 1000], 1, ["▁▂█"]),
    "two rows stand on each other": ([0, 5, 10], 2, [" ▁█", "▁██"]),
    "half a row": ([3, 8], 2, [" █", "▇█"]),
}


@pytest.mark.parametrize(("values", "rows", "expected"), CHARTS.values(), ids=CHARTS)
def test_a_chart(values: list[int], rows: int, expected: list[str]) -> None:
    assert chart(values, rows, UNICODE) == expected


@given(st.lists(st.integers(0, 2**70)), st.integers(1, 6))
def test_a_chart_has_a_sign_for_each_value_in_each_row(
    values: list[int], rows: int
) -> None:
    drawn = chart(values, rows, ASCII)
    assert [len(line) for line in drawn] == [len(values)] * rows


def standing(value: float | None, threshold: float | None) -> Standing:
    return Standing("a", {}, False, None, value, 0, threshold)  # noqa: FBT003


GAUGES = {
    "empty": (0, 10, "········┃···"),
    "half way to the threshold": (5, 10, "████····┃···"),
    "at the threshold": (10, 10, "████████┃···"),
    "just over it": (12, 10, "████████┃█··"),
    "far over it": (100, 10, "████████┃██▶"),
    "below nothing": (-5, 10, "········┃···"),
    "no data": (None, 10, "········┃···"),
    "endless": (float("inf"), 10, "████████┃██▶"),
    "not a number": (float("nan"), 10, "········┃···"),
    "no threshold": (5, None, " " * 12),
    "a threshold of nothing": (5, 0, " " * 12),
}


@pytest.mark.parametrize(("value", "threshold", "bar"), GAUGES.values(), ids=GAUGES)
def test_a_gauge(value: float | None, threshold: float | None, bar: str) -> None:
    assert gauge(standing(value, threshold), 12, UNICODE) == bar


@given(st.floats(), st.floats(), st.integers(0, 60))
def test_a_gauge_is_as_wide_as_it_was_asked_to_be(
    value: float, threshold: float, width: int
) -> None:
    assert len(gauge(standing(value, threshold), width, ASCII)) == width


SAID = {
    "no bytes": (size(0), "0 B"),
    "bytes are whole": (size(999), "999 B"),
    "a kilobyte is a thousand": (size(1000), "1.0 kB"),
    "a unit is never rounded past the next": (size(999_960), "1.0 MB"),
    "more than any disk": (size(10**20), "100000.0 PB"),
    "a whole number has no decimals": (number(1206.0), "1206"),
    "two decimals": (number(10.054), "10.05"),
    "a small one keeps its digits": (number(0.00123), "0.00123"),
    "no value": (number(None), "-"),
    "not a number": (number(float("nan")), "-"),
    "a time of day": (clock(1549573957 * SECOND + 5), "21:12:37"),
    "a moment": (moment(1549573957 * SECOND), "2019-02-07 21:12:37"),
    "a moment before the epoch": (moment(-1), "1969-12-31 23:59:59"),
    "a moment outside all calendars": (moment(10**18), "1000000000000s"),
    "the day is said once": (
        span(0, 10 * SECOND, "-"),
        "1970-01-01 00:00:00 - 00:00:10",
    ),
    "or twice, if it has to be": (
        span(0, 86_400 * SECOND, "-"),
        "1970-01-01 00:00:00 - 1970-01-02 00:00:00",
    ),
    "no time": (duration(0), "0s"),
    "a minute": (duration(60 * SECOND), "1m"),
    "two units are enough": (duration((86_400 * 3 + 3600 + 61) * SECOND), "3d 1h"),
    "a gap between units": (duration((3600 + 1) * SECOND), "1h"),
    "a share": (share(15, 120), "12.5 %"),
    "of nothing": (share(0, 0), "0 %"),
}


@pytest.mark.parametrize(("said", "expected"), SAID.values(), ids=SAID)
def test_numbers_as_people_read_them(said: str, expected: str) -> None:
    assert said == expected
