"""Access logs: the columns against a parser that is slow and obviously right."""

import calendar
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.formats.ways import LINES, PIECES, WAYS, cutting, mutated

from tocsin import formats
from tocsin.formats import compiled, cut
from tocsin.formats.instants import Clock
from tocsin.formats.lines import Piece

LINE = '10.0.0.1 - - [07/Feb/2019:21:11:01 +0000] "GET /a/b HTTP/1.1" 200 5 "-" "x"'
RAW = [
    "remote_addr", "ident", "remote_user", "request", "status", "bytes", "referer",
    "user_agent", "rest", "line",
]  # fmt: skip
MONTHS = [f"{datetime(2019, m, 1, tzinfo=UTC):%b}" for m in range(1, 13)]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> Iterator[str]:
    """Runs a test both ways."""
    with cutting(request.param):
        yield request.param


def number(text: str, most: int) -> int | None:
    return (
        int(text) if text.isascii() and text.isdigit() and len(text) <= most else None
    )


def stamp(text: str) -> int | None:
    """Seconds since the epoch of a stamp, by hand."""
    if len(text) != 26 or [text[n] for n in (2, 6, 11, 14, 17, 20)] != list("//::: "):
        return None
    digits = "".join(text[a : a + 2] for a in (0, 7, 9, 12, 15, 18, 22, 24))
    if not (digits.isascii() and digits.isdigit()):
        return None
    if text[3:6] not in MONTHS or text[21] not in "+-":
        return None
    day, month, year = int(text[:2]), MONTHS.index(text[3:6]) + 1, int(text[7:11])
    hour, minute, second = int(text[12:14]), int(text[15:17]), int(text[18:20])
    hours, minutes = int(text[22:24]), int(text[24:26])
    if not year or not 1 <= day <= calendar.monthrange(year, month)[1]:
        return None
    if hour > 23 or minute > 59 or second > 60 or hours > 23 or minutes > 59:
        return None
    sign = -1 if text[21] == "-" else 1
    local = datetime(year, month, day, hour, minute, tzinfo=UTC) - EPOCH
    seconds = (
        local // timedelta(seconds=1) + second - sign * (hours * 60 + minutes) * 60
    )
    return seconds if -62135596800 <= seconds <= 253402300799 else None


def quoted(text: str) -> tuple[str, str] | None:
    """Take one quoted value off the start of a text, and return it and the rest."""
    if not text.startswith('"'):
        return None
    at = 1
    while at < len(text):
        if text[at] == '"':
            return text[1:at], text[at + 1 :]
        at += 2 if text[at] == "\\" else 1
    return None


def who(text: str) -> dict[str, Any] | None:
    """Read `host ident user [`, up to its bracket."""
    parts = text.split(" ", 2)
    if len(parts) < 3 or not all(parts):
        return None
    host, ident, user = parts
    if '"' in text or "[" in user or user != user.strip(" "):
        return None
    return {"remote_addr": host, "ident": ident, "remote_user": user}


def lead(line: str) -> tuple[dict[str, Any], str] | None:
    """Read up to the request, and return that and the rest."""
    # The user has no bracket in it, the host and the identity may.
    for at in range(len(line)):
        if line.startswith(" [", at):
            row = who(line[:at])
            end = line.find("]", at)
            if row is None or end < 0 or not line.startswith('] "', end):
                continue
            row["time"] = stamp(line[at + 2 : end])
            return (row, line[end + 2 :]) if row["time"] is not None else None
    return None


def agents_of(row: dict[str, Any], rest: str) -> dict[str, Any]:
    """Read referer, user agent and the rest; the rest is all of it if they are bad."""
    left = row | {"referer": None, "user_agent": None, "rest": rest[1:]}
    for name in ("referer", "user_agent"):
        value = quoted(rest[1:]) if rest.startswith(" ") else None
        if value is None:
            return left
        row[name], rest = value
    if rest and not rest.startswith(" "):
        return left
    return row | {"rest": rest[1:] if rest else None}


def tail(row: dict[str, Any], text: str, *, agents: bool) -> dict[str, Any] | None:
    """Read ` status bytes` and what follows."""
    parts = text.split(" ", 3)
    if len(parts) < 3 or parts[0]:
        return None
    row["status"] = number(parts[1], 9)
    row["bytes"] = 0 if parts[2] == "-" else number(parts[2], 18)
    if row["status"] is None or row["bytes"] is None:
        return None
    rest = " " + parts[3] if len(parts) > 3 else ""
    if agents:
        return agents_of(row, rest) if rest.startswith(' "') else None
    return row | {"rest": rest[1:] if rest else None}


def reference(line: str, *, agents: bool) -> dict[str, Any] | None:
    """Parse one line of common or combined, character by character."""
    found = lead(line)
    request = quoted(found[1]) if found else None
    if found is None or request is None:
        return None
    row = tail(found[0] | {"request": request[0]}, request[1], agents=agents)
    return row | {"line": line} if row else None


FIELDS = st.sets(st.sampled_from(RAW)) | st.just(set(RAW))


@pytest.mark.parametrize("agents", [True, False], ids=["combined", "common"])
@pytest.mark.parametrize("way", WAYS)
@settings(deadline=None, max_examples=150)
@given(lines=st.lists(LINES, min_size=1, max_size=8), wanted=FIELDS)
def test_columns_and_a_slow_parser_agree(
    *, agents: bool, way: str, lines: list[str], wanted: set[str]
) -> None:
    codec = formats.get("combined" if agents else "common").open(b"")
    fields = wanted if agents else wanted - {"referer", "user_agent"}
    with cutting(way):
        batch = codec.parse("\n".join(lines).encode(), dict.fromkeys(fields))
    texts = [line.rstrip("\r").lstrip("\ufeff") for line in lines]
    rows = [row for row in (reference(t, agents=agents) for t in texts) if row]
    for row in rows:
        row["time"] = row["time"] * 1_000_000
    found = batch.frame.with_columns(pl.col("time").to_physical()).to_dicts()
    assert found == [{key: row[key] for key in ["time", *fields]} for row in rows]


@pytest.mark.parametrize("agents", [True, False], ids=["combined", "common"])
@pytest.mark.parametrize("way", WAYS)
@settings(deadline=None, max_examples=25)
@given(lines=st.lists(LINES, min_size=1, max_size=8), wanted=FIELDS)
def test_many_lines_that_are_alike_are_read_as_few_are(
    *, agents: bool, way: str, lines: list[str], wanted: set[str]
) -> None:
    """Of many that are alike, each part is read once."""
    codec = formats.get("combined" if agents else "common").open(b"")
    names = (wanted if agents else wanted - {"referer", "user_agent"}) | {"section"}
    block = "".join(f"{line}\n" for line in lines).encode()
    with cutting(way):
        few = codec.parse(block, dict.fromkeys(names)).frame
        many = codec.parse(block * 600, dict.fromkeys(names)).frame
    assert many.equals(pl.concat([few] * 600))


def test_the_mutations_reach_every_path() -> None:
    """The law above is worth something: it meets good lines, and bad, and escaped."""
    lines = [mutated([(place, token, instead)])
             for place in range(len(PIECES)) for token in ('\\"', "-", "200")
             for instead in (True, False)]  # fmt: skip
    good = [line for line in lines if reference(line, agents=True)]
    assert len(lines) // 4 < len(good) < len(lines)
    assert any('\\"' in line for line in good)


TABLE = {
    "a host with brackets": (LINE.replace("10.0.0.1", "[::1]"), "[::1]", "-"),
    "a user with spaces": (LINE.replace("- - [", "- a b [", 1), "10.0.0.1", "a b"),
    "a user of a domain": (LINE.replace("- - [", "- D\\u [", 1), "10.0.0.1", "D\\u"),
}


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize(("line", "addr", "user"), TABLE.values(), ids=TABLE)
def test_who_it_was(line: str, addr: str, user: str) -> None:
    codec = formats.get("combined").open(line.encode())
    frame = codec.parse(line.encode(), {"remote_addr": None, "remote_user": None}).frame
    assert frame.select("remote_addr", "remote_user").rows() == [(addr, user)]


BADLY_QUOTED = [
    '"-"',
    '"-',
    '"',
    '"-" "',
    '"-" "x',
    '"-" "x"y',
    '"-" "x "y" z"',
    '"-" x',
    '"-""x"',
]


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("tail", BADLY_QUOTED)
def test_a_hit_counts_whatever_became_of_its_agent(tail: str) -> None:
    line = LINE.replace('"-" "x"', tail).encode()
    codec = formats.get("combined").open(line)
    fields = ["status", "referer", "user_agent", "rest"]
    frame = codec.parse(line, dict.fromkeys(fields)).frame
    assert frame.select(fields).rows() == [(200, None, None, tail)]


REASONS = {
    "nothing like it": ("hello", "host ident user"),
    "no request": (LINE.replace('"GET /a/b HTTP/1.1"', "GET"), "quoted request"),
    "an open request": (LINE.split(" HTTP", maxsplit=1)[0], "does not end"),
    "a status in words": (LINE.replace("200", "OK"), "status"),
    "a size in words": (LINE.replace(" 5 ", " big "), "size"),
    "no referer": (LINE.removesuffix(' "-" "x"'), "quoted referer"),
    "a bare referer": (LINE.replace('"-" "x"', "- -"), "quoted referer"),
    "a day that never was": (LINE.replace("07/Feb", "30/Feb"), "not a time"),
    "a time before the first": (LINE.replace("2019", "0000"), "not a time"),
    "two spaces": (LINE.replace(" - ", "  - ", 1), "host ident user"),
}


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize(("line", "words"), REASONS.values(), ids=REASONS)
def test_a_refused_line_is_shown_with_the_reason(line: str, words: str) -> None:
    batch = formats.get("combined").open(LINE.encode()).parse(line.encode(), {})
    assert batch.frame.is_empty()
    [rejected] = batch.rejected
    assert rejected.text == line
    assert words in rejected.reason


@pytest.mark.usefixtures("way")
def test_undecodable_bytes_are_replaced_in_fields_and_escaped_in_samples() -> None:
    codec = formats.get("combined").open(LINE.encode())
    good = LINE.encode().replace(b"/a/b", b"/a\xff/b")
    bad = b"\xfe" * 300
    batch = codec.parse(LINE.encode() + b"\n" + bad + b"\n" + good, {"path": None})
    assert batch.frame["path"].to_list() == ["/a/b", "/a\ufffd/b"]
    assert batch.rejected[0].text == ("\\xfe" * 300)[:200]


REQUESTS = {
    "GET /pages/create HTTP/1.1": ("GET", "/pages/create", "/pages", "HTTP/1.1"),
    "GET / HTTP/1.1": ("GET", "/", "/", "HTTP/1.1"),
    "GET /?x=1/2 HTTP/2.0": ("GET", "/?x=1/2", "/", "HTTP/2.0"),
    "GET /report HTTP/1.0": ("GET", "/report", "/report", "HTTP/1.0"),
    "GET /report?x HTTP/1.0": ("GET", "/report?x", "/report", "HTTP/1.0"),
    "GET //x HTTP/1.0": ("GET", "//x", "/", "HTTP/1.0"),
    "GET /a b/c HTTP/1.1": ("GET", "/a b/c", "/a b", "HTTP/1.1"),
    "GET /old": ("GET", "/old", "/old", None),
    "GET /x HTTP/1.1 HTTP/1.1": ("GET", "/x HTTP/1.1", "/x HTTP", "HTTP/1.1"),
    "OPTIONS * HTTP/1.1": ("OPTIONS", "*", None, "HTTP/1.1"),
    "GET http://h/a/b HTTP/1.1": ("GET", "http://h/a/b", None, "HTTP/1.1"),
    "CONNECT h:443 HTTP/1.1": ("CONNECT", "h:443", None, "HTTP/1.1"),
    "M-SEARCH /x HTTP/1.1": ("M-SEARCH", "/x", "/x", "HTTP/1.1"),
    "-": (None, None, None, None),
    "": (None, None, None, None),
    "GET": (None, None, None, None),
    "GET ": (None, None, None, None),
    " /x": (None, None, None, None),
    "\\x16\\x03\\x01": (None, None, None, None),
    "GET\t/x HTTP/1.1": (None, None, None, None),
    "-/a/b": (None, None, None, None),
    "Gét /a HTTP/1.1": (None, None, None, None),
}


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize(("request_line", "expected"), REQUESTS.items(), ids=REQUESTS)
@pytest.mark.parametrize("copies", [1, 600], ids=["alone", "often"])
def test_a_request_taken_apart(
    request_line: str, expected: tuple[str | None, ...], copies: int
) -> None:
    line = LINE.replace("GET /a/b HTTP/1.1", request_line) + "\n"
    codec = formats.get("combined").open(LINE.encode())
    names = ["method", "path", "section", "protocol"]
    frame = codec.parse(line.encode() * copies, dict.fromkeys(names)).frame
    assert frame.select(names).unique().rows() == [expected]
    assert frame.height == copies


WORDS = st.sampled_from(
    ["GET", "-", " ", "/", "?", "a", " HTTP/", "HTTP", "1", "1.1", "*", "é", "://"]
)


@pytest.mark.parametrize("way", WAYS)
@settings(deadline=None, max_examples=50)
@given(texts=st.lists(st.lists(WORDS, max_size=8).map("".join), min_size=1))
def test_a_section_is_the_same_whether_the_path_is_asked_for_or_not(
    way: str, texts: list[str]
) -> None:
    lines = [LINE.replace("GET /a/b HTTP/1.1", text) for text in [*REQUESTS, *texts]]
    codec = formats.get("combined").open(LINE.encode())
    block = "\n".join(lines).encode()
    with cutting(way):
        short = codec.parse(block, {"method": None, "section": None}).frame
        long = codec.parse(block, dict.fromkeys(["method", "section", "path"])).frame
    assert short.equals(long.drop("path"))


def sure(text: str, fields: set[str], way: str) -> list[bool]:
    """Return of which lines the fast path is sure."""
    piece = Piece(text.encode())
    found = compiled.cut(piece, fields, agents=True)
    if way == "columns":
        assert found is None
        found = cut.cut(piece, fields, Clock("clf"), agents=True)
    assert found is not None
    return [True] * len(piece.lines) if found.sure is None else found.sure.to_list()


def test_the_fast_path_is_the_one_that_is_taken(way: str) -> None:
    """A plain log never needs the grammar: every row is sure."""
    text = "".join(LINE.replace("01 +", f"{n:02} +") + "\n" for n in range(60))
    for fields in ({"status"}, {"status", "user_agent"}):
        assert sure(text, fields, way) == [True] * 60


ESCAPED = LINE.replace('"x"', '"x\\""')
ODD = {
    "a quote too few": LINE.replace('"x"', '"x'),
    "two too many": LINE + '""',
    "two in between": LINE.replace(" 5 ", ' "5" '),
    "an escaped one": ESCAPED,
    "a blank line": "",
    "a carriage return": LINE.replace('"x"', '"x\r"'),
}


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_the_fast_path_leaves_an_odd_line_alone(odd: str, way: str) -> None:
    text = f"{LINE}\n{odd}\n{LINE}\n"
    knows = way == "compiled" and odd == ESCAPED
    assert sure(text, {"status", "user_agent"}, way) == [True, knows, True]


SHORT = {
    "an agent that does not end": LINE.replace('"x"', '"x'),
    "an agent with quotes": LINE.replace('"x"', '"x\\"y\\""'),
    "no referer": LINE.replace('"-" "x"', '"" "x"'),
    "a user": LINE.replace("- - [", "- ann [", 1),
    "a request of a proxy": LINE.replace("GET /a/b", "GET http://h/a"),
}


@pytest.mark.parametrize("line", SHORT.values(), ids=SHORT)
def test_what_nobody_asks_for_is_no_matter(line: str, way: str) -> None:
    assert sure(f"{line}\n{LINE}\n", {"status"}, way) == [True, True]
