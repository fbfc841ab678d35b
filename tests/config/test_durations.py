"""Durations, as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.config.durations import LONGEST, DurationError, as_text, duration

S = 1_000_000
GOOD = {
    "minutes": ("2m", 120 * S),
    "hours and minutes": ("1h30m", 5400 * S),
    "milliseconds": ("500ms", S // 2),
    "microseconds": ("250us", 250),
    "all units": ("1w2d3h4m5s6ms7us", 788_645_006_007),
    "ISO minutes": ("PT2M", 120 * S),
    "ISO days": ("P1D", 86_400 * S),
    "ISO weeks": ("P2W", 1_209_600 * S),
    "ISO days and hours": ("P1DT12H", 129_600 * S),
    "an ISO fraction": ("PT1.5S", 1_500_000),
    "an ISO fraction with a comma": ("PT0,5M", 30 * S),
}
BAD = {
    "a word": "5mins",
    "no unit": "5",
    "blanks": "5 m",
    "a sign": "-5m",
    "a fraction without ISO": "1.5h",
    "units in the wrong order": "30m1h",
    "a unit twice": "1m1m",
    "months": "P1M",
    "years": "P1Y",
    "zero": "0s",
    "ISO zero": "PT0S",
    "nothing after the P": "P",
    "nothing after the T": "P1DT",
    "a fraction that is not the last": "PT1.5H5M",
    "less than a microsecond": "PT0.0000001S",
    "too long": "367d",
    "far too long": "999999999999999w",
    "other digits": "\u0665m",
    "capitals": "5M",
    "nothing": "",
    "a line end": "5m\n",
}


@pytest.mark.parametrize(("text", "micros"), GOOD.values(), ids=GOOD)
def test_a_duration(text: str, micros: int) -> None:
    assert duration(text) == micros


@pytest.mark.parametrize("text", BAD.values(), ids=BAD)
def test_no_duration(text: str) -> None:
    with pytest.raises(DurationError) as caught:
        duration(text)

    assert caught.value.wanted.startswith("a duration")
    assert caught.value.hint


def test_zero_where_it_is_allowed() -> None:
    assert duration("0s", zero=True) == 0


@given(st.integers(1, LONGEST))
def test_what_is_written_is_read_back(micros: int) -> None:
    assert duration(as_text(micros)) == micros
