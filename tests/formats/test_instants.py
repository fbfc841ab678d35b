"""Texts to instants, against the standard library."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.formats.instants import Clock
from tocsin.model.batch import TIME
from tocsin.model.instant import from_datetime

ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Kolkata",
]
MOMENTS = st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29))  # noqa: DTZ001
MONTHS = [f"{datetime(2019, m, 1, tzinfo=UTC):%b}" for m in range(1, 13)]
RECENT = st.datetimes(datetime(1970, 1, 2), datetime(2037, 12, 29))  # noqa: DTZ001
OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda m: timezone(timedelta(minutes=m)))


def read(text: str | None, form: str = "", zone: str = "UTC") -> int | None:
    column = Clock(form, zone).read(pl.Series([text], dtype=pl.String))
    assert column.dtype == TIME
    value: int | None = column.to_physical()[0]
    return value


@settings(deadline=None)
@given(moment=MOMENTS, offset=OFFSETS, separator=st.sampled_from("T "))
def test_iso_with_an_offset(moment: datetime, offset: timezone, separator: str) -> None:
    aware = moment.replace(tzinfo=offset)
    text = aware.isoformat(separator)
    assert read(text) == read(text, "iso") == from_datetime(aware)
    assert read(text.replace(".", ",")) == from_datetime(aware)


@settings(deadline=None)
@given(moment=RECENT, zone=st.sampled_from(ZONES))
def test_iso_without_an_offset_is_in_the_zone(moment: datetime, zone: str) -> None:
    # The standard library, too, reads a skipped or doubled hour with the offset before.
    expected = from_datetime(moment.replace(tzinfo=ZoneInfo(zone), fold=0))
    assert read(moment.isoformat(), "", zone) == expected


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("month", [3, 4, 10, 11])
def test_every_half_hour_around_a_change_of_the_clocks(zone: str, month: int) -> None:
    start = datetime(2019, month, 1)  # noqa: DTZ001
    moments = [start + timedelta(minutes=30 * n) for n in range(2 * 24 * 30)]
    stamps = pl.Series([moment.isoformat(" ") for moment in moments])
    found = Clock("iso", zone).read(stamps).to_physical().to_list()
    assert found == [from_datetime(m.replace(tzinfo=ZoneInfo(zone))) for m in moments]


@settings(deadline=None)
@given(moment=MOMENTS, offset=OFFSETS)
def test_clf(moment: datetime, offset: timezone) -> None:
    aware = moment.replace(tzinfo=offset, microsecond=0)
    month = MONTHS[aware.month - 1]
    text = f"{aware:%d}/{month}/{aware.year:04}:{aware:%H:%M:%S %z}"
    assert read(text, "clf") == read(text) == from_datetime(aware)


@settings(deadline=None)
@given(micros=st.integers(0, 4_102_444_800_000_000))
def test_epochs_as_declared(micros: int) -> None:
    whole, part = divmod(micros, 1_000_000)
    assert read(f"{whole}.{part:06}", "s") == micros
    assert read(f"-{whole}.{part:06}", "s") == -micros
    assert read(f"{micros // 1000}.{micros % 1000:03}", "ms") == micros
    assert read(str(micros), "us") == micros
    assert read(str(micros * 1000 + 7), "ns") == micros
    assert read(f"+{whole:020}", "s") == whole * 1_000_000


@settings(deadline=None)
@given(
    seconds=st.integers(100_000_000, 4_102_444_800), form=st.sampled_from(["", "epoch"])
)
def test_the_unit_of_an_epoch_is_told_by_its_size(seconds: int, form: str) -> None:
    for zeros in ("", "000", "000000", "000000000"):
        assert read(f"{seconds}{zeros}", form) == seconds * 1_000_000
    assert read(f"{seconds}.5", form) == seconds * 1_000_000 + 500_000


NOTHING = {
    "a word": "noon", "nothing": "", "a space": " ", "a sign": "-", "NaN": "NaN",
    "an exponent": "1e9", "a dot": ".5", "digits of another script": "١٥٤٩٥٧٣٨٦١",
    "a number too large": "9" * 19, "a number far too large": "9" * 5000,
    "the year 0": "0000-12-31", "the year 10000": "10000-01-01",
    "the 30th of February": "2019-02-30", "the 29th in a common year": "2019-02-29",
    "the month 13": "2019-13-01", "the hour 24": "2019-01-01T24:00:00Z",
    "the minute 60": "2019-01-01T00:60:00Z", "the second 61": "2019-01-01T00:00:61Z",
    "an offset of a day": "2019-01-01T00:00:00+24:00",
    "an offset of 60 minutes": "2019-01-01T00:00:00+0060",
    "an offset past the calendar": "0001-01-01T00:00:00+01:00",
    "an offset past its end": "9999-12-31T23:59:59-01:00",
    "ten digits of fraction": "2019-01-01T00:00:00.0123456789Z",
    "something behind": "2019-01-01T00:00:00Z ", "something before": " 2019-01-01",
    "a month in small letters": "07/feb/2019:21:11:01 +0000",
    "a month in full": "07/February/2019:21:11:01 +0000",
    "no offset": "07/Feb/2019:21:11:01", "one digit": "7/Feb/2019:21:11:01 +0000",
    "a line break": "2019-01-01\n", "CLF of no day": "30/Feb/2019:21:11:01 +0000",
    "CLF before the calendar": "01/Jan/0001:00:00:00 +0001",
    "CLF after it": "31/Dec/9999:23:59:59 -0001",
    "CLF of the minute 60": "07/Feb/2019:21:60:01 +0000",
    "CLF of 60 minutes' offset": "07/Feb/2019:21:11:01 +0060",
}  # fmt: skip


@pytest.mark.parametrize("text", NOTHING.values(), ids=NOTHING)
@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin"])
def test_what_is_no_time(text: str, zone: str) -> None:
    assert read(text, "", zone) is None


SOMETHING = {
    "a date": ("2019-02-07", "2019-02-07T00:00:00Z"),
    "without seconds": ("2019-02-07 21:11Z", "2019-02-07T21:11:00Z"),
    "a small t and z": ("2019-02-07t21:11:01z", "2019-02-07T21:11:01Z"),
    "in words": ("2019-02-07 21:11:01 UTC", "2019-02-07T21:11:01Z"),
    "an offset of hours": ("2019-02-07T21:11:01+02", "2019-02-07T19:11:01Z"),
    "nanoseconds are cut off": (
        "2019-02-07T21:11:01.1234569Z",
        "2019-02-07T21:11:01.123456Z",
    ),
    "a leap second is the next": ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z"),
    "CLF of a leap second": ("31/Dec/2016:23:59:60 -0130", "2017-01-01T01:30:00Z"),
    "CLF east of the date line": ("01/Jan/2020:00:30:00 +1245", "2019-12-31T11:45:00Z"),
    "a leap day": ("2000-02-29", "2000-02-29T00:00:00Z"),
    "the first of all": ("0001-01-01", "0001-01-01T00:00:00Z"),
    "the last of all": ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"),
}


@pytest.mark.parametrize(("text", "expected"), SOMETHING.values(), ids=SOMETHING)
def test_what_is_a_time(text: str, expected: str) -> None:
    assert read(text) == from_datetime(datetime.fromisoformat(expected))


PATTERNS = {
    "as people write": ("%d.%m.%Y %H:%M:%S", "07.02.2019 21:11:01", "2019-02-07T21:11:01Z"),
    "Python's logging": ("%Y-%m-%d %H:%M:%S,%f", "2019-02-07 21:11:01,250",
                         "2019-02-07T21:11:01.25Z"),
    "microseconds": ("%Y-%m-%d %H:%M:%S,%f", "2019-02-07 21:11:01,250001",
                     "2019-02-07T21:11:01.250001Z"),
    "a fraction after a dot": ("%Y-%m-%d %H:%M:%S.%f", "2019-02-07 21:11:01.5",
                               "2019-02-07T21:11:01.5Z"),
    "with an offset": ("%d/%b/%Y %H:%M %z", "07/Feb/2019 21:11 +0100", "2019-02-07T20:11:00Z"),
}  # fmt: skip


@pytest.mark.parametrize(("form", "text", "expected"), PATTERNS.values(), ids=PATTERNS)
def test_a_pattern_of_the_user(form: str, text: str, expected: str) -> None:
    assert read(text, form) == from_datetime(datetime.fromisoformat(expected))
    assert read("x" + text, form) is None


@pytest.mark.parametrize("form", ["%Q", "%", "%H", "%H:%M", "words", "%Y %Y", "%%"])
def test_a_pattern_that_cannot_make_a_time_makes_none(form: str) -> None:
    assert read("2019", form) is None
    assert read("12", form) is None
    assert read("2019", form, "Europe/Berlin") is None


@settings(deadline=None)
@given(
    texts=st.lists(st.none() | st.sampled_from([*NOTHING.values(), "1", "2019-02-07"]))
)
def test_a_value_is_read_the_same_in_any_company(texts: list[str | None]) -> None:
    column = Clock().read(pl.Series(texts, dtype=pl.String)).to_physical().to_list()
    assert column == [read(text) for text in texts]


def test_runs_and_repeats_are_read_once_and_come_back_in_place() -> None:
    texts = [str(n // 3 % 700) for n in range(5000)] + [None, None, "x", "x"]
    expected = [n // 3 % 700 * 1_000_000 for n in range(5000)] + [None] * 4
    assert Clock().read(pl.Series(texts)).to_physical().to_list() == expected
    assert read("1549573861") == from_datetime(
        datetime(2019, 2, 7, 21, 11, 1, tzinfo=UTC)
    )
