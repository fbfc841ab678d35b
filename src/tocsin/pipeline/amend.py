"""Amend: what was said before late rows came, and what is said with them.

A disordered log has late rows take effect at a tick in every ten seconds. Each tick is
a version of what is known: the windows that a version touches are judged as they were
known just before it and with it, for all versions at once, as if every version of a
series were a series of its own. So a storm of corrections costs a few steps in
columns, and what is said is the same as if each had been made alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
from msgspec import Struct

from tocsin.alarms import threshold
from tocsin.metrics.cells import without_lines
from tocsin.metrics.spec import first_end
from tocsin.metrics.windows import RUNS, clip
from tocsin.pipeline.judge import Judge, Judgement, Span, Views

if TYPE_CHECKING:
    from tocsin.metrics.cells import Cells
    from tocsin.metrics.series import SeriesTable

TOUCHED = {"sid": pl.Int64, "tick": pl.Int64, "floor": pl.Int64}
"""Which series late rows touch at a tick; no end up to `floor` (s) is changed by them."""


class Known(Struct, frozen=True):
    """What is known of a shard, late rows that are still to take effect included."""

    cells: Cells
    series: SeriesTable


class Amended(Struct, frozen=True):
    """What amendments come to.

    `runs` and `transitions` were said in the course of time; the rest is said at a
    `tick` (a column): datapoints that changed, transitions made and withdrawn.
    `alarms` is how the alarms of the touched series stand at the end.
    """

    runs: pl.DataFrame
    transitions: pl.DataFrame
    changed: pl.DataFrame
    made: pl.DataFrame
    withdrawn: pl.DataFrame
    alarms: pl.DataFrame


def touched(
    late: pl.DataFrame, series: SeriesTable, links: pl.DataFrame
) -> pl.DataFrame:
    """Return all series that these late cells (`sid`, `p`, `k`) touch, by tick.

    Besides their own series, that is those whose birth they move, and those that are
    calculated from any of them.
    """
    own = late.group_by("sid", tick="k").agg(floor=pl.col("p").min())
    born = series.births.join(own.select(k="tick").unique(), on="k", how="semi")
    born = born.select("sid", tick="k", floor="first")
    have = _least(pl.concat([own, born]))
    while True:
        heirs = have.join(links, left_on="sid", right_on="source")
        heirs = heirs.select("sid_right", "tick", "floor").rename({"sid_right": "sid"})
        more = _least(pl.concat([have, heirs]))
        if more.equals(have):
            return have
        have = more


def _least(found: pl.DataFrame) -> pl.DataFrame:
    """Return one row for each series and tick: the lowest floor."""
    least = found.group_by("sid", "tick").agg(pl.col("floor").min())
    return least.sort("sid", "tick").select(*TOUCHED)


class Amender:
    """Judges all versions of the series that late rows touch."""

    def __init__(self, judge: Judge) -> None:
        self.judge = judge

    def amend(
        self,
        known: Known,
        found: pl.DataFrame,
        begin: tuple[int, pl.DataFrame],
        reach: tuple[int, int, int],
    ) -> Amended:
        """Judge touched series (`TOUCHED`), whose alarms stood as given at `begin`.

        `reach` is what had been judged, up to where to judge, and what is known then.
        """
        start, alarms = begin
        judged, until, last = reach
        sids = found.get_column("sid").unique()
        alarms = alarms.filter(pl.col("sid").is_in(sids.implode()))
        span = Span(start, until, last, sids)
        final = self.judge.judge(known.cells, known.series, alarms, span)
        asked = _asked(found, start, judged, until)
        views = self._views(known.series, asked)
        stood = views.rows.filter("wanted").select("sid_of", at="after", name="sid")
        stood = stood.rename({"sid_of": "sid"})
        before = threshold.standing(alarms, final.trace, stood)
        cells = _expanded(without_lines(known.cells), views.rows)
        said = self.judge.judged(cells, views, before)
        return _told(said, final, views.rows, asked)

    def _views(self, series: SeriesTable, asked: pl.DataFrame) -> Views:
        """Return the old and the new version of what is asked, and what feeds them."""
        old = asked.with_columns(version=2 * pl.col("tick"), known=pl.col("tick") - 1)
        new = asked.with_columns(version=2 * pl.col("tick") + 1, known=pl.col("tick"))
        both = pl.concat([old, new]).select(
            "sid", "version", "known", "until", "after", need="after", wanted=True
        )
        links = self.judge.links(series)
        rows = _fed(both, links)
        rows = rows.join(series.table.select("sid", "m"), on="sid")
        rows = rows.join(self.judge.specs, on="m")
        ends = first_end(pl.col("need"), pl.col("every")) <= pl.col("until")
        rows = rows.filter(ends | ~pl.col("wanted"))
        born = rows.select("sid", "version", "known").join(series.lives(), on="sid")
        born = born.filter(pl.col("k") <= pl.col("known"))
        born = born.group_by("sid", "version").agg(pl.col("first").min())
        rows = rows.join(born, on=["sid", "version"]).with_row_index("view")
        rows = rows.with_columns(
            pl.col("view").cast(pl.Int64), start=pl.col("need") - pl.col("history")
        )
        named = rows.select("sid", "version", "view")
        links = links.join(named, on="sid").join(
            named.select(source="sid", version="version", feeds="view"),
            on=["source", "version"],
        )
        links = links.select("view", "input", "feeds")
        links = links.rename({"view": "sid", "feeds": "source"})
        rows = rows.rename({"sid": "sid_of", "view": "sid"})
        own = self.judge.variants(series)
        if own is not None:
            own = own.rename({"sid": "sid_of"}).join(
                rows.select("sid", "sid_of"), on="sid_of"
            )
            own = own.select("of", "sid", "variant")
        return Views(rows, links, variants=own)


def _fed(both: pl.DataFrame, links: pl.DataFrame) -> pl.DataFrame:
    """Add what versions are calculated from, needed since the earliest `need`."""
    have = both
    while links.height:
        fed = have.join(links.select("sid", "source"), on="sid").with_columns(
            sid="source", wanted=False
        )
        more = pl.concat([have, fed.select(have.columns)])
        more = more.group_by("sid", "version").agg(
            pl.col("known").first(),
            pl.col("until").max(),
            pl.col("after").sort_by(~pl.col("wanted")).first(),
            pl.col("need").min(),
            pl.col("wanted").any(),
        )
        more = more.sort("sid", "version")
        if more.equals(have):
            return have
        have = more
    return have


def _asked(found: pl.DataFrame, start: int, judged: int, until: int) -> pl.DataFrame:
    """Return for each touch the ends to judge, and up to where (`told`) all was said.

    Rows that come later have the same alarms at `after`: none of them reaches there.
    """
    found = found.sort("sid", "tick").with_columns(
        until=pl.min_horizontal(pl.col("tick") - 1, until),
        floor=pl.col("floor").cum_min(reverse=True).over("sid"),
    )
    told = pl.col("until").shift(1).over("sid").fill_null(judged)
    told = pl.max_horizontal(told, judged)
    after = pl.max_horizontal(pl.min_horizontal("floor", told), start)
    return found.with_columns(told=told, after=after)


def _expanded(cells: Cells, views: pl.DataFrame) -> Cells:
    """Return the cells that each view may use, once for each, under its number."""

    def spread(table: pl.DataFrame) -> pl.DataFrame:
        place = pl.col("sid") * 2**41 + 2**40
        table = table.with_columns(at=place + pl.col("p")).sort("at")
        at = table.get_column("at")
        of = pl.col("sid_of") * 2**41 + 2**40
        low = views.select(of + pl.col("start") - pl.col("period")).to_series()
        high = views.select(of + pl.col("until")).to_series()
        rows = views.select(
            "sid",
            "known",
            row=pl.int_ranges(
                at.search_sorted(low, side="left").cast(pl.Int64),
                at.search_sorted(high, side="left").cast(pl.Int64),
            ),
        ).explode("row", empty_as_null=False)
        held = table.drop("sid", "at").select(pl.all().gather(rows.get_column("row")))
        held = rows.select("sid", "known").hstack(held)
        return held.filter(pl.col("k") <= pl.col("known")).select(
            *(name for name in table.columns if name != "at")
        )

    return cells.map(spread)


def _told(
    said: Judgement, final: Judgement, rows: pl.DataFrame, asked: pl.DataFrame
) -> Amended:
    """Put together what was said in time, and what each version says again."""
    asked = asked.with_row_index("pair").with_columns(pl.col("pair").cast(pl.Int64))
    meaning = rows.select("sid", "sid_of", "version").with_columns(
        tick=pl.col("version") // 2, new=pl.col("version") % 2 == 1
    )
    meaning = meaning.join(
        asked.select("tick", "told", "pair", sid_of="sid"), on=["sid_of", "tick"]
    )
    ends = asked.group_by("sid").agg(
        last=pl.col("until").max(), was=pl.col("told").min()
    )
    ends = ends.select("sid", told=pl.max_horizontal("last", "was"))
    runs = said.runs.join(meaning, on="sid")
    moves = said.transitions.join(meaning, on="sid")
    old, new = runs.filter(~pl.col("new")), runs.filter("new")
    was, now = moves.filter(~pl.col("new")), moves.filter("new")
    quiet = clip(old, pl.col("told"))
    tail = clip(final.runs.join(ends, on="sid"), pl.col("told"))
    pairs = asked.select("pair", "tick", sid_of="sid")
    changed = changed_runs(_as_series(old, "pair"), _as_series(new, "pair"))
    changed = _as_series(
        changed.rename({"sid": "pair"}).join(pairs, on="pair"), "sid_of"
    )
    by = ["alarm", "pair", "e", "now"]
    names = list(threshold.TRANSITIONS)
    in_time = was.filter(pl.col("e") > pl.col("told"))
    late = final.transitions.join(ends, on="sid").filter(pl.col("e") > pl.col("told"))
    return Amended(
        runs=_in_order([_as_series(quiet, "sid_of").select(*RUNS), tail.select(*RUNS)]),
        transitions=pl.concat(
            [_as_series(in_time, "sid_of").select(names), late.select(names)]
        ),
        changed=changed.select("tick", *RUNS),
        made=_as_series(now.join(was, on=by, how="anti"), "sid_of").select(
            "tick", *names
        ),
        withdrawn=_as_series(was.join(now, on=by, how="anti"), "sid_of").select(
            "tick", *names
        ),
        alarms=final.alarms,
    )


def _in_order(parts: list[pl.DataFrame]) -> pl.DataFrame:
    return pl.concat(parts).sort("sid", "e")


def _as_series(rows: pl.DataFrame, name: str) -> pl.DataFrame:
    """Return rows with another column in the place of `sid`."""
    return rows.with_columns(sid=pl.col(name))


def changed_runs(old: pl.DataFrame, new: pl.DataFrame) -> pl.DataFrame:
    """Return the datapoints of `new` that `old` lacks or gives otherwise, as runs."""
    if new.height == 0:
        return pl.DataFrame(schema=RUNS)
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
    return kept.filter(pl.col("steps") > 0).select(*RUNS)
