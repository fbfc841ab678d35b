"""A session: one engine, one view, and the streams that were opened for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tocsin.model.discovery import look_in
from tocsin.model.instant import SECOND
from tocsin.model.records import Notice, Record
from tocsin.pipeline import statistics
from tocsin.pipeline.compile import compile_plan
from tocsin.pipeline.engine import Engine
from tocsin.pipeline.statistics import Report
from tocsin.runners.masking import masking_of
from tocsin.runners.opening import Findings, check_fields
from tocsin.runners.wishes import Wishes, report_metrics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tocsin.config.values import Config
    from tocsin.model.protocols import Codec
    from tocsin.model.view import View
    from tocsin.pipeline.engine import EngineState
    from tocsin.pipeline.plan import Plan


class Session:
    """One run of one configuration: everything that is said goes through here."""

    def __init__(self, config: Config, view: View, wishes: Wishes) -> None:
        self.config = config
        self.view = view
        self.wishes = wishes
        self.plan, self.engine = self._made(config)
        self.findings = Findings()
        """What files were found to be before they were opened."""
        self._said: set[str] = set()

    def change(
        self,
        config: Config,
        opened: Iterable[tuple[str, str, Codec]],
        carry: Callable[[Plan, EngineState], EngineState],
    ) -> None:
        """Go on under another configuration, with the state that `carry` makes.

        `opened` are streams that stay open: name, source and format.

        Raises:
            UsageError: It cannot be: a plugin cannot be made, or a metric reads a field
                that no line of an open stream can have. Nothing has changed.
        """
        plan, engine = self._made(config)
        for stream, source, codec in opened:
            if source in plan.sources:
                check_fields(codec, stream, _needed(plan, engine, source))
        engine.state = carry(plan, self.engine.state)
        self.config, self.plan, self.engine = config, plan, engine
        self.findings = Findings()

    def _made(self, config: Config) -> tuple[Plan, Engine]:
        look_in(config.base)
        plan = compile_plan(config, report_metrics(config, self.wishes))
        report = self._report(config, plan)
        made = Engine(
            plan,
            datapoints=self.wishes.datapoints,
            report=report,
            mask=masking_of(config).lines,
        )
        return plan, made

    def open(self, stream: str, source: str, head: bytes) -> Codec | None:
        """Bind a stream to its format, and say so when it was found out.

        None when there is no line yet to tell the format by.

        Raises:
            FormatUnknownError: No line fits any format.
            UsageError: A metric reads a field that no line of the stream can have.
        """
        codec, word = self.findings.recall(self.config.source(source), stream, head)
        if codec is None:
            return None
        check_fields(codec, stream, _needed(self.plan, self.engine, source))
        self.engine.register(stream, source, codec.format)
        if self.engine.report is not None:
            self.engine.report.offer(codec.message)
        if word:
            self.view.show(Notice(word, subject=stream))
        return codec

    def say(self, records: Iterable[Record]) -> None:
        """Show records, and name the plugins that have failed."""
        for record in records:
            self.view.show(record)
        for name, reason in self.engine.failures().items():
            text = (
                f"the plugin failed and is left out from now on: {reason}\n"
                "  hint: mend it and start again; everything else goes on"
            )
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
                text = (
                    f"a value of {name} does not fit its type: such count as missing\n"
                    f"  hint: if most do not, say what it holds: fields: {{{name}: duration}}"
                )
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

    def _report(self, config: Config, plan: Plan) -> Report | None:
        if self.wishes.statistics is None:
            return None
        start = len(statistics.PREFIX)
        numbers = {
            number: spec.name[start:]
            for shard in plan.shards
            for number, spec in shard.metrics.items()
            if spec.name.startswith(statistics.PREFIX)
        }
        return Report(numbers, config.report.every // SECOND, config.report.top)


def _needed(plan: Plan, engine: Engine, source: str) -> set[str]:
    """Return the fields that metrics and consumers read, but for the report's."""
    metrics = plan.sources[source].metrics
    asked = (m.reads for _, m in metrics if m.name not in plan.hidden)
    return set().union(engine.observers[source].consumers.fields, *asked)
