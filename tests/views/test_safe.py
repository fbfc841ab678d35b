"""Nothing that a log holds may reach a terminal as more than printable letters."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.views.safe import cells, clip, safe

HOSTILE = st.text(
    st.one_of(
        st.characters(codec=None),
        st.sampled_from("\x1b\x00\x07\r\n\u202e\u200b\u0301\ud800\udc80\x9b界[]m"),
    ),
    max_size=300,
)
LIMITS = st.integers(0, 250)

CASES = {
    "plain text stays": ("/api", "/api"),
    "letters of the world stay": ("/café/Привет/界", "/café/Привет/界"),
    "markup is only text": ("[bold red]x[/]", "[bold red]x[/]"),
    "a colour is shown as its escape": ("\x1b[31mred", r"\x1b[31mred"),
    "a window title stays out of the window": ("\x1b]0;t\x07", r"\x1b]0;t\x07"),
    "an eight-bit escape too": ("\x9b2J", r"\x9b2J"),
    "a line end forges no line": ("a\r\n▲ #9 b\u2028c", r"a\r\n▲ #9 b\u2028c"),
    "reading order is not reversed": ("\u202egpj.exe", r"\u202egpj.exe"),
    "what has no width is seen": ("a\u200bb\ufeff", r"a\u200bb\ufeff"),
    "a byte that is no UTF-8 is that byte": ("a\udcffb", r"a\xffb"),
    "half a pair is escaped": ("\ud83d", r"\ud83d"),
    "a pile of marks is cut down": ("e\u0301\u0301\u0301", "e\u0301\u0301\\u0301"),
    "a mark sits on no letter of ours": ("\u0301", r"\u0301"),
}


@pytest.mark.parametrize(("text", "expected"), CASES.values(), ids=CASES)
def test_what_does_not_print_is_escaped(text: str, expected: str) -> None:
    assert safe(text) == expected


@given(text=HOSTILE, limit=LIMITS, ascii_only=st.booleans())
def test_safe_text_is_one_short_printable_line(
    text: str, limit: int, *, ascii_only: bool
) -> None:
    shown = safe(text, limit, ascii_only=ascii_only)
    assert shown.isprintable()
    assert len(shown) <= limit
    assert len(f"x{shown}".splitlines()) == 1
    assert shown.isascii() or not ascii_only
    shown.encode("ascii" if ascii_only else "utf-8")
    assert not any(unicodedata.category(c).startswith("C") for c in shown)


@given(text=HOSTILE, limit=LIMITS, ascii_only=st.booleans())
def test_doing_it_twice_changes_nothing(
    text: str, limit: int, *, ascii_only: bool
) -> None:
    once = safe(text, limit, ascii_only=ascii_only)
    assert safe(once, limit, ascii_only=ascii_only) == once


@given(text=HOSTILE, width=st.integers(0, 90), ascii_only=st.booleans())
def test_clipped_text_fits_its_columns(
    text: str, width: int, *, ascii_only: bool
) -> None:
    shown = clip(text, width, ascii_only=ascii_only)
    assert cells(shown) <= width
    assert shown.isprintable()


def test_a_cut_is_marked() -> None:
    assert safe("a" * 500, 10) == "a" * 9 + "…"
    assert safe("a" * 500, 10, ascii_only=True) == "a" * 7 + "..."
    assert clip("界" * 9, 6) == "界界…"
    assert clip("界界界", 6) == "界界界"


def test_a_very_long_line_costs_no_more_than_its_limit() -> None:
    assert len(safe("\x1b" * 10**7, 50)) == 50
