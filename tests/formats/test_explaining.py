"""Why a line is refused, and at which column."""

import pytest

from tocsin import formats
from tocsin.formats.explaining import explain

HIT = '10.0.0.1 - - [07/Feb/2019:21:11:00 +0000] "GET / HTTP/1.1" 200 12'
HEADER = b"time,who,status,bytes\n2019-02-07T21:11:00Z,a,200,1\n"

REFUSED = {
    "common: no user": ("common", b"", "10.0.0.1 [x]", 1, "expected 'host ident user"),
    "common: no quotes": (
        "common", b"", HIT.replace('"', ""), HIT.index("GET"), "expected a quoted request"),
    "common: a status in words": (
        "common", b"", HIT.replace("200", "OK"), HIT.index("200") + 1, "the status is"),
    "common: a size in words": (
        "common", b"", HIT.replace(" 12", " twelve"), HIT.index("12", 60) + 1, "the size is"),
    "common: the 41st of a month": (
        "common", b"", HIT.replace("07/", "41/"), HIT.index("07/") + 1, "is not a time"),
    "combined: no referer": (
        "combined", b"", HIT, len(HIT) + 1, "expected a quoted referer"),
    "combined: no quotes behind the size": (
        "combined", b"", f"{HIT} - -", len(HIT) + 2, "expected a quoted referer"),
    "csv: a time in words": ("csv", HEADER, "noon,a,200,1", 1, "'noon' is not a time"),
    "csv: a quoted value that does not end": (
        "csv", HEADER, '"noon,a,200,1', 0, "a quoted value does not end"),
    "csv: too few values": ("csv", HEADER, "noon,a", 0, "expected 4 values, found 2"),
    "json: a value is missing": ("json", b"", '{"time": }', 10, "it is not JSON"),
    "json: it does not end": ("json", b"", '{"time": 1', 11, "it is not JSON"),
    "nginx_error: half a time": (
        "nginx_error", b"", "2019/02/07 [", 1, "expected the field time"),
    "nginx_error: no level": (
        "nginx_error", b"", "2019/02/07 21:11:00 x", 21, "expected"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("form", "head", "line", "column", "reason"), REFUSED.values(), ids=REFUSED
)
def test_a_line_is_refused_with_the_place_that_is_wrong(
    form: str, head: bytes, line: str, column: int, reason: str
) -> None:
    codec = formats.get(form).open(head or line.encode())
    found = explain(codec, line.encode())
    assert found.fate == "refused"
    assert reason in found.reason
    assert found.column == column
