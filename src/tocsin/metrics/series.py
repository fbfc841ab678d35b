"""Series: which (metric, key) there are, since when, and the number each goes by.

Numbers are private to one state: they follow the order in which keys came, so no
output may depend on them. When a metric has as many keys as its limit allows, further
keys share one series, `__other__`: totals stay exact, rows become approximate. A key
that turns out to have more events than one of those with a series takes its place.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

import polars as pl
from msgspec import Struct, field
from msgspec.structs import replace

from tocsin.metrics.cells import Cells, NamedCells, merge
from tocsin.metrics.rivals import RIVALS, STRETCH, joined

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

OTHER = "__other__"
"""The key that the rest share; a log's own value of that name gets a `\\` before it."""
_TAKEN = r':"((?:\\\\)*__other__)"([,}])'
_ESCAPED = r':"\\${1}"${2}'
_MOST_RIVALS = 20_000
_TABLE = {"m": pl.Int32, "key": pl.String, "sid": pl.Int64}
_BIRTHS = {"sid": pl.Int64, "first": pl.Int64, "k": pl.Int64}


class Heir(NamedTuple):
    """A metric that lives wherever another one does: of the same key, or of this one.

    Its datapoints begin `wait` seconds after the slice (of `grain`) in which the other
    one began: those of a past begin later.
    """

    number: int
    key: str | None = None
    grain: int = 1
    wait: int = 0


class SeriesPlan(Struct, frozen=True):
    """What the series table must know of the plan.

    `heirs` maps a metric's number to the metrics that live wherever it does (the
    calculated ones with the same group key, and for the count of all events the
    metrics without a key, and the keys that are expected); `limits` and `fields` are
    per number. `waits` says how long (s) after a metric's own first cell its
    datapoints begin, if they do not at once.
    """

    heirs: Mapping[int, Sequence[Heir]]
    limits: Mapping[int, int]
    fields: Mapping[int, Sequence[str]]
    waits: Mapping[int, int] = field(default_factory=dict)
    stretches: Mapping[int, int] = field(default_factory=dict)
    """Over how long (s) the events of keys are held against one another; twice that."""

    def born_with(self, number: int, key: str) -> dict[tuple[int, str], None]:
        """Return the series (number, key) that live wherever this one does."""
        heirs = self.heirs.get(number, ())
        return dict.fromkeys((h.number, h.key or key) for h in heirs)

    def other(self, number: int) -> str:
        """Return the key that all keys beyond the limit share."""
        whole = dict.fromkeys(self.fields[number], OTHER)
        return json.dumps(whole, separators=(",", ":"))


class SeriesTable(Struct, frozen=True):
    """The series of one state, by name and number.

    `births` says from which slice (`first`, s) a series has datapoints, and at which
    tick (`k`) that was known: a late row can move it.
    """

    table: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=_TABLE))
    births: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=_BIRTHS))
    limited: frozenset[int] = frozenset()
    """The metrics that have reached their limit of keys."""
    since: Mapping[int, int] = field(default_factory=dict)
    """From which second on metrics are measured that came while a run was going on:
    cells from before it are not theirs, for they would be of half the lines."""
    rivals: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=RIVALS))
    """How many events those keys have that share a series; approximate."""
    retired: frozenset[int] = frozenset()
    """Series that others have taken the place of: their keys share one, too."""

    def number(self, named: NamedCells, plan: SeriesPlan) -> tuple[Cells, SeriesTable]:
        """Return cells by number instead of name, and the table with the new series."""
        if named.names.height == 0:
            return Cells.empty(), self
        if self.since:
            named = self._measured(named, plan)
        names = _escaped(named.names)
        grown = self._with_expected(names, plan)
        new = names.join(grown.table, on=["m", "key"], how="anti").unique()
        grown = grown._with_new(new, plan) if new.height else grown  # noqa: SLF001
        sids = _numbers(names, grown.table, plan, grown.retired)
        cells = named.cells.map(
            lambda rows: rows.with_columns(sids.gather(rows.get_column("sid")))
        )
        if grown.limited:
            # Many keys have become one: so do their cells.
            cells = merge([cells])
            rivals = _rivals(names, named.cells.base, sids, grown, plan)
            grown = replace(grown, rivals=rivals)
        return cells, grown.with_births(cells.base, plan)

    def born_by(self, tick: int) -> pl.DataFrame:
        """Return `sid` and `first`: since when each series lives, as known at a tick."""
        known = self.lives().filter(pl.col("k") <= tick)
        return known.group_by("sid").agg(pl.col("first").min())

    def lives(self) -> pl.DataFrame:
        """Return the births, none before its metric was measured."""
        if not self.since:
            return self.births
        since = self.table.select("sid", least=self._least(pl.col("m")))
        lives = self.births.join(since, on="sid", how="left", maintain_order="left")
        first = pl.max_horizontal("first", "least")
        return lives.with_columns(first=first).select(*_BIRTHS)

    def settle(self, tick: int) -> SeriesTable:
        """Return the table with the births up to a tick joined: they cannot change."""
        old, young = self.births.filter(pl.col("k") <= tick), None
        if old.height <= old.get_column("sid").n_unique():
            return self
        young = self.births.filter(pl.col("k") > tick)
        joined = old.group_by("sid").agg(pl.col("first").min(), pl.col("k").max())
        births = pl.concat([joined.select(*_BIRTHS), young])
        return replace(self, births=births)

    def _least(self, metric: pl.Expr) -> pl.Expr:
        """Return since when a metric is measured; null if always."""
        numbers, least = list(self.since), list(self.since.values())
        return metric.replace_strict(
            numbers, least, default=None, return_dtype=pl.Int64
        )

    def _measured(self, named: NamedCells, plan: SeriesPlan) -> NamedCells:
        """Leave out the cells of metrics that were not measured yet."""
        waits = {m: plan.waits.get(m, 0) for m in self.since}
        own = pl.col("m").replace_strict(waits, default=0, return_dtype=pl.Int64)
        least = named.names.select(self._least(pl.col("m")) - own).to_series()

        def kept(rows: pl.DataFrame) -> pl.DataFrame:
            early = pl.col("p") < least.gather(rows.get_column("sid"))
            return rows.filter(~early.fill_null(value=False))

        return NamedCells(named.names, named.cells.map(kept))

    def with_heirs(self, plan: SeriesPlan) -> SeriesTable:
        """Return the table with every series that another one brings with it.

        They are there already, unless the plan has become another one.
        """
        known = {(m, key): sid for m, key, sid in self.table.iter_rows()}
        added: dict[tuple[int, str], int] = {}
        for m, key in known:
            for heir in plan.born_with(m, key):
                if heir not in known:
                    added.setdefault(heir, len(known) + len(added))
        if not added:
            return self
        grown = self._grown(added)
        new = pl.col("sid").is_in(list(added.values()))
        found = grown._inherited(self.births, plan).filter(new)  # noqa: SLF001
        return replace(grown, births=pl.concat([self.births, _pareto(found)]))

    def _with_expected(self, names: pl.DataFrame, plan: SeriesPlan) -> SeriesTable:
        """Return the table with the keys that are expected once there are `names`.

        They come before all others, so that they find room.
        """
        here = [m for m, heirs in plan.heirs.items() if any(h.key for h in heirs)]
        here = [m for m in here if m in names.get_column("m")]
        wanted = {(h.number, h.key): None for m in here for h in plan.heirs[m] if h.key}
        if not wanted:
            return self
        known = set(self.table.select("m", "key").iter_rows())
        new = [pair for pair in wanted if pair not in known]
        return self._grown({p: self.table.height + i for i, p in enumerate(new)})

    def _grown(self, added: Mapping[tuple[int, str], int]) -> SeriesTable:
        """Return the table with more series: the number (`sid`) of each."""
        rows = [(m, key, sid) for (m, key), sid in added.items()]
        grown = pl.DataFrame(rows, schema=_TABLE, orient="row")
        return replace(self, table=pl.concat([self.table, grown])) if rows else self

    def _with_new(self, new: pl.DataFrame, plan: SeriesPlan) -> SeriesTable:
        """Return the table with new series: as many of each metric as it has room for."""
        counts = self.living()
        room = {m: plan.limits[m] - counts.get(m, 0) for m in new["m"].unique()}
        places = pl.DataFrame(
            {"m": list(room), "room": list(room.values())},
            schema={"m": pl.Int32, "room": pl.Int64},
        )
        rank = pl.int_range(pl.len()).over("m")
        # By key, so that which keys find room does not depend on the order of rows.
        ranked = new.sort("m", "key").join(places, on="m", maintain_order="left")
        fits = ranked.filter(rank < pl.col("room")).select("m", "key")
        full = ranked.filter(rank >= pl.col("room")).get_column("m").unique().to_list()
        wanted = [*fits.iter_rows(), *((m, plan.other(m)) for m in sorted(full))]
        known = set(self.table.select("m", "key").iter_rows())
        added: dict[tuple[int, str], int] = {}
        for number, key in wanted:
            for here in ((number, key), *plan.born_with(number, key)):
                if here not in known:
                    known.add(here)
                    added[here] = self.table.height + len(added)
        return replace(self._grown(added), limited=self.limited | frozenset(full))

    def moved(self) -> pl.DataFrame:
        """Return which series (`sid`) share another (`now`) since they are retired."""
        schema = {"sid": pl.Int64, "now": pl.Int64}
        if not self.retired:
            return pl.DataFrame(schema=schema)
        others = {
            m: sid
            for m, key, sid in self.table.iter_rows()
            if set(json.loads(key).values()) == {OTHER}
        }
        homes = self.table.filter(pl.col("sid").is_in(list(self.retired)))
        rows = [(sid, others.get(m)) for m, _, sid in homes.iter_rows()]
        return pl.DataFrame(rows, schema=schema, orient="row")

    def living(self) -> dict[int, int]:
        """Return how many series each metric has, less those that are retired."""
        gone = pl.col("sid").is_in(list(self.retired))
        table = self.table.filter(~gone) if self.retired else self.table
        return dict(table.group_by("m").len().iter_rows())

    def swapped(
        self, taken: Sequence[tuple[int, str, int]], plan: SeriesPlan
    ) -> tuple[SeriesTable, pl.DataFrame]:
        """Let keys take the place of series (metric, key, and the series).

        Return also which series (`sid`) is another (`now`) from now on: that of the
        others; null for those that are calculated from them, which end.
        """
        known = {(m, key): sid for m, key, sid in self.table.iter_rows()}
        names = {sid: pair for pair, sid in known.items()}
        gone: dict[int, int | None] = {}
        added: dict[tuple[int, str], int] = {}
        back: set[int] = set()
        for m, key, sid in taken:
            gone[sid] = known[m, plan.other(m)]
            own = plan.born_with(*names[sid])
            gone |= {known[heir]: None for heir in own if heir in known}
            for pair in ((m, key), *plan.born_with(m, key)):
                if pair in known:
                    back.add(known[pair])
                else:
                    added.setdefault(pair, len(known) + len(added))
        moved = pl.DataFrame(
            list(gone.items()), schema={"sid": pl.Int64, "now": pl.Int64}, orient="row"
        )
        keys = pl.DataFrame(
            [(m, k) for m, k, _ in taken], schema={"m": pl.Int32, "key": pl.String},
            orient="row",
        )  # fmt: skip
        table = replace(
            self._grown(added),
            births=self.births.join(moved, on="sid", how="anti"),
            rivals=self.rivals.join(keys, on=["m", "key"], how="anti"),
            retired=(self.retired - back) | frozenset(gone),
        )
        return table, moved

    def with_births(self, base: pl.DataFrame, plan: SeriesPlan) -> SeriesTable:
        """Return the table with what these base cells say of when series began."""
        known = self.births.group_by("sid").agg(
            first_old=pl.col("first").min(), k_old=pl.col("k").max()
        )
        seen = base.select("sid", "k", first="p")
        if plan.waits:
            seen = seen.join(self.table.select("sid", "m"), on="sid")
            own = pl.col("m").replace_strict(
                plan.waits, default=0, return_dtype=pl.Int64
            )
            seen = seen.select("sid", "k", first=pl.col("first") + own)
        seen = seen.join(known, on="sid", how="left")
        # A birth is news if it is earlier than all others, or known before one of them.
        news = seen.filter(
            pl.col("first_old").is_null()
            | (pl.col("first") < pl.col("first_old"))
            | (pl.col("k") < pl.col("k_old"))
        )
        if news.height == 0:
            return self
        found = _pareto(news.select(*_BIRTHS))
        found = pl.concat([found, self._inherited(found, plan)])
        births = _pareto(pl.concat([self.births, found]))
        return replace(self, births=births)

    def _inherited(self, found: pl.DataFrame, plan: SeriesPlan) -> pl.DataFrame:
        """Return the same births for the series that depend on these."""
        pairs = [(m, *heir) for m, heirs in plan.heirs.items() for heir in heirs]
        whole = {"grain": pl.Int64, "wait": pl.Int64}
        schema = {"m": pl.Int32, "d": pl.Int32, "other": pl.String} | whole
        links = pl.DataFrame(pairs, schema=schema, orient="row")
        places = self.table.rename({"m": "d", "sid": "heir"})
        heirs = found.join(self.table, on="sid").join(links, on="m")
        heirs = heirs.with_columns(key=pl.coalesce("other", "key"))
        slice_ = pl.col("first") // pl.col("grain") * pl.col("grain")
        return heirs.join(places, on=["d", "key"]).select(
            sid="heir", first=slice_ + pl.col("wait"), k="k"
        )


def _escaped(names: pl.DataFrame) -> pl.DataFrame:
    """Return names in which no value of a log looks like the key that the rest share."""
    keys = names.get_column("key")
    if not keys.str.contains(OTHER, literal=True).any():
        return names
    return names.with_columns(keys.str.replace_all(_TAKEN, _ESCAPED))


def _pareto(births: pl.DataFrame) -> pl.DataFrame:
    """Keep the births that say something new: earlier than all that were known."""
    ordered = births.sort("sid", "k", "first")
    before = pl.col("first").cum_min().shift(1).over("sid")
    return ordered.filter(before.is_null() | (pl.col("first") < before))


def _rivals(
    names: pl.DataFrame,
    base: pl.DataFrame,
    sids: pl.Series,
    series: SeriesTable,
    plan: SeriesPlan,
) -> pl.DataFrame:
    """Return the rivals with the events of these keys that share a series."""
    others = [(m, plan.other(m)) for m in sorted(series.limited)]
    schema = {"m": pl.Int32, "key": pl.String}
    shared = pl.DataFrame(others, schema=schema, orient="row")
    shared = shared.join(series.table, on=["m", "key"]).select("sid")
    named = names.with_columns(sid=sids).with_row_index("row")
    named = named.join(shared, on="sid", how="semi")
    if named.height == 0:
        return series.rivals
    named = named.select(pl.col("row").cast(pl.Int64), "m", "key")
    size = pl.col("m").replace_strict(
        plan.stretches, default=STRETCH, return_dtype=pl.Int64
    )
    counted = base.select("p", "n", row="sid").join(named, on="row")
    more = counted.group_by("m", "key", g=pl.col("p") // size).agg(pl.col("n").sum())
    room = max(plan.limits[m] for m in series.limited)
    return joined(series.rivals, more.select(*RIVALS), min(room, _MOST_RIVALS))


def _numbers(
    names: pl.DataFrame,
    table: pl.DataFrame,
    plan: SeriesPlan,
    retired: frozenset[int] = frozenset(),
) -> pl.Series:
    """Return the number of each named series; those beyond a limit share one."""
    if retired:
        table = table.filter(~pl.col("sid").is_in(list(retired)))
    found = names.join(table, on=["m", "key"], how="left", maintain_order="left")
    lost = found.filter(pl.col("sid").is_null()).get_column("m").unique()
    if lost.len():
        rest = pl.DataFrame({"m": lost, "key": [plan.other(m) for m in lost.to_list()]})
        others = rest.join(table, on=["m", "key"]).select("m", other="sid")
        found = found.join(others, on="m", how="left", maintain_order="left")
        found = found.with_columns(pl.coalesce("sid", "other"))
    return found.get_column("sid")
