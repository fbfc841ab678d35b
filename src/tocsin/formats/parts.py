"""What became of the lines of one piece, and pieces put together to a batch."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

import polars as pl
from msgspec import Struct, field

from tocsin.formats import lines, typed
from tocsin.formats.shapes import shape, shapes
from tocsin.model.batch import REFUSED, TIME, Coded, EventBatch, Rejected, Tally
from tocsin.model.message import FieldType

_LOOK = 256
KEPT = 5
"""Bad lines of a block that are kept as a sample: the first of each shape."""

_SHOWN = 200


_NONE_REFUSED: pl.DataFrame = pl.DataFrame(schema=REFUSED)


class Bad(Struct, frozen=True):
    """The lines of a piece that no event came from: `refused` as in `EventBatch`.

    `rows` says where the first stand, at most `KEPT` of them, of different shapes.
    """

    rows: tuple[int, ...] = ()
    refused: pl.DataFrame = field(default_factory=lambda: _NONE_REFUSED)


_NONE_BAD = Bad()


class Part(Struct, frozen=True):
    """The events of a piece, and what became of its other lines.

    `frame` has the columns of the batch; `kept` and `coded` are its `lines` and `coded`.
    """

    frame: pl.DataFrame
    lines: int
    skipped: int = 0
    bad: Bad = _NONE_BAD
    misfits: Mapping[str, int] = field(default_factory=dict)
    joined: int = 0
    kept: Callable[[pl.Series], pl.Series] | None = None
    coded: Mapping[str, Coded] = field(default_factory=dict)


def others(rows: pl.Series, count: int) -> pl.Series:
    """Return the row numbers below `count` that are not among `rows`."""
    return (~marked(rows, count)).arg_true()


def marked(rows: pl.Series, count: int) -> pl.Series:
    """Return a mask of length `count` that is true at `rows`."""
    mask = pl.repeat(False, count, dtype=pl.Boolean, eager=True)
    return mask.scatter(rows, values=True)


def events_before(refused: pl.Series) -> pl.Series:
    """Return how many events come before each of the texts that are none, by their rows."""
    return refused.cast(pl.Int64) - pl.int_range(refused.len(), eager=True)


def leftover(
    rest: pl.Series, rows: pl.Series, after: pl.Series | None = None
) -> tuple[int, Bad]:
    """Return how many of the lines no event came from are blank, and the others.

    `after` is `events_before` each of them, where `rows` are not those of all such lines.
    """
    if rest.is_empty():
        return 0, _NONE_BAD
    after = events_before(rows) if after is None else after
    blank = rest.str.contains(lines.BLANK)
    bad, rows = rest.filter(~blank), rows.filter(~blank)
    refused = pl.DataFrame({"after": after.filter(~blank), "text": bad})
    return int(blank.sum()), Bad(_first_of_shapes(bad, rows), refused)


def _first_of_shapes(bad: pl.Series, rows: pl.Series) -> tuple[int, ...]:
    """Return the row of the first line of each shape; looks no further than it must."""
    found: dict[str, int] = {}
    at, size = 0, _LOOK
    while at < bad.len() and len(found) < KEPT:
        here = shapes(bad.slice(at, size))
        first = here.is_first_distinct()
        places = rows.slice(at, size).filter(first)
        for name, row in zip(here.filter(first), places, strict=True):
            found.setdefault(name, row)
        at, size = at + size, size * 8
    return tuple(found.values())[:KEPT]


def batch(
    block: bytes, parts: Sequence[Part], explain: Callable[[str], str]
) -> EventBatch:
    """Join the parts of a block; `explain` says why a line was refused."""
    frame = pl.concat([p.frame for p in parts])
    total = sum(p.lines for p in parts)
    skipped = sum(p.skipped for p in parts)
    more = sum(p.joined for p in parts)
    errors = total - skipped - more - frame.height
    bad: list[int] = []
    before = 0
    for part in parts:
        bad += [before + row for row in part.bad.rows]
        before += part.lines
    tally = Tally(total, frame.height, more, skipped, errors)
    samples = _samples(block, bad, explain)
    misfits = summed(p.misfits for p in parts)
    kept = parts[0].kept if len(parts) == 1 else _kept(parts)
    coded = parts[0].coded if len(parts) == 1 else {}
    return EventBatch(frame, tally, samples, misfits, _refused(parts), kept, coded)


def _kept(parts: Sequence[Part]) -> Callable[[pl.Series], pl.Series] | None:
    """Return what gives the raw lines of a batch, if each part has its own."""
    pairs = [(p.kept, p.frame.height) for p in parts if p.kept is not None]
    return partial(_lines, pairs) if len(pairs) == len(parts) else None


def _lines(
    parts: Sequence[tuple[Callable[[pl.Series], pl.Series], int]], rows: pl.Series
) -> pl.Series:
    """Return the raw lines of some rows of a batch; parts have so many each."""
    found, before = pl.repeat(None, rows.len(), dtype=pl.String, eager=True), 0
    for lines_of, count in parts:
        mine = rows.is_between(before, before + count - 1).arg_true()
        found = found.scatter(mine, lines_of(rows.gather(mine) - before))
        before += count
    return found


def _refused(parts: Sequence[Part]) -> pl.DataFrame:
    """Return the refused lines of all parts, by the events of them all."""
    found, events = [_NONE_REFUSED], 0
    for part in parts:
        if part.bad.refused.height:
            found.append(part.bad.refused.with_columns(pl.col("after") + events))
        events += part.frame.height
    return pl.concat(found)


def summed(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Return counts by name, added up."""
    total: dict[str, int] = {}
    for part in counts:
        for name, count in part.items():
            total[name] = total.get(name, 0) + count
    return total


def _samples(
    block: bytes, bad: Sequence[int], explain: Callable[[str], str]
) -> tuple[Rejected, ...]:
    """Return the first bad line of every shape, of all parts together."""
    found: dict[str, Rejected] = {}
    for row in bad:
        sample = _rejected(block, row, explain)
        found.setdefault(shape(sample.text), sample)
    return tuple(found.values())[:KEPT]


def all_refused(
    block: bytes, kinds: Mapping[str, FieldType], explain: Callable[[str], str]
) -> EventBatch:
    """Return a batch without events: all lines that are not blank are errors."""
    text = lines.column(lines.clean(block))
    schema = {"time": TIME} | {name: typed.DTYPES[kind] for name, kind in kinds.items()}
    rows = pl.arange(text.len(), eager=True, dtype=pl.UInt32)
    skipped, bad = leftover(text, rows)
    part = Part(pl.DataFrame(schema=schema), text.len(), skipped, bad)
    return batch(block, [part], explain)


def _rejected(block: bytes, row: int, explain: Callable[[str], str]) -> Rejected:
    raw = lines.original(block, row)
    text = lines.clean(raw).decode().removesuffix("\n")
    # Four bytes make a character, so what is cut off cannot be among those shown.
    shown = raw[: 4 * _SHOWN].decode(errors="backslashreplace")
    return Rejected(shown[:_SHOWN], partial(explain, text))
