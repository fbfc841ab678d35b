"""An engine's state, out of a store."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import polars as pl

from tocsin.alarms.threshold import STATE
from tocsin.incidents.ledger import Ledger, incident_of
from tocsin.metrics.cells import Cells, merge
from tocsin.metrics.series import SeriesTable
from tocsin.model.errors import StateDamaged
from tocsin.pipeline import tables
from tocsin.pipeline.documents import (
    read_consumers,
    read_report,
    read_streams,
    since,
)
from tocsin.pipeline.engine import EngineState
from tocsin.pipeline.evaluate import ShardState
from tocsin.pipeline.increments import Since, alarms_of
from tocsin.pipeline.statistics import ReportState
from tocsin.pipeline.swapping import renumbered

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tocsin.model.protocols import Store
    from tocsin.pipeline.description import Description, ShardNote


def restore(store: Store, plan: Description) -> EngineState | None:
    """Return the state that was saved under a plan of this description; None if none.

    Raises:
        StateDamaged: It is not what was written.
    """
    documents = store.documents()
    if "run" not in documents:
        return None
    run = json.loads(documents["run"])
    saved = _Tables(store)
    return EngineState(
        streams=read_streams(documents),
        shards=[
            _shard(saved, documents, i, shard, run["shards"][i])
            for i, shard in enumerate(plan.shards)
        ],
        ledger=_ledger(saved, run["next_id"]),
        opened=run["opened"],
        report=ReportState(read_report(documents), run["busy"]),
        consumers=read_consumers(documents),
    )


def since_restored(store: Store, state: EngineState) -> Since:
    """Return what to compare with after a state has been restored."""
    return Since(
        documents=since(store.documents(), state),
        shards=tuple(state.shards),
        ledger=dict(state.ledger.recent),
    )


class _Tables:
    """The tables of a store, by name."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.ids: dict[str, list[int]] = {}
        for note in store.catalogue():
            self.ids.setdefault(note.table, []).append(note.id)

    def named(self, beginning: str) -> list[str]:
        """Return the names of tables that begin like that."""
        return [name for name in self.ids if name.startswith(beginning)]

    def parts(self, name: str) -> list[pl.DataFrame]:
        """Return the segments of a table, in order."""
        return [tables.decode(b) for b in self.store.bodies(self.ids.get(name, []))]


def _shard(
    saved: _Tables,
    documents: Mapping[str, bytes],
    i: int,
    plan: ShardNote,
    row: Mapping[str, Any],
) -> ShardState:
    judged, settled = row["judged"], row["settled"]
    late = documents.get(f"late/{i}")
    series = _series(saved, i, row)
    moved = series.moved()
    cells = _cells(saved, i, settled)
    if moved.height:
        cells = merge([cells.map(lambda rows: renumbered(rows, moved))])
    state = ShardState(
        cells=cells,
        series=series,
        judged=judged,
        settled=settled,
        now=_alarms(saved, f"shard/{i}/now", plan, judged),
        then=_alarms(saved, f"shard/{i}/then", plan, settled),
    )
    if late is None:
        return state
    return ShardState(
        state.cells,
        state.series,
        tables.decode(late),
        judged,
        settled,
        state.now,
        state.then,
    )


def _cells(saved: _Tables, i: int, settled: int | None) -> Cells:
    """Return the cells of a shard, without those that no window to come can hold."""
    found: dict[str, pl.DataFrame] = {}
    for kind in tables.KINDS:
        parts: list[pl.DataFrame] = []
        for name in saved.named(f"shard/{i}/{kind}/"):
            floor = None if settled is None else settled - int(name.rsplit("/", 1)[1])
            parts.append(tables.joined_cells(kind, saved.parts(name), floor))
        found[kind] = pl.concat(parts) if parts else getattr(Cells.empty(), kind)
    return Cells(*found.values())


def _series(saved: _Tables, i: int, row: Mapping[str, Any]) -> SeriesTable:
    empty = SeriesTable()
    table = pl.concat([empty.table, *saved.parts(f"shard/{i}/series")])
    births = pl.concat([empty.births, *saved.parts(f"shard/{i}/births")]).unique()
    if not table.get_column("sid").equals(pl.Series("sid", range(table.height))):
        raise StateDamaged(f"the series of shard {i} are not complete")
    limited, since = frozenset(row["limited"]), dict(row.get("since", ()))
    retired = frozenset(row.get("retired", ()))
    births = births.filter(~pl.col("sid").is_in(list(retired)))
    series = SeriesTable(table, births, limited, since, retired=retired)
    settled = row["settled"]
    return series if settled is None else series.settle(settled)


def _alarms(
    saved: _Tables, name: str, plan: ShardNote, tick: int | None
) -> pl.DataFrame:
    parts = saved.parts(name)
    if not parts:
        return pl.DataFrame(schema=STATE)
    rows = tables.latest(name.rsplit("/", 1)[1], parts)
    return alarms_of(plan.steps, rows, tick).select(*STATE)


def _ledger(saved: _Tables, next_id: int) -> Ledger:
    parts = saved.parts("ledger")
    if not parts:
        return Ledger(next_id)
    rows = tables.latest("ledger", parts).drop_nulls("incidents")
    recent = {
        (alarm, key): tuple(incident_of(i) for i in json.loads(group))
        for alarm, key, group in rows.iter_rows()
    }
    return Ledger(next_id, recent)
