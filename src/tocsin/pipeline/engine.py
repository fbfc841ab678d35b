"""The engine: a plan at work on its streams, one observation or tick at a time.

It holds the whole state of a run and nothing else. Whoever turns the crank calls
`absorb` for every batch and `advance` when it likes: how often changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import polars as pl

from tocsin.incidents import ledger
from tocsin.incidents.ledger import Ledger
from tocsin.metrics.cells import Cells
from tocsin.model.instant import SECOND
from tocsin.model.records import Record, Summary
from tocsin.pipeline.evaluate import Evaluator, ShardState, Verdict
from tocsin.pipeline.observation import MOST_SAMPLES, Observation, SourceObserver
from tocsin.pipeline.plan import Plan
from tocsin.pipeline.speak import Speaker
from tocsin.pipeline.statistics import Report, ReportState
from tocsin.pipeline.streams import StreamState, settled_bound, watermark


@dataclass(slots=True)
class EngineState:
    """Everything that a run remembers: what a checkpoint holds."""

    streams: dict[str, StreamState] = field(default_factory=dict)
    shards: list[ShardState] = field(default_factory=list)
    ledger: Ledger = field(default_factory=Ledger)
    opened: int = 0
    report: ReportState = field(default_factory=ReportState)
    consumers: dict[str, dict[tuple[str, int], Any]] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)


class Engine:
    """Carries observations of streams to records.

    `datapoints` asks for a record of every datapoint; `report` makes the periodic
    statistics of a source.
    """

    def __init__(
        self,
        plan: Plan,
        state: EngineState | None = None,
        *,
        datapoints: bool = False,
        report: Report | None = None,
    ) -> None:
        self.plan = plan
        self.report = report
        self.evaluators = [Evaluator(shard) for shard in plan.shards]
        self.observers = {n: SourceObserver(s) for n, s in plan.sources.items()}
        self.speaker = Speaker(plan, datapoints=datapoints)
        empty = EngineState(shards=[ShardState() for _ in plan.shards])
        self.state = state if state is not None else empty

    def register(self, stream: str, source: str, form: str = "") -> None:
        """Announce a stream: time waits for it from now on. Idempotent."""
        known = self.state.streams.get(stream)
        if known is None:
            self.state.streams[stream] = StreamState(source, format=form)
        elif form and form != known.format:
            self.state.streams[stream] = replace(known, format=form)

    def accepts(self, stream: str, seen: Observation) -> bool:
        """Return whether an observation made without the stream's clock is right."""
        state = self.state.streams[stream]
        time = self.plan.sources[state.source].time
        return seen.holds_after(state.clock, time)

    def absorb(self, stream: str, seen: Observation, *, lost: int = 0) -> None:
        """Take in an observation of the next lines of a stream."""
        state = self.state.streams[stream]
        added = self._absorb_cells(seen.cells)
        newest = _latest(state.clock.newest, seen.clock.newest)
        samples = (*state.samples, *seen.samples)[:MOST_SAMPLES]
        self.state.streams[stream] = replace(
            state,
            clock=replace(seen.clock, newest=newest),
            idle=False if seen.tally.events else state.idle,
            tally=state.tally + seen.tally,
            counted=state.counted + added[0],
            late=state.late + seen.late + added[1],
            amended=state.amended + added[2],
            future=state.future + seen.future,
            lost=state.lost + lost,
            samples=samples,
            first=_earliest(state.first, seen.first),
            last=_latest(state.last, seen.last),
        )
        self.state.failures |= dict(seen.failures)
        if seen.consumers:
            held = self.state.consumers.get(state.source, {})
            merged = self.observers[state.source].consumers.merge(held, seen.consumers)
            self.state.consumers[state.source] = merged

    def tick(self, stream: str, at: int) -> None:
        """Say that a stream expects nothing older than an instant (µs)."""
        state = self.state.streams[stream]
        time = self.plan.sources[state.source].time
        self._release(stream, up_to=at)
        state = self.state.streams[stream]
        tick = (at - time.lateness) // SECOND
        self.state.streams[stream] = replace(
            state, tick=tick if state.tick is None else max(state.tick, tick)
        )

    def rest(self, stream: str) -> None:
        """Say that a stream is idle: it holds nothing back until its next row."""
        self._change(stream, idle=True)

    def end(self, stream: str) -> None:
        """Say that a stream has no more rows."""
        self._release(stream, up_to=None)
        self._change(stream, ended=True, tally=self.state.streams[stream].tally)

    def advance(self) -> list[Record]:
        """Judge as far as the streams allow; return what there is to say."""
        records: list[Record] = []
        settled: list[int] = []
        for i, evaluator in enumerate(self.evaluators):
            shard, time = self.plan.shards[i], self.plan.shards[i].time
            mine = [s for s in self.state.streams.values() if s.source in shard.sources]
            to = watermark(mine, time)
            if to is not None:
                bound = settled_bound(mine, time)
                after, verdicts = evaluator.advance(self.state.shards[i], to, bound)
                self.state.shards[i] = after
                records += self._say(i, verdicts)
            done = self.state.shards[i].settled
            settled += [] if done is None else [done]
        if settled and len(settled) == len(self.evaluators):
            self._forget(min(settled))
        return records + self._consumer_reports()

    def finish(self) -> list[Record]:
        """End all input; return the last of what there is to say."""
        records = self.advance()
        for i, evaluator in enumerate(self.evaluators):
            after, verdicts = evaluator.finish(self.state.shards[i])
            self.state.shards[i] = after
            records += self._say(i, verdicts)
        return records + self._consumer_reports(everything=True)

    def summary(self) -> Summary:
        """Return the account of every line so far."""
        streams = self.state.streams
        firsts = [s.first for s in streams.values() if s.first is not None]
        lasts = [s.last for s in streams.values() if s.last is not None]
        failures = dict(self.state.failures)
        for observer in self.observers.values():
            failures |= observer.consumers.failures
        return Summary(
            streams=tuple(s.account(name) for name, s in streams.items()),
            alarms_opened=self.state.opened,
            alarms_open=self.state.ledger.open,
            start=min(firsts, default=None),
            end=max(lasts, default=None),
            plugin_failures=failures,
        )

    def _change(self, stream: str, **changes: Any) -> None:  # noqa: ANN401
        self.state.streams[stream] = replace(self.state.streams[stream], **changes)

    def _release(self, stream: str, up_to: int | None) -> None:
        """Let a row that was held count, now that nothing follows it (for now)."""
        state = self.state.streams[stream]
        held = state.clock.held
        if held is None:
            return
        at = int(held.get_column("time").to_physical()[0])
        if up_to is not None and at > up_to:
            return
        observer = self.observers[state.source]
        seen = observer.observe_held(state.clock)
        self.absorb(stream, seen)

    def _absorb_cells(self, cells: Cells) -> tuple[int, int, int]:
        """Give each shard the cells of its own metrics; return counted, late, amended."""
        counted = late = amended = 0
        for i, evaluator in enumerate(self.evaluators):
            mine = pl.Series(list(self.plan.shards[i].metrics), dtype=pl.Int32)
            own = cells
            if len(self.evaluators) > 1:
                own = cells.map(lambda t, m=mine: t.filter(pl.col("m").is_in(m.implode())))
            after, account = evaluator.absorb(self.state.shards[i], own)
            self.state.shards[i] = after
            counted += account.counted
            late += account.late
            amended += account.amended
        return counted, late, amended

    def _say(self, shard: int, verdicts: Sequence[Verdict]) -> list[Record]:
        records: list[Record] = []
        series = self.state.shards[shard].series.table
        for verdict in verdicts:
            if self.report is not None:
                self.state.report, stats = self.report.step(
                    self.state.report,
                    verdict.runs,
                    series.select("sid", "key"),
                    amended=verdict.amended,
                    partial=verdict.partial,
                )
                records += stats
            said = self.speaker.say(shard, series, verdict, self.state.ledger)
            self.state.ledger = said.ledger
            self.state.opened += said.opened
            records += said.records
        return records

    def _forget(self, settled: int) -> None:
        self.state.ledger = ledger.forget(self.state.ledger, settled)
        if self.report is not None:
            self.state.report = self.report.forget(self.state.report, settled)

    def _consumer_reports(self, *, everything: bool = False) -> list[Record]:
        records: list[Record] = []
        for source, held in self.state.consumers.items():
            tick: int | None = None
            if not everything:
                mine = [s for s in self.state.streams.values() if s.source == source]
                tick = watermark(mine, self.plan.sources[source].time)
                if tick is None:
                    continue
            kept, reports = self.observers[source].consumers.report(held, tick)
            self.state.consumers[source] = kept
            records += reports
        return records


def _earliest(a: int | None, b: int | None) -> int | None:
    return b if a is None else a if b is None else min(a, b)


def _latest(a: int | None, b: int | None) -> int | None:
    return b if a is None else a if b is None else max(a, b)


