"""Cubes: rows by pane and by the codes of some fields, and the metrics read off them.

The counts and sums of all metrics of a cube are read off at once: to each metric
belongs a range of numbers, in it to each slice of time, tick and group one number, and
all are grouped together. So the work grows with the cells, and hardly with the metrics.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import accumulate, groupby
from math import prod
from typing import TYPE_CHECKING, Any

import polars as pl

from tocsin.metrics.cells import NAMES
from tocsin.metrics.codes import ROOM, TooWideError, code, group
from tocsin.metrics.lateness import known_from
from tocsin.metrics.sketches import PACKED_REGISTERS, digest, in_lists
from tocsin.metrics.spec import AMEND_EVERY, MetricSpec, column
from tocsin.model.batch import greatest, least

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

_KEY_BYTES = 256
_AT_ONCE = 500_000
"""Rows that are grouped at once: bounds the memory that many metrics take."""


@dataclass(frozen=True, slots=True)
class Cube:
    """Rows, or sums of rows, by pane and by fields.

    `table` has the panes `p` and `a`, the code of each field (`code_of`), and what is
    to be summed; `values` are what the codes stand for. `first` and `panes` are the
    first pane and how many there are from it on, `lag` is how far `a` may be behind.
    """

    table: pl.DataFrame
    values: Mapping[str, pl.Series]
    first: int
    panes: int
    lag: int

    @classmethod
    def of(cls, rows: pl.DataFrame, names: Iterable[str], *, in_order: bool) -> Cube:
        """Return rows with the codes of some columns."""
        coded = {name: code(rows.get_column(name)) for name in names}
        panes = rows.get_column("p")
        first, last = least(panes) or 0, greatest(panes) or 0
        lag = 0 if in_order else greatest(rows.get_column("a") - panes) or 0
        table = rows.with_columns(**{code_of(n): c.codes for n, c in coded.items()})
        values = {name: c.values for name, c in coded.items()}
        return cls(table, values, first, last - first + 1, lag)

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
        sizes = {code_of(name): self.values[name].len() for name in names}
        if self.lag:
            lag = pl.col("a") - pl.col("p")
            rows = self.table.with_columns(pl.col("p") - self.first, lag=lag)
            sizes |= {"p": self.panes, "lag": self.lag + 1}
            back = [pl.col("p") + self.first, pl.col("p") + self.first + pl.col("lag")]
        else:
            first = self.first // grain
            rows = self.table.with_columns(pl.col("p") // grain - first)
            sizes |= {"p": (self.first + self.panes - 1) // grain - first + 1}
            back = [(pl.col("p") + first) * grain] * 2
        table = group(rows, sizes, sums)
        decoded = [
            self.values[n].gather(table.get_column(code_of(n))).alias(n) for n in plain
        ]
        times = zip(("p", "a"), back, strict=True)
        return replace(self, table=table.with_columns(*decoded, **dict(times)))


def code_of(name: str) -> str:
    """Return the name of the column with the codes of a column."""
    return f"code:{name}"


@dataclass(frozen=True, slots=True)
class _Range:
    """The numbers of one metric: its slices of time, ticks and groups."""

    number: int
    spec: MetricSpec
    base: int
    first: int
    slices: int
    ticks: int
    groups: int

    @classmethod
    def of(cls, cube: Cube, number: int, spec: MetricSpec, base: int) -> _Range:
        """Return the range of a metric from `base` on."""
        grain = spec.grain
        first = cube.first // grain
        last = (cube.first + cube.panes - 1) // grain
        ticks = (cube.lag + AMEND_EVERY) // grain + 3 if cube.lag else 1
        groups = prod(cube.values[column(f)].len() for f in spec.group_by)
        return cls(number, spec, base, first, last - first + 1, ticks, groups)

    @property
    def end(self) -> int:
        return self.base + self.slices * self.ticks * self.groups

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


def read_off(
    cube: Cube,
    metrics: Sequence[tuple[int, MetricSpec]],
    sums: Sequence[pl.Expr],
    sketch: tuple[str, int] | None = None,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the names of the series of metrics, and their cells with these sums.

    `sketch` is a column to group by too, of whole numbers from 0 to below its size.

    Raises:
        TooWideError: There are too many possible cells to number them.
    """
    ordered = sorted(metrics, key=lambda m: m[1].group_by)
    ranges: list[_Range] = []
    for number, spec in ordered:
        base = ranges[-1].end if ranges else 0
        ranges.append(_Range.of(cube, number, spec, base))
    name, size = sketch or ("", 1)
    if ranges[-1].end * size >= ROOM:
        raise TooWideError
    found = _summed(cube, ranges, sums, (name, size))
    return _placed(found, cube, ranges)


def read_registers(
    cube: Cube, number: int, spec: MetricSpec
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the same of a distinct count: cells with `n`, and registers as lists (`x`).

    Raises:
        TooWideError: As in `read_off`.
    """
    range_ = _Range.of(cube, number, spec, 0)
    if range_.end * PACKED_REGISTERS >= ROOM:
        raise TooWideError
    rows = cube.table.select(range_.place(cube).alias("@"), "x")
    counts = rows.group_by("@").agg(pl.len().cast(pl.Int64).alias("n"))
    return _placed(counts.join(in_lists(rows), on="@"), cube, [range_])


def _summed(
    cube: Cube,
    ranges: Sequence[_Range],
    sums: Sequence[pl.Expr],
    sketch: tuple[str, int],
) -> pl.DataFrame:
    """Return the sums of every number `@` that has any rows."""
    name, size = sketch
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
        if name:
            extra = pl.concat([cube.table[name]] * len(some))
            rows = rows.with_columns(pl.col("@") * size + extra)
        parts.append(rows.group_by("@").agg(sums))
    found = pl.concat(parts)
    if not name:
        return found
    return found.with_columns(pl.col("@") // size, (pl.col("@") % size).alias(name))


def _placed(
    found: pl.DataFrame, cube: Cube, ranges: Sequence[_Range]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Take the numbers apart; return the names of series, and the cells."""
    spread, layout = _layout(found, ranges)
    local = pl.col("@") - layout["base"]
    slot, grain = local // layout["groups"], layout["grain"]
    start = (slot // layout["ticks"] + layout["first"]) * grain
    behind = slot % layout["ticks"] * grain if cube.lag else grain
    if len(ranges) == 1 and not ranges[0].spec.group_by:
        names, sid = _alone(ranges[0].number), pl.lit(0, dtype=pl.Int64)
    else:
        places = spread.select(layout["series"] + local % layout["groups"])
        series = places.to_series().unique().sort()
        names = pl.concat(_names(series, cube, ranges))
        sid = pl.lit(series.search_sorted(places.to_series()).cast(pl.Int64))
    cells = spread.select(
        sid.alias("sid"),
        start.alias("p"),
        (start + behind).alias("k"),
        pl.exclude("@", *_LAYOUT),
    )
    return names, cells


_LAYOUT = ("base", "first", "ticks", "groups", "grain", "series")


def _layout(
    found: pl.DataFrame, ranges: Sequence[_Range]
) -> tuple[pl.DataFrame, Mapping[str, Any]]:
    """Return the rows with what their ranges are like, and how to refer to that."""
    series = [0, *accumulate(r.groups for r in ranges)]
    rows = [
        (r.base, r.first, r.ticks, r.groups, r.spec.grain, place)
        for r, place in zip(ranges, series, strict=False)
    ]
    if len(rows) == 1:
        return found, dict(zip(_LAYOUT, rows[0], strict=True))
    columns = [
        pl.Series(name, values, dtype=pl.Int64)
        for name, values in zip(_LAYOUT, zip(*rows, strict=True), strict=True)
    ]
    which = columns[0].search_sorted(found.get_column("@"), side="right") - 1
    spread = found.hstack([column.gather(which) for column in columns])
    return spread, {name: pl.col(name) for name in _LAYOUT}


@lru_cache(maxsize=1024)
def _alone(number: int) -> pl.DataFrame:
    """Return the name of the one series of a metric without a group."""
    return pl.DataFrame({"m": [number], "key": ["{}"]}, schema=NAMES)


def _names(
    series: pl.Series, cube: Cube, ranges: Sequence[_Range]
) -> Iterator[pl.DataFrame]:
    """Return the names of series, which are in order: metric by metric their groups."""
    base = 0
    for group_by, sharing in groupby(ranges, key=lambda r: r.spec.group_by):
        mine = list(sharing)
        groups = mine[0].groups
        end = base + groups * len(mine)
        here = series.filter(series.is_between(base, end, closed="left")) - base
        base = end
        metrics = pl.Series("m", [r.number for r in mine], dtype=pl.Int32)
        keys = _keys(here % groups, cube, group_by).alias("key")
        yield pl.DataFrame([metrics.gather(here // groups), keys])


def _keys(codes: pl.Series, cube: Cube, group_by: Sequence[str]) -> pl.Series:
    """Return the group keys of codes, as JSON."""
    if not group_by:
        return pl.repeat("{}", codes.len(), dtype=pl.String, eager=True)
    columns = []
    for name in reversed(group_by):
        values = cube.values[column(name)]
        columns.append(values.gather(codes % values.len()).alias(name))
        codes = codes // values.len()
    return key_texts(pl.DataFrame(columns[::-1]))


def key_texts(keys: pl.DataFrame) -> pl.Series:
    """Return group keys, a column for each field, as JSON."""
    if not keys.width:
        return pl.repeat("{}", keys.height, dtype=pl.String, eager=True)
    short = _shorten(keys)
    return short.select(pl.struct(pl.all()).struct.json_encode()).to_series()


def _shorten(keys: pl.DataFrame) -> pl.DataFrame:
    """Cut long texts in group keys, so that hostile lines cannot make keys large.

    What is cut off is stood for by its hash: different texts stay different keys.
    """
    for name in keys.columns:
        texts = keys.get_column(name)
        if texts.dtype != pl.String:
            continue
        long = (texts.str.len_bytes() > _KEY_BYTES).fill_null(value=False)
        if long.any():
            kept = texts.filter(long)
            cut = kept.str.slice(0, 60) + "…" + digest(kept)
            keys = keys.with_columns(texts.scatter(long.arg_true(), cut))
    return keys
