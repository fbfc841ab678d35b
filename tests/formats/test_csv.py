"""Delimited values: the columns against a slow parser, and what a header says."""

import csv
import io
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin import formats
from tocsin.formats.layout import MOST_COLUMNS, split
from tocsin.model.message import FieldType

HEADER = b'"remotehost","rfc931","authuser","date","request","status","bytes"\n'
ROW = b'"10.0.0.2","-","apache",1549573860,"GET /api/user HTTP/1.0",200,1234\n'

VALUE = st.lists(
    st.sampled_from(
        ["a", "b", ",", '"', '""', " ", "é", "\0", "\u2028", "\r", "1", ";", "\\"]
    ),
    max_size=4,
).map("".join)


def quoted(value: str) -> str:
    return '"' + value.replace('"', '""') + '"'


FIELD = VALUE | VALUE.map(quoted)
LINES = st.lists(FIELD, min_size=2, max_size=5).map(lambda v: ",".join(["1", *v]))


@settings(deadline=None)
@given(lines=st.lists(LINES, min_size=1, max_size=6))
def test_columns_and_a_slow_parser_agree(lines: list[str]) -> None:
    codec = formats.get("csv", columns=("time", "a", "b", "c"), delimiter=",").open(b"")
    batch = codec.parse("\n".join(lines).encode(), dict.fromkeys("abc"))
    split_up = [split(line.rstrip("\r"), ",") for line in lines]
    rows = [values for values in split_up if values and len(values) == 4]
    assert batch.frame.select("a", "b", "c").rows() == [tuple(row[1:]) for row in rows]
    assert batch.tally.parse_errors == len(lines) - len(rows)


@settings(deadline=None)
@given(values=st.lists(VALUE, min_size=1, max_size=5))
def test_what_the_standard_library_writes_is_read(values: list[str]) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(values)
    assert split(text.getvalue(), ",") == values


@pytest.mark.parametrize(
    "delimiter", [",", ";", "\t", "|", " ", "^", "]", "\\", "-", ":"]
)
def test_any_delimiter_divides(delimiter: str) -> None:
    names = ("time", "word", "number")
    text = delimiter.join(["1549573860", f'"x{delimiter}""y"', "7"]) + "\n"
    text += delimiter.join(["1549573860", f'"x{delimiter}y"', "8"]) + "\n"
    codec = formats.get("csv", columns=names, delimiter=delimiter).open(text.encode())
    frame = codec.parse(text.encode(), dict.fromkeys(names)).frame
    assert frame["word"].to_list() == [f'x{delimiter}"y', f"x{delimiter}y"]
    assert frame["number"].to_list() == ["7", "8"]


def test_the_header_of_the_exercise() -> None:
    codec = formats.get("csv").open(HEADER + ROW)
    names = [f.name for f in codec.message]
    assert names == [
        "remote_addr", "ident", "remote_user", "time", "request", "status", "bytes",
        "method", "path", "section", "protocol",
    ]  # fmt: skip
    assert codec.message.aliases == {
        "remotehost": "remote_addr", "rfc931": "ident", "authuser": "remote_user",
        "date": "time",
    }  # fmt: skip
    found = codec.message.find("rfc931")
    assert found is not None
    assert found.name == "ident"


@pytest.mark.parametrize("end", [b"\n", b"\r\n"], ids=["newline", "CR and newline"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["plain", "with a mark"])
def test_a_header_line_is_skipped_wherever_it_comes(mark: bytes, end: bytes) -> None:
    header, row = mark + HEADER.rstrip() + end, ROW.rstrip() + end
    codec = formats.get("csv").open(header + row)
    for block in (
        header + row + HEADER + row,
        row + end + row,
        row + b" \t" + end + row,
    ):
        tally = codec.parse(block, {}).tally
        assert (tally.events, tally.parse_errors) == (2, 0)
        assert tally.skipped == tally.lines - 2


def test_named_columns_need_no_header_and_skip_one_that_is_there() -> None:
    names = ("time", "level", "n")
    made = formats.get("csv", columns=names)
    for head in (b"1549573860,info,1\n", b"time,level,n\n1549573860,info,1\n"):
        codec = made.open(head)
        assert codec.parse(head, {}).tally.events == 1
        assert codec.parse(head, {}).tally.parse_errors == 0
    forced = formats.get("csv", columns=names, header=True).open(b"a,b,c\n2,x,3\n")
    assert forced.parse(b"a,b,c\n2,x,3\n", {}).tally.skipped == 1


@pytest.mark.parametrize("values", [["1", "-20"], ["1", "2.5"], ["1", "two"], [""]])
def test_first_values_do_not_decide_what_later_ones_are(values: list[str]) -> None:
    head = "".join(f"{n},{v}\n" for n, v in [("time", "x"), *enumerate(values)])
    codec = formats.get("csv").open(head.encode())
    batch = codec.parse(b"1,7\n2,x\n3,\n4,2.5\n", {"x": None})
    assert batch.frame["x"].to_list() == ["7", "x", "", "2.5"]
    batch = codec.parse(b"1,7\n2,x\n3,\n4,2.5\n", {"x": FieldType.FLOAT})
    assert batch.frame["x"].to_list() == [7, None, None, 2.5]
    assert batch.misfits == {"x": 1}


def test_values_that_do_not_fit_a_declared_type_are_counted() -> None:
    head = b"time,took,ok\n1,0.5,true\n2,soon,\n3,later,perhaps\n"
    declared = {"took": FieldType.DURATION, "ok": FieldType.BOOL}
    codec = formats.get("csv", fields=declared).open(head)
    batch = codec.parse(head, {"took": None, "ok": None})
    assert batch.frame["took"].to_list() == [0.5, None, None]
    assert batch.misfits == {"took": 2, "ok": 1}


def test_types_can_be_declared_by_either_name() -> None:
    declared = {"code": FieldType.STRING, "remotehost": FieldType.STRING}
    head = b"time,code,remotehost\n1,007,x\n"
    codec = formats.get("csv", fields=declared).open(head)
    assert codec.parse(head, {"code": None}).frame["code"].to_list() == ["007"]
    found = codec.message.find("remote_addr")
    assert found is not None
    assert found.type is FieldType.STRING


REFUSED = {
    "a value too few": ("a,b\n", "expected 7 values, found 2"),
    "a value too many": (ROW.decode().strip() + ",x\n", "expected 7 values, found 8"),
    "an open quote": ('"' + ROW.decode(), "quote"),
    "a quote in a bare value": (ROW.decode().replace("1234", '12"34'), "quote"),
    "junk after a quote": (ROW.decode().replace('"-"', '"-"x'), "quote"),
    "a time in words": (
        ROW.decode().replace("1549573860", "noon"),
        "'noon' is not a time",
    ),
    "a status in words": (ROW.decode().replace("200", "OK"), "not a whole number"),
    "a status with a fraction": (
        ROW.decode().replace("200", "200.5"),
        "not a whole number",
    ),
    "no size": (ROW.decode().replace("1234", ""), "not a whole number"),
}


@pytest.mark.parametrize(("line", "words"), REFUSED.values(), ids=REFUSED)
def test_a_refused_line_says_why(line: str, words: str) -> None:
    batch = formats.get("csv").open(HEADER + ROW).parse(ROW + line.encode() + ROW, {})
    assert (batch.tally.events, batch.tally.parse_errors) == (2, 1)
    assert words in batch.rejected[0].reason


def test_an_open_quote_swallows_no_line() -> None:
    codec = formats.get("csv").open(HEADER + ROW)
    opened = ROW.replace(b'"-"', b'"-')
    batch = codec.parse(opened + ROW + opened + ROW, {"status": None})
    assert batch.frame["status"].to_list() == [200, 200]


ODD_HEADERS: dict[str, tuple[bytes, dict[str, Any]]] = {
    "empty and repeated names": (
        b"time,,a,a\n1,2,3,4\n", {"column_2": "2", "a": "3", "column_4": "4"},
    ),
    "our own names": (b"time,line\n1,y\n", {"line_text": "y", "line": "1,y"}),
    "an alias beside its name": (
        b"time,user,remote_user\n1,a,b\n", {"user": "a", "remote_user": "b"},
    ),
    "a path without a request": (b"time,uri\n1,/a/b\n", {"section": "/a", "path": "/a/b"}),
    "a status that is none of HTTP": (b"time,status\n1,active\n", {"status": "active"}),
    "one column": (b"time\n1\n", {}),
}  # fmt: skip


@pytest.mark.parametrize(("head", "expected"), ODD_HEADERS.values(), ids=ODD_HEADERS)
def test_a_header_of_any_names_works(head: bytes, expected: dict[str, Any]) -> None:
    [row] = (
        formats.get("csv")
        .open(head)
        .parse(head, dict.fromkeys(expected))
        .frame.to_dicts()
    )
    assert {name: row[name] for name in expected} == expected


def test_another_column_may_be_the_time() -> None:
    head = b"ts,time\n1549573860,0.25\n"
    codec = formats.get("csv", time_field="ts").open(head)
    [row] = codec.parse(head, {"time_text": None}).frame.to_dicts()
    assert row == {
        "time": datetime(2019, 2, 7, 21, 11, tzinfo=UTC),
        "time_text": "0.25",
    }


def test_without_a_time_nothing_is_an_event() -> None:
    codec = formats.get("csv").open(b"a,b\n1,2\n")
    batch = codec.parse(b"a,b\n1,2\n\n", {"a": None})
    assert (batch.tally.parse_errors, batch.tally.skipped) == (2, 1)
    assert "no column holds the time" in batch.rejected[0].reason
    assert batch.frame.columns == ["time", "a"]


def test_a_header_of_very_many_columns_is_none() -> None:
    for count in (MOST_COLUMNS, MOST_COLUMNS * 100):
        names = ",".join(["time", *(f"c{n}" for n in range(count - 1))])
        head = f"{names}\n{','.join(['1'] * count)}\n".encode()
        tally = formats.get("csv").open(head).parse(head, {}).tally
        assert (tally.events == 1) is (count <= MOST_COLUMNS)
