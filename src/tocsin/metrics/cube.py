"""Cubes: rows by pane and by the codes of some fields, and the metrics read off them.

To each metric belongs a range of numbers, in it to each slice of time, tick and group
one number: a cell. The counts and sums of all metrics of a cube are grouped together by
that, and the numbers of all cells are taken apart at once. So the work grows with the
cells, and hardly with the metrics.
"""

from __future__ import annotations

from itertools import groupby
from math import prod
from typing import TYPE_CHECKING

import polars as pl
from msgspec import Struct, field
from msgspec.structs import replace

from tocsin.metrics.cells import NAMES
from tocsin.metrics.codes import ROOM, TooWideError, code, group
from tocsin.metrics.lateness import known_from
from tocsin.metrics.sketches import digest
from tocsin.metrics.spec import AMEND_EVERY, MetricSpec, column
from tocsin.model.batch import Coded, greatest, least

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

_KEY_BYTES = 256
_AT_ONCE = 500_000
"""Rows that are grouped at once: bounds the memory that many metrics take."""


class Cube(Struct, frozen=True):
    """Rows, or sums of rows, by pane and by fields.

    `table` has the panes `p` and `a`, the code of each field (`code_of`), and what is
    to be summed; `values` are what the codes stand for. `first` and `panes` are the
    first pane and how many there are from it on, `lag` is how far `a` may be behind.
    `known` are columns of rows whose codes were known before.
    """

    table: pl.DataFrame
    values: Mapping[str, pl.Series]
    first: int
    panes: int
    lag: int
    known: Mapping[str, Coded] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        rows: pl.DataFrame,
        names: Iterable[str],
        known: Mapping[str, Coded],
        *,
        in_order: bool,
    ) -> Cube:
        """Return rows with the codes of some columns."""
        coded = {n: known.get(n) or code(rows.get_column(n)) for n in names}
        panes = rows.get_column("p")
        first, last = least(panes) or 0, greatest(panes) or 0
        lag = 0 if in_order else greatest(rows.get_column("a") - panes) or 0
        table = rows.with_columns(**{code_of(n): c.codes for n, c in coded.items()})
        values = {name: c.values for name, c in coded.items()}
        return cls(table, values, first, last - first + 1, lag, known)

    def summed(
        self,
        names: Sequence[str],
        sums: Sequence[pl.Expr],
        *,
        plain: Iterable[str],
        grain: int,
    ) -> Cube:
        """Return the sums by these fields, some of them plain as well, and by pane.

        Rows in order are summed by slices of `grain` panes.
        """
        sizes = self._sizes(names, grain)
        if self.lag:
            lag = pl.col("a") - pl.col("p")
            rows = self.table.with_columns(pl.col("p") - self.first, lag=lag)
            back = [pl.col("p") + self.first, pl.col("p") + self.first + pl.col("lag")]
        else:
            first = self.first // grain
            rows = self.table.with_columns(pl.col("p") // grain - first)
            back = [(pl.col("p") + first) * grain] * 2
        table = group(rows, sizes, sums)
        decoded = [
            self.values[n].gather(table.get_column(code_of(n))).alias(n) for n in plain
        ]
        times = zip(("p", "a"), back, strict=True)
        return replace(self, table=table.with_columns(*decoded, **dict(times)))

    def room(self, names: Iterable[str], grain: int) -> int:
        """Return how many sums there can be, in slices of `grain` panes."""
        return prod(self._sizes(names, grain).values())

    def _sizes(self, names: Iterable[str], grain: int) -> dict[str, int]:
        sizes = {code_of(name): self.values[name].len() for name in names}
        if self.lag:
            return sizes | {"p": self.panes, "lag": self.lag + 1}
        slices = (self.first + self.panes - 1) // grain - self.first // grain + 1
        return sizes | {"p": slices}


def code_of(name: str) -> str:
    """Return the name of the column with the codes of a column."""
    return f"code:{name}"


class Range(Struct, frozen=True):
    """The numbers of one metric: its slices of time, ticks and groups.

    They begin at `base`, and those of its series at `series`.
    """

    number: int
    spec: MetricSpec
    base: int
    series: int
    first: int
    slices: int
    ticks: int
    groups: int

    @classmethod
    def of(
        cls, cube: Cube, number: int, spec: MetricSpec, before: Range | None
    ) -> Range:
        """Return the range of a metric, after that of another."""
        grain = spec.grain
        first = cube.first // grain
        last = (cube.first + cube.panes - 1) // grain
        ticks = (cube.lag + AMEND_EVERY) // grain + 3 if cube.lag else 1
        groups = prod(cube.values[column(f)].len() for f in spec.group_by)
        base = 0 if before is None else before.base + before.size
        series = 0 if before is None else before.series + before.groups
        return cls(number, spec, base, series, first, last - first + 1, ticks, groups)

    @property
    def size(self) -> int:
        """How many numbers there are."""
        return self.slices * self.ticks * self.groups

    def place(self, cube: Cube) -> pl.Expr:
        """Return the number of each row, null where the condition does not hold."""
        grain = self.spec.grain
        slice_ = pl.col("p") // grain
        found = slice_ - self.first
        if cube.lag:
            found = found * self.ticks + (known_from(grain) // grain - slice_)
        for name in map(column, self.spec.group_by):
            found = found * cube.values[name].len() + pl.col(code_of(name))
        found = found + self.base
        where = self.spec.where
        return found if where is None else pl.when(where).then(found)


def summed(
    cube: Cube, ranges: Sequence[Range], sums: Sequence[pl.Expr]
) -> pl.DataFrame:
    """Return the sums of every number (`@`) of these ranges that has any rows."""
    carried = sorted(set().union(*(s.meta.root_names() for s in sums)))
    at_once = max(1, _AT_ONCE // max(1, cube.table.height))
    parts = []
    for start in range(0, len(ranges), at_once):
        some = ranges[start : start + at_once]
        places = [r.place(cube).alias(str(i)) for i, r in enumerate(some)]
        placed = cube.table.select(places)
        columns = [pl.concat(placed.get_columns()).alias("@")]
        columns += [pl.concat([cube.table[c]] * len(some)) for c in carried]
        rows = pl.DataFrame(columns)
        if any(r.spec.where is not None for r in some):
            rows = rows.filter(pl.col("@").is_not_null())
        parts.append(rows.group_by("@").agg(sums))
    return pl.concat(parts)


class Numbering:
    """The numbers of all cells of some metrics that a cube may have.

    Raises:
        TooWideError: There are too many to number them.
    """

    def __init__(self, cube: Cube, metrics: Iterable[tuple[int, MetricSpec]]) -> None:
        self._cube = cube
        self._ranges: list[Range] = []
        for number, spec in sorted(metrics, key=lambda m: m[1].group_by):
            before = self._ranges[-1] if self._ranges else None
            self._ranges.append(Range.of(cube, number, spec, before))
        last = self._ranges[-1]
        if last.base + last.size >= ROOM:
            raise TooWideError
        self.ranges = {r.number: r for r in self._ranges}

    def cells(
        self, tables: Sequence[pl.DataFrame]
    ) -> tuple[pl.DataFrame, list[pl.DataFrame]]:
        """Take the numbers `@` of tables apart.

        Return the names of the series, and the tables with `sid`, `p` and `k` instead.
        """
        places = self._apart(pl.concat([t.get_column("@") for t in tables]))
        found = places.get_column("sid")
        series = found.unique().sort()
        names = pl.concat(list(self._names(series)))
        places = places.with_columns(series.search_sorted(found).cast(pl.Int64))
        parts, at = [], 0
        for table in tables:
            here = places.slice(at, table.height)
            rest = [c for c in table.get_columns() if c.name != "@"]
            parts.append(here.hstack(rest))
            at += table.height
        return names, parts

    def _apart(self, numbers: pl.Series) -> pl.DataFrame:
        """Return the series (by its number), slice and tick of each cell."""
        rows = [
            (r.base, r.series, r.first, r.ticks, r.groups, r.spec.grain)
            for r in self._ranges
        ]
        names = ("base", "series", "first", "ticks", "groups", "grain")
        about = pl.DataFrame(rows, dict.fromkeys(names, pl.Int64), orient="row")
        which = about.get_column("base").search_sorted(numbers, side="right") - 1
        spread = about.select(pl.all().gather(which)).with_columns(numbers.alias("@"))
        local, grain = pl.col("@") - pl.col("base"), pl.col("grain")
        slot = local // pl.col("groups")
        start = (slot // pl.col("ticks") + pl.col("first")) * grain
        behind = slot % pl.col("ticks") * grain if self._cube.lag else grain
        return spread.select(
            sid=pl.col("series") + local % pl.col("groups"), p=start, k=start + behind
        )

    def _names(self, series: pl.Series) -> Iterator[pl.DataFrame]:
        """Return the names of series, which are in order: metric by metric their groups."""
        sharing = [list(g) for _, g in groupby(self._ranges, lambda r: r.spec.group_by)]
        edges = pl.Series([mine[0].series for mine in sharing])
        begins = series.search_sorted(edges, side="left").to_list()
        texts = _Texts(self._cube)
        for mine, low, high in zip(sharing, begins, [*begins[1:], None], strict=True):
            place = pl.col("@") - mine[0].series
            metrics = pl.Series([r.number for r in mine], dtype=NAMES["m"])
            yield pl.DataFrame({"@": series[low:high]}).select(
                m=pl.lit(metrics).gather(place // mine[0].groups),
                key=texts.key(place % mine[0].groups, mine[0].spec.group_by),
            )


class _Texts:
    """The texts of group keys: JSON."""

    def __init__(self, cube: Cube) -> None:
        self._cube = cube
        self._values: dict[str, pl.Series] = {}

    def key(self, codes: pl.Expr, group_by: Sequence[str]) -> pl.Expr:
        """Return the group keys of codes."""
        if not group_by:
            return pl.lit("{}")
        columns = []
        for name in reversed(group_by):
            values = self._short(column(name))
            columns.append(pl.lit(values).gather(codes % values.len()).alias(name))
            codes = codes // values.len()
        return pl.struct(columns[::-1]).struct.json_encode()

    def _short(self, name: str) -> pl.Series:
        """Return values of a field that may be in a key.

        Long texts are cut, so that hostile lines cannot make keys large. What is cut off
        is stood for by its hash: different texts stay different keys.
        """
        if name not in self._values:
            values = self._cube.values[name]
            cut = _cut(values) if values.dtype == pl.String else values
            self._values[name] = cut
        return self._values[name]


def _cut(texts: pl.Series) -> pl.Series:
    sizes = texts.str.len_bytes()
    if (greatest(sizes) or 0) <= _KEY_BYTES:
        return texts
    long = (sizes > _KEY_BYTES).fill_null(value=False)
    kept = texts.filter(long)
    cut = kept.str.slice(0, 60) + "…" + digest(kept)
    return texts.clone().scatter(long.arg_true(), cut)  # which is done in place
