"""Which time zone was meant: never one that has another time."""

import pytest

from tocsin.config.zones import zone_hint

MEANT = {
    "a city": ("Berlin", "Europe/Berlin"),
    "a city of two words": ("New York", "America/New_York"),
    "letters of another case": ("europe/paris", "Europe/Paris"),
    "a letter too many": ("Europe/Pariss", "Europe/Paris"),
    "the plainest": ("utc", "UTC"),
}
UNKNOWN = {
    "summer time, which is not like EST": "CEST",
    "half of PST8PDT": "PST",
    "an offset, whose sign Etc/GMT+2 turns round": "GMT+2",
    "elsewhere": "Mars/Olympus",
    "nothing": "",
}


@pytest.mark.parametrize(("written", "zone"), MEANT.values(), ids=MEANT)
def test_what_was_meant(written: str, zone: str) -> None:
    assert zone_hint(written) == f"did you mean '{zone}'?"


@pytest.mark.parametrize("written", UNKNOWN.values(), ids=UNKNOWN)
def test_what_nobody_can_know(written: str) -> None:
    assert zone_hint(written) == 'write a name such as "UTC" or "Europe/Paris"'
