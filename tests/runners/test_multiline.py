"""Events of several lines: whole however a log is cut, waited for while it is written."""

import random
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.runners.crewed import near_crew
from tests.runners.world import SOURCE, T0, World, replayed, rules

from tocsin.config import expression
from tocsin.config.values import Config, FormatConfig, MetricConfig, MultilineConfig
from tocsin.model.instant import SECOND
from tocsin.model.records import Datapoint, Summary
from tocsin.runners import hand
from tocsin.runners.wishes import Wishes
from tocsin.testing import CollectingView

HEADS = "^[0-9]{4}-"
FORM = FormatConfig(
    name="app",
    type="pattern",
    text="{time:%Y-%m-%d %H:%M:%S} {level} {message}",
    multiline=MultilineConfig(starts_with=HEADS),
)


def asked() -> Config:
    """Return rules that count the events in whose later lines a word stands."""
    config = rules(form="auto")
    source = replace(config.sources[0], format=FORM)
    metric = MetricConfig(
        name="boom", source=SOURCE, period=10 * SECOND, every=10 * SECOND,
        where=expression("message LIKE '%boom%'"),
    )  # fmt: skip
    return replace(config, sources=(source,), metrics=(*config.metrics, metric))


def head(second: float, text: str = "ERROR it failed") -> bytes:
    at = datetime.fromtimestamp(T0 + int(second), UTC)
    return f"{at:%Y-%m-%d %H:%M:%S} {text}\n".encode()


def log_of(seed: int, events: int = 24) -> bytes:
    """Return events of one to nine lines; in the last line of some is a word."""
    r = random.Random(seed)  # noqa: S311 - a log that can be made again
    parts = [b"  the end of an event from before\n"]
    for n in range(events):
        parts.append(head(n))
        parts += [f"  at place {k}\n".encode() for k in range(r.randrange(9))]
        parts.append(r.choice([b"", b"", b"\n", b"  boom\n"]))
    return b"".join(parts)


def booms(view: CollectingView) -> dict[int, float | None]:
    return {
        point.end // SECOND - T0: point.value
        for point in view.of(Datapoint)
        if point.metric == "boom"
    }


def account(view: CollectingView) -> tuple[int, ...]:
    (summary,) = view.of(Summary)
    names = ("lines", "events", "joined", "skipped", "parse_errors")
    return tuple(summary.total(name) for name in names)


def world_of(began: float) -> World:
    wishes = Wishes(statistics=SOURCE, datapoints=True)
    return World(asked(), began=began, wishes=wishes)


@settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(seed=st.integers(0, 99), size=st.integers(20, 900))
def test_pieces_of_any_size_keep_events_whole(
    tmp_path: Path, seed: int, size: int
) -> None:
    log = tmp_path / "app.log"
    data = log_of(seed)
    log.write_bytes(data)
    whole = replayed(asked(), log)
    cut = replayed(asked(), log, piece_bytes=size)
    assert [r.as_json() for r in cut.records] == [r.as_json() for r in whole.records]
    lines, events, joined, skipped, errors = account(whole)
    assert (lines, events, errors) == (data.count(b"\n"), 24, 0)
    assert lines == events + joined + skipped


def test_a_word_in_a_later_line_counts(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_bytes(head(1) + b"  at x\n" + b"  boom\n" + head(2) + head(15))
    view = replayed(asked(), log)
    assert booms(view)[10] == 1
    assert account(view) == (5, 3, 2, 0, 0)


def test_an_event_is_waited_for_while_it_is_written(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_bytes(head(1))
    world = world_of(1).files(log)
    world.write(0.4, log, b"  at x\n")
    world.write(0.8, log, b"  boom\n")
    world.until(30)
    assert booms(world.view)[10] == 1
    assert account(world.view) == (3, 1, 2, 0, 0)


@pytest.mark.parametrize(
    ("pause", "found"),
    [pytest.param(0.5, 1, id="soon"), pytest.param(4, 0, id="too late")],
)
def test_what_comes_after_the_wait_is_joined_to_nothing(
    tmp_path: Path, pause: float, found: int
) -> None:
    log = tmp_path / "app.log"
    log.write_bytes(head(1))
    world = world_of(1).files(log)
    world.write(pause, log, b"  boom\n")
    world.write(pause + 0.1, log, head(pause + 2))
    world.until(30)
    assert booms(world.view)[10] == found
    assert account(world.view) == (3, 2, 1, 0, 0)


def test_the_last_event_counts_when_the_run_ends(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_bytes(head(1) + b"  boom\n")
    world = world_of(1).files(log).until(0.3)
    assert account(world.view) == (2, 1, 1, 0, 0)


def test_following_says_what_a_replay_says(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    data = log_of(7)
    log.write_bytes(b"")
    world = world_of(0).files(log)
    at, step = 0, 97
    for n, start in enumerate(range(0, len(data), step)):
        world.write(n * 0.3, log, data[start : start + step])
        at = n
    world.until(at * 0.3 + 90)
    whole = tmp_path / "whole.log"
    whole.write_bytes(data)
    past = replayed(asked(), whole)
    assert account(world.view) == account(past)
    assert sum(v or 0 for v in booms(world.view).values()) == sum(
        v or 0 for v in booms(past).values()
    )


def test_a_year_is_told_by_when_the_log_was_written(tmp_path: Path) -> None:
    log = tmp_path / "sys.log"
    log.write_bytes(b"Nov 14 22:13:21 web1 cron: x\n" * 3)
    import os  # noqa: PLC0415 - for the time of the file alone

    os.utime(log, (T0 + 5, T0 + 5))
    view = replayed(rules(form="syslog"), log)
    (summary,) = view.of(Summary)
    (stream,) = summary.streams
    assert stream.events == 3
    ends = [p.end // SECOND - T0 for p in view.of(Datapoint)]
    assert not ends or max(ends) < 60


@pytest.mark.parametrize("size", [60, 300, 4 << 20])
def test_workers_keep_events_whole_however_they_are_read(
    tmp_path: Path, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hand, "BLOCK", size)
    log, data = tmp_path / "app.log", log_of(3)
    whole = tmp_path / "whole.log"
    whole.write_bytes(data)
    log.write_bytes(head(0))
    world = world_of(1)
    world.follow.share(near_crew(world.session, world.clock))
    world.files(log)
    half = len(data) // 2
    world.write(0.5, log, data[:half])
    world.write(1.0, log, data[half:])
    world.until(60)
    lines, events, joined, skipped, errors = account(world.view)
    assert (lines, events, errors) == (data.count(b"\n") + 1, 25, 0)
    assert lines == events + joined + skipped


@pytest.mark.parametrize(("pause", "found"), [(0.5, 1), (4, 0)], ids=["soon", "late"])
def test_a_worker_waits_for_an_event_as_long_as_a_run_does(
    tmp_path: Path, pause: float, found: int
) -> None:
    log = tmp_path / "app.log"
    log.write_bytes(head(1))
    world = world_of(1)
    world.follow.share(near_crew(world.session, world.clock))
    world.files(log)
    world.write(pause, log, b"  boom\n")
    world.write(pause + 0.1, log, head(pause + 2))
    world.until(30)
    assert booms(world.view)[10] == found
    assert account(world.view) == (3, 2, 1, 0, 0)
