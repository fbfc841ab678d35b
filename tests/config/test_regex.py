"""Regular expressions of linear time: what is taken, what is refused, and why."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.config.regex import RegexError, check_regex, groups_in

GOOD = {
    "the pattern of the description": ".*/api/.*",
    "groups": r"^(/[^/?]*)(?:\?(.*))?$",
    "a named group": r"(?P<a>x)(?<b>y)",
    "flags": r"(?i)get (?s:.)(?i-s:x)",
    "a class with a bracket": r"[]a][^]a][[:alpha:]][a&&b]",
    "an escaped bracket": r"\[\(\{\\",
    "counts": r"a{2}b{2,}c{2,3}",
    "Unicode classes": r"\p{Greek}\pL\P{L}\x{1F600}",
    "anchors": r"\A\bfoo\b\z",
    "a parenthesis in a class": r"[(]",
    "nothing": "",
}
BAD = {
    "look-ahead": "a(?=b)",
    "negative look-ahead": "a(?!b)",
    "look-behind": "(?<=a)b",
    "negative look-behind": "(?<!a)b",
    "a back-reference": r"(a)\1",
    "a back-reference in a class": r"[\1]",
    "a word's begin in a class": r"[\<]",
    "a named back-reference": r"(?P<a>x)(?P=a)",
    "an atomic group": "(?>a)",
    "a condition": "(a)(?(1)b|c)",
    "a comment": "(?#x)a",
    "the end of text, as Python writes it": r"a\Z",
    "the verbose flag": "(?x) a",
    "a parenthesis too many": "a)",
    "a parenthesis too few": "(a",
    "an open class": "[a",
    "a class that begins with its end": "[]",
    "a brace that is no count": "a{x}",
    "a count without its least": "a{,3}",
    "a reversed range": "[z-a]",
    "nothing to repeat": "*a",
    "an unknown escape": r"\y",
    "a lone backslash": "a\\",
    "one that is too long": "a" * 5000,
}


@pytest.mark.parametrize("pattern", GOOD.values(), ids=GOOD)
def test_taken(pattern: str) -> None:
    check_regex(pattern)


@pytest.mark.parametrize("pattern", BAD.values(), ids=BAD)
def test_refused(pattern: str) -> None:
    with pytest.raises(RegexError, match=r"a regular expression|a pattern"):
        check_regex(pattern)


@pytest.mark.parametrize("pattern", GOOD.values(), ids=GOOD)
def test_what_is_taken_is_what_the_engine_takes(pattern: str) -> None:
    pl = pytest.importorskip("polars")

    assert pl.Series(["x"]).str.contains(pattern).len() == 1


@given(st.text(alphabet=r"ab()[]{}?:*+|\^$<>=!1,P-&d.", max_size=12))
def test_no_pattern_that_is_taken_fails_in_the_engine(pattern: str) -> None:
    pl = pytest.importorskip("polars")
    try:
        check_regex(pattern)
    except RegexError:
        return

    pl.Series(["ab1"]).str.contains(pattern)


GROUPS = {
    "none": ("a", 0),
    "two": ("(a)(b)", 2),
    "nested": ("((a)b)", 2),
    "named": ("(?P<a>x)(?<b>y)", 2),
    "not those that do not capture": ("(?:a)(?i:b)(?i)(c)", 1),
    "not those in a class": ("[(](a)", 1),
    "not those escaped": (r"\((a)", 1),
}


@pytest.mark.parametrize(("pattern", "count"), GROUPS.values(), ids=GROUPS)
def test_groups(pattern: str, count: int) -> None:
    assert groups_in(pattern) == count
