"""Columns that functions of the library make."""

from __future__ import annotations

import ctypes
from ctypes import POINTER, byref, c_int64, c_void_p
from typing import TYPE_CHECKING, ClassVar

import polars as pl

from tocsin.native.columns import INT32, INT64, UINT64, taken, taken_lists
from tocsin.native.library import library

if TYPE_CHECKING:
    from collections.abc import Mapping


class Made(ctypes.Structure):
    """What the function `tocsin_NAME` makes: columns of `found` rows, as C has them.

    `columns` are their types, and of lists those of what is in them: they are made of the
    column of their edges, which `lists` names.
    """

    name: ClassVar[str]
    columns: ClassVar[Mapping[str, bytes]]
    lists: ClassVar[Mapping[str, str]] = {}
    found: int


class Course(Made):
    """How the times of rows run, and their panes (`course.c`)."""

    name = "course"
    columns: ClassVar = {"p": INT64}
    _fields_ = (
        ("found", c_int64),
        ("p", c_void_p),
        ("least", c_int64),
        ("most", c_int64),
        ("final", c_int64),
        ("before", c_int64),
        ("fall", c_int64),
        ("behind", c_int64),
    )


class Span(ctypes.Structure):
    """Numbers of rows: `range` of `rows.h`."""

    _fields_ = (
        ("base", c_int64),
        ("grain", c_int64),
        ("first", c_int64),
        ("slices", c_int64),
        ("keys", c_int64),
        ("columns", POINTER(c_int64)),
        ("codes", POINTER(c_int64)),
        ("value", c_int64),
        ("twin", c_int64),
        ("start", c_int64),
        ("found", c_int64),
    )


class Tally(Made):
    """Counts and sums of numbers (`tally.c`)."""

    name = "tally"
    columns: ClassVar = {"@": INT64, "n": INT64, "s": INT64}
    _fields_ = (("found", c_int64), ("@", c_void_p), ("n", c_void_p), ("s", c_void_p))


class Registers(Made):
    """The packed registers of texts (`sketches.c`)."""

    name = "registers"
    columns: ClassVar = {"packed": INT64}
    _fields_ = (("found", c_int64), ("packed", c_void_p))


class Sketches(Made):
    """How many rows numbers have, and their registers (`sketches.c`)."""

    name = "sketch"
    columns: ClassVar = {"@": INT64, "n": INT64, "x": INT32}
    lists: ClassVar = {"x": "edges"}
    _fields_ = (
        ("found", c_int64),
        ("@", c_void_p),
        ("n", c_void_p),
        ("edges", c_void_p),
        ("x", c_void_p),
    )


class Estimates(Made):
    """What the registers of numbers stand for (`sketches.c`)."""

    name = "estimate"
    columns: ClassVar = {"i": INT64, "filled": INT64, "full": INT64, "parts": UINT64}
    _fields_ = (
        ("found", c_int64),
        ("i", c_void_p),
        ("filled", c_void_p),
        ("full", c_void_p),
        ("parts", c_void_p),
    )


def made(result: Made, *arguments: object) -> pl.DataFrame | None:
    """Return the columns of a result, which a function of the library fills in.

    None if it cannot do that with these arguments, or there is no library.
    """
    native = library()
    if native is None:
        return None
    try:
        if getattr(native, f"tocsin_{result.name}")(*arguments, byref(result)):
            return None
        return pl.DataFrame([_taken(native, result, name) for name in result.columns])
    except MemoryError:
        return None
    finally:
        getattr(native, f"tocsin_free_{result.name}")(byref(result))


def _taken(native: ctypes.CDLL, result: Made, name: str) -> pl.Series:
    kind = result.columns[name]
    if name in result.lists:
        names = result.lists[name], name
        return taken_lists(native, result, names, result.found, kind)
    return taken(native, result, name, result.found, kind)
