"""Carrying a state over to a changed configuration.

Metrics and alarms that are the same (see `matching`) go on exactly as if nothing had
happened: their windows, series, alarm states and incidents are kept. A metric that is
new is measured from the first whole slice of time of which no line has been read: what
came before would be half of it. An alarm that is new on a metric that is not is judged
as far back as late lines may still change (`Engine.listen`). Incidents of alarms that
are gone are closed, with a word.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import polars as pl
from msgspec import Struct
from msgspec.structs import replace

from tocsin.alarms.threshold import STATE
from tocsin.formats.typed import DTYPES
from tocsin.incidents.ledger import Ledger
from tocsin.metrics.cells import stack
from tocsin.metrics.lateness import StreamClock
from tocsin.metrics.series import SeriesTable
from tocsin.metrics.spec import CalculatedSpec, MetricSpec, column
from tocsin.model.instant import SECOND
from tocsin.model.message import FieldType
from tocsin.model.naming import titled
from tocsin.model.records import IncidentEvent
from tocsin.pipeline.description import describe
from tocsin.pipeline.engine import EngineState
from tocsin.pipeline.evaluate import ShardState
from tocsin.pipeline.matching import match, rules

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tocsin.pipeline.description import Description
    from tocsin.pipeline.matching import Cursors, Fate, Matching
    from tocsin.pipeline.plan import Plan, Shard, SourcePlan
    from tocsin.pipeline.streams import StreamState


class Carried(Struct, frozen=True):
    """A state as the new plan has it, and what became of each metric and alarm.

    `closed` are the incidents that ended with their alarms; `fresh` the alarms of each
    shard that must be judged first (`Engine.listen`).
    """

    state: EngineState
    closed: tuple[IncidentEvent, ...]
    fresh: Mapping[int, tuple[int, ...]]
    fates: tuple[Fate, ...]
    moved: frozenset[str] = frozenset()
    """The sources that are read in other places now."""


def carry(state: EngineState, old: Description, plan: Plan) -> Carried:
    """Return a state that was made under an old plan as one of a new plan."""
    new = describe(plan)
    found = match(old, new, cursors(state))
    streams = _streams(state, old, plan, found)
    read = _read(streams)
    found = replace(found, rules=rules(old, new, found))
    shards = [
        _shard(state, found, i, shard, read) for i, shard in enumerate(plan.shards)
    ]
    ledger, closed = _ledger(state, old, new, found)
    fresh = {
        i: tuple(n for n in range(len(shard.alarms)) if (i, n) not in found.alarms)
        for i, shard in enumerate(plan.shards)
    }
    after = EngineState(
        streams=streams,
        shards=shards,
        ledger=ledger,
        opened=state.opened,
        report=state.report,
        consumers=_consumers(state, old, plan, found),
    )
    fresh = {i: numbers for i, numbers in fresh.items() if numbers}
    return Carried(after, closed, fresh, found.fates, _moved(old, new, found))


def _moved(old: Description, new: Description, found: Matching) -> frozenset[str]:
    before = {name: found.sources.get(name, name) for name in new.sources}
    return frozenset(
        name
        for name, was in before.items()
        if was in old.sources and old.sources[was].path != new.sources[name].path
    )


def cursors(state: EngineState) -> Cursors:
    """Return how far each shard is judged, and settled."""
    return [(shard.judged, shard.settled) for shard in state.shards]


def _streams(
    state: EngineState, old: Description, plan: Plan, found: Matching
) -> dict[str, StreamState]:
    """Return the streams of the sources that are still there."""
    renamed = {was: now for now, was in found.sources.items()}
    kept: dict[str, StreamState] = {}
    for name, stream in state.streams.items():
        source = renamed.get(stream.source, stream.source)
        if source not in plan.sources:
            continue
        was, now = old.sources[stream.source], plan.prints.sources[source]
        moved = replace(stream, source=source)
        if was.clock != now.clock:
            moved = _without_time(moved)
        kept[name] = _with_held(moved, plan.sources[source])
    return kept


def _without_time(stream: StreamState) -> StreamState:
    """Return a stream whose times are read otherwise from now on."""
    lost = stream.clock.held is not None
    future = stream.future + lost
    return replace(stream, clock=StreamClock(), tick=None, idle=False, future=future)


def _with_held(stream: StreamState, source: SourcePlan) -> StreamState:
    """Give a row that is held the columns that are asked for from now on."""
    held = stream.clock.held
    if held is None:
        return stream
    missing = [
        pl.lit(None).cast(DTYPES[kind or FieldType.STRING]).alias(column(name))
        for name, kind in source.fields.items()
        if column(name) not in held.columns
    ]
    clock = replace(stream.clock, held=held.with_columns(missing))
    return replace(stream, clock=clock)


def _read(streams: Mapping[str, StreamState]) -> dict[str, int]:
    """Return the first second of each source of which nothing has been counted."""
    read: dict[str, int] = {}
    for stream in streams.values():
        newest, last = stream.clock.newest, stream.last
        if newest is not None:
            # Rows that are ahead of the wall clock count, and do not move time.
            after = max(newest, newest if last is None else last) // SECOND + 1
            read[stream.source] = max(after, read.get(stream.source, after))
    return read


def _shard(
    state: EngineState, found: Matching, i: int, plan: Shard, read: Mapping[str, int]
) -> ShardState:
    """Return a shard, made of those that its metrics come from."""
    made = ShardState()
    first = 0
    for home in found.homes[i]:
        part = _Part(state.shards[home], found, (i, home), plan, first)
        made = _joined(made, part.moved())
        first = made.series.table.height
    since = _since(plan, found, made, read)
    series = replace(made.series, since={**made.series.since, **since})
    return replace(made, series=series.with_heirs(plan.series))


class _Part:
    """What one old shard gives to a new one, renumbered."""

    def __init__(
        self,
        state: ShardState,
        found: Matching,
        places: tuple[int, int],
        plan: Shard,
        first: int,
    ) -> None:
        self.state = state
        numbers = [*plan.metrics, *plan.calculated]
        self.metrics = {found.metrics[n]: n for n in numbers if n in found.metrics}
        new, old = places
        self.alarms = {
            was: now
            for (i, now), (j, was) in found.rules.items()
            if (i, j) == (new, old)
        }
        table = state.series.table
        kept = table.filter(pl.col("m").is_in(list(self.metrics)))
        self.sids = kept.select("sid").with_row_index("new", offset=first)
        self.sids = self.sids.select("sid", pl.col("new").cast(pl.Int64))
        self.table = self._numbered(kept).with_columns(
            pl.col("m").replace_strict(
                list(self.metrics), list(self.metrics.values()), return_dtype=pl.Int32
            )
        )

    def moved(self) -> ShardState:
        """Return the shard's state, without what is not kept."""
        state, series = self.state, self.state.series
        names = self.metrics
        return ShardState(
            cells=state.cells.map(self._numbered),
            series=SeriesTable(
                self.table,
                self._numbered(series.births),
                frozenset(names[m] for m in series.limited if m in names),
                {names[m]: at for m, at in series.since.items() if m in names},
                retired=self._retired(),
            ),
            late=self._numbered(state.late),
            judged=state.judged,
            settled=state.settled,
            now=self._alarms(state.now),
            then=self._alarms(state.then),
        )

    def _retired(self) -> frozenset[int]:
        gone = pl.DataFrame(
            {"sid": sorted(self.state.series.retired)}, {"sid": pl.Int64}
        )
        return frozenset(self._numbered(gone).get_column("sid").to_list())

    def _numbered(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return the rows of series that are kept, by their new numbers."""
        found = rows.join(self.sids, on="sid", maintain_order="left")
        return found.with_columns(sid=pl.col("new")).select(rows.columns)

    def _alarms(self, rows: pl.DataFrame) -> pl.DataFrame:
        mine = rows.filter(pl.col("alarm").is_in(list(self.alarms)))
        number = pl.col("alarm").replace_strict(
            list(self.alarms), list(self.alarms.values()), return_dtype=pl.Int32
        )
        return self._numbered(mine.with_columns(number)).select(*STATE)


def _joined(a: ShardState, b: ShardState) -> ShardState:
    """Return two parts in one: their series are numbered apart, their times are one."""
    empty = a.series.table.height == 0
    return ShardState(
        cells=b.cells if empty else stack([a.cells, b.cells]),
        series=SeriesTable(
            pl.concat([a.series.table, b.series.table]),
            pl.concat([a.series.births, b.series.births]),
            a.series.limited | b.series.limited,
            {**a.series.since, **b.series.since},
            retired=a.series.retired | b.series.retired,
        ),
        late=pl.concat([a.late, b.late]),
        judged=b.judged,
        settled=b.settled,
        now=pl.concat([a.now, b.now]),
        then=pl.concat([a.then, b.then]),
    )


def _since(
    plan: Shard, found: Matching, state: ShardState, read: Mapping[str, int]
) -> dict[int, int]:
    """Return since when each metric that is new is measured (s)."""
    numbers = {plan.spec(n).name: n for n in (*plan.metrics, *plan.calculated)}
    since: dict[int, int] = {}
    for number in (*plan.metrics, *plan.calculated):
        if number in found.metrics or number in plan.events:
            continue
        spec = plan.spec(number)
        if isinstance(spec, MetricSpec):
            known = [t for t in (read.get(spec.source), state.judged) if t is not None]
            grain = spec.grain
        else:
            inputs = [since[i] for i in map(numbers.get, spec.inputs) if i in since]
            known = inputs + ([] if state.judged is None else [state.judged])
            grain = 1
        if known:
            since[number] = -(-max(known) // grain) * grain + _later(spec)
    return since


def _later(spec: MetricSpec | CalculatedSpec) -> int:
    """Return how much later (s) than it is measured a metric has datapoints."""
    return spec.offset + spec.wait if isinstance(spec, MetricSpec) else 0


def _ledger(
    state: EngineState, old: Description, new: Description, found: Matching
) -> tuple[Ledger, tuple[IncidentEvent, ...]]:
    """Return the incidents of alarms that are kept; close those of the others."""
    names = {
        old.shards[i].alarms[n].name: new.shards[j].alarms[m].name
        for (j, m), (i, n) in found.alarms.items()
    }
    stood = {
        alarm.name: state.shards[i].judged
        for i, shard in enumerate(old.shards)
        for alarm in shard.alarms
    }
    told = {alarm.name for shard in new.shards for alarm in shard.alarms}
    recent = {}
    closed: list[IncidentEvent] = []
    for (alarm, key), group in state.ledger.recent.items():
        if alarm in names:
            recent[names[alarm], key] = group
            continue
        why = "its definition has changed" if alarm in told else "the alarm was removed"
        for incident in group:
            if incident.closed is None:
                at = max(incident.opened, stood.get(alarm) or incident.opened)
                closed.append(_closed(alarm, key, incident.id, at, why))
    return Ledger(state.ledger.next_id, recent), tuple(closed)


def _closed(alarm: str, key: str, number: int, at: int, why: str) -> IncidentEvent:
    fields = json.loads(key)
    title = titled(alarm, fields)
    message = f"{title} #{number} closed - {why}"
    return IncidentEvent(number, "resolved", title, fields, at * SECOND, message)


def _consumers(
    state: EngineState, old: Description, plan: Plan, found: Matching
) -> dict[str, dict[tuple[str, int], object]]:
    """Return what raw log consumers hold that are as they were."""
    prints = plan.prints.consumers
    same = {n for n, p in old.consumers.items() if prints.get(n) == p}
    renamed = {was: now for now, was in found.sources.items()}
    kept: dict[str, dict[tuple[str, int], object]] = {}
    for source, held in state.consumers.items():
        now = renamed.get(source)
        if now is None:
            continue
        mine = {spec.name for spec in plan.sources[now].consumers} & same
        kept[now] = {place: p for place, p in held.items() if place[0] in mine}
    return kept
