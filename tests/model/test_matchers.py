"""Matchers of labels, as they are written and what they match."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.laws import law

from tocsin.model.errors import UsageError
from tocsin.model.matchers import Matcher, Operator, matcher, matches, shown

WRITTEN: dict[str, tuple[str, str, dict[str, str], bool]] = {
    "equal": ('team="web"', 'team="web"', {"team": "web"}, True),
    "equal, without quotes": ("team=web", 'team="web"', {"team": "db"}, False),
    "equal to nothing": ('team=""', 'team=""', {}, True),
    "not equal": ("team != web", 'team!="web"', {"team": "db"}, True),
    "not equal, where there is none": ("team!=web", 'team!="web"', {}, True),
    "like": ('path=~"/api.*"', 'path=~"/api.*"', {"path": "/api/x"}, True),
    "like means the whole value": ("path=~api", 'path=~"api"', {"path": "/api"}, False),
    "like one of several": ("a=~b|c", 'a=~"b|c"', {"a": "bc"}, False),
    "unlike": ('host!~"test.*"', 'host!~"test.*"', {"host": "test1"}, False),
    "unlike, where there is none": ("host!~test.*", 'host!~"test.*"', {}, True),
    "a pattern with a backslash": (
        r'path=~"/a\.b"', r'path=~"/a\\.b"', {"path": "/a.b"}, True,
    ),
    "a value with quotes and a comma": (
        '''agent="a \\"b\\", c"''', '''agent="a \\"b\\", c"''', {"agent": 'a "b", c'}, True,
    ),
    "a field of the key": ("key.level=x", 'key.level="x"', {"key.level": "x"}, True),
    "a value with an end of line": ('a=~"b.*"', 'a=~"b.*"', {"a": "b\nc"}, False),
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "again", "labels", "expected"), WRITTEN.values(), ids=WRITTEN
)
def test_a_matcher(
    text: str, again: str, labels: dict[str, str], expected: object
) -> None:
    found = matcher(text)

    assert str(found) == again
    assert matcher(again) == found
    assert found.matches(labels) is expected


@pytest.mark.parametrize("text", ["", "team", "=web", "team>3", 'team="a', "a b=c"])
def test_what_is_no_matcher(text: str) -> None:
    with pytest.raises(UsageError, match="expected a matcher"):
        matcher(text)


@pytest.mark.parametrize("pattern", ["(", "(?=a)", r"(a)\1", "a{2,1}"])
def test_what_is_no_pattern(pattern: str) -> None:
    with pytest.raises(UsageError, match="expected a regular expression"):
        matcher(f"team=~{pattern}")


def test_all_matchers_must_hold_and_none_hold_always() -> None:
    both = (matcher("a=b"), matcher("c!=d"))

    assert matches(both, {"a": "b"})
    assert not matches(both, {"a": "b", "c": "d"})
    assert matches((), {})
    assert shown(both) == '{a="b", c!="d"}'


def test_a_hostile_value_is_matched_at_once() -> None:
    assert not matcher('a=~"(x+x+)+y"').matches({"a": "x" * 5_000})


@law(200)
@given(
    st.text(st.characters(codec="utf-8"), min_size=0, max_size=20),
    st.sampled_from(Operator),
)
def test_what_is_shown_can_be_read_again(value: str, operator: Operator) -> None:
    made = Matcher("label", operator, value)
    if operator in {Operator.IS, Operator.IS_NOT}:
        assert matcher(str(made)) == made
