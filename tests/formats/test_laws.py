"""What holds for every codec: any cut gives the same events, every line is accounted for."""

from collections.abc import Sequence
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from tests.formats.ways import WAYS, cutting

from tocsin import formats
from tocsin.formats import lines as text_lines
from tocsin.formats import parts
from tocsin.formats.shapes import different, shape
from tocsin.model.batch import EventBatch, Tally
from tocsin.model.protocols import Codec

law = settings(max_examples=35, deadline=None)

CSV_HEADER = b'"remotehost","rfc931","authuser","date","request","status","bytes"'
GOOD = {
    "common": [
        b'::1 - - [07/Feb/2019:21:11:01 +0000] "GET /a/b?c HTTP/1.1" 200 5',
        b'1.2.3.4 - bob [07/Feb/2019:23:11:02 +0200] "POST * HTTP/1.0" 404 - 0.1',
    ],
    "combined": [
        b'::1 - - [07/Feb/2019:21:11:01 +0000] "GET /a/b?c HTTP/1.1" 200 5 "-" "x y"',
        b'1.2.3.4 - bob lee [07/Feb/2019:23:11:02 +0200] "-" 408 - "\\"" "\\\\" 1 "z"',
    ],
    "csv": [
        b'"10.0.0.2","-","apache",1549573860,"GET /api/user HTTP/1.0",200,1234',
        b'"10.0.0.4",-,"a,""b""",1549573861.5,"GET / HTTP/1.0",404,-',
        CSV_HEADER,
    ],
    "json": [
        b'{"time":"2019-02-07T21:11:01Z","request":"GET /a/b HTTP/1.1","status":200}',
        b'{"time":1549573860123,"bytes":"7","deep":{"er":[1,{"x":null}]},"line":1}',
        b'{"time":"2019-02-07T21:11:01Z","x":"\\ud800"}',
        b'{"time":1,"n":' + b"9" * 41 + b"}",
        b'{"time":2,"n":' + b"[" * 200 + b"]" * 200 + b"}",
    ],
}
FIELDS = {
    "common": ["remote_addr", "remote_user", "method", "section", "status", "rest"],
    "combined": [
        "remote_addr",
        "path",
        "bytes",
        "referer",
        "user_agent",
        "rest",
        "line",
    ],
    "csv": ["remote_addr", "section", "status", "bytes", "remote_user", "line", "nope"],
    "json": ["section", "status", "bytes", "deep.er", "x", "line", "deep", "n"],
}
BOTH_WAYS = {"common", "combined"}
READ = [
    pytest.param(name, way, id=f"{name} by {way}" if name in BOTH_WAYS else name)
    for name in GOOD
    for way in WAYS
    if name in BOTH_WAYS or way == "columns"
]
ODD = [
    b"", b" \t", b"\r", b"\0", b"\r,", b"\xff\xfe", b"\xef\xbb\xbf", b'"', b'\\"', b"\xe2\x80\xa8",
    b"{}", b"[1]", b"null", b",,,,,,", b'"a', b"\x0b\x0c\x1c\x85", b"- - - [", b"9" * 25,
]  # fmt: skip


def lines_of(name: str) -> st.SearchStrategy[bytes]:
    """Good lines, good lines with something put in or cut off, and rubbish."""
    good = st.sampled_from(GOOD[name])
    odd = st.sampled_from(ODD) | st.binary(max_size=9).map(
        lambda b: b.replace(b"\n", b"")
    )
    place = st.integers(0, 200)
    put_in = st.builds(lambda g, o, n: g[:n] + o + g[n:], good, odd, place)
    cut_off = st.builds(lambda g, n: g[:n], good, place)
    cut_out = st.builds(lambda g, n: g[:n] + g[n + 1 :], good, place)
    return good | good | odd | put_in | cut_off | cut_out


def blocks(name: str) -> st.SearchStrategy[list[bytes]]:
    """Lines with their ends; the last may lack one."""
    ends = st.sampled_from([b"\n", b"\n", b"\r\n", b"\r\r\n"])
    whole = st.builds(bytes.__add__, lines_of(name), ends)
    return st.builds(
        lambda most, last: [*most, last] if last else most,
        st.lists(whole, max_size=12),
        lines_of(name) | st.just(b""),
    )


def codec(name: str) -> Codec:
    head = b"\n".join([CSV_HEADER, *GOOD[name]] if name == "csv" else GOOD[name])
    return formats.get(name).open(head)


def joined(
    batches: Sequence[EventBatch],
) -> tuple[pl.DataFrame, Tally, list[tuple[str, str]]]:
    frame = pl.concat([b.frame for b in batches])
    samples = [(r.text, r.reason) for b in batches for r in b.rejected]
    kept = list(different(samples, parts.KEPT))
    return frame, sum((b.tally for b in batches), Tally()), kept


@pytest.mark.parametrize(("name", "way"), READ)
@law
@given(data=st.data())
def test_any_cut_gives_the_same_events(
    name: str, way: str, data: st.DataObject
) -> None:
    lines = data.draw(blocks(name))
    cuts = sorted(data.draw(st.sets(st.integers(0, len(lines)))) | {0, len(lines)})
    made = codec(name)
    fields = dict.fromkeys(FIELDS[name])
    with cutting(way):
        whole = made.parse(b"".join(lines), fields)
        pieces = [made.parse(b"".join(lines[a:b]), fields) for a, b in pairwise(cuts)]
    frame, tally, rejected = joined(pieces or [whole])
    assert_frame_equal(frame, whole.frame)
    assert tally == whole.tally
    assert rejected == [(r.text, r.reason) for r in whole.rejected]
    assert parts.summed(p.misfits for p in pieces or [whole]) == whole.misfits


@pytest.mark.parametrize(("name", "way"), READ)
@law
@given(data=st.data())
def test_every_line_is_accounted_for(name: str, way: str, data: st.DataObject) -> None:
    block = b"".join(data.draw(blocks(name)))
    with cutting(way):
        batch = codec(name).parse(block, dict.fromkeys(FIELDS[name]))
    tally = batch.tally
    assert tally.lines == block.count(b"\n") + (
        not block.endswith(b"\n") and block != b""
    )
    assert (
        tally.lines == tally.events + tally.joined + tally.skipped + tally.parse_errors
    )
    assert batch.frame.height == tally.events
    assert bool(batch.rejected) == bool(tally.parse_errors)
    assert len(batch.rejected) <= min(tally.parse_errors, parts.KEPT)
    assert len({shape(r.text) for r in batch.rejected}) == len(batch.rejected)
    assert not batch.frame["time"].has_nulls()


@pytest.mark.parametrize(("name", "way"), READ)
@law
@given(data=st.data())
def test_what_is_asked_for_changes_nothing_else(
    name: str, way: str, data: st.DataObject
) -> None:
    block = b"".join(data.draw(blocks(name)))
    fields = data.draw(st.sets(st.sampled_from(FIELDS[name])))
    made = codec(name)
    with cutting(way):
        everything = made.parse(block, dict.fromkeys(FIELDS[name]))
        some = made.parse(block, dict.fromkeys(sorted(fields)))
    assert_frame_equal(some.frame, everything.frame.select(some.frame.columns))
    assert some.tally == everything.tally
    assert some.rejected == everything.rejected


@pytest.mark.parametrize(("name", "way"), READ)
def test_a_block_is_parsed_in_pieces_without_a_seam(
    name: str, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = (GOOD[name] + ODD) * 40
    block = b"\n".join(lines)
    with cutting(way):
        whole = codec(name).parse(block, dict.fromkeys(FIELDS[name]))
    cut = text_lines.pieces
    monkeypatch.setattr("tocsin.formats.lines.pieces", lambda b: cut(b, 100))
    with cutting("columns"):  # the other way cuts a block as it comes
        pieces = codec(name).parse(block, dict.fromkeys(FIELDS[name]))
    assert_frame_equal(pieces.frame, whole.frame)
    assert (pieces.tally, pieces.rejected) == (whole.tally, whole.rejected)


@pytest.mark.parametrize(("name", "way"), READ)
@law
@given(rubbish=st.binary(max_size=300))
def test_no_bytes_are_too_strange(name: str, way: str, rubbish: bytes) -> None:
    opened = formats.get(name).open(rubbish)
    for made in (opened, codec(name), formats.detect(rubbish).codec):
        with cutting(way):
            tally = made.parse(
                rubbish, {"line": None, "status": None, "section": None}
            ).tally
        assert tally.lines == tally.events + tally.skipped + tally.parse_errors
