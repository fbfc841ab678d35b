"""The wire: what is observed where lines are read, as bytes for where it is judged.

A letter is a mark with the version, a checksum, the length of a JSON header, the header,
and tables as Arrow streams that the header refers to by number. It may hold what stood
in a log, so nothing in it can run code when it is read. Worker processes speak it.
"""

from __future__ import annotations

import io
import json
import zlib
from typing import TYPE_CHECKING, Any, Final

import polars as pl
from msgspec.structs import astuple

from tocsin.metrics.cells import Cells, NamedCells
from tocsin.metrics.lateness import StreamClock
from tocsin.metrics.mishaps import NONE
from tocsin.model.batch import Tally
from tocsin.model.errors import TocsinError
from tocsin.pipeline.observation import Observation
from tocsin.pipeline.partials import packed, unpacked

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

VERSION: Final = 4
_MARK: Final = b"tocsin wire %d\n" % VERSION
_WORD: Final = 4
_START: Final = len(_MARK) + 2 * _WORD
_PLAIN: Final = (
    "late", "future", "lost", "first_pane", "needs_clock", "first", "last",
)  # fmt: skip


class WireError(TocsinError):
    """Bytes are no letter of this version, or not the ones that were sent."""


class Parcel:
    """Parts of a letter on their way out, one after the other."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []

    def add(self, part: bytes) -> int:
        """Take in bytes; return their number."""
        self.parts.append(part)
        return len(self.parts) - 1

    def table(self, frame: pl.DataFrame) -> int:
        """Take in a table; return its number."""
        file = io.BytesIO()
        frame.write_ipc_stream(file)
        return self.add(file.getvalue())

    def letter(self, header: Mapping[str, Any]) -> bytes:
        """Return the letter: a header of JSON, and all parts."""
        sizes = [len(part) for part in self.parts]
        text = json.dumps([header, sizes], separators=(",", ":")).encode()
        body = b"".join((len(text).to_bytes(_WORD, "little"), text, *self.parts))
        return _MARK + zlib.crc32(body).to_bytes(_WORD, "little") + body


def opened(letter: bytes) -> tuple[dict[str, Any], list[bytes]]:
    """Return the header and the parts of a letter.

    Raises:
        WireError: It is of another version, or damaged.
    """
    if not letter.startswith(_MARK):
        raise WireError(f"this is no letter of version {VERSION}: {letter[:20]!r}")
    body = letter[len(_MARK) + _WORD :]
    if (
        zlib.crc32(body).to_bytes(_WORD, "little")
        != letter[len(_MARK) : _START - _WORD]
    ):
        raise WireError("a letter is damaged: its checksum does not fit")
    at = _WORD + int.from_bytes(body[:_WORD], "little")
    header, sizes = json.loads(body[_WORD:at])
    parts = []
    for size in sizes:
        parts.append(body[at : at + size])
        at += size
    return header, parts


def table_in(part: bytes) -> pl.DataFrame:
    """Return the table that `Parcel.table` took in."""
    return pl.read_ipc_stream(io.BytesIO(part))


def clock_row(clock: StreamClock, parcel: Parcel) -> list[int | None]:
    """Return a stream's clock as JSON that refers to a part."""
    held = clock.held
    return [clock.newest, None if held is None else parcel.table(held)]


def clock_of(row: Sequence[int | None], parts: Sequence[bytes]) -> StreamClock:
    """Return the clock that `clock_row` made this of."""
    newest, held = row
    return StreamClock(newest, None if held is None else table_in(parts[held]))


def alone(clock: StreamClock) -> StreamClock:
    """Return a clock whose held row keeps nothing in memory of the block it came in."""
    if clock.held is None:
        return clock
    parcel = Parcel()
    return clock_of(clock_row(clock, parcel), parcel.parts)


def observation_row(seen: Observation, parcel: Parcel) -> dict[str, Any]:
    """Return an observation as JSON that refers to parts."""
    return {name: getattr(seen, name) for name in _PLAIN} | {
        "cells": _cells(seen.cells, parcel),
        "clock": clock_row(seen.clock, parcel),
        "tally": astuple(seen.tally),
        "samples": seen.samples,
        "misfits": dict(seen.misfits),
        "consumers": [
            [name, start, packed(partial)]
            for (name, start), partial in seen.consumers.items()
        ],
        "failures": dict(seen.failures),
        "mishaps": parcel.table(seen.mishaps) if seen.mishaps.height else None,
    }


def observation_of(row: Mapping[str, Any], parts: Sequence[bytes]) -> Observation:
    """Return the observation that `observation_row` made this of."""
    return Observation(
        cells=_to_cells(row["cells"], parts),
        clock=clock_of(row["clock"], parts),
        tally=Tally(*row["tally"]),
        samples=tuple((text, reason) for text, reason in row["samples"]),
        misfits=row["misfits"],
        consumers={(n, start): unpacked(found) for n, start, found in row["consumers"]},
        failures=row["failures"],
        mishaps=_mishaps(row["mishaps"], parts),
        **{name: row[name] for name in _PLAIN},
    )


def _cells(named: NamedCells, parcel: Parcel) -> list[int | None]:
    """Return the tables of cells by number; most often, most of them are empty."""
    cells = named.cells
    tables = (named.names, *cells.tables)
    return [parcel.table(table) if table.height else None for table in tables]


def _mishaps(number: int | None, parts: Sequence[bytes]) -> pl.DataFrame:
    return NONE if number is None else table_in(parts[number])


def _to_cells(row: Sequence[int | None], parts: Sequence[bytes]) -> NamedCells:
    empty = NamedCells.empty()
    none = (empty.names, *empty.cells.tables)
    found = [
        blank if number is None else table_in(parts[number])
        for number, blank in zip(row, none, strict=True)
    ]
    return NamedCells(found[0], Cells(*found[1:]))
