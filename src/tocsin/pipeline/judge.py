"""Judge a stretch of time: cells to datapoints to alarm transitions, without memory.

One function serves every need: time moving on, late rows amending what was said, and
the settled state being brought up. So they cannot disagree.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import polars as pl
from msgspec import Struct
from msgspec.structs import replace

from tocsin.alarms import threshold
from tocsin.metrics import calculate
from tocsin.metrics.changes import (
    SIMPLE,
    SUMS,
    change_points,
    marked,
    sums_after,
    useful,
)
from tocsin.metrics.spec import CalculatedSpec, MetricSpec, first_end
from tocsin.metrics.unseen import memories, unseen
from tocsin.metrics.windows import RUNS, Stretch, clip, spec_frame, windows
from tocsin.model.batch import collected
from tocsin.pipeline import states
from tocsin.pipeline.kinship import links, variants
from tocsin.pipeline.living import Living

if TYPE_CHECKING:
    from tocsin.metrics.cells import Cells
    from tocsin.metrics.series import SeriesTable
    from tocsin.pipeline.plan import Shard


_AT_ONCE = 60_000
"""Cells that time is moved on past at once: bounds the memory of judging."""


class Span(Struct, frozen=True):
    """What to judge: ends in `(start, until]`, with what is known at tick `known` (s).

    `sids` limits it to some series. With `partial`, only windows of fixed metrics
    that hold the last event but have not ended are judged. `sums` are those of the
    windows up to `start`, if they are known.
    """

    start: int
    until: int
    known: int
    sids: pl.Series | None = None
    partial: bool = False
    sums: pl.DataFrame | None = None


class Views(Struct, frozen=True):
    """What to judge of which series, as rows.

    `rows` have `sid`, `m`, the metric's `every`, `period`, `history` and `fixed` (s),
    `first` (since when it lives), `after` and `until` (ends in `(after, until]` are
    wanted), `start` (since when its ends are needed) and `wanted` (whether for
    themselves). `links` say which series are made of which; the rest is as in `Span`.
    """

    rows: pl.DataFrame
    links: pl.DataFrame
    sums: pl.DataFrame | None = None
    partial: bool = False
    variants: pl.DataFrame | None = None
    """Which series have other rules than most (`threshold.trace`)."""
    measured: pl.DataFrame | None = None
    """The rows of metrics that are measured, with all of their spec, once known."""


class Judgement(Struct, frozen=True):
    """The runs of a span, its transitions, and the alarms after it.

    `trace` says how the alarms came there; `sums` are those of the windows that end
    there, to be carried on.
    """

    runs: pl.DataFrame
    transitions: pl.DataFrame
    alarms: pl.DataFrame
    trace: pl.DataFrame
    sums: pl.DataFrame


def near(cells: Cells, judged: int, to: int) -> int:
    """Return how far to judge at once: past so many cells, or up to `to` (s).

    The cells are in order of time (`arranged`).
    """
    times = cells.base.get_column("p")
    last = int(times.search_sorted(judged, side="right")) + _AT_ONCE
    return to if last >= times.len() else min(to, max(times[last], judged + 1))


class Judge:
    """Judges spans of one shard. What it keeps is derived from the plan alone."""

    def __init__(self, shard: Shard) -> None:
        self.shard = shard
        everything: dict[int, MetricSpec | CalculatedSpec] = {
            **shard.metrics,
            **shard.calculated,
        }
        kinds = spec_frame(dict(shard.metrics)).drop("period", "every")
        rows = [
            (number, s.every, s.period, s.history, s.fixed)
            for number, s in everything.items()
            if not (isinstance(s, MetricSpec) and s.quiet)
        ]
        schema = {
            "m": pl.Int32,
            "every": pl.Int64,
            "period": pl.Int64,
            "history": pl.Int64,
            "fixed": pl.Boolean,
        }
        specs = pl.DataFrame(rows, schema=schema, orient="row")
        self.specs = specs.join(kinds, on="m", how="left").with_columns(simple=SIMPLE)
        self._results = {
            n: m.result for n, m in shard.metrics.items() if m.result is not None
        }
        self.memories = memories(shard.metrics)
        # Whether datapoints are made that only serve to judge others.
        self._clipped = bool(shard.calculated) or self.memories.height > 0
        varied = any(alarm.variants for alarm in shard.alarms)
        self.rules = threshold.specs_frame(shard.rules, varied=varied)
        self._fills = _fills(shard)
        self._links: tuple[int, pl.DataFrame] = (-1, pl.DataFrame())
        self._living = Living(self.specs)
        self._variants: tuple[int, pl.DataFrame | None] = (-1, None)
        self._groups: tuple[int, pl.DataFrame] = (-1, pl.DataFrame())
        self._heard = states.heard(shard)
        heard = pl.col("of").is_in(list(self._heard.values()))
        self._last = self.rules.only(~heard) if self._heard else self.rules

    def judge(
        self, cells: Cells, series: SeriesTable, alarms: pl.DataFrame, span: Span
    ) -> Judgement:
        """Judge a span from the alarms' state at its start."""
        wanted = self._wanted(series, span)
        links = self.links(series)
        rows = self._feeding(series, wanted, links, span)
        if rows.height == 0:
            return self.judged(cells, Views(rows, links, span.sums), alarms)
        own = self.variants(series)
        views = Views(rows, links, span.sums, partial=span.partial, variants=own)
        measured = self._measured(views)
        known = useful(cells, measured, span.known, series.table.height)
        return self.judged(known, replace(views, measured=measured), alarms)

    def judged(self, cells: Cells, views: Views, alarms: pl.DataFrame) -> Judgement:
        """Judge views from the alarms' state at their `after`.

        `cells` must hold just what may be used.
        """
        if views.rows.height == 0:
            sums = _NO_SUMS if views.sums is None else views.sums
            return Judgement(_NO_RUNS, threshold.NOTHING_SAID, alarms, _NO_TRACE, sums)
        runs, sums, traces = self._measure(cells, views, alarms)
        if self._clipped:
            runs = _wanted_of(runs, views)
        if not self.shard.alarms:
            return Judgement(runs, threshold.NOTHING_SAID, alarms, _NO_TRACE, sums)
        trace = pl.concat([*traces, self._trace(self._last, runs, views, alarms)])
        said = threshold.concluded(self.rules, alarms, trace)
        return Judgement(runs, *said, trace, sums)

    def _trace(
        self,
        rules: threshold.Rules,
        runs: pl.DataFrame,
        views: Views,
        alarms: pl.DataFrame,
    ) -> pl.DataFrame:
        """Return what runs that are wanted do to rules."""
        alarmed = runs.with_columns(partial=pl.lit(views.partial))
        if self._fills.height:
            alarmed = self._with_full(alarmed, views.rows.filter("wanted"))
        return threshold.trace(rules, alarms, alarmed, views.variants)

    def together(self, found: pl.DataFrame, series: SeriesTable) -> pl.DataFrame:
        """Return what is touched, with the series that are to be judged with them."""
        if not self._heard:
            return found
        if self._groups[0] != series.table.height:
            links = self.links(series)
            made = states.groups(self.shard, series.table, links)
            self._groups = (series.table.height, made)
        return states.together(found, self._groups[1])

    def _with_full(self, runs: pl.DataFrame, wanted: pl.DataFrame) -> pl.DataFrame:
        """Add `full`: the first end whose window holds no time before the first event.

        And `born`, since when a series is there, if any rule waits after that.
        """
        first, slice_ = pl.col("first"), pl.col("slice")
        ended = (first // slice_ + 1) * slice_
        start = pl.when(slice_ == 1).then(first).otherwise(ended)
        lives = wanted.select("sid", "m", "first").join(self._fills, on="m")
        lives = lives.select("sid", full=start + pl.col("after"), born=start)
        if not self.rules.delayed:
            lives = lives.drop("born")
        return runs.join(lives, on="sid", how="left", maintain_order="left")

    def links(self, series: SeriesTable) -> pl.DataFrame:
        """Return which series feeds which calculated series."""
        if self._links[0] != series.table.height:
            self._links = (series.table.height, links(self.shard, series.table))
        return self._links[1]

    def variants(self, series: SeriesTable) -> pl.DataFrame | None:
        """Return which series have other rules than most; None if none ever has."""
        if not self.rules.varied:
            return None
        if self._variants[0] != series.table.height:
            self._variants = (series.table.height, variants(self.shard, series.table))
        return self._variants[1]

    def _wanted(self, series: SeriesTable, span: Span) -> pl.DataFrame:
        """Return the series with an end in the span, each with its own stretch of time."""
        table = self._living.by(series, span.known).lazy()
        if span.sids is not None:
            table = table.filter(pl.col("sid").is_in(span.sids.implode()))
        until = pl.lit(span.until, dtype=pl.Int64)
        if span.partial:
            table = table.filter(pl.col("fixed"))
            until = first_end(until - 1, pl.col("every"))
        after = pl.lit(span.start, dtype=pl.Int64)
        table = table.filter(first_end(after, pl.col("every")) <= until)
        return collected(
            table.with_columns(
                after=after, until=until, start=after - pl.col("history"), wanted=True
            )
        )

    def _feeding(
        self, series: SeriesTable, wanted: pl.DataFrame, links: pl.DataFrame, span: Span
    ) -> pl.DataFrame:
        """Return the wanted series and those that their values are made of."""
        if not self.shard.calculated or wanted.height == 0:
            return wanted
        after, until = (
            wanted.get_column("after").min(),
            wanted.get_column("until").max(),
        )
        ends = pl.lit(until, dtype=pl.Int64)
        if span.partial:  # of an input, too, only the window that holds the last event
            ends = first_end(pl.lit(span.until - 1, dtype=pl.Int64), pl.col("every"))
        have = wanted
        while True:
            more = links.join(have, on="sid", how="semi").select(sid="source").unique()
            more = more.join(have, on="sid", how="anti")
            if more.height == 0:
                return have
            rows = series.table.join(more, on="sid", how="semi").select("sid", "m")
            rows = rows.join(self.specs, on="m").join(
                series.born_by(span.known), on="sid"
            )
            if rows.height == 0:  # the others are not born yet, and have no values
                return have
            rows = rows.with_columns(
                after=pl.lit(after, dtype=pl.Int64),
                until=ends,
                start=pl.lit(after, dtype=pl.Int64) - pl.col("history"),
                wanted=False,
            )
            have = pl.concat([have, rows.select(have.columns)])

    def _measured(self, views: Views) -> pl.DataFrame:
        """Return the views of metrics that are measured, with all of their spec."""
        return marked(views.rows.drop_nulls("kind"), views.sums)

    def _measure(
        self, cells: Cells, views: Views, alarms: pl.DataFrame
    ) -> tuple[pl.DataFrame, pl.DataFrame, list[pl.DataFrame]]:
        """Return the runs of all views, calculated ones after their inputs; the sums.

        And the traces of alarms whose states are among them.
        """
        base = self._measured(views) if views.measured is None else views.measured
        if self.memories.height:
            cells = unseen(cells, base.join(self.memories, on="m"))
        points = change_points(cells.base, base)
        sums = sums_after(points, views.sums)
        parts = [windows(cells, points, Stretch(base), self._results)]
        traces: dict[int, pl.DataFrame] = {}
        for number, spec in self.shard.calculated.items():
            mine = views.rows.filter(pl.col("m") == number)
            if spec.alarm:
                runs, trace = self._stand(spec, mine, pl.concat(parts), (views, alarms))
                parts.append(runs)
                traces[self._heard[spec.name]] = trace
            elif mine.height:
                parts.append(self._calculate(spec, mine, parts, views.links))
        return pl.concat(parts), sums, list(traces.values())

    def _stand(
        self,
        spec: CalculatedSpec,
        mine: pl.DataFrame,
        runs: pl.DataFrame,
        known: tuple[Views, pl.DataFrame],
    ) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Return the runs of the state of an alarm, and its trace."""
        views, alarms = known
        number = self._heard[spec.name]
        rules = self.rules.only(pl.col("of") == number)
        alarm = self.shard.alarms[number]
        heard = _wanted_of(runs.filter(pl.col("m") == alarm.metric), views)
        trace = self._trace(rules, heard, views, alarms)
        said, _ = threshold.concluded(rules, alarms, trace)
        rings = states.rings(quiet=alarm.quiet)
        series = (spec, mine, views.links)
        return states.state_runs(rules, (alarms, rings), said, series), trace

    def _calculate(
        self,
        spec: CalculatedSpec,
        mine: pl.DataFrame,
        parts: list[pl.DataFrame],
        links: pl.DataFrame,
    ) -> pl.DataFrame:
        """Return the runs of one calculated metric."""
        numbers = {name: self.shard.number(name) for name in spec.inputs}
        runs = pl.concat(parts).filter(pl.col("m").is_in(list(numbers.values())))
        links = links.join(mine, on="sid", how="semi")
        if spec.formula is None:
            return calculate.aggregated(spec, runs, links, mine)
        inputs = {n: (i, self._zero(i)) for n, i in numbers.items()}
        return calculate.formula(spec, inputs, runs, links, mine)

    def _zero(self, number: int) -> bool:
        spec = self.shard.spec(number)
        if isinstance(spec, MetricSpec) and spec.offset:
            return False  # there is no past yet: that is not the same as nothing in it
        if isinstance(spec, CalculatedSpec) and spec.alarm:
            return True  # of a key that it has not heard of, an alarm does not ring
        return spec.kind is not None and spec.kind.zero_when_empty


def _wanted_of(runs: pl.DataFrame, views: Views) -> pl.DataFrame:
    """Return what is wanted of runs."""
    wanted = views.rows.filter("wanted").select("sid", "after")
    runs = runs.join(wanted, on="sid", maintain_order="left")
    return clip(runs, pl.col("after")).drop("after")


def _fills(shard: Shard) -> pl.DataFrame:
    """Return how long after its first event a metric's windows are full (`after`, s).

    Only for metrics with an alarm that needs to know. Where slices (`slice`, s) are
    longer than a second, it counts from the end of the slice that holds the event: when
    in the slice that was is not known.
    """
    numbers = {rule.metric for rule in shard.rules if rule.below or rule.delay}
    rows = []
    for number in sorted(numbers):
        leaves = _leaves(shard, number)
        slice_ = math.lcm(*(grain for grain, _ in leaves))
        rows.append((number, slice_, max(after for _, after in leaves)))
    schema = {"m": pl.Int32, "slice": pl.Int64, "after": pl.Int64}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _leaves(shard: Shard, number: int) -> set[tuple[int, int]]:
    """Return (slice, after) of every measured metric that a metric is made of."""
    spec = shard.spec(number)
    if isinstance(spec, MetricSpec) and not spec.offset:
        return {(spec.grain, spec.period)}
    if isinstance(spec, MetricSpec) or spec.past:
        return {(1, 0)}  # those of the past have no datapoint before they are full
    found: set[tuple[int, int]] = set()
    for name in spec.inputs:
        i = shard.number(name)
        more = 0 if spec.formula is not None else spec.period - shard.spec(i).every
        found |= {(grain, after + more) for grain, after in _leaves(shard, i)}
    return found


_NO_RUNS = pl.DataFrame(schema=RUNS)
_NO_SUMS = pl.DataFrame(schema=SUMS)
_NO_TRACE = pl.DataFrame(schema=threshold.TRACE)
