"""What `cutter.c` is asked for, and fills in."""

from __future__ import annotations

import ctypes
from ctypes import c_int32, c_int64, c_uint64, c_void_p

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
        ("statuses_found", c_int64),
        ("statuses", c_int32 * 1000),
        ("time", c_void_p),
        ("bytes", c_void_p),
        ("status", c_void_p),
        ("start", c_void_p),
        ("sure", c_void_p),
        ("texts", Texts * len(TEXTS)),
    )
