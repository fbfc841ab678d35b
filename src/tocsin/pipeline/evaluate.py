"""Evaluate: absorb cells, move time on, amend what late rows change, settle the rest.

Time is a tick in whole seconds. The tick `e` judges the windows that end at `e` and
may use only what is known by then (`k <= e`), however much has arrived. So neither
the size of a batch nor the interleaving of streams can change an answer.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import polars as pl

from tocsin.alarms import threshold
from tocsin.metrics.cells import Cells, NamedCells, merge, stack
from tocsin.metrics.series import SeriesTable
from tocsin.metrics.spec import AMEND_EVERY
from tocsin.model.batch import greatest, least
from tocsin.pipeline.judge import EMPTY_RUNS, Judge, Judgement, Span

if TYPE_CHECKING:
    from tocsin.pipeline.plan import Shard

_LATE = {"sid": pl.Int64, "p": pl.Int64, "k": pl.Int64}
_ALARMS = pl.DataFrame(schema=threshold.STATE)
_NOTHING_SAID = pl.DataFrame(schema=threshold.TRANSITIONS)
_FEW_ROWS = 20_000
"""Cells that are not worth a look for what can be dropped."""
_MANY_ROWS = 300_000
"""Cells that are worth joining."""


@dataclass(frozen=True, slots=True)
class ShardState:
    """All that a shard remembers. Plain data: it is what a checkpoint holds.

    `judged` is the last tick judged, `settled` the last before which nothing can
    change; `now` and `then` are the alarms at each. `late` lists the cells that take
    effect at a tick after `judged`; `marks` are states on the way from `settled` to
    `judged` that no late row has touched.
    """

    cells: Cells = field(default_factory=Cells.empty)
    series: SeriesTable = field(default_factory=SeriesTable)
    late: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=_LATE))
    judged: int | None = None
    settled: int | None = None
    now: pl.DataFrame = field(default_factory=lambda: _ALARMS)
    then: pl.DataFrame = field(default_factory=lambda: _ALARMS)
    marks: tuple[tuple[int, pl.DataFrame], ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one judgement says: datapoints, and transitions made or withdrawn.

    `tick` is when it took effect; `amended` that late rows made it; `partial` that
    its windows had not ended when the input did.
    """

    tick: int
    runs: pl.DataFrame
    transitions: pl.DataFrame
    withdrawn: pl.DataFrame = field(default_factory=lambda: _NOTHING_SAID)
    amended: bool = False
    partial: bool = False


@dataclass(frozen=True, slots=True)
class Absorbed:
    """How many events an absorbed piece added, in all and by fate."""

    counted: int = 0
    late: int = 0
    amended: int = 0


class Evaluator:
    """Moves the state of one shard. Its methods are pure: state in, state out."""

    def __init__(self, shard: Shard) -> None:
        self.shard = shard
        self.judge = Judge(shard)
        rows = [(n, s.grain, s.period + s.history) for n, s in shard.metrics.items()]
        schema = {"m": pl.Int32, "grain": pl.Int64, "reach": pl.Int64}
        self._grains = pl.DataFrame(rows, schema=schema, orient="row")

    def absorb(
        self, state: ShardState, named: NamedCells
    ) -> tuple[ShardState, Absorbed]:
        """Take in the cells of a piece of one stream (of this shard's metrics only).

        Cells that come after their tick was judged become known at the next moment
        for amendments; cells of time that is settled are late, and left out.
        """
        if named.cells.height == 0:
            return state, Absorbed()
        grains = named.names.join(
            self._grains, on="m", how="left", maintain_order="left"
        ).get_column("grain")
        cells, lost = self._timely(state, named, grains)
        grain = grains.gather(cells.base.get_column("sid"))
        late = cells.base.filter(pl.col("k") > pl.col("p") + grain)
        account = self._account(named.names, cells.base, lost)
        numbered, series = state.series.number(
            NamedCells(named.names, cells), self.shard.series
        )
        if late.height:
            empty = Cells.empty()
            waiting = NamedCells(
                named.names, Cells(late, empty.buckets, empty.registers)
            )
            found, _ = series.number(waiting, self.shard.series)
            waits = pl.concat([state.late, found.base.select(*_LATE)]).unique()
            state = replace(state, late=waits)
        together = stack([state.cells, numbered])
        return replace(state, cells=together, series=series), account

    def advance(
        self, state: ShardState, to: int, bound: int | None
    ) -> tuple[ShardState, list[Verdict]]:
        """Judge every tick up to `to`; nothing before `bound` can change any more.

        Both are in seconds; `bound` comes from rows alone, never from wall time.
        """
        verdicts: list[Verdict] = []
        if state.series.births.height == 0:
            return state, verdicts
        if state.judged is None:
            begin = self._beginning(state)
            if to <= begin:  # an earlier first row may still come
                return state, verdicts
            state = replace(state, judged=begin)
        while state.judged is not None and state.judged < to:
            tick = _next_tick(state.late, to)
            quiet_to = to if tick is None else tick - 1
            if quiet_to > state.judged:
                state, verdict = self._quiet(state, quiet_to)
                verdicts.append(verdict)
            if tick is not None:
                state, verdict = self._amend(state, tick)
                verdicts.append(verdict)
        if bound is not None:
            state = self._settle(state, bound)
        return state, verdicts

    def finish(self, state: ShardState) -> tuple[ShardState, list[Verdict]]:
        """End the input: judge the last second, what is late, and half-full windows."""
        last = self._last_pane(state)
        if last is None:
            return state, []
        state, verdicts = self.advance(state, last + 1, None)
        for tick in state.late.get_column("k").unique().sort().to_list():
            state, verdict = self._amend(state, tick)
            verdicts.append(verdict)
        assert state.judged is not None
        latest = greatest(state.cells.base.get_column("k"))
        known = last + 1 if latest is None else max(latest, last + 1)
        span = Span(state.judged, last + 1, known, partial=True)
        said = self.judge.judge(state.cells, state.series, state.now, span)
        if said.runs.height:
            verdicts.append(
                Verdict(last + 1, said.runs, said.transitions, partial=True)
            )
        return replace(state, now=said.alarms), verdicts

    def _timely(
        self, state: ShardState, named: NamedCells, grains: pl.Series
    ) -> tuple[Cells, int]:
        """Move cells that missed their tick; drop, and count, those of settled time."""
        judged, settled = state.judged, state.settled
        earliest = least(named.cells.base.get_column("k"))
        if judged is None or earliest is None or earliest > judged:
            return named.cells, 0
        after = (judged // AMEND_EVERY + 1) * AMEND_EVERY - 1
        before = pl.lit(settled, dtype=pl.Int64)

        def moved(rows: pl.DataFrame) -> pl.DataFrame:
            grain = grains.gather(rows.get_column("sid"))
            missed = (after // grain + 1) * grain
            known = pl.when(pl.col("k") <= judged).then(missed).otherwise(pl.col("k"))
            gone = (pl.col("p") + grain <= before).fill_null(value=False)
            return rows.with_columns(k=known).filter(~gone)

        events = self._events(named.names)
        kept = named.cells.map(moved)
        had = _count_of(named.cells.base, events)
        return kept, had - _count_of(kept.base, events)

    def _events(self, names: pl.DataFrame) -> pl.Series:
        """Return which rows of these names count all events of a source."""
        return names.get_column("m").is_in(list(self.shard.events))

    def _account(self, names: pl.DataFrame, base: pl.DataFrame, lost: int) -> Absorbed:
        events = self._events(names)
        late = base.filter(pl.col("k") > pl.col("p") + 1)
        return Absorbed(_count_of(base, events), lost, _count_of(late, events))

    def _beginning(self, state: ShardState) -> int:
        """Return a tick before the first datapoint of all."""
        return (least(state.series.births.get_column("first")) or 0) - 1

    def _last_pane(self, state: ShardState) -> int | None:
        numbers = pl.Series(self.shard.events, dtype=pl.Int32)
        table = state.series.table
        sids = table.filter(pl.col("m").is_in(numbers.implode())).get_column("sid")
        mine = state.cells.base.filter(pl.col("sid").is_in(sids.implode()))
        last = greatest(mine.get_column("p"))
        judged = state.judged
        if last is None:
            return None if judged is None else judged - 1
        return last if judged is None else max(last, judged - 1)

    def _quiet(self, state: ShardState, to: int) -> tuple[ShardState, Verdict]:
        """Judge a stretch in which no late row takes effect."""
        assert state.judged is not None
        span = Span(state.judged, to, to)
        said = self.judge.judge(state.cells, state.series, state.now, span)
        marks = (*state.marks, (to, said.alarms))
        state = replace(state, judged=to, now=said.alarms, marks=marks)
        return state, Verdict(to, said.runs, said.transitions)

    def _amend(self, state: ShardState, tick: int) -> tuple[ShardState, Verdict]:
        """Let late rows take effect: judge again what was said of their series."""
        assert state.judged is not None
        due = pl.col("k") <= tick
        sids = self._touched(state, state.late.filter(due).get_column("sid").unique())
        waiting = state.late.filter(~due)
        start = state.settled
        if start is None:
            start = self._beginning(state)
        then = state.then.filter(pl.col("sid").is_in(sids.implode()))

        def judged_with(known: int) -> Judgement:
            span = Span(start, state.judged or 0, known, sids)
            return self.judge.judge(state.cells, state.series, then, span)

        old, new = judged_with(tick - 1), judged_with(tick)
        rest = state.now.filter(~pl.col("sid").is_in(sids.implode()))
        now = pl.concat([rest, new.alarms])
        mark = (state.judged, now)
        by = ["alarm", "sid", "e", "firing"]
        verdict = Verdict(
            tick,
            changed_runs(old.runs, new.runs),
            new.transitions.join(old.transitions, on=by, how="anti"),
            old.transitions.join(new.transitions, on=by, how="anti"),
            amended=True,
        )
        return replace(state, late=waiting, now=now, marks=(mark,)), verdict

    def _touched(self, state: ShardState, sids: pl.Series) -> pl.Series:
        """Return these series and all that are calculated from them."""
        links = self.judge.links(state.series)
        born = state.series.births.filter(pl.col("sid").is_in(sids.implode()))
        have = pl.concat([sids, self._heirs(state, born)]).unique()
        while True:
            fed = links.filter(pl.col("source").is_in(have.implode()))
            more = fed.get_column("sid").unique()
            more = more.filter(~more.is_in(have.implode()))
            if more.len() == 0:
                return have
            have = pl.concat([have, more])

    def _heirs(self, state: ShardState, born: pl.DataFrame) -> pl.Series:
        """Return the series that begin when these do: a late row may move that."""
        table = state.series.table
        places = table.join(born, on="sid", how="semi")
        plan = self.shard.series.dependents
        heirs = [(d, key) for m, key, _ in places.iter_rows() for d in plan.get(m, ())]
        schema = {"m": pl.Int32, "key": pl.String}
        wanted = pl.DataFrame(heirs, schema=schema, orient="row")
        return table.join(wanted, on=["m", "key"], how="semi").get_column("sid")

    def _settle(self, state: ShardState, bound: int) -> ShardState:
        """Move the settled tick up to `bound`, as far as it costs nothing or must."""
        if state.judged is None:
            return state
        pending = least(state.late.get_column("p"))
        bound = min(bound, state.judged, bound if pending is None else pending)
        settled = state.settled
        free = [mark for mark in state.marks if mark[0] <= bound]
        if free and (settled is None or free[-1][0] > settled):
            tick, then = free[-1]
            later = tuple(m for m in state.marks if m[0] > tick)
            state = replace(state, settled=tick, then=then, marks=later)
            return self._prune(state)
        begin = self._beginning(state) - 1 if settled is None else settled
        reach = (self.shard.time.amend_for + self.shard.time.lateness) // 1_000_000
        if bound - begin <= 2 * reach + 2 * AMEND_EVERY:
            return state
        judged: int = state.judged or 0
        span = Span(begin, bound, judged)
        said = self.judge.judge(state.cells, state.series, state.then, span)
        return self._prune(replace(state, settled=bound, then=said.alarms))

    def _prune(self, state: ShardState) -> ShardState:
        """Drop the cells that no window to come can hold, and join the others."""
        settled = state.settled
        if settled is None or state.cells.height < _FEW_ROWS:
            return state
        reach = state.series.table.join(self._grains, on="m").select("sid", "reach")

        def needed(rows: pl.DataFrame) -> pl.DataFrame:
            held = rows.join(reach, on="sid", how="left")
            new = pl.col("p") + pl.col("reach").fill_null(0) >= settled
            return held.filter(new).drop("reach")

        cells = state.cells.map(needed)
        if cells.height > _MANY_ROWS:
            cells = merge([cells])
        return replace(state, cells=cells, series=state.series.settle(settled))


def _count_of(base: pl.DataFrame, events: pl.Series) -> int:
    """Return the events of the series that `events` marks."""
    mine = base.filter(events.gather(base.get_column("sid")))
    return int(mine.get_column("n").sum())


def _next_tick(late: pl.DataFrame, to: int) -> int | None:
    """Return the next tick at which late rows take effect, if it is in reach."""
    if late.height == 0:
        return None
    tick = least(late.get_column("k"))
    return tick if tick is not None and tick <= to else None


def changed_runs(old: pl.DataFrame, new: pl.DataFrame) -> pl.DataFrame:
    """Return the datapoints of `new` that `old` lacks or gives otherwise, as runs."""
    if new.height == 0:
        return EMPTY_RUNS
    both = pl.concat([old.select("sid", "e"), new.select("sid", "e")]).unique()
    last = pl.col("e") + (pl.col("steps") - 1) * pl.col("every")

    def at(runs: pl.DataFrame) -> pl.DataFrame:
        values = runs.with_columns(last=last).sort("e")
        met = both.sort("e").join_asof(
            values.with_columns(from_="e"), on="e", by="sid", check_sortedness=False
        )
        return met.sort("sid", "e")

    before, after = at(old), at(new)
    covered = (before.get_column("e") <= before.get_column("last")).fill_null(
        value=False
    )
    same = (
        covered
        & before.get_column("value").eq_missing(after.get_column("value"))
        & before.get_column("n").eq_missing(after.get_column("n"))
    )
    following = pl.col("e").shift(-1).over("sid")
    edge = pl.min_horizontal(pl.col("last"), following - pl.col("every"))
    shaped = after.with_columns(steps=(edge - pl.col("e")) // pl.col("every") + 1)
    kept = shaped.filter(~same & pl.Series(shaped.get_column("last").is_not_null()))
    return kept.filter(pl.col("steps") > 0).select(EMPTY_RUNS.columns)
