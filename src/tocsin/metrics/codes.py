"""Several columns as one of whole numbers: rows are grouped by one several times as fast.

Values become codes first (see `code`), codes are packed into one number by how many
there are of each, and after grouping taken apart again.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

import polars as pl

from tocsin.model.batch import Coded, greatest, least

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROOM = 2**62
"""Numbers that rows are grouped by are below this."""
_PACKED = pl.col("@")
_CLOSE = 4096
"""The codes of whole numbers within such a range are looked up in a table."""


class TooWideError(Exception):
    """Too many groups are possible to number them all: half of the rows may do."""


def code(column: pl.Series) -> Coded:
    """Return a column of any type by its codes."""
    if column.dtype == pl.String:
        return _of_texts(column)
    if column.dtype.is_integer():
        low, high = least(column), greatest(column)
        if low is not None and high is not None and high - low < _CLOSE:
            return _of_close(column, low, high)
    return _of_any(column)


def _of_texts(column: pl.Series) -> Coded:
    words = pl.Categorical(pl.Categories.random())
    coded = column.cast(words)  # what it has is forgotten with it
    codes = coded.to_physical()
    count = (greatest(codes) or 0) + 1 if coded.len() > coded.null_count() else 0
    values = pl.int_range(count, dtype=pl.UInt32, eager=True).cat.to(words)
    return _with_null(codes.cast(pl.Int64), values.cast(pl.String))


def _of_close(column: pl.Series, low: int, high: int) -> Coded:
    values = column.drop_nulls().unique()
    places = pl.zeros(high - low + 1, dtype=pl.Int64, eager=True)
    numbers = pl.int_range(values.len(), eager=True)
    places = places.scatter(values.cast(pl.Int64) - low, numbers)
    codes = places.gather(column.cast(pl.Int64) - low)
    return _with_null(codes, values)


def _with_null(codes: pl.Series, values: pl.Series) -> Coded:
    """Return codes with one for null, if there is any."""
    if codes.null_count():
        codes = codes.fill_null(values.len())
        values = pl.concat([values, values.clear(1)])
    return Coded(codes, values)


def _of_any(column: pl.Series) -> Coded:
    values = column.unique()
    table = values.to_frame("value").with_row_index("code")
    rows = column.to_frame("value")
    found = rows.join(
        table, on="value", how="left", nulls_equal=True, maintain_order="left"
    )
    return Coded(found.get_column("code").cast(pl.Int64), values)


def group(
    table: pl.DataFrame, sizes: Mapping[str, int], sums: Sequence[pl.Expr]
) -> pl.DataFrame:
    """Return the table grouped by some columns, with sums.

    `sizes` names columns of whole numbers, each of which is from 0 to below its size.

    Raises:
        TooWideError: Their product does not fit in one number.
    """
    if prod(sizes.values()) >= ROOM:
        raise TooWideError
    number, all_before, columns = pl.lit(0, dtype=pl.Int64), 1, []
    for name, size in sizes.items():
        number = number + pl.col(name) * all_before
        columns.append((_PACKED // all_before % size).alias(name))
        all_before *= size
    found = table.group_by(number.alias("@")).agg(sums)
    return found.select(*columns, pl.exclude("@"))
