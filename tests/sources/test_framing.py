"""Syslog's frames: the same messages however their bytes are cut."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.sources.framing import LONGEST, Frames, FramingError, dated

FRAMINGS = ("auto", "octets", "lines")


def read(
    blocks: list[bytes], framing: str = "auto", longest: int = LONGEST
) -> tuple[bytes, int]:
    frames, lines, oversized = Frames(framing, longest), b"", 0
    for block in blocks:
        more, skipped = frames.feed(block)
        lines, oversized = lines + more, oversized + skipped
    more, skipped = frames.finish()
    return lines + more, oversized + skipped


CASES = {
    "lines end at newlines": (b"<1>a\n<2>b\n", b"<1>a\n<2>b\n"),
    "or at zero bytes, as Python sends them": (b"<1>a\0<2>b\0", b"<1>a\n<2>b\n"),
    "a return before the end is a part of it": (b"<1>a\r\n<2>b", b"<1>a\n<2>b\n"),
    "counted messages stand side by side": (b"4 <1>a5 <2>bc", b"<1>a\n<2>bc\n"),
    "a newline in a counted one stays in it": (b"6 <1>a\nb", b"<1>a#012b\n"),
    "an end in a counted one is no second end": (b"5 <1>a\n4 <2>b", b"<1>a\n<2>b\n"),
    "both kinds may follow each other": (b"4 <1>a<2>b\n4 <3>c", b"<1>a\n<2>b\n<3>c\n"),
    "a number is no count without a priority": (b"10 apples\n", b"10 apples\n"),
    "nor is an address": (b"127.0.0.1 - -\n", b"127.0.0.1 - -\n"),
    "nor is a number with a zero before it": (b"04 <1>a\n", b"04 <1>a\n"),
    "nor one that is too long": (b"1234567890 <1>a\n", b"1234567890 <1>a\n"),
    "what is empty is no message": (b"\n\0\r\n<1>a\n\n", b"<1>a\n"),
    "the last one may be cut off": (b"9 <1>a", b"<1>a\n"),
    "any bytes are kept": (b"<1>\xff\xfe\xe2\x80\xa8\n", b"<1>\xff\xfe\xe2\x80\xa8\n"),
    "nothing is nothing": (b"", b""),
}


@pytest.mark.parametrize(("stream", "lines"), CASES.values(), ids=CASES)
def test_messages(stream: bytes, lines: bytes) -> None:
    assert read([stream]) == (lines, 0)


def test_octets_are_counted_where_that_is_said() -> None:
    assert read([b"3 abc2 de"], "octets") == (b"abc\nde\n", 0)
    assert read([b"3 abc2 de\n"], "lines") == (b"3 abc2 de\n", 0)
    with pytest.raises(FramingError, match="does not begin with its length"):
        read([b"3 abcde"], "octets")


@pytest.mark.parametrize("stream", [b"9 <1234567>4 <1>a", b"<12345678\n4 <1>a"])
def test_a_message_that_is_too_long_is_counted_and_passed_over(stream: bytes) -> None:
    assert read([stream], longest=8) == (b"<1>a\n", 1)


def test_no_more_is_held_than_one_message() -> None:
    frames = Frames()
    assert frames.feed(b"999999999 <1>") == (b"", 1)
    for _ in range(100):
        assert frames.feed(b"x" * LONGEST) == (b"", 0)
    assert len(frames._rest) == 0
    frames = Frames("lines")
    for _ in range(100):
        frames.feed(b"x" * LONGEST)
    assert len(frames._rest) <= LONGEST


PARTS = st.sampled_from(
    [b"<1>a", b"4 <1>a", b"12 <34>hello wor", b"\n", b"\0", b"\r", b"7", b" ", b"99999 ",
     b"0", b"1234567890", b"x" * 30, b"<", b"\xff"]
)  # fmt: skip
STREAMS = st.lists(PARTS | st.binary(max_size=6), max_size=20).map(b"".join)


@given(stream=STREAMS, cuts=st.lists(st.integers(0, 200)), longest=st.integers(1, 40))
def test_any_cut_gives_the_same_lines(
    stream: bytes, cuts: list[int], longest: int
) -> None:
    places = [0, *sorted(cut for cut in cuts if cut < len(stream)), len(stream)]
    blocks = [stream[a:b] for a, b in pairwise(places)]
    for framing in ("auto", "lines"):
        whole = read([stream], framing, longest)
        assert read(blocks, framing, longest) == whole
        assert read([bytes([b]) for b in stream], framing, longest) == whole
        most = max(longest * 4, 11)  # a count that is waited for has up to 11 bytes
        assert max(map(len, whole[0].split(b"\n")), default=0) <= most


@given(
    messages=st.lists(
        st.binary(min_size=1, max_size=50).filter(lambda m: m.strip(b"\r\n\0"))
    ),
    cut=st.integers(1, 20),
)
def test_counted_messages_are_given_one_line_each(
    messages: list[bytes], cut: int
) -> None:
    stream = b"".join(b"%d %b" % (len(m), m) for m in messages)
    blocks = [stream[i : i + cut] for i in range(0, len(stream), cut)]
    lines, oversized = read(blocks, "octets")
    assert (lines.count(b"\n"), oversized) == (len(messages), 0)


STAMPED = {
    "Python sends no time": (b"<14>hello\n", b"<14>NOW HOST hello\n"),
    "RFC 5424 has one": (b"<14>1 2026-01-01T00:00:00Z h a - - - x\n", None),
    "or says that it has none": (b"<14>1 - h a - - - x\n", None),
    "RFC 3164 has one": (b"<14>Jan  1 00:00:00 h a: x\n", None),
    "rsyslog's has one": (b"<14>2026-01-01T00:00:00Z h a: x\n", None),
    "what is no syslog is left alone": (b'{"a": 1}\n', None),
    "each line by itself": (
        b"<1>a\n<2>b\r<3>\n",
        b"<1>NOW HOST a\n<2>NOW HOST b\r<3>\n",
    ),
}


@pytest.mark.parametrize(("line", "expected"), STAMPED.values(), ids=STAMPED)
def test_a_message_without_a_time_gets_one(line: bytes, expected: bytes | None) -> None:
    assert dated(line, b"NOW", b"HOST") == (expected or line)
