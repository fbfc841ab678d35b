"""Evaluate: absorb cells, move time on, amend what late rows change, settle the rest.

Time is a tick in whole seconds. The tick `e` judges the windows that end at `e` and
may use only what is known by then (`k <= e`), however much has arrived. So neither
the size of a batch nor the interleaving of streams can change an answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import polars as pl
from msgspec import Struct, field
from msgspec.structs import replace

from tocsin.alarms import threshold
from tocsin.metrics.cells import Cells, NamedCells, arranged, merge_after, stack
from tocsin.metrics.series import SeriesTable
from tocsin.metrics.spec import AMEND_EVERY
from tocsin.metrics.unseen import thinned
from tocsin.model.batch import greatest, least
from tocsin.pipeline import witnesses as evidence
from tocsin.pipeline.amend import Amender, Known, touched
from tocsin.pipeline.judge import Judge, Judgement, Span, near
from tocsin.pipeline.swapping import Stands, swapped
from tocsin.pipeline.verdict import Verdict, corrections

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tocsin.pipeline.plan import Shard

_LATE = {"sid": pl.Int64, "p": pl.Int64, "k": pl.Int64}
_ALARMS = pl.DataFrame(schema=threshold.STATE)
Marks: TypeAlias = tuple[tuple[int, pl.DataFrame], ...]
_MOST_VERSIONED = 2_000_000
"""Cells of versions that are judged at once."""
_FEW_ROWS = 20_000
"""Cells that are not worth a look for what can be dropped."""
_MANY_ROWS = 300_000
"""Cells that are worth joining."""


class ShardState(Struct, frozen=True):
    """All that a shard remembers. Plain data: it is what is saved.

    `judged` is the last tick judged, `settled` the last before which nothing can
    change; `now` and `then` are the alarms at each. `late` lists the cells that take
    effect at a tick after `judged`; `marks` are states on the way from `settled` to
    `judged` that no late row has touched. `sums` are those of windows at a tick, for
    speed alone: they can be had from the cells. So is `joined`: cells known by that
    tick are joined.
    """

    cells: Cells = field(default_factory=Cells.empty)
    series: SeriesTable = field(default_factory=SeriesTable)
    late: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=_LATE))
    judged: int | None = None
    settled: int | None = None
    now: pl.DataFrame = field(default_factory=lambda: _ALARMS)
    then: pl.DataFrame = field(default_factory=lambda: _ALARMS)
    marks: Marks = ()
    sums: tuple[int, pl.DataFrame] | None = None
    joined: int | None = None


class Absorbed(Struct, frozen=True):
    """How many events an absorbed piece added, in all and by fate."""

    counted: int = 0
    late: int = 0
    amended: int = 0


class Evaluator:
    """Moves the state of one shard. Its methods are pure: state in, state out."""

    def __init__(self, shard: Shard) -> None:
        self.shard = shard
        self.judge = Judge(shard)
        self.amender = Amender(self.judge)
        self.witnesses = evidence.Witnesses(shard)
        reaches = self.judge.specs.select(pl.col("period") + pl.col("history"))
        self._reach = greatest(reaches.to_series()) or 0
        rows = [
            # A cell leaves its last window up to a step after the window's length.
            (n, s.grain, s.period + s.every + s.history)
            for n, s in shard.metrics.items()
        ]
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
        if state.series.limited:
            stands = Stands(state.now, state.then, state.marks, state.late)
            more = swapped(state.cells, state.series, self.shard.series, stands)
            state = replace(state, **more)
        state = replace(state, cells=arranged(state.cells))
        while state.judged is not None and state.judged < to:
            state, said = self._onward(state, near(state.cells, state.judged, to))
            verdicts += self._supported(state, said)
        if bound is not None:
            state = self._settle(state, bound)
        return state, verdicts

    def listen(
        self, state: ShardState, alarms: Sequence[int]
    ) -> tuple[ShardState, list[Verdict]]:
        """Let alarms that are new hear all that was said since the settled tick.

        So they stand as if they had always been there, as late rows can still ask.
        """
        if state.judged is None or state.series.births.height == 0:
            return state, []
        span = Span(self._start(state), state.judged, state.judged)
        said = self.judge.judge(state.cells, state.series, state.then, span)
        fresh = [n for n, r in enumerate(self.shard.rules) if r.alarm in alarms]
        mine = pl.col("alarm").is_in(fresh)
        now = pl.concat([state.now.filter(~mine), said.alarms.filter(mine)])
        moves = said.transitions.filter(pl.col("alarm").is_in(list(alarms)))
        verdict = Verdict(state.judged, said.runs.clear(), moves)
        return replace(state, now=now), self._supported(state, [verdict])

    def finish(self, state: ShardState) -> tuple[ShardState, list[Verdict]]:
        """End the input: judge the last second, what is late, and half-full windows."""
        last = self._last_pane(state)
        if last is None:
            return state, []
        state, verdicts = self.advance(state, last + 1, None)
        assert state.judged is not None
        while state.late.height:
            state, said = self._amend(state, state.judged, self._ticks(state, None))
            verdicts += self._supported(state, said)
        assert state.judged is not None
        latest = greatest(state.cells.base.get_column("k"))
        known = last + 1 if latest is None else max(latest, last + 1)
        span = Span(state.judged, last + 1, known, partial=True)
        said_last = self.judge.judge(state.cells, state.series, state.now, span)
        if said_last.runs.height:
            runs, transitions = said_last.runs, said_last.transitions
            rest = Verdict(last + 1, runs, transitions, partial=True)
            verdicts += self._supported(state, [rest])
        return replace(state, now=said_last.alarms), verdicts

    def _supported(
        self, state: ShardState, verdicts: Sequence[Verdict]
    ) -> list[Verdict]:
        """Return verdicts with what supports their transitions."""
        if not self.shard.witnesses:
            return list(verdicts)
        known = evidence.Known(state.cells, state.series)
        return [verdict.supported(self.witnesses, known) for verdict in verdicts]

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
        mine = base.filter(self._events(names).gather(base.get_column("sid")))
        late = pl.col("n").filter(pl.col("k") > pl.col("p") + 1)
        counted, amended = mine.select(pl.col("n").sum(), late=late.sum()).row(0)
        return Absorbed(counted, lost, amended)

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

    def _onward(self, state: ShardState, to: int) -> tuple[ShardState, list[Verdict]]:
        """Judge up to `to`, or as far as corrections can be made at once."""
        ticks = self._ticks(state, to)
        if not ticks:
            return self._quiet(state, to)
        due = state.late.filter(pl.col("k") <= to).get_column("k").n_unique()
        return self._amend(state, to if len(ticks) == due else ticks[-1], ticks)

    def _quiet(self, state: ShardState, to: int) -> tuple[ShardState, list[Verdict]]:
        """Judge a stretch in which no late row takes effect."""
        assert state.judged is not None
        sums = state.sums
        carried = None if sums is None or sums[0] != state.judged else sums[1]
        span = Span(state.judged, to, to, sums=carried)
        said = self.judge.judge(state.cells, state.series, state.now, span)
        state = replace(
            state,
            judged=to,
            now=said.alarms,
            marks=_marked(state.marks, to, said.alarms),
            sums=(to, said.sums),
        )
        return state, [Verdict(to, said.runs, said.transitions)]

    def _ticks(self, state: ShardState, to: int | None) -> list[int]:
        """Return the next ticks at which late rows take effect: what is not too many.

        Each is a version of what is known, and needs the cells near it once more.
        """
        if state.late.height == 0:
            return []
        ticks = state.late.get_column("k").unique().sort()
        ticks = ticks if to is None else ticks.filter(ticks <= to)
        if ticks.len() <= 1:
            return ticks.to_list()
        panes = state.cells.base.get_column("p")
        spread = (greatest(panes) or 0) - (least(panes) or 0) + 1
        lag = greatest(state.late.select(pl.col("k") - pl.col("p")).to_series()) or 0
        share = min(1.0, (lag + self._reach) / spread)
        most = int(_MOST_VERSIONED / (state.cells.weight * share + 1))
        return ticks.head(max(most, 1)).to_list()

    def _amend(
        self, state: ShardState, to: int, ticks: Sequence[int]
    ) -> tuple[ShardState, list[Verdict]]:
        """Judge up to `to`, while late rows take effect at these ticks."""
        assert state.judged is not None
        last = ticks[-1]
        links = self.judge.links(state.series)
        due = pl.col("k") <= last
        found = touched(state.late.filter(due), state.series, links)
        found = self.judge.together(found, state.series)
        floor = least(found.get_column("floor")) or 0
        marks = tuple(m for m in state.marks if m[0] <= floor)
        begin = self._start(state), state.then
        if marks and marks[-1][0] > begin[0]:
            begin = marks[-1]
        known = Known(state.cells, state.series)
        reach = (state.judged, to, max(to, last))
        said = self.amender.amend(known, found, begin, reach)
        rest = self._untouched(state, found, to)
        now = pl.concat([rest.alarms, said.alarms])
        runs = pl.concat([rest.runs, said.runs])
        moves = pl.concat([rest.transitions, said.transitions])
        verdicts = [Verdict(to, runs, moves)] if to > state.judged else []
        verdicts += corrections(said)
        state = replace(
            state,
            late=state.late.filter(~due),
            judged=to,
            now=now,
            marks=_marked(marks, to, now),
            sums=None,
        )
        return state, verdicts

    def _untouched(self, state: ShardState, found: pl.DataFrame, to: int) -> Judgement:
        """Judge the series that no late row touches."""
        assert state.judged is not None
        sids = found.get_column("sid").unique()
        others = state.series.table.get_column("sid")
        others = others.filter(~others.is_in(sids.implode()))
        alarms = state.now.filter(~pl.col("sid").is_in(sids.implode()))
        span = Span(state.judged, to, to, others)
        return self.judge.judge(state.cells, state.series, alarms, span)

    def _start(self, state: ShardState) -> int:
        """Return the tick of the alarms' state `then`."""
        return self._beginning(state) if state.settled is None else state.settled

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
        if settled is None or state.cells.weight < _FEW_ROWS:
            return state
        table = state.series.table.join(self._grains, on="m")
        none = pl.repeat(0, state.series.table.height, dtype=pl.Int64, eager=True)
        reach = none.scatter(table.get_column("sid"), table.get_column("reach"))

        def needed(rows: pl.DataFrame) -> pl.DataFrame:
            left = rows.get_column("p") + reach.gather(rows.get_column("sid"))
            return rows.filter(left >= settled)

        known = state.series.table.join(self.judge.memories, on="m")
        kept = state.cells.fewer(needed)
        cells = kept.fewer(lambda t: thinned(t, known, settled))
        cells, joined = replace(cells, lines=kept.lines), state.joined
        if cells.weight > _MANY_ROWS:
            # What comes from now on is known later: it cannot be joined with these.
            cells, joined = merge_after(cells, joined), state.judged
        series = state.series.settle(settled)
        cells = self.witnesses.kept(evidence.Known(cells, series), settled)
        return replace(state, cells=cells, series=series, joined=joined)


def _count_of(base: pl.DataFrame, events: pl.Series) -> int:
    """Return the events of the series that `events` marks."""
    mine = base.filter(events.gather(base.get_column("sid")))
    return int(mine.get_column("n").sum())


def _marked(marks: Marks, at: int, alarms: pl.DataFrame) -> Marks:
    """Return marks with one more, unless there is one close before it."""
    if marks and at - marks[-1][0] < AMEND_EVERY:
        return marks
    return (*marks, (at, alarms))
