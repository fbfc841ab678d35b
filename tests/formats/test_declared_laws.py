"""Laws of the formats that are generated from declarations, and a slow second opinion.

The reference reads line by line with Python's `re`, by the variants of the plan; the
codec reads columns by pruned ones. They must agree on every line.
"""

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from tocsin import formats
from tocsin.formats import page
from tocsin.formats.plan import Plan
from tocsin.formats.shapes import shape
from tocsin.model.batch import Tally
from tocsin.model.message import FieldType
from tocsin.model.protocols import Codec

law = settings(max_examples=25, deadline=None)

WRITTEN: Mapping[str, tuple[str, str, Sequence[str]]] = {
    "a field pattern": (
        "pattern",
        '{ip} - {user} [{time:%d/%b/%Y:%H:%M:%S %z}] "{request}" {status:int} {took:duration:ms}',
        [
            '::1 - bob lee [07/Feb/2019:21:11:01 +0000] "GET /a/b HTTP/1.1" 200 5',
            '::1 - - [07/Feb/2019:21:11:01 +0000] "say \\"x\\" y" - 1.5s',
            '::1 - - [07/Feb/2019:21:11:01 +0000] "bare " quote" 9 x',
        ],
    ),
    "a log format": (
        "log_format",
        '%h %l %u %t "%r" %>s %b "%{Referer}i" %D',
        ['1.2.3.4 - - [07/Feb/2019:21:11:01 +0000] "GET / HTTP/1.1" 304 - "-" 1200'],
    ),
    "a regex": (
        "regex",
        r"(?P<level>[A-Z]+)!? at (?P<time>[^ ]+) (?P<a>.*?) - (?P<b>.*?)x(?P<c>[0-9]*)",
        ["INFO! at 2019-02-07T21:11:01Z a - b - cxx12", "xWARN at 1549573861  - x"],
    ),
    "grok": (
        "grok",
        "%{COMBINEDAPACHELOG}",
        [
            '1.2.3.4 - - [07/Feb/2019:21:11:01 +0000] "GET /a HTTP/1.1" 304 - "-" "x \\" y"',
            'a.b - bob [07/Feb/2019:21:11:01 +0000] "GET /a" 404 12 "-" "-"',
            'a.b - bob [07/Feb/2019:21:11:01 +0000] "\\x16" - 12 "-" "-"',
        ],
    ),
}
ODD = [
    b"", b" ", b"\t", b"\r", b"\0", b"\xff", b"\xef\xbb\xbf", b'"', b'\\"', b"\xe2\x80\xa8", b"[",
    b"]", b" - ", b"<34>", b"=", b"{", b"#", b",", b"-", b"9" * 25, b"Traceback (most", b"  x",
]  # fmt: skip


def made(name: str) -> Any:  # noqa: ANN401 - formats have plans beside the protocol
    if name in WRITTEN:
        kind, text, _ = WRITTEN[name]
        return formats.get(kind, text=text, reference=page.REFERENCE)
    return formats.get(name, reference=page.REFERENCE)


def good(name: str) -> list[bytes]:
    if name in WRITTEN:
        return [line.encode() for line in WRITTEN[name][2]]
    return [line for sample in made(name).samples for line in sample.split(b"\n")]


OLD = {"combined", "common", "csv", "json", "auto"}
NEW = sorted(set(formats.names()) - OLD)
PLANNED = [*(n for n in NEW if hasattr(made(n), "plan")), *WRITTEN]


def codec(name: str) -> Codec:
    opened: Codec = made(name).open(b"\n".join(good(name)))
    return opened


def lines_of(name: str) -> st.SearchStrategy[bytes]:
    """Good lines, good lines with something put in or cut off, and rubbish."""
    line = st.sampled_from(good(name))
    bytes_ = st.binary(max_size=9).map(lambda b: b.replace(b"\n", b""))
    odd = st.sampled_from(ODD) | bytes_
    place = st.integers(0, 250)
    put_in = st.builds(lambda g, o, n: g[:n] + o + g[n:], line, odd, place)
    cut_off = st.builds(lambda g, n: g[:n], line, place)
    cut_out = st.builds(lambda g, n: g[:n] + g[n + 1 :], line, place)
    return line | line | odd | put_in | cut_off | cut_out


def blocks(name: str) -> st.SearchStrategy[list[bytes]]:
    ends = st.sampled_from([b"\n", b"\n", b"\r\n"])
    return st.lists(st.builds(bytes.__add__, lines_of(name), ends), max_size=10)


def fields_of(made_codec: Codec) -> dict[str, FieldType | None]:
    return dict.fromkeys([*(f.name for f in made_codec.message), "line", "nope"])


@pytest.mark.parametrize("name", [*NEW, *WRITTEN])
@law
@given(data=st.data())
def test_every_line_is_accounted_for_and_fields_change_nothing(
    name: str, data: st.DataObject
) -> None:
    block = b"".join(data.draw(blocks(name)))
    opened = codec(name)
    everything = fields_of(opened)
    whole = opened.parse(block, everything)
    tally = whole.tally
    assert tally.lines == block.count(b"\n")
    assert tally.lines == (
        tally.events + tally.joined + tally.skipped + tally.parse_errors
    )
    assert min(tally.joined, tally.skipped, tally.parse_errors) >= 0
    assert whole.frame.height == tally.events
    assert bool(whole.rejected) == bool(tally.parse_errors)
    assert len({shape(r.text) for r in whole.rejected}) == len(whole.rejected)
    assert all(r.reason for r in whole.rejected)
    some = data.draw(st.sets(st.sampled_from(sorted(everything))))
    part = opened.parse(block, dict.fromkeys(sorted(some)))
    assert_frame_equal(part.frame, whole.frame.select(part.frame.columns))
    assert (part.tally, part.rejected) == (whole.tally, whole.rejected)


@pytest.mark.parametrize("name", [*NEW, *WRITTEN])
@law
@given(data=st.data())
def test_any_cut_between_events_gives_the_same(name: str, data: st.DataObject) -> None:
    lines = data.draw(blocks(name))
    opened = codec(name)
    begins = getattr(opened, "first_event", lambda _: 0)
    places = [n for n, line in enumerate(lines) if begins(line) == 0]
    cuts = data.draw(st.sets(st.sampled_from(places))) if places else set()
    whole = opened.parse(b"".join(lines), fields_of(opened))
    spans = pairwise(sorted(cuts | {0, len(lines)}))
    pieces = [opened.parse(b"".join(lines[a:b]), fields_of(opened)) for a, b in spans]
    assert sum((p.tally for p in pieces), Tally()) == whole.tally
    frames = [p.frame for p in pieces] or [whole.frame]
    assert_frame_equal(pl.concat(frames), whole.frame)


@pytest.mark.parametrize("name", [*NEW, *WRITTEN])
@law
@given(data=st.data())
def test_any_cut_at_all_gives_the_same_account(name: str, data: st.DataObject) -> None:
    lines = data.draw(blocks(name))
    opened = codec(name)
    whole = opened.parse(b"".join(lines), {})
    each = [opened.parse(line, {}) for line in lines]
    assert sum((p.tally for p in each), Tally()) == whole.tally
    if each:
        assert_frame_equal(pl.concat([p.frame for p in each]), whole.frame)


def reference(plan: Plan, line: str) -> dict[str, str | None] | None:
    """Read one line slowly: the fields of the first variant that matches it."""
    for variant in plan.variants:
        found = re.search(variant.replace(r"\z", r"\Z"), line, re.DOTALL)
        if found is None:
            continue
        row: dict[str, str | None] = {}
        for group, text in found.groupdict().items():
            name = plan.field_of(group)
            row[name] = text if row.get(name) is None else row[name]
        if row.get(plan.stamp[0]) is not None:
            return row
    return None


@pytest.mark.parametrize("name", PLANNED)
@law
@given(data=st.data())
def test_columns_agree_with_lines_read_one_by_one(
    name: str, data: st.DataObject
) -> None:
    opened: Any = codec(name)
    raw = data.draw(st.lists(lines_of(name), min_size=1, max_size=12))
    cleaned = [formats_clean(line) for line in raw]
    names = frozenset(
        c.name for c in opened.plan.captures if c.name not in ("facility", "severity")
    ) | set(opened.plan.stamp)
    cells, matched = opened.extract(pl.Series(cleaned, dtype=pl.String), names)
    for row, hit, line in zip(cells.to_dicts(), matched, cleaned, strict=True):
        expected = reference(opened.plan, line)
        assert hit == (expected is not None), line
        if expected is not None:
            assert row == {n: expected.get(n) for n in names}, line


def formats_clean(line: bytes) -> str:
    from tocsin.formats import lines  # noqa: PLC0415 - loads Polars

    return lines.clean(line).decode().removesuffix("\n")


@pytest.mark.parametrize("name", [*NEW, *WRITTEN])
@law
@given(rubbish=st.binary(max_size=300))
def test_no_bytes_are_too_strange(name: str, rubbish: bytes) -> None:
    for opened in (made(name).open(rubbish), codec(name)):
        tally = opened.parse(rubbish, {"line": None, "status": None}).tally
        assert tally.lines == (
            tally.events + tally.joined + tally.skipped + tally.parse_errors
        )
