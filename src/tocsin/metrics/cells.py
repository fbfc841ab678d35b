"""Cells: mergeable partials of (metric, key, slice of time), exact in any order.

A cell is a row. `p` is the start of its slice (s), `k` the first tick that may use it.
Four tables hold all kinds of metric:

* `base`: `n` events, `s` their sum in millionths, `q` the sum of the squares of their
  millionths (both 128-bit), `lo` and `hi`;
* `buckets`: `n` events in histogram bucket `b`;
* `registers`: HyperLogLog registers with their ranks, packed, as a list (`x`) in order;
* `lines`: lines of the log, as evidence (see `evidence`).

In the state a series is `sid`, a number of the series table. On the way there it is a
row of the names that travel with the cells: the number of the metric in the plan and
the group key as JSON.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import polars as pl
from msgspec import Struct, field
from msgspec.structs import replace

from tocsin.metrics.evidence import LINES, reduced
from tocsin.metrics.sketches import in_lists
from tocsin.model.batch import divided, least

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

Schema: TypeAlias = dict[str, pl.DataType | type[pl.DataType]]

NAMES: Schema = {"m": pl.Int32, "key": pl.String}
_WHEN: Schema = {"sid": pl.Int64, "p": pl.Int64, "k": pl.Int64}
BASE: Schema = {
    "n": pl.Int64,
    "s": pl.Int128,
    "q": pl.Int128,
    "lo": pl.Float64,
    "hi": pl.Float64,
}
_BUCKETS: Schema = {"b": pl.Int64, "n": pl.Int64}
_REGISTERS: Schema = {"x": pl.List(pl.Int32)}
SHAPES: dict[str, Schema] = {
    "base": BASE,
    "buckets": _BUCKETS,
    "registers": _REGISTERS,
    "lines": {name: kind for name, kind in LINES.items() if name not in _WHEN},
}
"""The columns of each table but for those that say of what series and slice they are."""

MILLION = 1_000_000
"""Sums are whole numbers of millionths: exact under any order of addition."""

MOST = 10.0**24
"""A number further from 0 than this cannot be summed: it counts as no number."""
MOST_SQUARED = 10.0**10
"""The same where squares are summed, so that millions of them fit in 128 bits."""


class _Tables(Struct, frozen=True):
    base: pl.DataFrame
    buckets: pl.DataFrame
    registers: pl.DataFrame
    lines: pl.DataFrame = field(default_factory=lambda: _NO_LINES)


class Cells(_Tables, frozen=True, kw_only=True):
    """The four tables of cells.

    The first `ordered` rows of `base` are known to be in order of `p` (`arranged`).
    """

    ordered: int = 0

    @property
    def tables(self) -> tuple[pl.DataFrame, ...]:
        """All tables, in the order of the fields."""
        return (self.base, self.buckets, self.registers, self.lines)

    @classmethod
    def empty(cls) -> Cells:
        """Return tables without rows."""
        return _EMPTY

    def map(self, change: Callable[[pl.DataFrame], pl.DataFrame]) -> Cells:
        """Return the same change made to each table."""
        return Cells(
            *(change(table) if table.height else table for table in self.tables)
        )

    def fewer(self, kept: Callable[[pl.DataFrame], pl.DataFrame]) -> Cells:
        """Return the rows that are kept of each table, in the order they are in."""
        found = self.map(kept)
        whole = self.ordered == self.base.height
        return replace(found, ordered=found.base.height if whole else 0)

    @property
    def height(self) -> int:
        """How many rows there are in all."""
        return sum(table.height for table in self.tables)

    @property
    def weight(self) -> int:
        """How many rows and registers there are in all: what judging them takes."""
        return self.height + self._filled

    @property
    def room(self) -> int:
        """How many rows they take the room of: eight registers of a list that of one."""
        return self.height + self._filled // 8

    @property
    def _filled(self) -> int:
        """How many registers there are."""
        if self.registers.height == 0:
            return 0
        return int(self.registers.get_column("x").list.len().sum())


_NO_LINES: pl.DataFrame = pl.DataFrame(schema=LINES)
# Frames are never changed in place, so that one empty one serves all.
_EMPTY = Cells(
    pl.DataFrame(schema=_WHEN | BASE),
    pl.DataFrame(schema=_WHEN | _BUCKETS),
    pl.DataFrame(schema=_WHEN | _REGISTERS),
)


class NamedCells(Struct, frozen=True):
    """Cells on their way to a state: `sid` is a row of `names` (`m`, `key`)."""

    names: pl.DataFrame
    cells: Cells

    @classmethod
    def empty(cls) -> NamedCells:
        """Return no cells."""
        return cls(pl.DataFrame(schema=NAMES), Cells.empty())

    def of(self, metrics: Iterable[int]) -> NamedCells:
        """Return the cells of some metrics only."""
        mine = self.names.get_column("m").is_in(list(metrics))
        return NamedCells(
            self.names,
            self.cells.map(lambda t: t.filter(mine.gather(t.get_column("sid")))),
        )


def gather(parts: Sequence[NamedCells]) -> NamedCells:
    """Put the cells of different series under one another."""
    moved, above = [], 0
    for part in parts:
        moved.append(part.cells.map(_moved_by(above)))
        above += part.names.height
    return NamedCells(pl.concat([p.names for p in parts]), stack(moved))


def without_lines(cells: Cells) -> Cells:
    """Return cells without what is only shown of them."""
    return Cells(cells.base, cells.buckets, cells.registers)


def _moved_by(rows: int) -> Callable[[pl.DataFrame], pl.DataFrame]:
    return lambda table: table.with_columns(pl.col("sid") + rows)


_MOST_CHUNKS = 256


def merge(parts: Iterable[Cells]) -> Cells:
    """Join cells: rows of the same series, slice and tick become one.

    The result is the same for any order and grouping of the parts, but for the
    order of its rows.
    """
    parts = list(parts)
    where = ["sid", "p", "k"]
    return Cells(
        _join([p.base for p in parts], where, [joined(pl.col(c), c) for c in BASE]),
        _join([p.buckets for p in parts], [*where, "b"], [pl.col("n").sum()]),
        _joined_registers(_put([p.registers for p in parts])),
        reduced(_put([p.lines for p in parts])),
    )


def merge_after(cells: Cells, tick: int | None) -> Cells:
    """Join the cells that are known after a tick (s): all others are joined already."""
    if tick is None:
        return merge([cells])
    old = cells.fewer(lambda table: _parted(table, tick)[0])
    new = cells.map(lambda table: _parted(table, tick)[1])
    return stack([old, merge([new])])


def _parted(table: pl.DataFrame, tick: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the rows known by a tick (s), and the others: they are near the end."""
    later = table.get_column("k") > tick
    if not later.any():
        return table, table.clear()
    cut = later.arg_max() or 0
    rest, known = table.slice(cut), pl.col("k") <= tick
    return pl.concat([table.head(cut), rest.filter(known)]), rest.filter(~known)


def joined(column: pl.Expr, name: str) -> pl.Expr:
    """Return how values of the `base` column called `name` become one."""
    match name:
        case "lo":
            return column.min()
        case "hi":
            return column.max()
        case _:
            return column.sum()


def stack(parts: Sequence[Cells]) -> Cells:
    """Put cells under one another, unmerged."""
    return Cells(
        _even(pl.concat([p.base for p in parts])),
        _even(pl.concat([p.buckets for p in parts])),
        _even(pl.concat([p.registers for p in parts])),
        _even(_put([p.lines for p in parts])),
        ordered=parts[0].ordered,
    )


def _even(table: pl.DataFrame) -> pl.DataFrame:
    """Return a table in one piece, if it is in very many: each costs memory."""
    return table.rechunk() if table.n_chunks() > _MOST_CHUNKS else table


def arranged(cells: Cells) -> Cells:
    """Return cells whose base is in order of time, so that those near it are found.

    They come nearly in order: only those of the last few moments are sorted.
    """
    base = cells.base
    if cells.ordered == base.height:
        return cells
    p = base.get_column("p")
    done, new = p.head(cells.ordered), p.slice(cells.ordered)
    cut = done.search_sorted(least(new), side="right") if cells.ordered else 0
    if cut < cells.ordered or not new.is_sorted():
        base = pl.concat([base.head(cut), base.slice(cut).sort("p")])
    return replace(cells, base=base, ordered=base.height)


def between(base: pl.DataFrame, spans: Sequence[tuple[int, int]]) -> pl.DataFrame:
    """Return the rows of ordered cells whose slices begin in some spans `[low, high)`.

    The spans are in order and apart.
    """
    edges = pl.Series([edge for span in spans for edge in span], dtype=pl.Int64)
    places = base.get_column("p").search_sorted(edges, side="left").to_list()
    pairs = zip(places[::2], places[1::2], strict=True)
    return pl.concat([base.head(0), *(base.slice(a, b - a) for a, b in pairs if b > a)])


def _put(tables: list[pl.DataFrame]) -> pl.DataFrame:
    filled = [t for t in tables if t.height]
    return pl.concat(filled) if filled else tables[0]


def _join(
    tables: list[pl.DataFrame], where: Sequence[str | pl.Expr], sums: list[pl.Expr]
) -> pl.DataFrame:
    filled = [t for t in tables if t.height]
    if not filled:
        return tables[0]
    together = filled[0] if len(filled) == 1 else pl.concat(filled)
    return together.group_by(where).agg(sums).select(together.columns)


def of_registers(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the cells of registers, of which each is a row: with `x` as lists."""
    where = list(_WHEN)
    cells = rows.select(where).unique(maintain_order=True).with_row_index("@")
    cells = cells.with_columns(pl.col("@").cast(pl.Int64))
    found = rows.join(cells, on=where).select("@", "x")
    return cells.join(in_lists(found), on="@").select(*where, "x")


def _joined_registers(table: pl.DataFrame) -> pl.DataFrame:
    if table.height == table.select(*_WHEN).n_unique():
        return table
    return of_registers(table.explode("x"))


def millionths(value: pl.Expr) -> pl.Expr:
    """Return numbers as whole millionths, in 128 bits."""
    return (value * MILLION).round().cast(pl.Int128)


def variance(n: pl.Expr, s: pl.Expr, q: pl.Expr) -> pl.Expr:
    """Return the variance of `n` numbers from `s` and `q` of cells; null without any.

    The squares are taken from a whole number near the mean before anything is rounded,
    so that large numbers close together keep their spread.
    """
    middle = s // n
    rest = divided((s - middle * n).cast(pl.Float64), n)
    squares = divided(q - 2 * middle * s + n.cast(pl.Int128) * middle * middle, n)
    spread = squares.cast(pl.Float64) - rest.pow(2)
    return divided(spread.clip(lower_bound=0.0), MILLION**2)
