"""Raw log consumers: plugins that see events and report by period.

A plugin's failure is contained: it is named once, and the plugin is not asked again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import polars as pl

from tocsin.metrics.spec import column
from tocsin.model.discovery import FAILURES, blamed, make_consumer
from tocsin.model.instant import SECOND
from tocsin.model.records import ConsumerReport
from tocsin.pipeline.partials import unplain

if TYPE_CHECKING:
    from tocsin.model.protocols import RawLogConsumer
    from tocsin.pipeline.plan import ConsumerSpec


def make(spec: ConsumerSpec) -> RawLogConsumer:
    """Return a plugin, made with its options.

    Raises:
        UsageError: There is no such plugin, or it does not take these options.
    """
    return make_consumer(spec.name, spec.type, spec.options)


class Consumers:
    """The raw log consumers of one source, and the partials of periods not yet closed.

    Only rows that are on time for their period are counted, so that a report, once
    made, is final and the same however the stream was cut.
    """

    def __init__(self, specs: Sequence[ConsumerSpec]) -> None:
        self.specs = {spec.name: spec for spec in specs}
        self.plugins = {spec.name: make(spec) for spec in specs}
        self.failures: dict[str, str] = {}

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields that the plugins need."""
        return tuple(dict.fromkeys(f for p in self.plugins.values() for f in p.fields))

    def observe(self, rows: pl.DataFrame) -> dict[tuple[str, int], Any]:
        """Return a partial for each plugin and period (by its start, s)."""
        partials: dict[tuple[str, int], Any] = {}
        if rows.height == 0:
            return partials
        for name, spec in self.specs.items():
            length = spec.period
            timely = rows.filter(pl.col("p") // length == pl.col("a") // length)
            start = (pl.col("p") // length * length).alias("period")
            parts = timely.with_columns(start).partition_by(
                "period", as_dict=True, maintain_order=True
            )
            for (period,), part in parts.items():
                events = part.drop("p", "a", "period").rename(_field)
                found = self._ask(name, "observe", events)
                if name not in self.failures:
                    partials[name, int(period)] = found
        return partials

    def merge(
        self,
        held: Mapping[tuple[str, int], Any],
        found: Mapping[tuple[str, int], Any],
    ) -> dict[tuple[str, int], Any]:
        """Join what was held with what was found after it."""
        joined = dict(held)
        for place, partial in found.items():
            both = place in joined
            joined[place] = (
                self._ask(place[0], "merge", joined[place], partial)
                if both
                else partial
            )
        return joined

    def report(
        self, held: Mapping[tuple[str, int], Any], tick: int | None
    ) -> tuple[dict[tuple[str, int], Any], list[ConsumerReport]]:
        """Report on the periods that end by a tick (s; None: on all)."""
        kept = dict(held)
        reports = []
        for name, start in sorted(held, key=lambda place: (place[1], place[0])):
            end = start + self.specs[name].period
            if tick is not None and end > tick:
                continue
            partial = kept.pop((name, start))
            if name in self.failures:
                continue
            said = self._ask(name, "report", partial, start * SECOND, end * SECOND)
            if said is not None:
                reports.append(_report(name, start * SECOND, end * SECOND, said))
        return kept, reports

    def _ask(self, name: str, method: str, *args: Any) -> Any:  # noqa: ANN401
        if name in self.failures:
            return None
        plugin = self.plugins[name]
        try:
            said = getattr(plugin, method)(*args)
            odd = "" if method == "report" else unplain(said)
        except (*FAILURES, pl.exceptions.PanicException) as error:
            odd = blamed(error, plugin)
        if odd:
            self.failures[name] = f"{method}: {odd}"
            return None
        return said


def _field(name: str) -> str:
    """Return the name of the field that a column holds."""
    return name.removeprefix(column(""))


def _report(name: str, start: int, end: int, said: Any) -> ConsumerReport:  # noqa: ANN401
    if isinstance(said, Mapping):
        text = ", ".join(f"{key} {value}" for key, value in said.items())
        return ConsumerReport(name, start, end, text, said)
    return ConsumerReport(name, start, end, str(said))
