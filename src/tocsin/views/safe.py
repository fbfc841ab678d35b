"""Text from log lines, made harmless for a terminal: the one door to every face.

A path, a section, a key or an unparsed line is written by strangers. Shown as it is,
it could move the cursor, colour the screen, reverse the reading order or forge a line
of its own. Markup needs no care here: no face ever parses markup.
"""

import unicodedata

_MARKS = 2
"""Combining marks in a row that are shown; a taller pile hides its neighbours."""

_STRAY_BYTES = range(0xDC80, 0xDD00)
"""How Python carries a byte that is not UTF-8."""

_ENOUGH = 200
"""Characters that are shown of a text when the caller names no limit."""


def safe(text: str, limit: int = _ENOUGH, *, ascii_only: bool = False) -> str:
    r"""Return `text` as one printable line of at most `limit` characters.

    Whatever does not print (controls, escapes, line ends, bidi and zero-width marks,
    surrogates, spaces other than U+0020) is escaped as in `\x1b` and `\u202e`; a byte
    that was no UTF-8 as `\x80`. With `ascii_only` every other letter is escaped too.
    A text that was cut ends in `…` (`...`). Doing it twice changes nothing.
    """
    if len(text) <= limit and text.isascii() and text.isprintable():
        return text
    shown = _escaped(text[: limit + 1], ascii_only=ascii_only)
    if len(shown) <= limit:
        return shown
    dots = "..." if ascii_only else "…"
    return shown[: max(limit - len(dots), 0)] + dots[:limit]


def cells(text: str) -> int:
    """Return how many columns of a terminal a safe text takes."""
    if text.isascii():
        return len(text)
    return sum(map(_width, text))


def clip(text: str, width: int, *, ascii_only: bool = False) -> str:
    """Return `text` made safe and cut to `width` columns of a terminal."""
    shown = safe(text, max(width * 2, _ENOUGH), ascii_only=ascii_only)
    if cells(shown) <= width:
        return shown
    dots = "..." if ascii_only else "…"
    room = width - len(dots)
    kept = 0
    for letter in shown:
        room -= _width(letter)
        if room < 0:
            break
        kept += 1
    return (shown[:kept] + dots)[: max(width, 0)]


def _escaped(text: str, *, ascii_only: bool) -> str:
    out: list[str] = []
    marks = _MARKS  # a mark at the start would sit on our own letter before it
    for letter in text:
        marks = marks + 1 if _is_mark(letter) else 0
        fine = letter.isprintable() and marks <= _MARKS
        fine = fine and (letter.isascii() or not ascii_only)
        out.append(letter if fine else _escape(letter))
    return "".join(out)


def _escape(letter: str) -> str:
    code = ord(letter)
    if code in _STRAY_BYTES:
        return f"\\x{code - 0xDC00:02x}"
    return letter.encode("unicode_escape").decode("ascii")


def _is_mark(letter: str) -> bool:
    return not letter.isascii() and unicodedata.category(letter).startswith("M")


def _width(letter: str) -> int:
    if _is_mark(letter):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1
