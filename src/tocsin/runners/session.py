"""A session: one engine, one view, and the streams that were opened for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tocsin.config.values import MetricConfig
from tocsin.model.discovery import look_in
from tocsin.model.instant import SECOND
from tocsin.model.records import Notice, Record
from tocsin.pipeline import statistics
from tocsin.pipeline.compile import compile_plan
from tocsin.pipeline.engine import Engine
from tocsin.pipeline.statistics import Report
from tocsin.runners.opening import check_fields, open_codec

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tocsin.config.values import Config
    from tocsin.model.expression import Expression
    from tocsin.model.protocols import Codec
    from tocsin.model.view import View


_MOST_KEYS = 1000
"""Keys of each list in the report; the rest share `__other__`."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a session shall say beside transitions and incidents.

    `statistics` is the source whose periodic report is made (None: no report), and
    `where` limits what the report counts. `verbose` asks for more words about the run.
    """

    statistics: str | None = None
    where: Expression | None = None
    datapoints: bool = False
    verbose: bool = False


def report_metrics(config: Config, wishes: Wishes) -> tuple[MetricConfig, ...]:
    """Return the hidden metrics that the periodic report is made from."""
    if wishes.statistics is None:
        return ()
    every = config.report.every
    return tuple(
        MetricConfig(
            name=statistics.PREFIX + metric.name,
            type=metric.type,
            source=wishes.statistics,
            field=metric.field,
            group_by=metric.group_by,
            period=every,
            every=every,
            where=wishes.where,
            limit=_MOST_KEYS,
        )
        for metric in statistics.METRICS
    )


class Session:
    """One run of one configuration: everything that is said goes through here."""

    def __init__(self, config: Config, view: View, wishes: Wishes) -> None:
        self.config = config
        self.view = view
        self.wishes = wishes
        look_in(config.base)
        hidden = report_metrics(config, wishes)
        self.plan = compile_plan(config, hidden)
        self.engine = Engine(
            self.plan, datapoints=wishes.datapoints, report=self._report()
        )
        self._said: set[str] = set()

    def open(self, stream: str, source: str, head: bytes) -> Codec | None:
        """Bind a stream to its format, and say so when it was found out.

        None when there is no line yet to tell the format by.

        Raises:
            FormatUnknownError: No line fits any format.
            UsageError: A metric reads a field that no line of the stream can have.
        """
        codec, word = open_codec(self.config.source(source), stream, head)
        if codec is None:
            return None
        check_fields(codec, stream, self._needed(source))
        self.engine.register(stream, source, codec.format)
        if self.engine.report is not None:
            self.engine.report.offer(codec.message)
        if word:
            self.say([Notice(word, subject=stream)])
        return codec

    def say(self, records: Iterable[Record]) -> None:
        """Show records, and name the plugins that have failed."""
        for record in records:
            self.view.show(record)
        for name, reason in self.engine.failures().items():
            text = f"plugin {name} failed and is left out from now on: {reason}"
            self._say_once(Notice(text, "error", name))
        self._say_misfits()
        for name in self.engine.limited():
            text = (
                f"{name.removeprefix(statistics.PREFIX)}: more keys than its limit; "
                "further ones share __other__, totals stay exact"
            )
            self._say_once(Notice(text, "warning", name))

    def _say_misfits(self) -> None:
        """Say once of every field that some of its values do not fit its type."""
        for stream, state in self.engine.state.streams.items():
            for name in state.misfits:
                text = f"a value of {name} does not fit its type: such count as missing"
                self._say_once(Notice(text, "warning", stream), f"{stream}: {name}")

    def _say_once(self, notice: Notice, about: str = "") -> None:
        about = about or notice.subject
        if about not in self._said:
            self._said.add(about)
            self.view.show(notice)

    def detail(self, text: str, subject: str = "") -> None:
        """Say what only those want to know who asked for all words."""
        if self.wishes.verbose:
            self.say([Notice(text, subject=subject)])

    def finish(self) -> None:
        """End all input; say the last there is to say, and the account of all lines."""
        self.say(self.engine.finish())
        self.view.show(self.engine.summary())

    def _needed(self, source: str) -> set[str]:
        """Return the fields that metrics and consumers read, but for the report's."""
        plan = self.plan.sources[source]
        asked = (m.reads for _, m in plan.metrics if m.name not in self.plan.hidden)
        consumers = self.engine.observers[source].consumers.fields
        return set().union(consumers, *asked)

    def _report(self) -> Report | None:
        if self.wishes.statistics is None:
            return None
        start = len(statistics.PREFIX)
        numbers = {
            number: spec.name[start:]
            for shard in self.plan.shards
            for number, spec in shard.metrics.items()
            if spec.name.startswith(statistics.PREFIX)
        }
        every = self.config.report.every // SECOND
        return Report(numbers, every, self.config.report.top)
