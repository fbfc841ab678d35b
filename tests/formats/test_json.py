"""JSON lines: hostile ones, nested ones, and every name a field may have."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin import formats
from tocsin.model.message import FieldType

GOOD = b'{"time":1549573861,"x":"a"}'
HOSTILE: dict[str, tuple[bytes, bool]] = {
    "nested 100,000 deep": (
        b'{"time":1,"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        False,
    ),
    "opened 100,000 times": (b'{"time":1,"x":' + b"[" * 100_000, False),
    "objects 100,000 deep": (b'{"x":' * 100_000 + b"1" + b"}" * 100_000, False),
    "nested 200 deep": (b'{"time":1,"x":' + b"[" * 200 + b"]" * 200 + b"}", False),
    "nested 50 deep": (b'{"time":1,"x":' + b"[" * 50 + b"]" * 50 + b"}", True),
    "two hundred objects side by side": (
        b'{"time":1,"x":[' + b"{}," * 200 + b"1]}",
        True,
    ),
    "a number of 5,000 digits": (b'{"time":1,"x":' + b"7" * 5000 + b"}", False),
    "a number of 39 digits": (b'{"time":1,"x":' + b"7" * 39 + b"}", False),
    "5,000 digits in a text": (b'{"time":1,"x":"' + b"7" * 5000 + b'"}', True),
    "a long fraction": (b'{"time":1,"x":0.' + b"7" * 500 + b"}", True),
    "beyond a double": (b'{"time":1,"x":1e400}', False),
    "NaN": (b'{"time":1,"x":NaN}', False),
    "Infinity": (b'{"time":1,"x":-Infinity}', False),
    "the same key twice": (b'{"time":1,"x":"first","x":"second"}', True),
    "the same time twice": (b'{"time":1,"time":"x"}', True),
    "a text of 10 MB": (b'{"time":1,"x":"' + b"y" * 10_000_000 + b'"}', True),
    "half a surrogate pair": (b'{"time":1,"x":"\\ud800"}', False),
    "a surrogate pair": (b'{"time":1,"x":"\\ud83d\\ude00"}', True),
    "an escaped NUL": (b'{"time":1,"x":"\\u0000"}', True),
    "a raw NUL": (b'{"time":1,"x":"\0"}', False),
    "undecodable bytes in a text": (b'{"time":1,"x":"\xff"}', True),
    "U+2028 in a text": ('{"time":1,"x":"\u2028"}'.encode(), True),
    "a trailing comma": (b'{"time":1,}', False),
    "two objects": (b'{"time":1}{"time":2}', False),
    "junk behind": (b'{"time":1} x', False),
    "spaces around": (b' \t{"time":1}\t ', True),
    "a list": (b'[{"time":1}]', False),
    "null": (b"null", False),
    "a text": (b'"time"', False),
    "an object without a time": (b'{"x":1}', False),
    "a time that is an object": (b'{"time":{"$date":1}}', False),
    "a time that is true": (b'{"time":true}', False),
    "a time past the calendar": (b'{"time":"10000-01-01T00:00:00Z"}', False),
}


@pytest.mark.parametrize(("line", "accepted"), HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize(
    "beside", [b"", GOOD + b"\n", b"rubbish\n"], ids=["alone", "good", "bad"]
)
def test_a_hostile_line_is_an_event_or_an_error(
    *, line: bytes, accepted: bool, beside: bytes
) -> None:
    codec = formats.get("json").open(GOOD)
    alone = codec.parse(beside, {}).tally
    batch = codec.parse(beside + line + b"\n" + beside, {"x": None})
    assert batch.tally.events == 2 * alone.events + accepted
    assert batch.tally.parse_errors == 2 * alone.parse_errors + (not accepted)
    assert all(rejected.reason for rejected in batch.rejected)
    assert all(len(rejected.text) <= 200 for rejected in batch.rejected)


VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text("abx.", min_size=1, max_size=3), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@settings(deadline=None)
@given(rows=st.lists(st.dictionaries(st.text("abx", max_size=2), VALUES, max_size=4),
                     min_size=1, max_size=5), ascii_only=st.booleans())  # fmt: skip
def test_what_the_standard_library_writes_is_read(
    rows: list[dict[str, Any]], *, ascii_only: bool
) -> None:
    text = "\n".join(
        json.dumps(row | {"time": 7}, ensure_ascii=ascii_only) for row in rows
    )
    batch = (
        formats.get("json").open(b"").parse(text.encode(), {"x": None, "line": None})
    )
    assert batch.tally.events == len(rows)
    assert batch.frame["line"].to_list() == text.split("\n")
    for row, found in zip(rows, batch.frame["x"].to_list(), strict=True):
        value = row.get("x")
        if value is None or isinstance(value, str):
            assert found == value
        elif isinstance(value, bool):
            assert found == str(value).lower()
        elif isinstance(value, int | float):
            assert float(found) == float(value)
        else:
            assert found is not None


def one(
    text: str, *names: str, head: bytes | None = None, **options: str
) -> dict[str, Any]:
    """Parse one line, and return its fields."""
    codec = formats.get("json", **options).open(text.encode() if head is None else head)
    [row] = codec.parse(text.encode(), dict.fromkeys(names)).frame.to_dicts()
    return row


CADDY = ('{"ts":1646861401.5241024,"request":{"remote_ip":"127.0.0.1","proto":"HTTP/2.0",'
         '"method":"GET","uri":"/a/b?c"},"size":2900,"status":200}')  # fmt: skip
NGINX = ('{"time_local":"07/Feb/2019:21:11:01 +0000","remote_addr":"10.0.0.1","status":"200",'
         '"request":"GET /a/b HTTP/1.1","body_bytes_sent":"12"}')  # fmt: skip
ELASTIC = ('{"@timestamp":"2019-02-07T21:11:01Z","http.request.method":"GET",'
           '"http":{"response":{"status_code":200}},"url":{"path":"/a/b"}}')  # fmt: skip
SAME = {"section": "/a", "method": "GET", "status": 200}
ACCESS = {
    "nginx": (NGINX, SAME | {"bytes": 12, "remote_addr": "10.0.0.1", "path": "/a/b"}),
    "Caddy": (CADDY, SAME | {"bytes": 2900, "protocol": "HTTP/2.0", "path": "/a/b?c"}),
    "Elastic's schema": (
        ELASTIC,
        SAME | {"path": "/a/b"},
    ),
    "our own names": (
        '{"time":1,"method":"GET","path":"/a/b","section":"/a","status":200}',
        SAME | {"path": "/a/b", "protocol": None},
    ),
    "a path that is not the request's": (
        '{"time":1,"request":"GET /proxy HTTP/1.1","uri":"/a/b","status":200}', SAME,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("line", "expected"), ACCESS.values(), ids=ACCESS)
@pytest.mark.parametrize(
    "head", [None, b"", b'{"other":1}'], ids=["seen", "no head", "other"]
)
def test_access_log_fields_are_found_under_any_name(
    line: str, expected: dict[str, Any], head: bytes | None
) -> None:
    row = one(line, *expected, head=head)
    assert {name: row[name] for name in expected} == expected


def test_a_dotted_name_is_a_path_or_a_key() -> None:
    assert one('{"ts":1,"a":{"b":{"c":5}}}', "a.b.c")["a.b.c"] == "5"
    assert one('{"ts":1,"a.b.c":"x"}', "a.b.c")["a.b.c"] == "x"
    both = one('{"ts":1,"a":{"b":[1,2]}}', "a", "a.b")
    assert json.loads(both["a"]) == {"b": [1, 2]}
    assert json.loads(both["a.b"]) == [1, 2]


def test_a_field_that_comes_later_is_found() -> None:
    head = b'{"ts":1,"level":"info"}\n'
    codec = formats.get("json").open(head)
    block = head + b'{"ts":2,"error":{"code":7}}\n'
    frame = codec.parse(block, {"error.code": FieldType.INT, "level": None}).frame
    assert frame["error.code"].to_list() == [None, 7]
    assert frame["level"].to_list() == ["info", None]


HEADS = ['{"n":1}', '{"n":true}', '{"n":"x"}', '{"n":1}\n{"n":"x"}', '{"n":null}', ""]


@pytest.mark.parametrize("head", HEADS)
def test_first_values_do_not_decide_what_later_ones_are(head: str) -> None:
    block = b"".join(
        b'{"ts":1,"n":%b}\n' % n for n in (b"7", b'"x"', b"2.5", b"true", b"null")
    )
    codec = formats.get("json").open(head.encode())
    batch = codec.parse(block, {"n": None})
    assert batch.frame["n"].to_list() == ["7", "x", "2.5", "true", None]
    assert batch.misfits == {}
    batch = codec.parse(block, {"n": FieldType.FLOAT})
    assert batch.frame["n"].to_list() == [7, None, 2.5, None, None]
    assert batch.misfits == {"n": 2}


def test_values_that_do_not_fit_a_declared_type_are_counted() -> None:
    block = b'{"ts":1,"ok":true,"status":"fine"}\n{"ts":1,"ok":7,"status":200}\n'
    codec = formats.get("json", fields={"ok": FieldType.BOOL}).open(b"")
    batch = codec.parse(block, {"ok": None, "status": None})
    assert batch.frame["ok"].to_list() == [True, None]
    assert batch.misfits == {"ok": 1, "status": 1}


TIMES = {
    "the likeliest name that is a time": ('{"time":"0.003","ts":1549573861}', {}),
    "by declaration": ('{"time":1,"seen":1549573861}', {"time_field": "seen"}),
    "nested": ('{"meta":{"at":"2019-02-07T21:11:01Z"}}', {"time_field": "meta.at"}),
    "as declared": ('{"t":"07.02.2019 21:11:01"}', {"time_format": "%d.%m.%Y %H:%M:%S"}),
    "milliseconds": ('{"timestamp":1549573861000}', {}),
    "microseconds, as text": ('{"timestamp":"1549573861000000"}', {}),
    "in the zone of the source": (
        '{"datetime":"2019-02-07 22:11:01"}', {"timezone": "Europe/Berlin"}),
}  # fmt: skip


@pytest.mark.parametrize(("line", "options"), TIMES.values(), ids=TIMES)
def test_the_time_is_found(line: str, options: dict[str, str]) -> None:
    assert one(line, head=None, **options)["time"].replace(microsecond=0) in {
        datetime(2019, 2, 7, 21, 11, 1, tzinfo=UTC),
        # A small number is a time as well: the first seconds of 1970.
        datetime(1970, 1, 1, tzinfo=UTC),
    }
