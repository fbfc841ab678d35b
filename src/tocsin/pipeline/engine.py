"""The engine: a plan at work on its streams, one observation or tick at a time.

It holds the whole state of a run and nothing else. Whoever turns the crank calls
`absorb` for every batch and `advance` when it likes: how often changes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct, field
from msgspec.structs import replace

from tocsin.formats.parts import summed
from tocsin.formats.shapes import different
from tocsin.incidents import ledger
from tocsin.incidents.ledger import Ledger
from tocsin.model.instant import SECOND
from tocsin.model.records import Record, Summary
from tocsin.pipeline.befallen import Befallen, Sharing
from tocsin.pipeline.confirming import piles, placed_apart, time_held
from tocsin.pipeline.evaluate import Evaluator, ShardState
from tocsin.pipeline.observation import MOST_SAMPLES, Observation, SourceObserver
from tocsin.pipeline.speak import Speaker, Standing, Utterance, moment
from tocsin.pipeline.statistics import Report, ReportState
from tocsin.pipeline.streams import (
    MOST_LOSSES,
    StreamState,
    earliest,
    latest,
    settled_bound,
    watermark,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tocsin.metrics.cells import NamedCells
    from tocsin.metrics.spec import TimeSpec
    from tocsin.model.records import Loss
    from tocsin.pipeline.confirming import Held
    from tocsin.pipeline.history import Past
    from tocsin.pipeline.journal import Journal
    from tocsin.pipeline.plan import Plan, Shard
    from tocsin.pipeline.speak import Mask
    from tocsin.pipeline.verdict import Verdict


class EngineState(Struct):
    """Everything that a run remembers: what is saved."""

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
    statistics of a source; `mask` hides personal data in lines of the log.
    """

    def __init__(
        self,
        plan: Plan,
        state: EngineState | None = None,
        *,
        datapoints: bool = False,
        report: Report | None = None,
        mask: Mask | None = None,
    ) -> None:
        self.plan = plan
        self.report = report
        self.evaluators = [Evaluator(shard) for shard in plan.shards]
        self.observers = {n: SourceObserver(s) for n, s in plan.sources.items()}
        self._befallen = {n: Befallen(s) for n, s in plan.sources.items()}
        self._sharing = [Sharing(shard) for shard in plan.shards]
        self._absorbed = 0
        self.journal: Journal | None = None
        """Takes note of the cells that come, for those who save them; if asked for."""
        self.past: Past | None = None
        """Takes note of the datapoints that are said; if asked for."""
        self.speaker = Speaker(plan, datapoints=datapoints, mask=mask)
        empty = EngineState(shards=[ShardState() for _ in plan.shards])
        self.state = state if state is not None else empty

    def register(self, stream: str, source: str, form: str = "") -> None:
        """Announce a stream: time waits for it from now on, though it had ended."""
        known = self.state.streams.get(stream)
        if known is None:
            self.state.streams[stream] = StreamState(source, format=form)
        elif known.ended or (form and form != known.format):
            form = form or known.format
            self.state.streams[stream] = replace(known, format=form, ended=False)

    def accepts(self, stream: str, seen: Observation) -> bool:
        """Return whether an observation made without the stream's clock is right."""
        state = self.state.streams[stream]
        time = self.plan.sources[state.source].time
        return seen.holds_after(state.clock, time)

    def absorb(
        self,
        stream: str,
        seen: Observation,
        *,
        lost: int = 0,
        losses: tuple[Loss, ...] = (),
    ) -> None:
        """Take in an observation of the next lines of a stream, and what is lost."""
        state = self.state.streams[stream]
        self._absorbed += seen.cells.cells.room
        befallen = self._befallen[state.source]
        added = self._absorb_cells(befallen.with_shares(stream, state, seen))
        if added[1]:
            judged = self._judged(state.source)
            self._absorb_cells(befallen.too_late(added[1], judged))
        newest = latest(state.clock.newest, seen.clock.newest)
        samples = different((*state.samples, *seen.samples), MOST_SAMPLES)
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
            losses=(*state.losses, *losses)[-MOST_LOSSES:],
            samples=samples,
            misfits=summed((state.misfits, seen.misfits)),
            first=earliest(state.first, seen.first),
            last=latest(state.last, seen.last),
        )
        self._take_partials(state.source, seen)

    def tick(self, stream: str, at: int) -> None:
        """Say that a stream expects nothing older than an instant (µs)."""
        self._release(stream, up_to=at)
        state = self.state.streams[stream]
        time = self.plan.sources[state.source].time
        tick = (at - time.lateness) // SECOND
        if state.tick is None or tick > state.tick:
            self._change(stream, tick=tick)

    def ticks(self, dues: Mapping[str, int]) -> None:
        """Say the same of many streams, each with its instant."""
        for pile in piles(self.state.streams, dues, self._judged):
            self._count_held(pile)
        for stream, at in dues.items():
            self.tick(stream, at)

    def rest(self, stream: str) -> None:
        """Say that a stream is idle: it holds nothing back until its next row."""
        if not self.state.streams[stream].idle:
            self._change(stream, idle=True)

    def end(self, stream: str) -> None:
        """Say that a stream has no more rows."""
        self._release(stream, up_to=None)
        self._change(stream, ended=True, tally=self.state.streams[stream].tally)

    def advance(self, *, together: bool = False) -> list[Record]:
        """Judge as far as the streams allow; return what there is to say, in order.

        With `together`, no shard goes ahead of another: a replay says everything in
        order of time.
        """
        self._absorbed = 0
        marks = [self._watermark(shard.sources) for shard in self.plan.shards]
        if together:
            known = [m for m in marks if m is not None]
            marks = [min(known) if known == marks else None] * len(marks)
        said: list[Utterance] = []
        for i, to in enumerate(marks):
            if to is not None:
                bound = self._bound(i)
                after, verdicts = self.evaluators[i].advance(
                    self.state.shards[i], to, bound
                )
                self.state.shards[i] = after
                said += self._say(i, verdicts)
        records = self._speak(said + self._consumers_say(marks))
        settled = [shard.settled for shard in self.state.shards]
        if None not in settled:
            self._forget(min(s for s in settled if s is not None))
        return records

    def listen(self, fresh: Mapping[int, Sequence[int]]) -> list[Record]:
        """Let the alarms (of each shard) that a new configuration brought be judged."""
        said: list[Utterance] = []
        for i, alarms in fresh.items():
            listened = self.evaluators[i].listen(self.state.shards[i], alarms)
            self.state.shards[i] = listened[0]
            said += self._say(i, listened[1])
        return self._speak(said)

    def finish(self) -> list[Record]:
        """End all input; return the last of what there is to say."""
        records = self.advance(together=True)
        said: list[Utterance] = []
        for i, evaluator in enumerate(self.evaluators):
            after, verdicts = evaluator.finish(self.state.shards[i])
            self.state.shards[i] = after
            said += self._say(i, verdicts)
        return records + self._speak(said + self._consumers_say(None))

    @property
    def logs(self) -> dict[str, StreamState]:
        """The streams of users: all but those by which we say how theirs are read."""
        known = self.state.streams.items()
        return {n: s for n, s in known if s.source not in self.plan.own}

    @property
    def shards(self) -> list[ShardState]:
        """The states of the shards of such streams: their time is that of logs."""
        known = zip(self.plan.shards, self.state.shards, strict=True)
        return [state for shard, state in known if self._is_of_logs(shard)]

    def _is_of_logs(self, shard: Shard) -> bool:
        return self.plan.own.isdisjoint(shard.sources)

    def summary(self) -> Summary:
        """Return the account of every line so far."""
        streams = self.logs
        firsts = [s.first for s in streams.values() if s.first is not None]
        lasts = [s.last for s in streams.values() if s.last is not None]
        return Summary(
            streams=tuple(s.account(name) for name, s in streams.items()),
            alarms_opened=self.state.opened,
            alarms_open=self.state.ledger.open,
            start=min(firsts, default=None),
            end=max(lasts, default=None),
            plugin_failures=self.failures(),
        )

    def limited(self) -> list[str]:
        """Return the metrics that have more keys than their limit."""
        return [
            shard.spec(number).name
            for shard, state in zip(self.plan.shards, self.state.shards, strict=True)
            for number in sorted(state.series.limited)
            if number in shard.calculated or not shard.metrics[number].quiet
        ]

    @property
    def held(self) -> int:
        """How many cells (`Cells.room`) came since time was last moved on."""
        return self._absorbed

    def failures(self) -> dict[str, str]:
        """Return the plugins that have failed, and how."""
        failures = dict(self.state.failures)
        for observer in self.observers.values():
            failures |= observer.consumers.failures
        return failures

    def standings(self) -> list[Standing]:
        """Return how the alarms stand, firing ones first: a glimpse for a screen."""
        return self.speaker.standings(self.state.shards)

    def reach(self) -> int | None:
        """Return the tick before which all is judged; None before there is one."""
        groups = (s.sources for s in self.plan.shards if self._is_of_logs(s))
        marks = map(self._watermark, groups)
        return min((mark for mark in marks if mark is not None), default=None)

    def _change(self, stream: str, **changes: Any) -> None:  # noqa: ANN401
        self.state.streams[stream] = replace(self.state.streams[stream], **changes)

    def _count_held(self, pile: Sequence[Held]) -> None:
        """Let the rows of a pile count, all of one source, that were held."""
        source = pile[0].state.source
        seen = self.observers[source].observe_all_held([held.row for held in pile])
        cells = self._befallen[source].with_shares("", StreamState(source), seen)
        self._absorbed += seen.cells.cells.room
        counted, _, _ = self._absorb_cells(placed_apart(cells, pile))
        for held in pile:
            self.state.streams[held.stream] = held.counted(counted // len(pile))
        self._take_partials(source, seen)

    def _release(self, stream: str, up_to: int | None) -> None:
        """Let a row that was held count, now that nothing follows it (for now)."""
        state = self.state.streams[stream]
        at = time_held(state)
        if at is None or (up_to is not None and at > up_to):
            return
        seen = self.observers[state.source].observe_held(state.clock)
        self.absorb(stream, seen)

    def _take_partials(self, source: str, seen: Observation) -> None:
        """Take in what raw log consumers made of an observation, and who failed."""
        self.state.failures |= dict(seen.failures)
        held, known = self.state.consumers, self.observers[source].consumers
        known.failures |= seen.failures  # perhaps of another process
        if seen.consumers:
            held[source] = known.merge(held.get(source, {}), seen.consumers)

    def _absorb_cells(self, cells: NamedCells) -> tuple[int, int, int]:
        """Give each shard the cells of its own metrics; return counted, late, amended."""
        counted = late = amended = 0
        for i, evaluator in enumerate(self.evaluators if cells.cells.height else ()):
            alone = len(self.evaluators) == 1
            own = cells if alone else cells.of(self.plan.shards[i].metrics)
            before = self.state.shards[i]
            after, account = evaluator.absorb(before, own)
            if after.series.limited:
                shared = self._sharing[i].cells(before, after, own)
                after, _ = evaluator.absorb(after, shared)
            self.state.shards[i] = after
            if self.journal is not None:
                self.journal.note(i, before.cells, after.cells)
            counted += account.counted
            late += account.late
            amended += account.amended
        return counted, late, amended

    def _judged(self, source: str) -> int:
        """Return how far a source is judged, which has rows that are too late for it."""
        known = zip(self.plan.shards, self.state.shards, strict=True)
        return next(s.judged or 0 for shard, s in known if source in shard.sources)

    def _watermark(self, sources: Sequence[str]) -> int | None:
        """Return the tick that these sources allow to be judged."""
        return self._lowest(sources, watermark)

    def _bound(self, shard: int) -> int | None:
        """Return the tick before which nothing of a shard can change any more."""
        return self._lowest(self.plan.shards[shard].sources, settled_bound)

    def _lowest(
        self,
        sources: Sequence[str],
        told: Callable[[Sequence[StreamState], TimeSpec], int | None],
    ) -> int | None:
        """Return the least that is told of the streams of a source; None if one waits."""
        lowest: list[int] = []
        for source in sources:
            mine = [s for s in self.state.streams.values() if s.source == source]
            mark = told(mine, self.plan.sources[source].time)
            if mark is None and any(not s.ended for s in mine):
                return None
            lowest += [] if mark is None else [mark]
        return min(lowest, default=None)

    def _say(self, shard: int, verdicts: Sequence[Verdict]) -> list[Utterance]:
        said: list[Utterance] = []
        series = self.state.shards[shard].series
        for verdict in verdicts:
            if self.past is not None:
                self.past.note(self.plan, self.plan.shards[shard], series, verdict)
            if self.report is not None:
                self.state.report, stats = self.report.step(
                    self.state.report,
                    verdict.runs,
                    series.table.select("sid", "key"),
                    amended=verdict.amended,
                    partial=verdict.partial,
                )
                said += [
                    Utterance(moment(verdict, s.end // SECOND, shard, 1), [s])
                    for s in stats
                ]
            said += self.speaker.say(shard, series, verdict)
        return said

    def _speak(self, said: list[Utterance]) -> list[Record]:
        """Put what is said in order, and let the ledger hear it."""
        records: list[Record] = []
        for utterance in sorted(said, key=lambda u: u.order):
            heard = self.speaker.hear(self.state.ledger, utterance)
            self.state.ledger = heard[0]
            self.state.opened += heard[2]
            records += utterance.records + heard[1]
        return records

    def _forget(self, settled: int) -> None:
        self.state.ledger = ledger.forget(self.state.ledger, settled)
        if self.report is not None:
            self.state.report = self.report.forget(self.state.report, settled)

    def _consumers_say(self, marks: Sequence[int | None] | None) -> list[Utterance]:
        """Return the reports of consumers whose period is over (None: of all)."""
        said: list[Utterance] = []
        for i, shard in enumerate(self.plan.shards):
            if marks is not None and marks[i] is None:
                continue
            tick = None if marks is None else marks[i]
            for source in shard.sources:
                held = self.state.consumers.get(source, {})
                kept, reports = self.observers[source].consumers.report(held, tick)
                self.state.consumers[source] = kept
                said += [Utterance((r.end // SECOND, 1, i, 3), [r]) for r in reports]
        return said
