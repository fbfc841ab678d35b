"""The library, if it was built.

It is a plain library that knows nothing of Python, so that one serves every version. It is
optional: where there was no compiler when Tocsin was installed there is none, and
`TOCSIN_PURE=1` leaves it alone.
"""

from __future__ import annotations

import ctypes
import os
import zlib
from ctypes import c_char_p, c_int, c_int64, c_uint32, c_void_p
from functools import lru_cache
from pathlib import Path

_HERE = Path(__file__).parent
LIBRARY = _HERE / "_native.so"
_COLUMN = c_void_p
_OUT = c_void_p
_FUNCTIONS = {
    "tocsin_source": (c_uint32,),
    "tocsin_cut": (c_int, c_char_p, c_int64, _OUT),
    "tocsin_pick": (
        c_int64, c_char_p, c_int64, c_char_p, c_int64, c_char_p, c_int64, c_char_p,
    ),
    "tocsin_free": (None, c_void_p),
    "tocsin_tally": (c_int, c_void_p, c_void_p, c_int64, _OUT),
    "tocsin_free_tally": (None, c_void_p),
    "tocsin_sketch": (c_int, c_void_p, c_void_p, _OUT),
    "tocsin_free_sketch": (None, c_void_p),
    "tocsin_registers": (c_int, c_void_p, _OUT),
    "tocsin_free_registers": (None, c_void_p),
    "tocsin_estimate": (c_int, c_void_p, _OUT),
    "tocsin_free_estimate": (None, c_void_p),
    "tocsin_course": (c_int, c_void_p, _OUT),
    "tocsin_free_course": (None, c_void_p),
    "tocsin_hand_over": (c_int, _COLUMN, c_int64, c_char_p, _OUT, _OUT),
    "tocsin_hand_over_lists": (c_int, _COLUMN, _COLUMN, c_int64, c_char_p, _OUT, _OUT),
}  # fmt: skip
"""What each function returns, and takes."""


def library() -> ctypes.CDLL | None:
    """Return the library; None if there is none that can be loaded, or it is not wanted."""
    return _library() if os.environ.get("TOCSIN_PURE", "0") in {"", "0"} else None


@lru_cache(maxsize=1)
def _library() -> ctypes.CDLL | None:
    try:
        found = ctypes.CDLL(str(LIBRARY))
        for name, (result, *arguments) in _FUNCTIONS.items():
            function = getattr(found, name)
            function.restype, function.argtypes = result, arguments
        # One that was built of other sources may have other columns.
        return found if found.tocsin_source() == _checksum() else None
    except (OSError, AttributeError):
        return None


def _checksum() -> int:
    """Return the checksum of the sources, as the build reckons it (hatch_build.py)."""
    found = 0
    for source in sorted(_HERE.glob("*.[ch]")):
        found = zlib.crc32(source.read_bytes(), found)
    return found
