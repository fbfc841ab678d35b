"""Which series live: found anew only when more is known of that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tocsin.model.batch import greatest

if TYPE_CHECKING:
    import polars as pl

    from tocsin.metrics.series import SeriesTable


class Living:
    """The series that live at a tick, each with the spec of its metric (`specs`)."""

    def __init__(self, specs: pl.DataFrame) -> None:
        self._specs = specs
        self._found: tuple[SeriesTable, int, pl.DataFrame] | None = None

    def by(self, series: SeriesTable, tick: int) -> pl.DataFrame:
        """Return the series that live, and since when (`first`), as known at a tick."""
        if self._found is None or not _same(self._found[:2], (series, tick)):
            table = series.table.select("sid", "m").join(self._specs, on="m")
            rows = table.join(series.born_by(tick), on="sid")
            self._found = (series, tick, rows)
        return self._found[2]


def _same(one: tuple[SeriesTable, int], other: tuple[SeriesTable, int]) -> bool:
    """Return whether at two ticks the same is known of when series began."""
    series, births = one[0], one[0].births
    if other[0].births is not births or other[0].since != series.since:
        return False
    latest = greatest(births.get_column("k"))
    return one[1] == other[1] or latest is None or latest <= min(one[1], other[1])
