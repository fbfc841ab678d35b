"""Bytes to lines: the one place that knows where a line ends and what its text is.

A line ends at the byte 0x0A and nowhere else; carriage returns right before it belong
to the line end. Undecodable bytes become U+FFFD, a byte-order mark at the start of a
line is dropped. All of it depends on each line alone, so blocks may be cut anywhere.
"""

import re
from collections.abc import Iterator
from functools import cached_property

import polars as pl
from msgspec import Struct

PIECE = 8 << 20
"""Bytes parsed at a time: bounds the memory, and what one odd line can slow down."""

BLANK = r"^[ \t]*$"
"""A blank line: empty, or spaces and tabs alone."""

_PACKED = (b"x\x01", b"x^", b"x\xda")
"""How compressed data may begin that is valid UTF-8."""
_BOM = "\ufeff".encode()
_LINE_END = re.compile(rb"\r+\n")
_MARKS = re.compile(rb"(?m)^(?:\xef\xbb\xbf)+")


def clean(block: bytes) -> bytes:
    """Return the block as valid UTF-8 whose every line ends in a bare newline."""
    return cleaned(block)[0]


def cleaned(block: bytes) -> tuple[bytes, bool]:
    """Return the block cleaned, and whether carriage returns are left in its lines."""
    if block and not block.endswith(b"\n"):
        block += b"\n"
    returns = b"\r" in block
    if returns:
        block = block.replace(b"\r\n", b"\n")
        # What is left of these is rare, and found by a slower search.
        block = _LINE_END.sub(b"\n", block) if b"\r\n" in block else block
        returns = b"\r" in block
    if not block.isascii():
        block = _valid(block)
    return block, returns


def _valid(block: bytes) -> bytes:
    try:
        block.decode()
    except UnicodeDecodeError:
        block = block.decode(errors="replace").encode()
    return _MARKS.sub(b"", block) if _BOM in block else block


def pieces(block: bytes, size: int = PIECE) -> Iterator[bytes]:
    """Cut a cleaned block into runs of whole lines of about `size` bytes."""
    start = 0
    while start < len(block):
        end = block.find(b"\n", start + size - 1) + 1 or len(block)
        yield block if (start, end) == (0, len(block)) else block[start:end]
        start = end


def column(piece: bytes) -> pl.Series:
    """Return the lines of a cleaned piece, as text without their newlines."""
    piece, before = as_text(piece)
    return pl.scan_lines(piece).collect().to_series().slice(before)


def as_text(piece: bytes, row: bytes = b"\n") -> tuple[bytes, int]:
    """Return a cleaned piece for a reader, and how many rows to leave out before it.

    Where a line begins like compressed data, Polars would unpack it: so another `row`
    comes before it.
    """
    return (row + piece, 1) if piece.startswith(_PACKED) else (piece, 0)


class Piece(Struct, frozen=True, dict=True):
    """A cleaned piece, and its lines for those who need them.

    `returns` says whether there may be carriage returns in them.
    """

    data: bytes
    returns: bool = True

    @cached_property
    def lines(self) -> pl.Series:
        """The lines as text, without their newlines."""
        return column(self.data)

    @property
    def bare(self) -> pl.Series:
        """Which lines have no carriage return in them."""
        return ~self.lines.str.contains("\r", literal=True)

    def some(self, rows: pl.Series) -> pl.Series:
        """Return some of the lines, by their numbers."""
        return self.lines.gather(rows)


def joined(lines: pl.Series) -> bytes:
    """Return lines as a cleaned piece again."""
    text = lines.str.join("\n").item()
    return (text + "\n").encode() if len(lines) else b""


def original(block: bytes, row: int) -> bytes:
    """Return the bytes of one line of a block as it came, without its line end."""
    return block.split(b"\n", row + 1)[row].rstrip(b"\r")
