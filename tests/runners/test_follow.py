"""Followed logs: what is written shows up, and silence is told by the clock."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.runners.world import SOURCE, T0, World, line, lines, rules

from tocsin.model.errors import SourceError
from tocsin.model.instant import SECOND
from tocsin.model.protocols import Chunk
from tocsin.model.records import Notice, Record, Stats, Transition
from tocsin.testing import ScriptedSource


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "access.log"


def report_of(start: int) -> Callable[[Record], bool]:
    return lambda r: isinstance(r, Stats) and r.start == (T0 + start) * SECOND


def change_to(state: str) -> Callable[[Record], bool]:
    return lambda r: isinstance(r, Transition) and r.to_state == state


def test_lines_that_are_appended_show_up(log: Path) -> None:
    log.write_bytes(lines([1, 2]))
    world = World(began=2).files(log)
    world.write(1, log, lines([3]))
    world.write(9, log, lines([11, 12, 12]))
    world.until(40)
    assert (world.hits[0], world.hits[10]) == (3, 3)
    assert world.summary.total("counted") == 6


def test_the_last_windows_close_though_no_line_comes(log: Path) -> None:
    log.write_bytes(lines([1, 2, 3]))
    world = World(began=3).files(log).until(60)
    # The period ends 7 s after the newest line; 5 s more are given to late ones.
    assert 12 <= world.view.first(report_of(0)) <= 13.5


def test_a_recovery_is_noticed_though_no_line_comes(log: Path) -> None:
    log.write_bytes(lines([1] * 20))
    world = World(began=1).files(log).until(60)
    assert world.rings == [("firing", 2), ("ok", 12)]
    assert world.view.first(change_to("ok")) <= 12 + 5 + 1 + 0.5


def test_the_absence_of_lines_is_noticed(log: Path) -> None:
    log.write_bytes(lines(range(30)))
    world = World(rules(operator="<", threshold=0.5), began=29).files(log).until(60)
    assert world.rings == [("firing", 36)]


def test_an_old_log_that_is_appended_by_hand_does_not_jump_to_today(log: Path) -> None:
    world = World(began=86400).files(log)
    world.write(1, log, lines([1] * 20))
    world.write(3, log, lines([3]))
    world.until(31)
    newest = max(stats.end // SECOND - T0 for stats in world.view.of(Stats))
    assert newest <= 3 + 31 + 10
    assert world.rings == [("firing", 2), ("ok", 12)]
    assert world.summary.total("counted") == 21


def test_a_line_from_after_a_long_pause_counts_at_once(log: Path) -> None:
    log.write_bytes(lines([1]))
    world = World(began=1).files(log)
    world.write(400, log, lines([401]))
    world.until(430)
    assert world.view.first(report_of(400)) < 416
    assert world.summary.total("future") == 0


def test_the_only_line_of_a_log_counts_without_a_second_one(log: Path) -> None:
    log.write_bytes(lines([1]))
    world = World(began=1).files(log).until(30)
    assert world.view.first(report_of(0)) < 20
    assert world.hits[0] == 1


def test_a_line_from_the_future_does_not_move_time(log: Path) -> None:
    log.write_bytes(lines([1, 2, 250]))
    world = World(began=2).files(log)
    world.write(2, log, lines([4]))
    world.until(30)
    assert world.hits[0] == 3
    assert world.summary.total("late") == 0


def test_a_file_that_does_not_exist_yet_is_waited_for_with_a_word(log: Path) -> None:
    world = World().files(log)
    world.write(5, log, lines([5]))
    world.until(30)
    assert world.notices[:2] == ["not there yet: waiting for it", "there it is"]
    assert world.hits[0] == 1


def test_a_file_that_is_empty_at_first_is_told_by_its_first_line(log: Path) -> None:
    log.touch()
    world = World().files(log)
    world.write(2, log, b"\n")
    world.write(5, log, lines([5]))
    world.until(30)
    (account,) = world.summary.streams
    assert (account.format, account.lines, account.skipped) == ("common", 2, 1)


def test_a_first_line_that_is_being_written_is_waited_for(log: Path) -> None:
    whole = line(1)
    log.write_bytes(whole[:30])
    world = World(began=1).files(log)
    world.write(3, log, whole[30:])
    world.until(30)
    assert world.summary.total("counted") == world.summary.total("lines") == 1


def test_an_unfinished_last_line_is_named_and_left(log: Path) -> None:
    log.write_bytes(line(1) + line(2)[:-1])
    world = World(began=2).files(log).until(5)
    assert world.summary.total("lines") == 1
    assert f"{len(line(2)) - 1} bytes of an unfinished line are left unread" in (
        world.notices
    )


def test_a_log_is_followed_through_rotation(log: Path) -> None:
    log.write_bytes(lines([1, 2]))
    world = World(began=2).files(log)
    world.write(1, log, lines([3]))
    world.clock.at(1, lambda: log.rename(log.with_name("access.log.1")))
    world.write(2, log.with_name("access.log.1"), lines([4]))
    world.write(3, log, lines([5]))
    world.until(30)
    assert world.summary.total("counted") == 5
    assert [account.stream for account in world.summary.streams] == [str(log)]


def test_a_log_given_with_its_older_files_is_one_stream(log: Path) -> None:
    older = [log.with_name(f"access.log.{n}") for n in (2, 1)]
    older[0].write_bytes(lines([1, 2]))
    older[1].write_bytes(lines([11, 12]))
    log.write_bytes(lines([21]))
    world = World(began=21).files(log, *older)
    world.clock.at(2, lambda: log.rename(older[1]))
    world.write(3, log, lines([24]))
    world.until(60)
    assert [(a.stream, a.counted) for a in world.summary.streams] == [(str(log), 6)]
    assert (world.hits[0], world.hits[10], world.hits[20]) == (2, 2, 2)


def test_time_waits_for_every_stream_that_is_awake(tmp_path: Path) -> None:
    here, there = tmp_path / "a.log", tmp_path / "b.log"
    here.write_bytes(lines([1]))
    there.write_bytes(lines([1]))
    world = World(began=1).files(here, there)
    for second in range(1, 60):
        world.write(second, here, lines([second + 1]))
        world.write(second, there, lines([second / 2 + 1]))
    world.until(60)
    # The slower log is at second 31 when the clock is at 60, where the run ends.
    assert world.view.first(report_of(10)) < 60 <= world.view.first(report_of(30))
    assert world.summary.total("late") == 0


def test_an_idle_stream_does_not_hold_back_its_peers(tmp_path: Path) -> None:
    busy, idle = tmp_path / "busy.log", tmp_path / "idle.log"
    idle.write_bytes(lines([-86400]))
    world = World().files(busy, idle)
    for second in range(60):
        world.write(second, busy, lines([second]))
    world.until(60)
    assert world.view.first(report_of(30)) <= 30 + 10 + 5 + 1.5


def test_when_all_streams_are_silent_the_latest_one_goes_on(tmp_path: Path) -> None:
    new, old = tmp_path / "new.log", tmp_path / "old.log"
    old.write_bytes(lines([-86400]))
    new.write_bytes(lines([1] * 20))
    world = World(rules(window=60, threshold=0.2), began=1).files(new, old).until(120)
    assert world.rings == [("firing", 2), ("ok", 62)]
    assert world.view.first(change_to("ok")) < 80


def test_a_stream_without_events_does_not_hold_back(tmp_path: Path) -> None:
    log, empty, missing = (tmp_path / f"{n}.log" for n in ("a", "empty", "missing"))
    log.write_bytes(lines([1, 2]))
    empty.touch()
    world = World(began=2).files(log, empty, missing).until(30)
    assert world.view.first(report_of(0)) < 20


class Behind:
    """A reader with bytes that are not read yet: it never catches up."""

    stream = "behind"

    def __init__(self, data: bytes) -> None:
        self.data = data

    def read(self, limit: int) -> Chunk:
        data, self.data = self.data, b""
        return Chunk(data, 0, limit)

    def close(self) -> None:
        """Hold nothing."""


def test_unread_bytes_mean_no_tick() -> None:
    world = World(began=1)
    world.follow.add("behind", SOURCE, Behind(lines([1, 2])))

    def passed() -> bool:
        world.clock.move(0.25)
        return world.clock.monotonic() > 60

    world.follow.run(passed)
    assert world.view.first(report_of(0)) > 60  # only the end closed the period


def test_a_stream_in_trouble_does_not_hold_back_for_ever(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.log", tmp_path / "bad.log"
    good.write_bytes(lines([1, 2]))
    world = World(began=2).files(good, bad)
    world.clock.at(1, bad.mkdir)
    world.until(40)
    assert any("folder" in text for text in world.notices)
    assert world.view.first(report_of(0)) < 30


def test_a_pipe_ends_with_its_last_line_whole_or_not() -> None:
    out, into = os.pipe()
    world = World(began=5)
    world.follow.add_pipe(out, SOURCE)
    os.write(into, lines([1, 2]) + line(3)[:-1])
    world.clock.at(4, lambda: os.close(into))
    world.follow.run()
    os.close(out)
    assert world.summary.total("counted") == 3
    assert [account.stream for account in world.summary.streams] == ["stdin"]


def test_all_streams_that_end_end_the_run() -> None:
    world = World(began=30)
    for name in ("a", "b"):
        script = [(0.0, lines([1])), (3.0, lines([4]))]
        source = ScriptedSource(world.clock, script, stream=name)
        world.follow.add(name, SOURCE, source)
    world.follow.run()
    assert world.clock.monotonic() <= 4
    assert world.summary.total("counted") == 4


@pytest.mark.parametrize(
    "banner",
    [b"Starting the server\n", b"\x00\xff\n" * 20, b"---\n\n"],
    ids=["a word before the log", "bytes that are no text", "a line and a blank"],
)
def test_a_pipe_may_say_something_before_its_log(banner: bytes) -> None:
    world = World(began=30)
    script = [(0.0, banner), (2.0, lines(range(1, 30)))]
    world.follow.add("p", SOURCE, ScriptedSource(world.clock, script))
    world.follow._streams[0].looks = 1
    world.follow.run()
    assert world.hits[10] == 10
    assert any("waiting for one that does" in text for text in world.notices)
    total = world.summary.total
    assert total("lines") == banner.count(b"\n") + 29
    assert total("parse_errors") == sum(map(bool, banner.split(b"\n")))


def test_a_single_file_in_no_known_format_is_refused(log: Path) -> None:
    log.write_bytes(b"nothing that anyone knows\n")
    world = World().files(log)
    with pytest.raises(SourceError, match="no line matched any of"):
        world.follow.run()


def test_a_file_in_no_known_format_does_not_stop_the_others(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.log", tmp_path / "bad.log"
    bad.write_bytes(b"nothing that anyone knows\n" * 3)
    good.write_bytes(lines([1, 2]))
    world = World(began=2).files(bad, good)
    world.write(5, good, lines([7]))
    world.until(30)
    (said,) = [n for n in world.view.of(Notice) if n.severity == "error"]
    assert said.subject == str(bad)
    assert "counted as parse errors" in said.text
    accounts = {a.stream: (a.counted, a.parse_errors) for a in world.summary.streams}
    assert accounts == {str(bad): (0, 3), str(good): (3, 0)}
    assert world.hits[0] == 3


def test_files_that_are_all_in_no_known_format_are_refused(tmp_path: Path) -> None:
    paths = tmp_path / "a.log", tmp_path / "b.log"
    for path in paths:
        path.write_bytes(b"nothing that anyone knows\n")
    with pytest.raises(SourceError, match=r"b\.log"):
        World().files(*paths).follow.run()


def test_ctrl_c_before_the_format_is_known_still_accounts_for_lines(log: Path) -> None:
    world = World().files(log)
    world.write(1, log, b"nothing that anyone knows\n" * 3)
    world.until(5)
    assert world.summary.total("parse_errors") == world.summary.total("lines") == 3


def test_an_alarm_does_not_depend_on_when_the_runner_looks(log: Path) -> None:
    data = lines([n / 10 for n in range(300)])
    whole = World(began=30)
    log.write_bytes(data)
    whole.files(log).until(90)
    bits = World(began=30)
    steps = [(n / 20, data[n * 97 : (n + 1) * 97]) for n in range(len(data) // 97 + 1)]
    bits.follow.add("s", SOURCE, ScriptedSource(bits.clock, steps, still_open=True))
    bits.until(90)
    assert bits.rings == whole.rings
    assert bits.rings[0] == ("firing", 2)


def test_lines_longer_than_the_limit_are_accounted_for(log: Path) -> None:
    log.write_bytes(line(1) + b"x" * (3 << 20) + b"\n" + line(2))
    world = World(began=2).files(log).until(30)
    total = world.summary.total
    assert (total("lines"), total("counted"), total("parse_errors")) == (3, 2, 1)


def test_a_status_is_shown_while_nothing_is_said(log: Path) -> None:
    world = World().files(log)
    world.write(3, log, line(3))
    world.until(6)
    seen = [(s.streams[0].waiting, s.lines) for s in world.view.statuses]
    assert seen[0] == (True, 0)
    assert seen[-1] == (False, 1)


def test_the_reading_speed_is_that_of_the_last_seconds(log: Path) -> None:
    world = World().files(log)
    for second in range(20):
        world.write(second, log, lines([second] * 50))
    world.until(40)
    speeds = [status.lines_per_s for status in world.view.statuses]
    steady = [speed for speed in speeds[40:76] if speed is not None]
    assert len(steady) == 36
    assert all(40 <= speed <= 60 for speed in steady)
    assert speeds[-1] == 0


class Failing:
    """A reader of something that breaks after its first lines."""

    stream = "failing"

    def __init__(self) -> None:
        self.looks = 0

    def read(self, limit: int) -> Chunk:
        self.looks += 1
        if self.looks > 1:
            raise SourceError("failing: input/output error")
        data = lines([1, 2])
        return Chunk(data, 0, min(limit, len(data)))

    def close(self) -> None:
        """Hold nothing."""


def test_a_stream_that_breaks_does_not_stop_the_others(log: Path) -> None:
    log.write_bytes(lines([1]))
    world = World(began=2).files(log)
    world.follow.add("failing", SOURCE, Failing())
    world.write(5, log, lines([7]))
    with pytest.raises(SourceError, match="input/output error"):
        world.until(30)
    assert world.summary.total("counted") == 4
    (said,) = [n for n in world.view.of(Notice) if n.severity == "error"]
    assert said.subject == "failing"
