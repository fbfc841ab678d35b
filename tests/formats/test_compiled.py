"""The compiled cutter of access logs against its twin, which cuts them by columns."""

import calendar

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal, assert_series_equal
from tests.formats.ways import LINES, cutting

from tocsin import formats
from tocsin.formats import compiled, cut, requests
from tocsin.formats.cut import Cut
from tocsin.formats.instants import Clock
from tocsin.formats.lines import Piece, cleaned
from tocsin.model.batch import Coded

HIT = '%s - - [07/Feb/2019:21:11:01 +0000] "%s" 200 5 "-" "%s"\n'
PLAIN = HIT % ("10.0.0.1", "GET /a HTTP/1.1", "x")
TEXTS = ["remote_addr", "ident", "remote_user", "request", "method", "section", "rest"]
FIELDS = {
    "common": [*TEXTS, "status", "bytes"],
    "combined": [*TEXTS, "status", "bytes", "referer", "user_agent"],
}
REQUESTS = [
    "GET /a", "GET /a/b", "GET /?x=1", "GET /a b", "GET /a HTTP/1.", "GET /a HTTP/1.1 b",
    "GET /a HTTP/11", "GET  /a", " /a", "GET", "", "-", "OPTIONS *", "GET http://h/a", "\ufeff",
    "GET /\0/a", "G\0T /a", "GET /é?", "Gé /a", '\\"', "\\\\", "GET /a\\", "GET /a\\/b",
]  # fmt: skip


@st.composite
def blocks(draw: st.DrawFn) -> bytes:
    """Lines that are nearly right, and lines of odd requests; they come again and again."""
    asked = st.sampled_from(REQUESTS).map(lambda r: (HIT % ("h", r, "x")).rstrip("\n"))
    few = draw(st.lists(LINES | asked, min_size=1, max_size=8))
    lines = draw(st.lists(st.sampled_from(few), max_size=16))
    return "".join(f"{line}\n" for line in lines).encode()


def compiled_of(piece: Piece, fields: set[str], *, agents: bool) -> Cut:
    with cutting("compiled"):
        found = compiled.cut(piece, fields, agents=agents)
    assert found is not None
    return found


def columns_of(piece: Piece, fields: set[str], *, agents: bool) -> Cut:
    """Cut a piece by columns, and take its requests apart if that is asked for."""
    found = cut.cut(piece, fields | {"request"}, Clock("clf"), agents=agents)
    parts = requests.split(found.cells["request"], ["method", "section"])
    return Cut(found.cells.hstack(parts), found.lines, found.sure)


def sure_of(found: Cut) -> pl.Series:
    every = pl.repeat(True, found.cells.height, dtype=pl.Boolean, eager=True)
    return every if found.sure is None else found.sure


def expect_codes(column: pl.Series, coded: Coded) -> None:
    """Codes are those of the column, and as few as can be, from the first on."""
    assert_series_equal(coded.values.gather(coded.codes), column, check_names=False)
    assert coded.values.is_unique().all()
    first = coded.codes.filter(column.is_not_null()).unique(maintain_order=True)
    assert first.to_list() == list(range(coded.values.drop_nulls().len()))


@pytest.mark.parametrize("name", FIELDS)
@settings(max_examples=150)
@given(block=blocks(), data=st.data())
def test_the_twins_say_the_same_of_rows_that_both_are_sure_of(
    name: str, block: bytes, data: st.DataObject
) -> None:
    fields = data.draw(
        st.sets(st.sampled_from(FIELDS[name])) | st.just(set(FIELDS[name]))
    )
    piece = Piece(*cleaned(block))
    one = compiled_of(piece, fields, agents=name == "combined")
    other = columns_of(piece, fields, agents=name == "combined")
    both = sure_of(one) & sure_of(other)
    columns = ["time", *sorted(fields)]
    assert_frame_equal(
        one.cells.select(columns).filter(both), other.cells.select(columns).filter(both)
    )
    rows = pl.arange(piece.lines.len(), eager=True)
    assert_series_equal(one.lines(rows), piece.lines, check_names=False)
    if not piece.returns:
        assert set(one.coded) == fields - {"bytes"}
        for field, coded in one.coded.items():
            expect_codes(one.cells[field], coded)


MANY = 70_000
COUNTED = {
    "nothing": ("", 0),
    "a blank line": ("\n", 0),
    "blank lines": ("\n" * 1_000, 0),
    "one line": (PLAIN, 1),
    "blank lines in between": (f"\n{PLAIN}\n\n{PLAIN}\n", 2),
    "a line of a megabyte": (
        PLAIN + HIT % ("h", "GET /" + "x" * 2**20, "y") + PLAIN,
        3,
    ),
    "a megabyte of backslashes": (HIT % ("h", "\\" * 2**20, "y") + PLAIN, 2),
    "a megabyte of quotes": (HIT % ("h", '\\"' * 2**19, "y") + PLAIN, 2),
    "many short lines": ("x\n" * 200_000 + PLAIN, 1),
    "many different texts": (
        "".join(HIT % (f"h{n}", f"GET /{n}", n % 300) for n in range(MANY)),
        MANY,
    ),
}


@pytest.mark.parametrize(("text", "good"), COUNTED.values(), ids=COUNTED)
def test_every_line_is_a_row(text: str, good: int) -> None:
    found = compiled_of(Piece(text.encode(), returns=False), set(TEXTS), agents=True)
    assert found.cells.height == text.count("\n")
    assert sure_of(found).sum() == good
    for field, coded in found.coded.items():
        expect_codes(found.cells[field], coded)


def test_however_many_texts_there_are_each_has_its_number() -> None:
    text, _ = COUNTED["many different texts"]
    fields = {"remote_addr", "request", "user_agent", "section"}
    found = compiled_of(Piece(text.encode(), returns=False), fields, agents=True)
    expected = pl.DataFrame({
        "remote_addr": [f"h{n}" for n in range(MANY)],
        "request": [f"GET /{n}" for n in range(MANY)],
        "section": [f"/{n}" for n in range(MANY)],
        "user_agent": [str(n % 300) for n in range(MANY)],
    })  # fmt: skip
    assert_frame_equal(found.cells.select(expected.columns), expected)
    counts = {field: coded.values.len() for field, coded in found.coded.items()}
    most = dict.fromkeys(["remote_addr", "request", "section"], MANY)
    assert counts == most | {"user_agent": 300}


def test_a_block_whose_last_line_does_not_end_is_not_cut() -> None:
    piece = Piece(PLAIN.rstrip("\n").encode())
    with cutting("compiled"):
        assert compiled.cut(piece, {"status"}, agents=True) is None


@pytest.mark.parametrize("text", ["x\x01", "x^", "x\u0680", "\ufeff", "\0", ""])
def test_a_text_that_begins_like_compressed_data_is_a_text(text: str) -> None:
    piece = Piece((HIT % ("h", text, text)).encode())
    found = compiled_of(piece, {"request", "user_agent"}, agents=True)
    assert found.cells.select("request", "user_agent").rows() == [(text, text)]


DAYS = [(day, month, year)
        for year in (1, 2, 4, 99, 100, 400, 1582, 1900, 1969, 1970, 1999, 2000, 2019, 2020,
                     2037, 2038, 2100, 2400, 9996, 9998, 9999)
        for month in calendar.month_abbr[1:] for day in (0, 1, 28, 29, 30, 31, 32)]  # fmt: skip
STAMPS = [f"{d:02}/{m}/{y:04}:21:11:01 +0130" for d, m, y in DAYS] + [
    f"07/Feb/2019:{rest}" for rest in (
        "00:00:00 +0000", "23:59:59 -0000", "24:00:00 +0000", "00:60:00 +0000", "00:00:60 +0000",
        "00:00:61 +0000", "00:00:00 +2359", "00:00:00 -2359", "00:00:00 +2400", "00:00:00 -0060",
        "00:00:00 -0130", "00:00:00 -1100", "00:00:00  0000", "00-00:00 +0000", "00:00-00 +0000",
        "0x:00:00 +0000", "00:0x:00 +0000", "00:00:0x +0000", "00:00:00 +0x00", "00:00:00 +000x",
        "00:00:00T+0000", "00:00:00 +00000", "00:00:00 +000", " 0:00:00 +0000", "-1:00:00 +0000",
    )
] + [
    "07/feb/2019:21:11:01 +0000", "07/FEB/2019:21:11:01 +0000", "07/anF/2019:21:11:01 +0000",
    "07-Feb/2019:21:11:01 +0000", "07/Feb-2019:21:11:01 +0000", "07/Feb/2019 21:11:01 +0000",
    "7x/Feb/2019:21:11:01 +0000", "07/Feb/x019:21:11:01 +0000", "07/Feb/201x:21:11:01 +0000",
]  # fmt: skip


def test_stamps_are_read_as_by_the_clock() -> None:
    lines = [PLAIN.replace("07/Feb/2019:21:11:01 +0000", stamp) for stamp in STAMPS]
    found = compiled_of(Piece("".join(lines).encode()), set(), agents=True)
    expected = Clock("clf").read(pl.Series("time", STAMPS))
    sure = sure_of(found)
    assert_series_equal(found.cells["time"].filter(sure), expected.filter(sure))
    ends = pl.Series([s[6:12] in {"/0001:", "/9999:"} or ":60 " in s for s in STAMPS])
    assert_series_equal(sure, expected.is_not_null() & ~ends, check_names=False)


EDGES = {
    "a bracket in a user": PLAIN.replace("- - [", "- a[b ["),
    "a bracket in an identity": PLAIN.replace("- - [", "[- - ["),
    "a user with blanks": PLAIN.replace("- - [", "- a b ["),
    "no user": PLAIN.replace("- - [", "-  ["),
    "a sign in a host": PLAIN.replace("10.0.0.1", "10\0\t\x7f1"),
    "a host with a quote": PLAIN.replace("10.0.0.1", '10"1'),
    "a status of one digit": PLAIN.replace(" 200 ", " 2 "),
    "a status that begins with 0": PLAIN.replace(" 200 ", " 020 "),
    "a status of nine digits": PLAIN.replace(" 200 ", f" {'9' * 9} "),
    "a status of ten digits": PLAIN.replace(" 200 ", f" {'9' * 10} "),
    "a size of 18 digits": PLAIN.replace(" 5 ", f" {'9' * 18} "),
    "a size of 19 digits": PLAIN.replace(" 5 ", f" {'1' * 19} "),
    "a size with a minus": PLAIN.replace(" 5 ", " -5 "),
    "no size": PLAIN.replace(" 5 ", "  "),
    "a size is all": PLAIN[: PLAIN.index(" 5 ")] + " 5\n",
    "nothing behind the blank": PLAIN[: PLAIN.index(' "-"')] + " \n",
    "nothing behind the agent": PLAIN.replace("\n", " \n"),
    "a rest": PLAIN.replace("\n", ' 0.1 "z\n'),
    "a line with a rest, and one without": PLAIN.replace("\n", " 1\n") + PLAIN,
    "an agent with a backslash": PLAIN.replace('"x"', '"x\\"'),
    "an agent with two": PLAIN.replace('"x"', '"x\\\\"'),
    "an escaped letter": PLAIN.replace('"x"', '"\\é\\\\\\""'),
    "returns": PLAIN.replace("x", "x\r").replace("\n", "\r\r\n") + PLAIN,
    "a mark of byte order": "\ufeff" + PLAIN,
}


@pytest.mark.parametrize("name", FIELDS)
@pytest.mark.parametrize("text", EDGES.values(), ids=EDGES)
def test_lines_at_the_edges_are_the_same_without_the_library(
    text: str, name: str
) -> None:
    expect_the_same(name, text.encode(), [*FIELDS[name], "line"])
    expect_the_same(name, (PLAIN + text + PLAIN).encode(), ["status"])


@pytest.mark.parametrize("name", FIELDS)
@settings(max_examples=75)
@given(block=blocks(), data=st.data())
def test_without_the_library_a_batch_is_the_same(
    name: str, block: bytes, data: st.DataObject
) -> None:
    names = st.sets(st.sampled_from([*FIELDS[name], "path", "line"]))
    expect_the_same(name, block, sorted(data.draw(names)))


def expect_the_same(name: str, block: bytes, fields: list[str]) -> None:
    """A block is parsed to the same batch with the library and without."""
    codec = formats.get(name).open(b"")
    batches, lines = [], []
    for way in ("compiled", "columns"):
        with cutting(way):
            batch = codec.parse(block, dict.fromkeys(fields))
            assert batch.lines is not None
            lines.append(batch.lines(pl.arange(batch.frame.height, eager=True)))
            batches.append(batch)
    one, other = batches
    assert_frame_equal(one.frame, other.frame)
    assert (one.tally, one.rejected) == (other.tally, other.rejected)
    assert one.misfits == other.misfits
    assert one.refused is not None
    assert other.refused is not None
    assert_frame_equal(one.refused, other.refused)
    assert_series_equal(*lines, check_names=False)
    for field, coded in one.coded.items():
        expect_codes(one.frame[field], coded)
