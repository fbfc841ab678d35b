"""A notification survives being written down."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.structs import structs

from tocsin.model import samples, wire
from tocsin.model.notification import Alert, Kind, Notification

texts = st.text(max_size=20)
instants = st.integers(-(2**40), 2**40)
numbers = st.none() | st.floats(allow_nan=False, allow_infinity=False)
labels = st.dictionaries(texts, texts, max_size=3)
alerts = structs(
    Alert,
    incident=st.integers(),
    alarm=texts,
    key=labels,
    status=st.sampled_from(["firing", "resolved", "withdrawn"]),
    level=st.sampled_from(["info", "warning", "error", "critical"]),
    opened=instants,
    closed=st.none() | instants,
    value=numbers,
    count=st.none() | st.integers(),
    threshold=numbers,
    labels=labels,
    text=texts,
    evidence=st.lists(texts, max_size=2).map(tuple),
    series=st.lists(st.tuples(instants, numbers), max_size=3).map(tuple),
)
notifications = structs(
    Notification,
    key=texts,
    channel=texts,
    thread=texts,
    kind=st.sampled_from(Kind),
    alerts=st.lists(alerts, max_size=3).map(tuple),
    at=instants,
    why=texts,
    group=labels,
    held=st.integers(0),
    answers=texts,
)


@given(notifications)
def test_what_is_read_back_is_what_was_written(notification: Notification) -> None:
    assert wire.from_bytes(wire.to_bytes(notification)) == notification


@pytest.mark.parametrize("name", samples.all_kinds())
def test_samples_survive_it_too(name: str) -> None:
    sample = samples.all_kinds()[name]

    assert wire.from_bytes(wire.to_bytes(sample)) == sample


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_numbers_that_json_lacks_are_null(value: float) -> None:
    alert = replace(samples.firing(), value=value, series=((1, value),))
    sent = samples.notification(Kind.FIRING, alert)

    told = json.loads(wire.to_bytes(sent), parse_constant=pytest.fail)

    assert told["alerts"][0]["value"] is None
    assert told["alerts"][0]["series"] == [[1, None]]


@pytest.mark.parametrize(
    "body", [b"[]", b"{}", b"nonsense", b'{"version": 2}', b'{"version": 1}']
)
def test_what_is_no_notification_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"notification|JSON|Expecting"):
        wire.from_bytes(body)


def test_a_later_version_may_add_keys() -> None:
    data = wire.to_json(samples.notification(Kind.FIRING, samples.firing()))
    data["more"] = data["alerts"][0]["more"] = 1

    assert wire.from_json(data).alerts == (samples.firing(),)


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        (["info", "error", "warning"], "error"),
        (["error", "critical"], "critical"),
        ([], "info"),
    ],
)
def test_the_gravest_level_counts(levels: list[str], expected: str) -> None:
    made = [replace(samples.firing(), level=level) for level in levels]

    assert samples.notification(Kind.FIRING, *made).level == expected
