"""Which series go together by their keys: with their inputs, and with rules for some."""

from __future__ import annotations

import json
from itertools import islice
from typing import TYPE_CHECKING

import polars as pl

from tocsin.metrics import calculate
from tocsin.model.matchers import matches

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tocsin.pipeline.plan import Shard


def links(shard: Shard, table: pl.DataFrame) -> pl.DataFrame:
    """Match the keys of calculated series with those of their inputs.

    An input grouped by fewer fields feeds every key that agrees with it.
    """
    by_metric: dict[int, list[tuple[str, int]]] = {}
    for number, key, sid in table.iter_rows():
        by_metric.setdefault(number, []).append((key, sid))
    rows: list[tuple[int, int, int]] = []
    for number, spec in shard.calculated.items():
        for name in spec.inputs:
            source = shard.number(name)
            fields = shard.spec(source).group_by
            known = {
                _subset(key, fields): sid for key, sid in by_metric.get(source, [])
            }
            rows += [
                (sid, source, known[part])
                for key, sid in by_metric.get(number, [])
                if (part := _subset(key, fields)) in known
            ]
    return pl.DataFrame(rows, schema=calculate.LINKS, orient="row")


def variants(shard: Shard, table: pl.DataFrame) -> pl.DataFrame:
    """Match the keys of series with what alarms say of some: the first that holds."""
    rows: list[tuple[int, int, int]] = []
    for number, alarm in enumerate(shard.alarms):
        mine = table.filter(pl.col("m") == alarm.metric) if alarm.variants else None
        for sid, key in () if mine is None else mine.select("sid", "key").iter_rows():
            labels = labels_of(json.loads(key))
            holds = (i for i, v in enumerate(alarm.variants, 1) if matches(v, labels))
            rows += [(number, sid, variant) for variant in islice(holds, 1)]
    schema = {"of": pl.Int32, "sid": pl.Int64, "variant": pl.Int32}
    return pl.DataFrame(rows, schema=schema, orient="row")


def labels_of(key: Mapping[str, object]) -> dict[str, str]:
    """Return the fields of a key as matchers see them."""
    return {n: "" if v is None else str(v) for n, v in key.items()}


def _subset(key: str, fields: tuple[str, ...]) -> tuple[object, ...]:
    whole = json.loads(key)
    return tuple(whole.get(name) for name in fields)
