"""Columns that the library hands over: Polars takes them as they are, without a copy.

By Arrow's C data interface, and what Python makes of it, the PyCapsule interface: two
structures, which say of what type a column is, where it is, and how to free it. Who takes
one leaves `release` empty behind, so that nobody else does.
"""

from __future__ import annotations

import ctypes
from ctypes import c_char_p, c_void_p, pythonapi

import polars as pl

from tocsin.formats.cutter import Array, Schema

TIME, INT64, INT32, UINT8 = b"tsu:UTC", b"l", b"i", b"C"
"""Types, as Arrow writes them; the first is `model.batch.TIME`."""
_SCHEMA, _ARRAY = b"arrow_schema", b"arrow_array"
_capsule = ctypes.PYFUNCTYPE(ctypes.py_object, c_void_p, c_char_p, c_void_p)(
    ("PyCapsule_New", pythonapi)
)


class _Column:
    """A column on its way."""

    def __init__(self) -> None:
        self.schema, self.array = Schema(), Array()

    def __arrow_c_array__(self, _wanted: object = None) -> tuple[object, object]:
        """Return the capsules: they own nothing, and are gone before we are."""
        schema = _capsule(ctypes.addressof(self.schema), _SCHEMA, None)
        return schema, _capsule(ctypes.addressof(self.array), _ARRAY, None)


def taken(
    library: ctypes.CDLL, part: ctypes.Structure, name: str, rows: int, kind: bytes
) -> pl.Series:
    """Take a column from a part of a table: so many rows, of one of these types.

    Raises:
        MemoryError: There is none left.
    """
    column = _Column()
    wanted = getattr(part, name), rows, kind, column.schema, column.array
    if library.tocsin_hand_over(*wanted):
        raise MemoryError
    setattr(part, name, None)
    return pl.Series(column).alias(name)
