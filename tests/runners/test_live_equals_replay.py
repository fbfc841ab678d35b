"""The law of one answer: a log that was followed says what its replay says."""

import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.runners.world import SOURCE, T0, World, lines, replayed, rules, settled

from tocsin.config.values import Config
from tocsin.model.instant import SECOND
from tocsin.model.records import Stats, Summary, Transition
from tocsin.runners.follow import Follow
from tocsin.runners.session import Session
from tocsin.runners.wishes import Wishes
from tocsin.testing import CollectingView, ManualClock, ScriptedSource, simulate
from tocsin.views.cli_watch import _config as watch_config

FACTS = [
    ("firing", "2019-02-07T21:12:37Z", 1206),
    ("ok", "2019-02-07T21:14:04Z", 1198),
    ("firing", "2019-02-07T21:16:04Z", 1218),
    ("ok", "2019-02-07T21:18:23Z", 1196),
]
WATCH = {
    "amend_for": "5m", "where": None, "form": "auto", "timezone": "UTC",
    "lateness": "5s", "threshold": 10.0, "alert_window": "2m", "every": "10s",
    "top": 10,
}  # fmt: skip


@given(
    seconds=st.lists(st.integers(0, 60), max_size=80),
    delay=st.floats(0, 4),
    cut=st.integers(1, 500),
)
@settings(
    max_examples=10,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_lines_that_come_as_they_happen_say_what_their_replay_says(
    tmp_path: Path, seconds: list[int], delay: float, cut: int
) -> None:
    """Each line comes up to `lateness` after its time, in any order within it."""
    shuffled = random.Random(delay)  # noqa: S311 - a shuffle that can be repeated
    came = sorted((s + shuffled.uniform(0, delay), s) for s in seconds)
    world = World(rules(threshold=0.5))
    script = [(at, lines([s])) for at, s in came]
    script += [(80.0, b"")]
    world.follow.add("s", SOURCE, ScriptedSource(world.clock, script))
    world.follow.run()
    log = tmp_path / "whole.log"
    log.write_bytes(lines(s for _, s in came))
    past = replayed(rules(threshold=0.5), log, piece_bytes=cut * 100)
    last = max(seconds, default=0)
    assert world.summary.total("late") == 0
    live = [r for r in settled(world.view.records) if _within(r, last)]
    assert live == [r for r in settled(past.records) if _within(r, last)]


def _within(record: object, last: int) -> bool:
    """Whether a replay can know of it: it ends with the last line."""
    if isinstance(record, Stats):
        return record.start // SECOND - T0 <= last
    at = getattr(record, "at", None)
    return isinstance(at, int) and at // SECOND - T0 <= last


def exercise(shared_data: Path) -> tuple[Config, Path]:
    config, _ = watch_config(dict(WATCH))
    return config, shared_data / "sample_csv" / "sample_csv.txt"


def changes(view: CollectingView) -> list[tuple[str, str, int]]:
    said = [t.as_json() for t in view.of(Transition)]
    return [(row["to"], row["at"], row["count"]) for row in said]


@pytest.mark.parametrize(
    ("pace", "after"),
    [
        pytest.param(0, 10**6, id="appended by hand, all at once"),
        pytest.param(20, 10**6, id="piped long after, twenty times faster"),
        pytest.param(1, 0, id="live"),
    ],
)
def test_the_exercise_gives_its_four_transitions(
    shared_data: Path, pace: int, after: int
) -> None:
    config, path = exercise(shared_data)
    view = CollectingView()
    past = replayed(config, path, wishes=Wishes(statistics=SOURCE))
    began = 1549573860
    clock = ManualClock((began + after) * SECOND)
    session = Session(config, view, Wishes(statistics=SOURCE))
    follow = Follow(session, clock)
    data = path.read_bytes().splitlines(keepends=True)
    script: list[tuple[float, bytes]] = [(0.0, data[0])]
    at = 0.0
    for row in data[1:]:
        at = max(at, int(row.split(b",")[3]) - began)
        script.append((at / pace if pace else 0.0, row))
    follow.add("s", SOURCE, ScriptedSource(clock, script))
    follow.run()
    assert changes(view) == changes(past) == FACTS
    assert settled(view.records) == settled(past.records)


def test_the_exercise_has_its_statistics(shared_data: Path) -> None:
    config, path = exercise(shared_data)
    view = replayed(config, path, wishes=Wishes(statistics=SOURCE))
    first = view.of(Stats)[1]
    assert first.as_json() == {
        "type": "stats",
        "start": "2019-02-07T21:11:00Z",
        "end": "2019-02-07T21:11:10Z",
        "hits": 89,
        "rate": 8.9,
        "bytes": 109824,
        "success": 75,
        "errors": 14,
        "clients": 5,
        "sections": [["/api", 58], ["/report", 31]],
        "statuses": {"2xx": 75, "3xx": 0, "4xx": 10, "5xx": 4},
        "methods": {"GET": 67, "POST": 22},
        "amended": False,
    }
    (summary,) = view.of(Summary)
    assert sum(stats.hits for stats in view.of(Stats)) == 4830
    assert (summary.total("events"), summary.total("skipped")) == (4830, 1)


def test_simulate_runs_rules_over_a_script_and_over_files(tmp_path: Path) -> None:
    config = rules()
    log = tmp_path / "access.log"
    log.write_bytes(lines([1] * 20))
    live = simulate(config, [(1.0, lines([1] * 20))], now=T0 * SECOND, until=40)
    past = simulate(config, [log], now=(T0 + 1000) * SECOND)
    rang = [
        [(t.to_state, t.at // SECOND - T0) for t in said if isinstance(t, Transition)]
        for said in (live, past)
    ]
    assert rang == [[("firing", 2), ("ok", 12)], [("firing", 2)]]
