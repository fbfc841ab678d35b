"""Formats that users write, typed values with units, and years that no stamp names."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tocsin import formats
from tocsin.formats import FormatError, page, surgery, typed
from tocsin.formats.instants import Clock, since_of
from tocsin.model.message import FieldType

HIT = b'10.0.0.1 - bob [07/Feb/2019:21:11:01 +0000] "GET /a/b?x HTTP/1.1" 200 5'
FULL = HIT + b' "-" "curl"'
NGINX = """log_format main '$remote_addr - $remote_user [$time_local] "$request" '
    '$status $body_bytes_sent "$http_referer" '
    '"$http_user_agent" $request_time';"""
APACHE = (
    r'LogFormat "%h %l %u %t \"%r\" %>s %b \"%{Referer}i\" \"%{User-agent}i\" %D" x'
)
ACCESS = {
    "remote_addr": "10.0.0.1",
    "remote_user": "bob",
    "status": 200,
    "section": "/a",
}


def one(kind: str, text: str, line: bytes) -> dict[str, Any]:
    made = formats.get(kind, text=text, reference=page.REFERENCE)
    names = [f.name for f in formats.message_of(made)]
    batch = made.open(line).parse(line, dict.fromkeys(names))
    assert batch.rejected == ()
    (row,) = batch.frame.to_dicts()
    return row


@pytest.mark.parametrize(
    ("kind", "text", "line", "expected"),
    [
        pytest.param("log_format", NGINX, FULL + b" 0.012",
                     {**ACCESS, "user_agent": "curl", "request_time": 0.012},
                     id="nginx, the whole statement"),
        pytest.param("log_format", APACHE, FULL + b" 1200",
                     {**ACCESS, "referer": "-", "duration": 0.0012},
                     id="Apache, the whole statement"),
        pytest.param("log_format", "%v %{%Y-%m-%d %H:%M:%S}t %>s %{ms}T %%",
                     b"shop 2019-02-07 21:11:01 200 15 %",
                     {"server_name": "shop", "status": 200, "duration_ms": 0.015},
                     id="Apache, a time of its own"),
        pytest.param("grok", "%{COMBINEDAPACHELOG}", FULL,
                     {**ACCESS, "method": "GET", "path": "/a/b?x", "user_agent": "curl"},
                     id="grok, a whole log"),
        pytest.param("grok", "%{SYSLOGLINE}", b"Mar 27 13:06:56 h sshd[12]: hello",
                     {"program": "sshd", "pid": "12", "message": "hello"},
                     id="grok, syslog"),
        pytest.param("grok", r"%{TIMESTAMP_ISO8601:time} %{WORD:[a][b]} %{NUMBER:n:int}",
                     b"2019-02-07T21:11:01Z x 7", {"a.b": "x", "n": 7},
                     id="grok, a nested name"),
        pytest.param("regex", r'\[(?P<time>[^\]]+)\] "(?P<request>.*?)" (?P<status>\d+)',
                     HIT, {"method": "GET", "status": 200}, id="a regex that searches"),
        pytest.param("pattern", "{} {time:%F %T}|{{x}} {took:duration:ms} {n:bytes:kb} {m}",
                     b"a b 2019-02-07 21:11:01|{x} 12 3 b c",
                     {"took": 0.012, "n": 3000, "m": "b c"}, id="units and braces"),
        pytest.param("pattern", '{time:epoch} "{m}" {b:bool} {f:float}',
                     rb'1549573861123 "a \" b" true 1.5',
                     {"m": r"a \" b", "b": True, "f": 1.5}, id="an escaped quote"),
    ],
)  # fmt: skip
def test_a_line_in_a_format_of_ones_own(
    kind: str, text: str, line: bytes, expected: Mapping[str, Any]
) -> None:
    row = one(kind, text, line)
    assert {name: row[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("kind", "text", "words", "at"),
    [
        pytest.param("pattern", "{time} {a", "a lone '{'", 7, id="an open brace"),
        pytest.param(
            "pattern", "{time}{a}", "nothing stands between", 7, id="no literal"
        ),
        pytest.param("pattern", "{time} {a} {a}", "twice", 12, id="twice"),
        pytest.param("pattern", "{time} {a:itn}", "got 'itn'", 10, id="no such type"),
        pytest.param("pattern", "{time:%Q}", "'%Q'", 6, id="no such part of a time"),
        pytest.param("pattern", "{time:%H:%M}", "a day and an hour", 6, id="no date"),
        pytest.param(
            "pattern", "{a} {b}", "no field holds the time", None, id="no time"
        ),
        pytest.param(
            "pattern", "{a:iso} {b:iso}", "more than one", None, id="two times"
        ),
        pytest.param("pattern", "", "is empty", None, id="nothing"),
        pytest.param(
            "grok", "x %{NUMBR:x}", "no pattern 'NUMBR'", 4, id="no such name"
        ),
        pytest.param("grok", "%{NUMBER", "unfinished", 0, id="an open pattern"),
        pytest.param("regex", r"(?P<time>x)(?=y)", "look-around", 11, id="look-around"),
        pytest.param(
            "regex", r"(?P<time>x)\1", "back-reference", 11, id="back-reference"
        ),
        pytest.param("regex", r"(?P<time>x", "no regular expression", 0, id="broken"),
        pytest.param("regex", r"x+", "no named group", None, id="no group"),
        pytest.param(
            "log_format", "%h %Y", "'%Y' is no directive", 3, id="no directive"
        ),
        pytest.param("log_format", "words", "no field", None, id="no field"),
    ],
)
def test_what_cannot_be_compiled_is_told_with_its_place(
    kind: str, text: str, words: str, at: int | None
) -> None:
    with pytest.raises(FormatError, match=words.replace("(", r"\(")) as caught:
        formats.message_type(kind, formats.FormatOptions(text=text))
    assert caught.value.at == at
    assert caught.value.key == kind


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (FieldType.DURATION, "12ms", 0.012),
        (FieldType.DURATION, "1m30.5s", 90.5),
        (FieldType.DURATION, "-2h", -7200.0),
        (FieldType.DURATION, "1.5", 1.5),
        (FieldType.DURATION, "1m x", None),
        (FieldType.BYTES, "1.5KiB", 1536),
        (FieldType.BYTES, "2 MB", 2_000_000),
        (FieldType.BYTES, "512k", 524_288),
        (FieldType.BYTES, "-", 0),
        (FieldType.BYTES, "3 parsecs", None),
    ],
)
def test_units_of_values(kind: FieldType, text: str, value: float | None) -> None:
    assert typed.cast(pl.Series([text, None]), kind, Clock()).to_list() == [value, None]


BSD = "%b %e %H:%M:%S"


@pytest.mark.parametrize(
    ("first", "written", "stamp", "expected"),
    [
        pytest.param("Mar 27 13:00:00", "2019-06-01", "Mar 28 13:00:00", "2019-03-28T13:00",
                     id="the year of the last write"),
        pytest.param("Dec 30 10:00:00", "2024-01-02", "Dec 31 10:00:00", "2023-12-31T10:00",
                     id="last year, seen in January"),
        pytest.param("Dec 30 10:00:00", "2024-01-02", "Jan  1 00:00:00", "2024-01-01T00:00",
                     id="over new year"),
        pytest.param("Jan  1 00:30:00", "2023-12-31", "Jan  1 00:30:00", "2024-01-01T00:30",
                     id="a zone that is ahead, at new year"),
        pytest.param("Feb 29 00:00:00", "2024-03-01", "Feb 29 00:00:00", "2024-02-29T00:00",
                     id="a leap day"),
        pytest.param("Mar  1 00:00:00", "2024-03-02", "Feb 20 00:00:00", "2024-02-20T00:00",
                     id="a line that is older than the first"),
    ],
)  # fmt: skip
def test_a_stamp_without_a_year(
    first: str, written: str, stamp: str, expected: str
) -> None:
    at = datetime.fromisoformat(written).replace(hour=18, tzinfo=UTC)
    clock = Clock(BSD)
    since = since_of(pl.Series([first]), clock, int(at.timestamp() * 1_000_000))
    (found,) = Clock(BSD, since=since).read(pl.Series([stamp])).to_list()
    assert found == datetime.fromisoformat(expected).replace(tzinfo=UTC)


def test_without_a_reference_no_year_is_made_up() -> None:
    batch = formats.get("syslog").open(b"").parse(b"Mar 27 13:06:56 h p: x\n", {})
    assert batch.tally.parse_errors == 1
    assert "names no year" in batch.rejected[0].reason


@pytest.mark.parametrize(
    ("regex", "quick"),
    [
        (r"(?P<a>.*?) - (?P<b>.*)$", r"^(?P<a>[^ ]*) - (?P<b>.*)$"),
        (r"(?P<a>\S+) x", r"^(?P<a>\S+) x"),
        (r"(qa)?(.*?)q(a.*)$", r"^(qa)?(.*?)q(a.*)$"),
        (r"[(.*?)x](?P<a>.*?)x", r"^[(.*?)x](?P<a>[^x]*)x"),
        (r"a|b", r"a|b"),
    ],
)
def test_only_what_leaves_no_choice_is_hastened(regex: str, quick: str) -> None:
    assert surgery.hastened(regex) == quick


def test_a_real_syslog_comes_to_what_others_counted(shared_data: Path) -> None:
    folder = shared_data / "elastic_auth"
    facts = json.loads((folder / "facts.json").read_text(encoding="utf-8"))
    data = (folder / "auth.log").read_bytes()
    made = formats.get("syslog", reference=page.REFERENCE).open(data[:100_000])
    batch = made.parse(data, {"program": None, "message": None})
    assert (batch.tally.events, batch.tally.parse_errors) == (facts["parsed"], 0)
    assert dict(batch.frame["program"].value_counts().iter_rows()) == facts["programs"]
    days = batch.frame["time"].dt.strftime("%b %d").value_counts().iter_rows()
    assert dict(days) == facts["days"]
    for words, count in facts["message_counts(substring)"].items():
        found = batch.frame["message"].str.contains(words, literal=True).sum()
        assert found == count, words
    options = formats.FormatOptions(reference=page.REFERENCE)
    assert formats.detect(data[:50_000], options).format == "syslog"
