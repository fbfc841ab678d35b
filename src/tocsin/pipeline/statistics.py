"""The periodic report: datapoints of a few hidden metrics, put together by period.

The metrics are ordinary ones, so the report obeys every rule of time that alarms do;
late rows amend it as they amend everything else.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

import polars as pl
from msgspec import Struct, field

from tocsin.model.instant import SECOND
from tocsin.model.records import Stats

if TYPE_CHECKING:
    from tocsin.model.message import MessageType

PREFIX = "_report."
_ERRORS_FROM = 400
"""Success is a status below this."""
_STATUS_DIGITS = 3
_QUIET_PERIODS = 6
"""Empty periods that are still reported after the last busy one."""

Counts = Mapping[str, Mapping[str, float]]
"""Of one period: metric to key (JSON) to value."""


class Metric(Struct, frozen=True):
    """One metric of the report: name, aggregate, field and group."""

    name: str
    type: str
    field: str | None = None
    group_by: tuple[str, ...] = ()


METRICS = (
    Metric("hits", "COUNT"),
    Metric("sections", "COUNT", group_by=("section",)),
    Metric("statuses", "COUNT", group_by=("status",)),
    Metric("methods", "COUNT", group_by=("method",)),
    Metric("bytes", "SUM", "bytes"),
    Metric("clients", "DISTINCT", "remote_addr"),
)


def metrics_for(message: MessageType) -> list[Metric]:
    """Return the metrics whose fields a message type has (an open one: any)."""

    def has(metric: Metric) -> bool:
        needed = [*metric.group_by, *([metric.field] if metric.field else [])]
        return message.open or all(message.find(name) for name in needed)

    return [m for m in METRICS if has(m)]


class ReportState(Struct, frozen=True):
    """What the report remembers: periods that may be amended, and the last busy end."""

    recent: Mapping[int, Counts] = field(default_factory=dict)
    busy: int | None = None


class Report:
    """Makes the statistics of one source's report. `every` is its period (s)."""

    def __init__(self, numbers: Mapping[int, str], every: int, top: int) -> None:
        self.numbers = numbers
        self.every = every
        self.top = top
        self._offered: set[str] = set()

    def offer(self, message: MessageType) -> None:
        """Say what a stream's events have: only that is reported on."""
        self._offered |= {m.name for m in metrics_for(message)}

    def step(
        self,
        state: ReportState,
        runs: pl.DataFrame,
        names: pl.DataFrame,
        *,
        amended: bool,
        partial: bool,
    ) -> tuple[ReportState, list[Stats]]:
        """Take the runs of one verdict (`names`: `sid`, `key`) to statistics."""
        mine = runs.filter(pl.col("m").is_in(list(self.numbers)))
        if mine.height == 0:
            return state, []
        told = pl.col("n") > 0
        if amended:
            told |= pl.col("e").is_in(list(state.recent))
        rows = mine.filter(told)
        if amended:
            ends, busy = rows.get_column("e").unique().sort().to_list(), state.busy
        else:
            ends, busy = self._closed(mine, state.busy)
        recent = self._with(state.recent, rows, names)
        said = [
            self._stats(
                end, recent.setdefault(end, {}), amended=amended, partial=partial
            )
            for end in ends
        ]
        return ReportState(recent, busy), said

    def _with(
        self, recent: Mapping[int, Counts], rows: pl.DataFrame, names: pl.DataFrame
    ) -> dict[int, dict[str, Mapping[str, float]]]:
        """Return periods with what rows say of them: no counts are changed in place."""
        after = {end: dict(counts) for end, counts in recent.items()}
        sids = rows.select(pl.col("sid").unique())
        keys = dict(sids.join(names, on="sid").select("sid", "key").iter_rows())
        value = pl.col("value").fill_null(0.0)
        each = rows.group_by("e", "m", maintain_order=True).agg("sid", value)
        for end, number, held, values in each.iter_rows():
            counts, metric = after.setdefault(end, {}), self.numbers[number]
            told = dict(zip(map(keys.__getitem__, held), values, strict=True))
            counts[metric] = {**counts[metric], **told} if metric in counts else told
        return after

    def forget(self, state: ReportState, settled: int) -> ReportState:
        """Let go of the periods that can no longer be amended."""
        kept = {end: c for end, c in state.recent.items() if end > settled}
        return ReportState(kept, state.busy)

    def _closed(
        self, rows: pl.DataFrame, busy: int | None
    ) -> tuple[list[int], int | None]:
        """Return the ends of periods to report on, and the last busy one.

        Busy periods are reported, and the first few quiet ones after each.
        """
        hits = next(n for n, name in self.numbers.items() if name == "hits")
        mine = rows.filter(pl.col("m") == hits).sort("e")
        ends: list[int] = []
        for end, steps, n in mine.select("e", "steps", "n").iter_rows():
            if n:
                ends.append(end)
                busy = end
            elif busy is not None:
                last = min(end + (steps - 1) * self.every, busy + self._quiet)
                ends += range(end, last + 1, self.every)
        return ends, busy

    @property
    def _quiet(self) -> int:
        return _QUIET_PERIODS * self.every

    def _stats(
        self, end: int, counts: Counts, *, amended: bool, partial: bool
    ) -> Stats:
        names = self._offered
        hits = int(_only(counts.get("hits")))
        statuses = _by_value(counts.get("statuses"), "status")
        good = sum(n for s, n in statuses if s.isdigit() and int(s) < _ERRORS_FROM)
        bad = sum(n for s, n in statuses if s.isdigit() and int(s) >= _ERRORS_FROM)
        known = "statuses" in names
        return Stats(
            start=(end - self.every) * SECOND,
            end=end * SECOND,
            hits=hits,
            rate=round(hits / self.every, 6),
            bytes=int(_only(counts.get("bytes"))) if "bytes" in names else None,
            success=good if known else None,
            errors=bad if known else None,
            clients=round(_only(counts.get("clients"))) if "clients" in names else None,
            sections=self._top(counts, "sections", "section"),
            statuses=_classes(statuses) if known else {},
            methods=dict(self._top(counts, "methods", "method")),
            amended=amended,
            partial=partial,
        )

    def _top(
        self, counts: Counts, metric: str, name: str
    ) -> tuple[tuple[str, int], ...]:
        if metric not in self._offered:
            return ()
        return tuple(_by_value(counts.get(metric), name, self.top)[: self.top])


def _only(values: Mapping[str, float] | None) -> float:
    return sum(values.values()) if values else 0.0


def _by_value(
    values: Mapping[str, float] | None, name: str, most: int = 0
) -> list[tuple[str, int]]:
    """Return the values of one field and their counts, most first.

    Of more than `most`, unless that is 0, only those that may be among so many.
    """
    known = values or {}
    few = most and len(known) > most
    floor = max(int(sorted(known.values())[-most]), 1) if few else 1
    rows = [(-int(n), _value(key, name)) for key, n in known.items() if n >= floor]
    return [(value, -less) for less, value in sorted(rows)]


@lru_cache(maxsize=4096)
def _value(key: str, name: str) -> str:
    """Return the value of a field in a key. The same few come in every period."""
    value = json.loads(key)[name]
    return "-" if value is None else str(value)


def _classes(statuses: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Count statuses by their class: 2xx, 3xx, 4xx, 5xx and whatever else came."""
    classes = dict.fromkeys(("2xx", "3xx", "4xx", "5xx"), 0)
    for status, n in statuses:
        name = (
            f"{status[0]}xx"
            if len(status) == _STATUS_DIGITS and status.isdigit()
            else "other"
        )
        classes[name] = classes.get(name, 0) + n
    return classes
