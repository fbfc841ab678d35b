"""What befell the lines of a source, as cells of the metrics that tell of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import polars as pl

from tocsin.metrics.cells import Cells, NamedCells, gather
from tocsin.metrics.mishaps import NONE, Shares, counted
from tocsin.metrics.spec import Kind, Mishap
from tocsin.metrics.witness import placed
from tocsin.model.instant import SECOND
from tocsin.pipeline.plan import EVENTS
from tocsin.pipeline.statistics import PREFIX

if TYPE_CHECKING:
    from tocsin.metrics.spec import MetricSpec
    from tocsin.pipeline.evaluate import ShardState
    from tocsin.pipeline.observation import Observation
    from tocsin.pipeline.plan import Shard, SourcePlan
    from tocsin.pipeline.streams import StreamState


_NO_EVENTS: Final = Cells.empty().base


def key_of(**fields: str) -> str:
    """Return a key as JSON."""
    return json.dumps(fields, separators=(",", ":"), ensure_ascii=False)


class Befallen:
    """Turns what befell the lines of one source into cells."""

    def __init__(self, plan: SourcePlan) -> None:
        metrics = [(n, m) for n, m in plan.mishaps if m.kind is Kind.SHARE]
        self._shares = Shares(metrics, key_of(source=plan.name))
        self._events = next((n for n, m in plan.metrics if m.name == EVENTS), -1)

    def with_shares(
        self, stream: str, state: StreamState, seen: Observation
    ) -> NamedCells:
        """Return the cells of an observation, and of what befell lines among them.

        `state` is that of the stream before it.
        """
        own = placed(seen.cells, stream, state.tally.events)
        nothing = own.cells.height == seen.mishaps.height == 0
        if nothing or not self._shares:
            return own
        events = self._counted(own)
        if seen.mishaps.height == events.height == 0:
            return own
        found = self._shares.cells(seen.mishaps, events, _since(state))
        before = state.tally.events + state.tally.parse_errors
        return gather([own, placed(found, stream, before)])

    def too_late(self, count: int, judged: int) -> NamedCells:
        """Return the cells for events that are late by the time of other streams.

        It is `judged` up to there (s). Only a stream that was long at rest has such.
        """
        late = {"what": [Mishap.LATE.value], "at": [judged], "n": [count]}
        found = pl.concat([NONE, pl.DataFrame(late)], how="diagonal")
        return self._shares.cells(found, _NO_EVENTS, None)

    def _counted(self, named: NamedCells) -> pl.DataFrame:
        """Return the cells of all events, by the second."""
        mine = (named.names.get_column("m") == self._events).arg_true()
        sid = pl.col("sid")
        alone = sid == mine[0] if len(mine) == 1 else sid.is_in(mine.implode())
        return named.cells.base.filter(alone)


def _since(state: StreamState) -> int | None:
    """Return how far the time of a stream has come (s): by its rows, or by ticks.

    So a log of which no line can be read any more goes on to be told of while it grows.
    """
    newest = state.clock.newest
    known = [] if newest is None else [newest // SECOND]
    return max((*known, *([] if state.tick is None else [state.tick])), default=None)


class Sharing:
    """Turns events that share a key, in one shard, into cells of the metric of such."""

    def __init__(self, shard: Shard) -> None:
        own = {
            s.source: n for n, s in shard.metrics.items() if s.mishap == Mishap.SHARED
        }
        self._watched = {
            number: (own[spec.source], spec)
            for number, spec in shard.metrics.items()
            if spec.source in own and _counts(spec)
        }
        self._shard = shard

    def cells(
        self, before: ShardState, after: ShardState, named: NamedCells
    ) -> NamedCells:
        """Return the cells for what a shard took in: `named`, which made `after`."""
        parts = [
            self._shared(number, before, after, named)
            for number in sorted(after.series.limited & self._watched.keys())
        ]
        return gather(parts) if parts else NamedCells.empty()

    def _shared(
        self, number: int, before: ShardState, after: ShardState, named: NamedCells
    ) -> NamedCells:
        """Return the cells for one metric: from when there was no more room."""
        metric, spec = self._watched[number]
        other = self._shard.series.other(number)
        mine = (pl.col("m") == number) & (pl.col("key") == other)
        sids = after.series.table.filter(mine).get_column("sid")
        new = after.cells.base.tail(after.cells.base.height - before.cells.base.height)
        rows = new.filter(pl.col("sid").is_in(sids.implode())).select("p", "k", "n")
        if number not in before.series.limited:
            moment = _full(number, spec, before, named)
            first = {"p": [moment], "k": [moment + spec.grain], "n": [0]}
            rows = rows.filter(pl.col("p") >= moment)
            rows = pl.concat([rows, pl.DataFrame(first, schema=rows.schema)])
        key = key_of(source=spec.source, metric=spec.name)
        text = f"{spec.name} has more keys than its limit, {spec.limit}"
        return counted(rows, (metric, self._shard.metrics[metric]), key, text)


def _counts(spec: MetricSpec) -> bool:
    """Whether a metric is one whose keys people see, or alarms."""
    inner = spec.quiet or spec.mishap or spec.name.startswith(PREFIX)
    return bool(spec.group_by) and not inner and not spec.offset


def _full(number: int, spec: MetricSpec, before: ShardState, named: NamedCells) -> int:
    """Return the slice (s) in which a key came for which there was no more room."""
    known = before.series.table.filter(pl.col("m") == number)
    names = named.names.with_row_index("sid").filter(pl.col("m") == number)
    new = names.join(known, on="key", how="anti")
    cells = named.cells.base.with_columns(pl.col("sid").cast(pl.UInt32))
    first = cells.join(new, on="sid").group_by("key").agg(pl.col("p").min())
    came = first.get_column("p").sort()
    room = spec.limit - before.series.living().get(number, 0)
    return int(came[min(max(room, 0), came.len() - 1)])
