"""The state of an engine as what changed since it was last saved, and back.

Small things are documents, written anew when they change. Tables that grow are saved as
the rows that came: cells, series, births. Tables whose rows change are saved as the rows
that changed, the newest of each key being true: alarms, incidents that may still change.
So a commit costs what happened since the one before, not what is remembered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
from msgspec import Struct, field

from tocsin.incidents.ledger import row_of
from tocsin.metrics.cells import Cells, stack
from tocsin.metrics.series import SeriesTable
from tocsin.model.state import Change
from tocsin.pipeline import tables
from tocsin.pipeline.documents import Saved, as_json, difference

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tocsin.incidents.ledger import Incident, Place
    from tocsin.model.state import Segment
    from tocsin.pipeline.engine import Engine, EngineState
    from tocsin.pipeline.evaluate import ShardState
    from tocsin.pipeline.plan import Plan, Shard

_ALARMS = ("now", "then")


class Since(Struct, frozen=True):
    """What of an engine has been saved: its parts as they were, to compare with.

    `pieces` is the number of the first piece of the journal that is not saved.
    """

    documents: Saved = field(default_factory=Saved)
    shards: tuple[ShardState, ...] = ()
    ledger: Mapping[Place, tuple[Incident, ...]] = field(default_factory=dict)
    pieces: int = 0


def changes(engine: Engine, since: Since) -> tuple[Change, Since]:
    """Return what changed, and what to compare with once it is saved.

    The engine must have had a journal since then.
    """
    assert engine.journal is not None
    engine.journal.forget(since.pieces)
    state = engine.state
    segments = [*_shard_segments(engine, since), *_ledger_segments(state, since)]
    documents = difference(state, since.documents)
    change = Change(
        documents=documents.changed,
        gone_documents=documents.gone,
        segments=tuple(segments),
    )
    saved = Since(
        documents.saved,
        tuple(state.shards),
        dict(state.ledger.recent),
        engine.journal.seal(),
    )
    return change, saved


def alarms_at(
    steps: Sequence[int], alarms: pl.DataFrame, tick: int | None
) -> pl.DataFrame:
    """Return alarm states with `since` for `run`: since which point, not how many.

    Points are numbered by the step (s) of each alarm's metric. So a series that goes on
    as before does not change from tick to tick.
    """
    return _turned(steps, alarms, tick, -1).rename({"run": "since"})


def alarms_of(
    steps: Sequence[int], rows: pl.DataFrame, tick: int | None
) -> pl.DataFrame:
    """Return the alarm states that `alarms_at` made these rows of."""
    return _turned(steps, rows.rename({"since": "run"}), tick, 1)


def floors(plan: Plan, state: EngineState) -> dict[str, int]:
    """Return before which time (s) the rows of tables of cells are not needed."""
    found: dict[str, int] = {}
    for i, (shard, at) in enumerate(zip(plan.shards, state.shards, strict=True)):
        if at.settled is None:
            continue
        for reach, memory in set(reaches(shard).values()):
            for kind in tables.KINDS:
                name = cells_table(i, kind, reach, memory)
                found[name] = at.settled - reach
    return found


def reaches(shard: Shard) -> dict[int, tuple[int, int]]:
    """Return for how long (s) the cells of each metric are needed once they settled.

    With it, of those that count only what is new, for how long they remember.
    """
    return {n: (s.period + s.history, s.unseen_for) for n, s in shard.metrics.items()}


def cells_table(shard: int, kind: str, reach: int, memory: int = 0) -> str:
    """Return the name of a table of cells."""
    apart = f"{tables.MEMORY}{memory}/" if memory else ""
    return f"shard/{shard}/{kind}/{apart}{reach}"


def _shard_segments(engine: Engine, since: Since) -> Iterator[Segment]:
    assert engine.journal is not None
    for i, (plan, state) in enumerate(
        zip(engine.plan.shards, engine.state.shards, strict=True)
    ):
        old = since.shards[i] if since.shards else None
        yield from _cell_segments(i, plan, state, engine.journal.of(i))
        name = f"shard/{i}/"
        for part, rows in _grown(state.series, None if old is None else old.series):
            yield tables.segment(name + part, rows)
        for part in _ALARMS:
            rows = _changed_alarms(plan, part, state, old)
            if rows.height:
                yield tables.segment(name + part, rows)


def _cell_segments(
    i: int, plan: Shard, state: ShardState, pieces: list[Cells]
) -> Iterator[Segment]:
    """Yield what came, by how long it will be needed."""
    if not pieces:
        return
    cells = stack(pieces)
    needs = reaches(plan)
    for need in sorted(set(needs.values())):
        metrics = [m for m, own in needs.items() if own == need]
        mine = state.series.table.filter(pl.col("m").is_in(metrics))
        sids = mine.get_column("sid")
        for kind in tables.KINDS:
            rows: pl.DataFrame = getattr(cells, kind)
            if rows.height:
                rows = rows.filter(pl.col("sid").is_in(sids.implode()))
            if rows.height:
                joined = tables.joined_rows(kind, rows)
                yield tables.segment(cells_table(i, kind, *need), joined)


def _grown(
    new: SeriesTable, old: SeriesTable | None
) -> Iterator[tuple[str, pl.DataFrame]]:
    """Yield the rows that came to the tables of series and births."""
    old = SeriesTable() if old is None else old
    added = new.table.slice(old.table.height)
    if added.height:
        yield "series", added
    if new.births is not old.births:
        by = new.births.columns
        born = new.births.join(old.births, on=by, how="anti")
        if born.height:
            yield "births", born


def _changed_alarms(
    plan: Shard, part: str, state: ShardState, old: ShardState | None
) -> pl.DataFrame:
    """Return the rows of a table of alarms that are not as they were."""
    new = _alarms(plan, part, state)
    if old is None:
        return new
    before = _alarms(plan, part, old)
    by = ["alarm", "sid"]
    both = new.join(before, on=by, how="left", suffix="_old", maintain_order="left")
    same = pl.all_horizontal(
        pl.col(c).eq_missing(pl.col(f"{c}_old")) for c in ("symbol", "since", "firing")
    )
    return both.filter(~same).select(new.columns)


def _alarms(plan: Shard, part: str, state: ShardState) -> pl.DataFrame:
    tick = state.judged if part == "now" else state.settled
    steps = [plan.spec(rule.metric).every for rule in plan.rules]
    return alarms_at(steps, getattr(state, part), tick)


def _turned(
    steps: Sequence[int], alarms: pl.DataFrame, tick: int | None, sign: int
) -> pl.DataFrame:
    if alarms.height == 0:
        return alarms
    points = pl.Series([(tick or 0) // every for every in steps], dtype=pl.Int64)
    shift = points.gather(alarms.get_column("alarm").cast(pl.UInt32))
    return alarms.with_columns(run=pl.col("run") + sign * shift)


def _ledger_segments(state: EngineState, since: Since) -> Iterator[Segment]:
    """Yield the places whose incidents are not as they were."""
    new, old = state.ledger.recent, since.ledger
    changed = [p for p, group in new.items() if group and old.get(p) != group]
    gone = [p for p, group in old.items() if group and not new.get(p)]
    rows: list[tuple[str, str, str | None]] = [
        (*place, as_json([row_of(i) for i in new[place]]).decode()) for place in changed
    ]
    rows += [(*place, None) for place in gone]
    if rows:
        frame = pl.DataFrame(rows, schema=tables.LEDGER, orient="row")
        yield tables.segment("ledger", frame)
