"""Access logs cut by the compiled library: the twin of `cut`, and the same events."""

from __future__ import annotations

import ctypes
from array import array
from ctypes import byref, c_int32
from functools import partial
from typing import TYPE_CHECKING

import polars as pl

from tocsin.formats.cut import Cut
from tocsin.formats.lines import Piece, column
from tocsin.model.batch import Coded
from tocsin.native.columns import INT32, INT64, TIME, UINT8, taken
from tocsin.native.cutter import SEED, TEXTS, Table, Texts
from tocsin.native.library import library

if TYPE_CHECKING:
    from collections.abc import Collection

PARTS = frozenset({"method", "section"})
"""Parts of a request that it takes apart."""
_AGENTS = {"referer", "user_agent", "rest"}
_COMMON, _COMBINED, _COMBINED_AGENTS = range(3)


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
        if cutter.tocsin_cut(piece.data, len(piece.data), byref(table)):
            return None
        return _read(cutter, table, need, piece)
    except MemoryError:
        return None
    finally:
        cutter.tocsin_free(byref(table))


def _kind(need: Collection[str], *, agents: bool) -> int:
    if not agents:
        return _COMMON
    return _COMBINED if _AGENTS.isdisjoint(need) else _COMBINED_AGENTS


def _read(
    cutter: ctypes.CDLL, table: Table, need: Collection[str], piece: Piece
) -> Cut:
    rows = table.rows
    columns = [taken(cutter, table, "time", rows, TIME)]
    if "bytes" in need:
        columns.append(taken(cutter, table, "bytes", rows, INT64))
    coded = {
        name: _coded(cutter, texts, rows)
        for name, texts in zip(TEXTS, table.texts, strict=True)
        if name in need
    }
    if "status" in need:
        coded["status"] = _statuses(cutter, table)
    columns += [c.values.gather(c.codes).alias(name) for name, c in coded.items()]
    starts = ctypes.string_at(table.start, rows * ctypes.sizeof(c_int32))
    lines = partial(_picked, cutter, piece.data, starts)
    return Cut(pl.DataFrame(columns), lines, _sure(cutter, table, piece), coded)


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


def _sure(cutter: ctypes.CDLL, table: Table, piece: Piece) -> pl.Series | None:
    if not table.odd and not piece.returns:
        return None
    sure = taken(cutter, table, "sure", table.rows, UINT8).cast(pl.Boolean)
    if piece.returns:  # words are told apart by line ends, of which they are a part
        sure &= piece.bare
    return None if sure.all() else sure


def _statuses(cutter: ctypes.CDLL, table: Table) -> Coded:
    found = pl.Series(table.statuses[: table.statuses_found], dtype=pl.Int64)
    codes = taken(cutter, table, "status", table.rows, INT32)
    return Coded(codes.cast(pl.Int64), found)


def _coded(cutter: ctypes.CDLL, texts: Texts, rows: int) -> Coded:
    words = column(ctypes.string_at(texts.words, texts.size))
    if texts.nulls:
        words = pl.concat([words, words.clear(1)])
    words = words.rechunk()  # of one piece, many are taken six times as fast
    codes = taken(cutter, texts, "codes", rows, INT32)
    return Coded(codes.cast(pl.Int64), words)
