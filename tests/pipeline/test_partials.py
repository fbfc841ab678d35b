"""What a raw log consumer returns comes back from the state as it went."""

import json
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.pipeline.partials import packed, unpacked, unplain


def returned(value: object) -> object:
    return unpacked(json.loads(json.dumps(packed(value))))


ATOMS = st.none() | st.booleans() | st.integers() | st.text()
KEYS = ATOMS | st.tuples(st.text(), st.integers())
VALUES = st.recursive(
    ATOMS | st.floats(allow_nan=False) | st.binary() | st.datetimes() | st.dates(),
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.dictionaries(KEYS, inner)
        | st.sets(KEYS)
        | st.dictionaries(st.just("$tuple") | st.text(), inner)
    ),
)


@given(VALUES)
def test_a_plain_value_comes_back_as_it_went(value: object) -> None:
    assert unplain(value) == ""
    found = returned(value)
    assert found == value
    assert repr(type(found)) == repr(type(value))


@pytest.mark.parametrize(
    "value",
    [
        pytest.param([("/a", 7), ("/b", None)], id="rows of a frame"),
        pytest.param(Counter({"/a": 2, None: 1}), id="a count with no word among it"),
        pytest.param({("/a", 500): 3}, id="a count by two fields"),
        pytest.param(frozenset({1, 2}), id="a frozen set"),
        pytest.param(timedelta(days=-1, microseconds=3), id="a time that passed"),
        pytest.param(datetime(2024, 5, 1, tzinfo=UTC), id="an instant"),
        pytest.param({"$tuple": []}, id="a key that looks like ours"),
        pytest.param({}, id="nothing"),
        pytest.param(date(2024, 5, 1), id="a day"),
    ],
)
def test_what_plugins_like_to_return_comes_back(value: object) -> None:
    assert returned(value) == value
    assert type(returned(value)) is type(value)


def test_frames_and_series_come_back() -> None:
    frame = pl.DataFrame({"path": ["/a", None], "n": [1, 2]})
    assert frame.equals(returned([frame])[0])  # type: ignore[index]
    assert frame["n"].equals(returned(frame["n"]))  # type: ignore[arg-type]


class Row(NamedTuple):
    path: str


@pytest.mark.parametrize(
    ("value", "said"),
    [
        pytest.param(lambda: 1, "builtins.function is neither", id="a function"),
        pytest.param([1, {"a": {1: object()}}], "builtins.object is", id="deep inside"),
        pytest.param(Row("/a"), "Row is neither a plain value nor a frame", id="a row"),
        pytest.param(pl.LazyFrame(), "LazyFrame is neither", id="a lazy frame"),
        pytest.param({Row("/a"): 1}, "Row is neither", id="as a key"),
    ],
)
def test_anything_else_is_named(value: object, said: str) -> None:
    assert said in unplain(value)
    with pytest.raises(TypeError, match="neither a plain value nor a frame"):
        packed(value)
