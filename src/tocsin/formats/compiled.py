"""Access logs cut by the compiled library: the twin of `cut`, and the same events."""

from __future__ import annotations

import ctypes
import sys
from array import array
from ctypes import c_int32
from functools import partial
from typing import TYPE_CHECKING

import polars as pl

from tocsin.formats.cut import Cut
from tocsin.formats.cutter import SEED, TEXTS, Table, Texts, library
from tocsin.formats.lines import Piece, column
from tocsin.model.batch import TIME, Coded

if TYPE_CHECKING:
    from collections.abc import Collection

PARTS = frozenset({"method", "section"})
"""Parts of a request that it takes apart."""
_AGENTS = {"referer", "user_agent", "rest"}
_COMMON, _COMBINED, _COMBINED_AGENTS = range(3)
_INT64, _INT32, _BYTE = (pl.Int64(), 8), (pl.Int32(), 4), (pl.UInt8(), 1)
"""Numbers of the library's columns, and their bytes."""


def cut(piece: Piece, need: Collection[str], *, agents: bool) -> Cut | None:
    """Return the fields needed of a piece; None if there is no library, or no memory.

    It finds `status`, `bytes`, all texts of a line, and of what a request is made of
    `method` and `section`.
    """
    cutter = library()
    if cutter is None:
        return None
    table = Table(kind=_kind(need, agents=agents), seed=SEED)
    table.wanted = sum(1 << n for n, name in enumerate(TEXTS) if name in need)
    try:
        if cutter.tocsin_cut(piece.data, len(piece.data), table):
            return None
        return _read(cutter, table, need, piece)
    finally:
        cutter.tocsin_free(table)


def _kind(need: Collection[str], *, agents: bool) -> int:
    if not agents:
        return _COMMON
    return _COMBINED if _AGENTS.isdisjoint(need) else _COMBINED_AGENTS


def _read(
    cutter: ctypes.CDLL, table: Table, need: Collection[str], piece: Piece
) -> Cut:
    rows = table.rows
    columns = [_numbers(table.time, rows, _INT64).cast(TIME).alias("time")]
    if "status" in need:
        status = _numbers(table.status, rows, _INT32)
        columns.append(status.cast(pl.Int64).alias("status"))
    if "bytes" in need:
        columns.append(_numbers(table.bytes, rows, _INT64).alias("bytes"))
    coded = {
        name: _coded(texts, rows)
        for name, texts in zip(TEXTS, table.texts, strict=True)
        if name in need
    }
    columns += [c.values.gather(c.codes).alias(name) for name, c in coded.items()]
    starts = ctypes.string_at(table.start, rows * ctypes.sizeof(c_int32))
    lines = partial(_picked, cutter, piece.data, starts)
    return Cut(pl.DataFrame(columns), lines, _sure(table, piece), coded)


def _picked(
    cutter: ctypes.CDLL, data: bytes, starts: bytes, rows: pl.Series
) -> pl.Series:
    """Return some lines of a piece, by their numbers."""
    numbers = array("q", rows)
    count = len(starts) // ctypes.sizeof(c_int32)
    wanted = (data, len(data), starts, count, numbers.tobytes(), len(numbers))
    text = ctypes.create_string_buffer(cutter.tocsin_pick(*wanted, None))
    cutter.tocsin_pick(*wanted, text)
    return column(text.raw).rechunk()


def _sure(table: Table, piece: Piece) -> pl.Series | None:
    if not table.odd and not piece.returns:
        return None
    sure = _numbers(table.sure, table.rows, _BYTE).cast(pl.Boolean)
    if piece.returns:  # words are told apart by line ends, of which they are a part
        sure &= piece.bare
    return None if sure.all() else sure


def _numbers(place: int, count: int, kind: tuple[pl.DataType, int]) -> pl.Series:
    """Return a column of numbers that the library has made."""
    dtype, size = kind
    if count == 0:
        return pl.Series([], dtype=dtype)
    held = pl.Series([ctypes.string_at(place, count * size)])
    numbers = held.bin.reinterpret(
        dtype=pl.Array(dtype, count), endianness=sys.byteorder
    )
    return numbers.reshape((count,))


def _coded(texts: Texts, rows: int) -> Coded:
    words = column(ctypes.string_at(texts.words, texts.size))
    if texts.nulls:
        words = pl.concat([words, words.clear(1)])
    words = words.rechunk()  # of one piece, many are taken six times as fast
    return Coded(_numbers(texts.codes, rows, _INT32).cast(pl.Int64), words)
