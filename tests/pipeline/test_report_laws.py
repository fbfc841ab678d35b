"""The periodic report and raw log consumers obey the laws of time as alarms do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.laws import law
from tests.plain import SECOND, Row, Stream
from tests.runs import Make, Piece, run, whole
from tests.worlds import pieces, rows, sources

from tocsin.config.values import Config, ConsumerConfig, MetricConfig
from tocsin.model.message import Field, MessageType
from tocsin.model.records import ConsumerReport, Stats
from tocsin.pipeline.compile import compile_plan
from tocsin.pipeline.engine import Engine
from tocsin.pipeline.statistics import METRICS, PREFIX, Report

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import polars as pl

FIELDS = ("section", "status", "method", "bytes", "remote_addr")
ACCESS = MessageType("access", tuple(Field(name) for name in FIELDS))
CONSUMER = ConsumerConfig(
    name="load", type="tocsin.plugins.SectionLoad", period=10 * SECOND
)


def reporting(config: Config) -> Make:
    """Return what makes an engine with a report every 10 seconds."""
    hidden = [
        MetricConfig(
            name=PREFIX + m.name,
            type=m.type,
            field=m.field,
            group_by=m.group_by,
            period=10 * SECOND,
            every=10 * SECOND,
        )
        for m in METRICS
    ]
    plan = compile_plan(config, hidden)
    numbers = {
        number: spec.name[len(PREFIX) :]
        for number, spec in plan.shards[0].metrics.items()
        if spec.name.startswith(PREFIX)
    }

    def make(state: Any) -> Engine:  # noqa: ANN401
        report = Report(numbers, 10, 3)
        report.offer(ACCESS)
        return Engine(plan, state, report=report)

    return make


def requests(found: Iterable[Row]) -> list[Row]:
    """Return the rows of a world as requests of an access log."""
    statuses = {0.0: 500, 1.0: 200, 2.0: 302, 3.0: 404, 0.25: 99, -1.0: 200}
    return [
        Row(
            row.time,
            {
                "section": row.fields["g"] and "/" + row.fields["g"],
                "status": statuses.get(row.fields["v"]),
                "method": "GET" if row.fields["h"] == "x" else "POST",
                "bytes": int((row.fields["v"] or 0) * 1000),
                "remote_addr": row.fields["h"],
            },
        )
        for row in found
    ]


QUIET = [0] * 12 + [30 * SECOND, 55 * SECOND, 130 * SECOND]


@law(25)
@given(sources(1), st.lists(rows(25, jumps=QUIET), min_size=1, max_size=2), st.data())
def test_reports_are_the_same_however_the_stream_is_cut(
    found: Any,  # noqa: ANN401
    drawn: list[list[Row]],
    data: st.DataObject,
) -> None:
    config = Config(sources=found, raw_log_consumers=(CONSUMER,))
    streams = [Stream(f"s{i}", "default", requests(r)) for i, r in enumerate(drawn)]
    once = whole(config, streams, make=reporting(config))
    parts = data.draw(pieces(streams))
    cut = run(config, streams, parts, make=reporting(config))
    assert cut.lines == once.lines
    counted = once.total("counted")
    last = {r.end: r.hits for r in once.records if isinstance(r, Stats)}
    assert sum(last.values()) == counted
    for record in once.records:
        if isinstance(record, Stats):
            assert sum(record.statuses.values()) <= record.hits
            assert record.success is not None
            assert record.errors is not None
            assert record.success + record.errors <= record.hits


def log(*seconds: float, **fields: Any) -> Stream:  # noqa: ANN401
    """Return a stream of requests, all alike."""
    alike = {"section": "/a", "status": 200, "method": "GET", "bytes": 10} | fields
    return Stream("s", "default", [Row(int(s * SECOND), alike) for s in seconds])


def stats(stream: Stream, **options: Any) -> list[Stats]:  # noqa: ANN401
    """Return the statistics that are reported of a stream."""
    config = Config(**options)
    found = whole(config, [stream], make=reporting(config)).records
    return [r for r in found if isinstance(r, Stats)]


def test_six_quiet_periods_are_reported_and_then_none_until_the_next_busy_one() -> None:
    found = stats(log(5, 300, 301))
    assert [(r.end // SECOND, r.hits) for r in found] == [
        (10, 1), (20, 0), (30, 0), (40, 0), (50, 0), (60, 0), (70, 0), (310, 2),
    ]  # fmt: skip
    assert [r.partial for r in found] == [False] * 7 + [True]


@pytest.mark.parametrize("amend", [0, 1, 300])
def test_quiet_periods_do_not_depend_on_what_may_still_be_amended(amend: int) -> None:
    source = replace(
        Config().sources[0], lateness=0, amend_for=amend * SECOND, future_skew=0
    )
    config = Config(sources=(source,))
    stream = log(5, 300, 301)
    parts = [Piece("s", [row], advance=True) for row in stream.rows]
    cut = run(config, [stream], parts, make=reporting(config))
    assert cut.lines == whole(config, [stream], make=reporting(config)).lines


def test_a_late_line_amends_the_report_of_its_period() -> None:
    found = stats(log(5, 12, 19, 26, 8))
    assert [(r.end // SECOND, r.hits, r.amended) for r in found] == [
        (10, 1, False), (20, 2, False), (10, 2, True), (30, 1, False),
    ]  # fmt: skip


def test_a_consumer_reports_the_busiest_section_of_each_period() -> None:
    rows = [
        *log(1, 2, section="/b").rows,
        *log(3, section="/a").rows,
        *log(11, 12, section=None).rows,
        *log(25, section="/c").rows,
    ]
    config = Config(raw_log_consumers=(CONSUMER,))
    found = whole(config, [Stream("s", "default", rows)], make=reporting(config))
    texts = [
        (r.start // SECOND, r.text)
        for r in found.records
        if isinstance(r, ConsumerReport)
    ]
    assert texts == [
        (0, "section /b, hits 2"),
        (10, "section none, hits 0"),
        (20, "section /c, hits 1"),
    ]


class Broken:
    """A plugin that fails at its second batch."""

    fields = ("section",)

    def __init__(self) -> None:
        self.calls = 0

    def observe(self, events: pl.DataFrame) -> int:
        self.calls += 1
        if self.calls > 1:
            message = "no more"
            raise RuntimeError(message)
        return events.height

    def merge(self, left: int, right: int) -> int:
        return left + right

    def report(self, partial: int, start: int, end: int) -> str:
        return f"{partial} from {start} to {end}"


def test_a_consumer_that_fails_is_named_and_stops_nothing() -> None:
    broken = ConsumerConfig(
        name="broken", type=f"{__name__}.Broken", period=10 * SECOND
    )
    config = Config(raw_log_consumers=(broken, CONSUMER))
    stream = log(1, 2, 13, 14, 25)
    parts: Sequence[Piece] = [Piece("s", [row], advance=True) for row in stream.rows]
    found = run(config, [stream], parts, make=reporting(config))
    failures = found.engine.summary().plugin_failures
    assert list(failures) == ["broken"]
    assert "RuntimeError: no more (test_report_laws.py, line" in failures["broken"]
    named = [r.consumer for r in found.records if isinstance(r, ConsumerReport)]
    assert named == ["load", "load", "load"]
