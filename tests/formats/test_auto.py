"""Which format a stream is in, and what people are told of it."""

from pathlib import Path

import pytest

from tocsin import formats
from tocsin.formats.access import FIELDS
from tocsin.formats.auto import BYTES, LINES
from tocsin.formats.options import FormatOptions

COMMON = b'10.0.0.1 - - [07/Feb/2019:21:11:01 +0000] "GET /a/b HTTP/1.1" 200 5\n'
COMBINED = COMMON[:-1] + b' "-" "x"\n'
JSON = b'{"time":1549573861}\n'
HEADER = b'"remotehost","rfc931","authuser","date","request","status","bytes"\n'
CSV = b'"10.0.0.2","-","apache",1549573860,"GET /api/user HTTP/1.0",200,1234\n'

HEADS = {
    "a combined log": (COMBINED * 9, "combined, 9 of the first 9 lines matched"),
    "a common log": (COMMON * 9, "common, 9 of the first 9 lines matched"),
    "both, mixed": (COMMON + COMBINED, "common, 2 of the first 2 lines matched"),
    "CSV": (HEADER + CSV * 4, "csv, 4 of the first 4 lines matched"),
    "CSV, so far a header": (HEADER, "csv, 0 of the first 0 lines matched"),
    "CSV without its header": (CSV * 4, "csv, 4 of the first 4 lines matched"),
    "CSV without its header, cut off in front": (
        CSV[20:] + CSV * 2,
        "csv, 2 of the first 3 lines matched",
    ),
    "seven values of something else": (b"1,2,3,1549573860,5,200,7\n", ""),
    "JSON": (JSON * 2, "json, 2 of the first 2 lines matched"),
    "JSON, the last line cut off": (
        JSON * 2 + JSON[:9],
        "json, 2 of the first 2 lines matched",
    ),
    "one line without an end": (
        COMBINED[:-1],
        "combined, 1 of the first 1 lines matched",
    ),
    "some rubbish": (
        b"starting\n\n" + COMBINED * 2,
        "combined, 2 of the first 3 lines matched",
    ),
    "mostly rubbish": (
        b"x\n" * 400 + COMMON,
        "common, 1 of the first 401 lines matched",
    ),
    "very many lines": (
        COMMON * 9999,
        f"common, {LINES} of the first {LINES} lines matched",
    ),
    "nothing": (b"", "there is no line yet to tell the format by"),
    "blank lines": (b"\n \n\r\n", "there is no line yet to tell the format by"),
}


@pytest.mark.parametrize(("head", "text"), HEADS.values(), ids=HEADS)
def test_what_is_decided(head: bytes, text: str) -> None:
    found = formats.detect(head)
    assert str(found) == text or not text
    assert found.format == (text.split(",", maxsplit=1)[0] if "," in text else "")
    opened = formats.get("auto").open(head)
    assert opened.parse(head, {}).tally == found.codec.parse(head, {}).tally


def test_what_nothing_fits_is_told_with_the_reasons() -> None:
    found = formats.detect(b"21h11 host program[1]: hello\n" * 3)
    assert (found.format, found.matched, found.total) == ("", 0, 3)
    text = str(found)
    assert text.startswith("no line matched any of docker, journald, json, combined, ")
    assert "21h11 host program[1]: hello" in text
    assert "json: it is not JSON" in text
    batch = found.codec.parse(b"a\n\nb\n", {"status": None})
    assert (batch.tally.parse_errors, batch.tally.skipped) == (2, 1)
    assert batch.frame.columns == ["time", "status"]
    assert batch.rejected[0].reason == "the format of this stream was not recognised"


ALONE = {
    "docker": b'{"log":"x\\n","stream":"stdout","time":"2019-02-07T21:11:01.5Z"}\n',
    "journald": b'{"__REALTIME_TIMESTAMP":"1549573861000000","MESSAGE":"a=b"}\n',
    "json": JSON,
    "combined": COMBINED,
    "common": COMMON,
}


@pytest.mark.parametrize(("name", "line"), ALONE.items(), ids=ALONE)
def test_what_a_format_that_stands_alone_takes_no_other_takes(
    name: str, line: bytes
) -> None:
    found = formats.detect(line * 30)
    assert str(found) == f"{name}, 30 of the first 30 lines matched"
    others = formats.detect(line * 30 + b"none of them\n").considered
    assert {c.format for c in others} == set(formats.names()) - {"auto"}
    less = {"combined": {"common"}, "docker": {"json"}}
    assert {c.format for c in others if c.matched} == {name, *less.get(name, ())}


def test_only_the_first_bytes_are_looked_at() -> None:
    long = JSON[:-2] + b',"x":"' + b"y" * (BYTES // 2) + b'"}\n'
    assert formats.detect(long * 3 + COMMON * 400).total == 1
    assert formats.detect(long * 3).format == "json"


def test_options_reach_the_formats() -> None:
    head = b"1549573860;info\n"
    assert formats.detect(head).format == ""
    named = FormatOptions(columns=("time", "level"), delimiter=";")
    assert formats.detect(head, named).format == "csv"


def test_the_exercise_is_read_as_well_without_its_header(shared_data: Path) -> None:
    whole = (shared_data / "sample_csv" / "sample_csv.txt").read_bytes()
    bare = whole.partition(b"\n")[2]
    fields = dict.fromkeys(f.name for f in FIELDS)
    ways = [formats.detect(text).codec.parse(text, fields) for text in (whole, bare)]
    assert ways[0].frame.equals(ways[1].frame)
    assert (ways[1].tally.parse_errors, ways[1].tally.skipped) == (0, 0)
