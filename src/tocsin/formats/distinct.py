"""Work done once per distinct value instead of once per row, where that pays."""

from collections.abc import Callable

import polars as pl

_SAMPLE = 512
_FEW = 0.5
"""A column of which a sample is less than this distinct is worth a dictionary."""


def per_run(
    values: pl.Series, make: Callable[[pl.Series], pl.DataFrame]
) -> pl.DataFrame:
    """Return `make(values)`, for columns whose equal values stand together.

    `make` must be a function of each value alone, and keep the length.
    """
    if values.len() == 0:
        return make(values)
    heads = values.rle().struct.field("value")
    if heads.len() == values.len():
        return per_value(values, make)
    return per_value(heads, make).select(pl.all().gather(values.rle_id()))


def per_value(
    values: pl.Series, make: Callable[[pl.Series], pl.DataFrame]
) -> pl.DataFrame:
    """Return `make(values)`, computed on distinct values when there are few of them."""
    sample = values.head(_SAMPLE)
    if values.len() < _SAMPLE or sample.n_unique() > _FEW * _SAMPLE:
        return make(values)
    coded = values.cast(pl.Categorical(pl.Categories.random()))
    words = coded.drop_nulls().unique()
    words = words.gather(words.to_physical().arg_sort())
    return make(words.cast(pl.String)).select(pl.all().gather(coded.to_physical()))
