"""The history of datapoints: what was said of metrics, kept finely for a while.

Datapoints are noted as they are said, those that late lines change after those that they
change: the last word counts. What is settled is summed up to coarser resolutions, a
bounded stretch with each commit, and what is older than its resolution is kept goes.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import polars as pl
from msgspec import Struct, field

from tocsin.model.state import Change
from tocsin.pipeline import tables

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tocsin.metrics.series import SeriesTable
    from tocsin.model.protocols import Store
    from tocsin.pipeline.plan import Plan, Shard
    from tocsin.pipeline.verdict import Verdict

DOCUMENT: Final = "history"
"""The document that says up to when (s) each resolution is summed up."""
SAID: Final = "history/0"
"""The table of datapoints as they were said."""
MOST_SERIES: Final = 1000
"""Series of a metric above which it has no history: nobody looks at so many lines."""
MOST_POINTS: Final = 10_000
_MOST_ROWS: Final = 50_000
"""Finer datapoints that are summed up with one commit, but for the last stretch."""
_FOR_EACH: Final = 5_000
"""What a stretch costs in rows, however few it has."""
_STRETCH: Final = 10
"""Datapoints of a coarser resolution that are made of finer ones at a time."""
_RUN = {
    "metric": pl.String, "key": pl.String, "e": pl.Int64, "steps": pl.Int64,
    "every": pl.Int64, "value": pl.Float64, "n": pl.Int64,
}  # fmt: skip
_SUM = {
    "metric": pl.String, "key": pl.String, "e": pl.Int64, "points": pl.Int64,
    "value": pl.Float64, "low": pl.Float64, "high": pl.Float64, "n": pl.Int64,
}  # fmt: skip
POINTS: Final = {
    "e": pl.Int64, "every": pl.Int64, "value": pl.Float64, "low": pl.Float64,
    "high": pl.Float64, "n": pl.Int64,
}  # fmt: skip
"""A datapoint that ends at `e` and stands for `every` seconds: the mean, least and
greatest value, and the most events of a window. Without values they are null."""


class Past(Struct):
    """Takes note of the datapoints that are said, until they are saved."""

    pieces: list[pl.DataFrame] = field(default_factory=list)

    def note(
        self, plan: Plan, shard: Shard, known: SeriesTable, verdict: Verdict
    ) -> None:
        """Take note of what a verdict says of metrics that are shown."""
        if verdict.partial or verdict.runs.height == 0:
            return
        counts = dict(known.table.group_by("m").len().iter_rows())
        names = {
            n: shard.spec(n).name
            for n in (*shard.metrics, *shard.calculated)
            if counts.get(n, 0) <= MOST_SERIES
        }
        names = {n: name for n, name in names.items() if name not in plan.hidden}
        rows = verdict.runs.filter(pl.col("m").is_in(list(names)))
        if rows.height == 0:
            return
        named = pl.col("m").replace_strict(
            list(names), list(names.values()), return_dtype=pl.String
        )
        rows = rows.join(known.table.select("sid", "key"), on="sid")
        self.pieces.append(rows.with_columns(metric=named).select(*_RUN))


class Keep(Struct, frozen=True):
    """How long (s) what is over is kept; `points` by resolution, from fine to coarse.

    The finest is kept as it was said.
    """

    incidents: int
    notifications: int
    points: Mapping[int, int]

    @property
    def coarse(self) -> list[int]:
        """The resolutions that are made of finer ones."""
        return list(self.points)[1:]

    @property
    def spans(self) -> dict[str, int]:
        """Return of how much time a segment of each table may be: a share of its all."""
        names = [SAID, *map(table, self.coarse)]
        kept = self.points.values()
        return {n: max(k // 8, 1) for n, k in zip(names, kept, strict=False)}

    def floors(self, summed: Mapping[int, int], now: int) -> dict[str, int]:
        """Return before which second the tables of datapoints are not needed.

        What is to be summed up stays until it is.
        """
        found: dict[str, int] = {}
        for name, (step, keep) in zip(self.spans, self.points.items(), strict=True):
            coarser = next((s for s in self.points if s > step), None)
            bound = now - keep if coarser is None else summed.get(coarser)
            if bound is not None:
                found[name] = min(now - keep, bound)
        return found


def table(step: int) -> str:
    """Return the name of the table of a coarser resolution (s)."""
    return f"history/{step}"


def said(pieces: Sequence[pl.DataFrame]) -> Change:
    """Return the change that saves what was said."""
    if not pieces:
        return Change()
    return Change(segments=(tables.segment(SAID, pl.concat(pieces)),))


def sum_up(
    store: Store, keep: Keep, summed: Mapping[int, int], times: tuple[int, int]
) -> tuple[Change, dict[int, int]]:
    """Sum up a stretch of each resolution, if it is all there; say up to when it is.

    `times` are the second before which nothing can change any more, and now.
    """
    settled, now = times
    after, made = dict(summed), Change()
    finer, bound = 0, settled
    for step in keep.coarse:
        upto = summed.get(step, now - keep.points[step])
        for change, end in _stretches(store, (finer, step), upto, bound):
            made += change
            after[step] = end
        if step not in summed:
            break
        # What is summed up now is not there yet for those coarser still.
        finer, bound = step, summed[step]
    if after != summed:
        made += Change(documents={DOCUMENT: json.dumps(after).encode()})
    return made, after


def summed_up(store: Store) -> dict[int, int]:
    """Return up to which second each resolution is summed up."""
    body = store.documents(DOCUMENT).get(DOCUMENT)
    return {} if body is None else {int(k): v for k, v in json.loads(body).items()}


def history(
    store: Store, metric: str, key: Mapping[str, object], start: int, end: int
) -> pl.DataFrame:
    """Return the datapoints (`POINTS`) of a series that end in `(start, end]` (s).

    They are as fine as they are kept, and as at most `MOST_POINTS` of them allow; finer
    where coarser ones are not made yet, coarser where finer ones are gone.

    Raises:
        StateDamaged: What was saved is not what was written.
    """
    name = json.dumps(dict(key), separators=(",", ":"), ensure_ascii=False)
    summed = summed_up(store)
    steps = sorted(
        {int(n.table.partition("/")[2]) for n in store.catalogue("history/")}
    )
    fits = [s for s in steps if (end - start) // max(s, 1) <= MOST_POINTS]
    if not steps:
        return pl.DataFrame(schema=POINTS)
    best = steps.index(fits[0]) if fits else len(steps) - 1
    parts: list[pl.DataFrame] = []
    cut = start
    for step in reversed(steps[: best + 1]):
        until = end if step == 0 else min(end, summed.get(step, start))
        if until > cut:
            parts.append(_of(store, step, (metric, name), (cut, until)))
            cut = until
    for step in steps[best + 1 :]:
        first = pl.concat(parts).get_column("e").min() if parts else None
        until = first - 1 if isinstance(first, int) else end
        parts.append(_of(store, step, (metric, name), (start, until)))
    return pl.concat([pl.DataFrame(schema=POINTS), *parts]).sort("e")


def unsaved(
    pieces: Sequence[pl.DataFrame],
    metric: str,
    key: Mapping[str, object],
    start: int,
    end: int,
) -> pl.DataFrame:
    """Return the datapoints of a series that are said, and in no store yet.

    As `history` does; later words are after earlier ones.
    """
    name = json.dumps(dict(key), separators=(",", ":"), ensure_ascii=False)
    same = (pl.col("metric") == metric) & (pl.col("key") == name)
    rows = pl.concat([pl.DataFrame(schema=_RUN), *(p.filter(same) for p in pieces)])
    rows = _expanded(rows, start, end)
    return rows.unique(["e"], keep="last", maintain_order=True).select(*POINTS)


def _stretches(
    store: Store, steps: tuple[int, int], upto: int, bound: int
) -> Iterator[tuple[Change, int]]:
    """Yield the next stretches of a resolution, each with its end: not too many."""
    budget = _MOST_ROWS
    while budget > 0 and bound >= upto + _STRETCH * steps[1]:
        found = _sum_up(store, steps, (upto, bound))
        if found is None:
            return
        yield found[0], found[1]
        upto = found[1]
        budget -= found[2]


def _sum_up(
    store: Store, steps: tuple[int, int], times: tuple[int, int]
) -> tuple[Change, int, int] | None:
    """Return the next stretch of a resolution, its end, and how many rows it was made of.

    None if it is not there yet.
    """
    finer, step = steps
    upto, bound = times
    notes = [n for n in store.catalogue(table(finer)) if n.table == table(finer)]
    first = min((n.start for n in notes if n.end > upto), default=None)
    if first is None:
        return None
    # Where nothing was said nothing is summed up, however long it was.
    begin = max(upto, first - 1) // step * step
    end = begin + _STRETCH * step
    if end > bound:
        return None
    rows = _read(store, finer, (begin, end))
    made = _binned(rows, step)
    segments = (tables.segment(table(step), made),) if made.height else ()
    return Change(segments=segments), end, rows.height + _FOR_EACH


def _binned(rows: pl.DataFrame, step: int) -> pl.DataFrame:
    """Return datapoints of a coarser resolution; one ends at the end of its bin."""
    by = ["metric", "key", "e"]
    rows = rows.with_columns(e=-(-pl.col("e") // step) * step)
    valued = pl.col("value").is_not_null()
    weight = pl.col("points").filter(valued)
    mean = (pl.col("value").filter(valued) * weight).sum() / weight.sum()
    made = rows.group_by(by).agg(
        points=weight.sum(),
        value=pl.when(valued.any()).then(mean),
        low=pl.col("low").min(),
        high=pl.col("high").max(),
        n=pl.col("n").max(),
    )
    return made.select(*_SUM).sort(by)


def _of(
    store: Store, step: int, series: tuple[str, str], span: tuple[int, int]
) -> pl.DataFrame:
    """Return the datapoints of one series and resolution."""
    rows = _read(store, step, span, series)
    every = pl.lit(step, dtype=pl.Int64) if step else pl.col("every")
    return rows.sort("e").with_columns(every=every).select(*POINTS)


def _read(
    store: Store,
    step: int,
    span: tuple[int, int],
    series: tuple[str, str] | None = None,
) -> pl.DataFrame:
    """Return the datapoints that end in a span `(start, end]`, the last word on each."""
    start, end = span
    notes = [n for n in store.catalogue(table(step)) if n.table == table(step)]
    ids = [n.id for n in notes if n.start <= end and n.end > start]
    frames = [tables.decode(body) for body in store.bodies(ids)]
    if series is not None:
        same = (pl.col("metric") == series[0]) & (pl.col("key") == series[1])
        frames = [frame.filter(same) for frame in frames]
    rows = pl.concat([pl.DataFrame(schema=_SUM if step else _RUN), *frames])
    if not step:
        rows = _expanded(rows, start, end)
    rows = rows.filter((pl.col("e") > start) & (pl.col("e") <= end))
    return rows.unique(["metric", "key", "e"], keep="last", maintain_order=True)


def _expanded(rows: pl.DataFrame, start: int, end: int) -> pl.DataFrame:
    """Return runs as datapoints, those that end in `(start, end]`."""
    every = pl.col("every")
    low = pl.max_horizontal(-(-(start + 1 - pl.col("e")) // every), 0)
    high = pl.min_horizontal((end - pl.col("e")) // every + 1, pl.col("steps"))
    rows = rows.with_columns(low=low, high=high).filter(pl.col("low") < pl.col("high"))
    rows = rows.with_columns(step=pl.int_ranges("low", "high", dtype=pl.Int64))
    rows = rows.explode("step", empty_as_null=False)
    value = pl.col("value")
    return rows.with_columns(
        e=pl.col("e") + pl.col("step") * every,
        points=pl.lit(1, dtype=pl.Int64),
        low=value,
        high=value,
    )
