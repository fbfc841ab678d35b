"""The exercise's log: four transitions, and its ten-second statistics."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from tests.plain import SECOND, Row, Stream
from tests.runs import Piece, feed, final_transitions, in_words

from tocsin.config.values import (
    AlarmConfig,
    Config,
    MessagesConfig,
    MetricConfig,
    SourceConfig,
)
from tocsin.formats import get
from tocsin.model.instant import iso
from tocsin.model.records import IncidentEvent, Record, Stats
from tocsin.pipeline import messages
from tocsin.pipeline.compile import compile_plan
from tocsin.pipeline.engine import Engine
from tocsin.pipeline.statistics import METRICS, PREFIX, Report

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

FOUR = {
    (1549573957, True),
    (1549574044, False),
    (1549574164, True),
    (1549574303, False),
}
SENTENCES = [
    "High traffic generated an alert - hits = 1206, triggered at 2019-02-07T21:12:37Z",
    "High traffic recovered - hits = 1198, recovered at 2019-02-07T21:14:04Z",
    "High traffic generated an alert - hits = 1218, triggered at 2019-02-07T21:16:04Z",
    "High traffic recovered - hits = 1196, recovered at 2019-02-07T21:18:23Z",
]


def engine(lateness: int, period: int = 120, above: float = 10) -> Engine:
    """Return an engine that watches as `tocsin watch` does."""
    config = Config(
        sources=(SourceConfig(lateness=lateness * SECOND),),
        metrics=(
            MetricConfig(
                name="hits", type="RATE", period=period * SECOND, every=SECOND
            ),
        ),
        alarms=(
            AlarmConfig(
                name="High traffic",
                metric="hits",
                threshold=above,
                recovery_threshold=above,
                messages=MessagesConfig(
                    alarm=messages.HIGH_TRAFFIC, recovery=messages.HIGH_TRAFFIC_OVER
                ),
            ),
        ),
    )
    hidden = [
        MetricConfig(
            name=PREFIX + m.name, type=m.type, field=m.field, group_by=m.group_by,
            period=10 * SECOND, every=10 * SECOND,
        )
        for m in METRICS
    ]  # fmt: skip
    plan = compile_plan(config, hidden)
    numbers = {
        n: m.name[len(PREFIX) :]
        for n, m in plan.shards[0].metrics.items()
        if m.name.startswith(PREFIX)
    }
    return Engine(plan, report=Report(numbers, 10, 10))


def watched(data: bytes, lateness: int, lines: int) -> tuple[Engine, list[Record]]:
    """Return what is said of a CSV log, read so many lines at a time."""
    watch = engine(lateness)
    watch.register("s", "default", "csv")
    codec = get("csv").open(data[:65536])
    assert watch.report is not None
    watch.report.offer(codec.message)
    observer = watch.observers["default"]
    records: list[Record] = []
    every = data.splitlines(keepends=True)
    for at in range(0, len(every), lines):
        block = codec.parse(b"".join(every[at : at + lines]), observer.fields)
        watch.absorb("s", observer.observe(block, watch.state.streams["s"].clock))
        records += watch.advance()
    watch.end("s")
    return watch, records + watch.finish()


@pytest.mark.parametrize(
    ("lateness", "lines"), [(5, 10_000), (5, 137), (2, 100), (1, 1000), (0, 331)]
)
def test_the_four_transitions_whatever_the_lateness(
    shared_data: Path, lateness: int, lines: int
) -> None:
    data = (shared_data / "sample_csv" / "sample_csv.txt").read_bytes()
    watch, records = watched(data, lateness, lines)
    said = [s for r in records for s in in_words(r)]
    assert {(end, firing) for _, _, end, firing in final_transitions(said)} == FOUR
    total = watch.summary().total
    assert (total("lines"), total("events"), total("skipped")) == (4831, 4830, 1)
    assert (total("counted"), total("late"), total("parse_errors")) == (4830, 0, 0)
    assert total("amended") == {5: 0, 2: 0, 1: 506, 0: 2817}[lateness]
    if lateness >= 2:
        told = [r.message for r in records if isinstance(r, IncidentEvent)]
        assert told == SENTENCES


@pytest.mark.parametrize("lateness", [5, 0])
def test_the_statistics_of_ten_seconds(shared_data: Path, lateness: int) -> None:
    folder = shared_data / "sample_csv"
    facts = json.loads((folder / "facts.json").read_text(encoding="utf-8"))
    _, records = watched((folder / "sample_csv.txt").read_bytes(), lateness, 500)
    last = {r.end: r for r in records if isinstance(r, Stats)}
    found = list(last.values())
    assert sum(r.hits for r in found) == facts["parsed"]
    assert sum(r.bytes or 0 for r in found) == facts["total_bytes"]
    assert added(r.statuses for r in found) == facts["status_class"]
    assert added(r.methods for r in found) == facts["methods"]
    assert sum(r.success or 0 for r in found) == facts["status_class"]["2xx"]
    assert max(r.clients or 0 for r in found) == facts["distinct_hosts"]
    busiest = max(found, key=lambda r: r.hits)
    assert [iso(busiest.start), busiest.hits] == facts["peak_10s_bucket"][0]
    assert all(sum(n for _, n in r.sections) == r.hits for r in found)


def added(counts: Any) -> dict[str, int]:  # noqa: ANN401
    """Return the sums of many counts, without what never came."""
    total: Counter[str] = Counter()
    for some in counts:
        total.update(some)
    return {name: n for name, n in total.items() if n}


def swarm(*parts: tuple[int, int]) -> Sequence[Row]:
    """Return rows in order: for each part, so many seconds with so many rows each."""
    rows, at = [], 1000
    for seconds, each in parts:
        for _ in range(seconds):
            rows += [Row(at * SECOND, {})] * each
            at += 1
    return rows


@pytest.mark.parametrize("lateness", [5, 2, 1, 0])
@pytest.mark.parametrize("size", [5, 10_000])
def test_the_same_law_on_a_small_log_out_of_order(lateness: int, size: int) -> None:
    """Two bursts over a window of 12 s, every other row up to 2 s late."""
    ordered = swarm((20, 1), (6, 8), (30, 1), (6, 9), (20, 1))
    written = [
        Row(r.time - 2 * SECOND * (i % 2), r.fields) for i, r in enumerate(ordered)
    ]
    per_second: Counter[int] = Counter(r.time // SECOND for r in written)
    expected, firing = set(), False
    for end in range(998, max(per_second) + 2):
        hits = sum(per_second[s] for s in range(end - 12, end))
        if (hits / 12 > 2) is not firing:
            firing = not firing
            expected.add((end, firing))
    assert len(expected) == 4
    stream = Stream("s", "default", written)
    said = [s for r in small(stream, lateness, size) for s in in_words(r)]
    assert {(end, on) for _, _, end, on in final_transitions(said)} == expected


def small(stream: Stream, lateness: int, size: int) -> list[Record]:
    """Return what is said of a stream, so many rows at a time."""
    watch = engine(lateness, period=12, above=2)
    watch.register("s", "default")
    records: list[Record] = []
    for at in range(0, len(stream.rows), size):
        records += feed(watch, Piece("s", stream.rows[at : at + size], advance=True))
    watch.end("s")
    return records + watch.finish()
