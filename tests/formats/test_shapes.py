"""The shapes of bad lines: what tells samples apart."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin import formats
from tocsin.formats.shapes import different, shape, shapes

GOOD = b'10.0.0.1 - - [07/Feb/2019:21:11:01 +0000] "GET /a/b HTTP/1.1" 200 5\n'
PAIRS = {
    "numbers of any length": ("took 7 ms", "took 70031 ms", True),
    "ids of letters and digits": ("id=7f3a", "id=b", True),
    "more words": ("out of memory", "out of all disk space", True),
    "another sign": ("took 7 ms", "took 7.5 ms", False),
    "a number for a word": ("status ok;", "status 7;", False),
    "what follows a byte that is no text": ("a;\\xfe1", "a;\\xff:", True),
}


@pytest.mark.parametrize(("one", "two", "same"), PAIRS.values(), ids=PAIRS)
def test_what_has_the_same_shape(one: str, two: str, *, same: bool) -> None:
    assert (shape(one) == shape(two)) is same


@given(line=st.binary(max_size=60).map(lambda b: b.replace(b"\n", b"").strip(b"\r")))
def test_a_line_has_one_shape_as_it_came_and_as_it_is_shown(line: bytes) -> None:
    clean = line.decode(errors="replace").lstrip("\ufeff")
    shown = line.decode(errors="backslashreplace")
    assert shapes(pl.Series([clean]))[0] == shape(shown)


def test_a_thousand_alike_leave_room_for_the_one_that_is_different() -> None:
    alike = b"".join(b"worker %d started\n" % n for n in range(1000))
    block = alike + GOOD[:-9] + b"\n" + b"{}\n"
    batch = formats.get("common").open(GOOD).parse(block, {})
    assert [r.text for r in batch.rejected] == [
        "worker 0 started",
        GOOD[:-9].decode(),
        "{}",
    ]


def test_the_first_of_each_shape_is_kept_up_to_a_limit() -> None:
    samples = [(f"{sign}{n}", "why") for n in range(9) for sign in ":;,"]
    assert different(samples, 2) == ((":0", "why"), (";0", "why"))
