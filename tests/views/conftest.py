"""A run as the faces are told of it: the records of the exercise's first minutes."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from msgspec.structs import replace

from tocsin.model.instant import SECOND
from tocsin.model.records import (
    ConsumerReport,
    Datapoint,
    IncidentEvent,
    Notice,
    Record,
    Stats,
    StreamAccount,
    Summary,
    Transition,
)

START = 1549573950 * SECOND  # 2019-02-07T21:12:30Z
RANG = 1549573957 * SECOND
CALM = 1549574044 * SECOND
SENTENCE = (
    "High traffic generated an alert - hits = 1206, triggered at 2019-02-07T21:12:37Z"
)
RECOVERY = "High traffic recovered - hits = 1198, recovered at 2019-02-07T21:14:04Z"


@dataclass(frozen=True)
class Feed:
    """Records of each kind, to be shown one by one or all."""

    notice: Notice
    stats: Stats
    rings: Transition
    opened: IncidentEvent
    resolved: IncidentEvent
    report: ConsumerReport
    datapoint: Datapoint
    summary: Summary

    def all(self) -> list[Record]:
        later = [
            replace(self.stats, start=START + i * 10 * SECOND, hits=10 * i)
            for i in range(1, 10)
        ]
        later = [replace(s, end=s.start + 10 * SECOND) for s in later]
        records: list[Record] = [
            self.notice,
            self.stats,
            self.rings,
            self.opened,
            *later[:8],
        ]
        records += [self.resolved, later[8], self.report, self.datapoint, self.summary]
        return records


STATS = Stats(
    start=START,
    end=START + 10 * SECOND,
    hits=120,
    rate=12.0,
    bytes=142_100,
    success=105,
    errors=15,
    clients=5,
    sections=(("/api", 85), ("/report", 35)),
    statuses={"2xx": 100, "3xx": 5, "4xx": 10, "5xx": 5},
    methods={"GET": 100, "POST": 20},
)
RINGS = Transition(
    id="5a",
    alarm="High traffic",
    key={},
    level="critical",
    from_state="ok",
    to_state="firing",
    at=RANG,
    value=10.05,
    count=1206,
    threshold=10,
    reason="10.05 over 2m is above 10",
)
SUMMARY = Summary(
    streams=(
        StreamAccount(
            "sample.csv",
            lines=4832,
            events=4830,
            counted=4829,
            skipped=1,
            parse_errors=1,
            late=1,
            amended=12,
            known_lost_bytes=1500,
            format="csv",
            samples=(("nonsense", "expected 7 columns, found 1"),),
        ),
    ),
    alarms_opened=1,
    start=START,
    end=CALM,
    plugin_failures={"Mine": "KeyError: 'x'"},
)


@pytest.fixture
def feed() -> Feed:
    return Feed(
        notice=Notice("csv, 100 % of 500 lines matched", subject="sample.csv"),
        stats=STATS,
        rings=RINGS,
        opened=IncidentEvent(1, "opened", "High traffic", {}, RANG, SENTENCE),
        resolved=IncidentEvent(1, "resolved", "High traffic", {}, CALM, RECOVERY),
        report=ConsumerReport(
            "sections", START, START + 10 * SECOND, "/api 85", {"section": "/api"}
        ),
        datapoint=Datapoint(
            "errors",
            {"section": "/api"},
            RANG,
            2.5,
            85,
            approx=True,
            steps=3,
            every=10 * SECOND,
        ),
        summary=SUMMARY,
    )


@pytest.fixture
def clock() -> Callable[[], float]:
    """Seconds that pass by the half at each look."""
    seconds = iter(range(10**6))
    return lambda: next(seconds) / 2
