"""Columns between Polars and the library, without a copy either way.

By Arrow's C data interface, and what Python makes of it, the PyCapsule interface: two
structures, which say of what type a column is, where it is, and how to free it. Who takes
one leaves `release` empty behind, so that nobody else does.
"""

from __future__ import annotations

import ctypes
from ctypes import byref, c_char_p, c_int64, c_void_p, pythonapi

import polars as pl

TIME, INT64, UINT64, INT32, UINT8 = b"tsu:UTC", b"l", b"L", b"i", b"C"
"""Types, as Arrow writes them; the first is `model.batch.TIME`."""
_SCHEMA, _ARRAY, _STREAM = b"arrow_schema", b"arrow_array", b"arrow_array_stream"
_capsule = ctypes.PYFUNCTYPE(ctypes.py_object, c_void_p, c_char_p, c_void_p)(
    ("PyCapsule_New", pythonapi)
)
_pointer = ctypes.PYFUNCTYPE(c_void_p, ctypes.py_object, c_char_p)(
    ("PyCapsule_GetPointer", pythonapi)
)


class Schema(ctypes.Structure):
    """What a column is that is handed over, as `arrow.h` has it."""

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
    """Where it is, as `arrow.h` has it."""

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
    wanted = rows, kind, byref(column.schema), byref(column.array)
    if library.tocsin_hand_over(getattr(part, name), *wanted):
        raise MemoryError
    setattr(part, name, None)
    return pl.Series(column).alias(name)


def taken_lists(
    library: ctypes.CDLL,
    part: ctypes.Structure,
    names: tuple[str, str],
    rows: int,
    kind: bytes,
) -> pl.Series:
    """Take lists of values of a type: `names` are those of their edges, and of them.

    Raises:
        MemoryError: There is none left.
    """
    column = _Column()
    wanted = rows, kind, byref(column.schema), byref(column.array)
    if library.tocsin_hand_over_lists(*(getattr(part, n) for n in names), *wanted):
        raise MemoryError
    for name in names:
        setattr(part, name, None)
    return pl.Series(column).alias(names[-1])


class Stream:
    """A column or rows that the library reads: a stream in Arrow's sense, for once."""

    def __init__(self, columns: pl.Series | pl.DataFrame) -> None:
        self._capsule = columns.__arrow_c_stream__()

    @property
    def _as_parameter_(self) -> int:
        return int(_pointer(self._capsule, _STREAM))
