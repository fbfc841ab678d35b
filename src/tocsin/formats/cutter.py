"""The library that cuts access logs (`cutter.c`), if it was built.

It is a plain library that knows nothing of Python, so that one serves every version. It is
optional: where there was no compiler when Tocsin was installed there is none, and
`TOCSIN_PURE=1` leaves it alone.
"""

from __future__ import annotations

import ctypes
import os
import zlib
from ctypes import (
    POINTER,
    c_char_p,
    c_int,
    c_int32,
    c_int64,
    c_uint32,
    c_uint64,
    c_void_p,
)
from functools import lru_cache
from pathlib import Path

_SOURCE = Path(__file__).with_name("cutter.c")
LIBRARY = _SOURCE.with_name("_cutter.so")
TEXTS = (
    "remote_addr", "ident", "remote_user", "request", "method", "section", "referer",
    "user_agent", "rest",
)  # fmt: skip
"""Fields that are texts, as the library numbers them."""
SEED = hash("the seed of texts") % 2**64
"""Python's own secret, so that nobody can write lines that are slow to tell apart."""


class Texts(ctypes.Structure):
    """A column of texts by codes, as `cutter.c` has it."""

    _fields_ = (
        ("codes", c_void_p),
        ("words", c_void_p),
        ("size", c_int64),
        ("count", c_int32),
        ("nulls", c_int32),
    )


class Table(ctypes.Structure):
    """What the library is asked for, and fills in, as `cutter.c` has it."""

    _fields_ = (
        ("kind", c_int64),
        ("wanted", c_uint64),
        ("seed", c_uint64),
        ("rows", c_int64),
        ("room", c_int64),
        ("odd", c_int64),
        ("time", c_void_p),
        ("bytes", c_void_p),
        ("status", c_void_p),
        ("start", c_void_p),
        ("sure", c_void_p),
        ("texts", Texts * len(TEXTS)),
    )


class Schema(ctypes.Structure):
    """What a column is that is handed over, as `cutter.c` has it."""

    _fields_ = (
        ("format", c_char_p),
        ("name", c_char_p),
        ("metadata", c_char_p),
        ("flags", c_int64),
        ("children_count", c_int64),
        ("children", c_void_p),
        ("dictionary", c_void_p),
        ("release", c_void_p),
        ("own", c_void_p),
    )


class Array(ctypes.Structure):
    """Where it is, as `cutter.c` has it."""

    _fields_ = (
        ("length", c_int64),
        ("null_count", c_int64),
        ("offset", c_int64),
        ("buffers_count", c_int64),
        ("children_count", c_int64),
        ("buffers", c_void_p),
        ("children", c_void_p),
        ("dictionary", c_void_p),
        ("release", c_void_p),
        ("own", c_void_p),
    )


def library() -> ctypes.CDLL | None:
    """Return the library; None if there is none that can be loaded, or it is not wanted."""
    return _library() if os.environ.get("TOCSIN_PURE", "0") in {"", "0"} else None


@lru_cache(maxsize=1)
def _library() -> ctypes.CDLL | None:
    try:
        found = ctypes.CDLL(str(LIBRARY))
        found.tocsin_source.restype = c_uint32
        # One that was built of another source may have other columns.
        if found.tocsin_source() != zlib.crc32(_SOURCE.read_bytes()):
            return None
    except (OSError, AttributeError):
        return None
    found.tocsin_cut.argtypes = [c_char_p, c_int64, POINTER(Table)]
    found.tocsin_cut.restype = c_int
    found.tocsin_pick.argtypes = [
        c_char_p, c_int64, c_char_p, c_int64, c_char_p, c_int64,
        c_char_p,
    ]  # fmt: skip
    found.tocsin_pick.restype = c_int64
    found.tocsin_hand_over.argtypes = [
        c_void_p, c_int64, c_char_p, POINTER(Schema), POINTER(Array),
    ]  # fmt: skip
    found.tocsin_hand_over.restype = c_int
    found.tocsin_free.argtypes = [POINTER(Table)]
    found.tocsin_free.restype = None
    return found
