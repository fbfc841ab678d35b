"""Programs get one strict JSON object a line, whatever a log holds."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tocsin.model.records import Datapoint, Notice
from tocsin.model.status import LiveStatus
from tocsin.views.jsonl import JsonlView, encode

if TYPE_CHECKING:
    from tests.views.conftest import Feed


def strict(text: str) -> Any:  # noqa: ANN401
    """Read JSON as strict readers do: no NaN, no half of a surrogate pair."""

    def refuse(constant: str) -> NoReturn:
        raise AssertionError(constant)

    row = json.loads(text, parse_constant=refuse)
    json.dumps(row, ensure_ascii=False).encode("utf-8")
    return row


def test_each_record_is_one_line_with_its_type_first(feed: Feed) -> None:
    out, err = io.StringIO(), io.StringIO()
    view = JsonlView(out, err)
    view.refresh(LiveStatus)
    for record in feed.all():
        view.show(record)
    view.close()
    view.close()
    lines = out.getvalue().splitlines()
    assert [strict(line) for line in lines] == [
        json.loads(json.dumps(record.as_json())) for record in feed.all()
    ]
    assert all(line.startswith('{"type":"') for line in lines)
    assert err.getvalue() == ""


def test_a_record_is_flushed_as_soon_as_it_is_said(feed: Feed) -> None:
    raw = io.BytesIO()
    view = JsonlView(io.TextIOWrapper(raw, encoding="ascii"), io.StringIO())
    view.show(feed.stats)
    assert strict(raw.getvalue().decode())["hits"] == 120


class Gone(io.StringIO):
    """A pipe whose reader has left."""

    def write(self, _: str) -> NoReturn:
        raise BrokenPipeError


def test_a_broken_pipe_is_the_callers_to_end_on(feed: Feed) -> None:
    with pytest.raises(BrokenPipeError):
        JsonlView(Gone(), io.StringIO()).show(feed.stats)


CASES = {
    "infinity is null": (float("inf"), None),
    "not a number is null": (float("nan"), None),
    "half a pair becomes its escape": ("a\ud800", "a\\ud800"),
    "an undecodable byte becomes its escape": ("a\udcff", "a\\udcff"),
    "a whole pair stays": ("😀", "😀"),
    "a backslash stays": ("\\ud800 \\", "\\ud800 \\"),
    "control characters come back as they were": ("\x1b[31m\x00", "\x1b[31m\x00"),
    "a time becomes its text": (
        datetime(2026, 1, 2, tzinfo=UTC),
        "2026-01-02 00:00:00+00:00",
    ),
    "a key that is no text becomes one": ({(1, 2): {3}}, {"(1, 2)": [3]}),
    "a flag stays a flag beside what JSON lacks": ([True, float("inf")], [True, None]),
}


@pytest.mark.parametrize(("value", "expected"), CASES.values(), ids=CASES)
def test_what_json_cannot_hold_is_said_all_the_same(
    value: object, expected: object
) -> None:
    assert strict(encode({"type": "x", "v": value})) == {"type": "x", "v": expected}


def test_data_that_holds_itself_ends() -> None:
    data: dict[str, Any] = {}
    data["self"] = data
    assert strict(encode({"type": "x", "data": data}))["type"] == "x"


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.binary(max_size=3)
    | st.text(st.characters(codec=None), max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(st.characters(codec=None), max_size=4), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@given(ANYTHING)
def test_a_line_is_always_strict_ascii_json(value: object) -> None:
    line = encode({"type": "x", "v": value})
    assert line.isascii()
    assert "\n" not in line
    strict(line)


@given(st.text(st.characters(codec=None)))
def test_hostile_text_stays_as_it_is_where_utf_8_can_hold_it(text: str) -> None:
    row = strict(encode(Notice(text).as_json()))
    assert row["text"] == text.encode("utf-8", "backslashreplace").decode()


def test_a_value_that_is_not_finite_is_null(feed: Feed) -> None:
    point = replace(feed.datapoint, value=float("nan"))
    assert isinstance(point, Datapoint)
    assert strict(encode(point.as_json()))["value"] is None
