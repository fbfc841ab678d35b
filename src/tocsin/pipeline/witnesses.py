"""What supports the transitions of a verdict: lines of the log, and who contributed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import polars as pl
from msgspec import Struct
from msgspec.structs import replace

from tocsin.metrics.evidence import MOST, SHAPES, Look, chosen, settled, shapes
from tocsin.pipeline.contributing import contributors

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tocsin.metrics.cells import Cells
    from tocsin.metrics.series import SeriesTable
    from tocsin.model.records import Contributor
    from tocsin.pipeline.plan import Shard, Witness


Place = tuple[int, int, int]
"""A transition: the number of its alarm, its series, and the end of its window (s)."""


class Support(Struct, frozen=True):
    """What one transition is supported by."""

    lines: tuple[str, ...] = ()
    contributors: tuple[Contributor, ...] = ()


class Known(Struct, frozen=True):
    """What is known of a shard."""

    cells: Cells
    series: SeriesTable


NOTHING: Final = Support()


class Witnesses:
    """Finds what supports transitions. What it keeps is derived from the plan alone."""

    def __init__(self, shard: Shard) -> None:
        self.shard = shard
        self._shapes = shapes(shard.metrics)

    def support(
        self, known: Known, transitions: pl.DataFrame, tick: int | None
    ) -> dict[Place, Support]:
        """Return what supports transitions, by what is known at a tick (s).

        With None, that is the end of each one's window.
        """
        if not self.shard.witnesses or transitions.height == 0:
            return {}
        rows = (
            transitions.select("alarm", "sid", "e").unique().sort("alarm", "e", "sid")
        )
        found: dict[Place, Support] = {}
        for (alarm, end), mine in rows.group_by("alarm", "e", maintain_order=True):
            witness = self.shard.witnesses.get(int(alarm))
            if witness is None:
                continue
            sids = mine.get_column("sid").to_list()
            times = int(end), int(end) if tick is None else tick
            lines = self._lines(known, witness, times, sids)
            named = self._contributors(known, witness, times, sids)
            found |= {
                (alarm, sid, end): Support(lines.get(sid, ()), named.get(sid, ()))
                for sid in sids
            }
        return found

    def kept(self, known: Known, tick: int) -> Cells:
        """Return cells without the lines that no window after a settled tick can show."""
        cells = known.cells
        if cells.lines.height == 0:
            return cells
        lines = settled(cells.lines, self._known_shapes(known.series), tick)
        return replace(cells, lines=lines)

    def _known_shapes(self, series: SeriesTable) -> pl.DataFrame:
        return series.table.join(self._shapes, on="m").select("sid", *SHAPES)

    def _lines(
        self,
        known: Known,
        witness: Witness,
        times: tuple[int, int],
        sids: list[int],
    ) -> dict[int, tuple[str, ...]]:
        """Return the lines of series of an alarm, by their numbers."""
        if not witness.lines:
            return {}
        table = known.series.table
        mine = self._known_shapes(known.series)
        mine = mine.filter(pl.col("m") == witness.metric)
        sources = dict(_sources(self.shard, witness, table, sids))
        lines = known.cells.lines.join(mine, on="sid", how="semi")
        look = Look(times[0], times[1], witness.span, min(witness.lines, MOST))
        found = chosen(lines, mine, look, list(sources.values()))
        return {sid: found.get(own, ()) for sid, own in sources.items()}

    def _contributors(
        self,
        known: Known,
        witness: Witness,
        times: tuple[int, int],
        sids: list[int],
    ) -> dict[int, tuple[Contributor, ...]]:
        """Return who contributed to series of an alarm, by their numbers."""
        found: dict[int, tuple[Contributor, ...]] = {}
        table = known.series.table
        mine = table.filter(pl.col("sid").is_in(sids)).select("sid", "key").rows()
        for field, metric in witness.by.items():
            spec = self.shard.metrics[metric]
            series = table.filter(pl.col("m") == metric)
            span = (*times, witness.span)
            named = contributors(known.cells, series, spec, field, span)
            fields = tuple(name for name in spec.group_by if name != field)
            for sid, key in mine:
                found[sid] = found.get(sid, ()) + named.get(_part(key, fields), ())
        return found


def _sources(
    shard: Shard, witness: Witness, table: pl.DataFrame, sids: list[int]
) -> Iterator[tuple[int, int]]:
    """Yield each series with that of the metric which its lines are of."""
    fields = shard.spec(witness.metric).group_by
    rows = table.filter(pl.col("sid").is_in(sids))
    others = table.filter(pl.col("m") == witness.metric)
    known: Mapping[Any, int] | None = None
    for metric, key, sid in rows.iter_rows():
        if metric == witness.metric:
            yield sid, sid
            continue
        if known is None:
            known = {_part(k, fields): s for _, k, s in others.iter_rows()}
        own = known.get(_part(key, fields))
        if own is not None:
            yield sid, own


def _part(key: str, fields: tuple[str, ...]) -> tuple[object, ...]:
    whole = json.loads(key)
    return tuple(whole.get(name) for name in fields)
