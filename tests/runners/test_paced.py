"""Past logs played live: at N times their own pace, and with the same answer."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from tests.runners.world import SOURCE, T0, TimedView, line, lines, replayed, rules
from tests.runners.world import settled as standing

from tocsin.config.values import Config
from tocsin.model.errors import SourceError
from tocsin.model.instant import SECOND
from tocsin.model.records import Record, Stats, Summary, Transition
from tocsin.runners.follow import Follow
from tocsin.runners.paced import Pace
from tocsin.runners.session import Session
from tocsin.runners.wishes import Wishes
from tocsin.testing import ManualClock


def played(
    speed: float, *paths: Path, config: Config | None = None
) -> tuple[TimedView, ManualClock]:
    """Play files, each as a stream, years after they were written."""
    clock = ManualClock((T0 + 10**8) * SECOND)
    view = TimedView(clock)
    session = Session(config or rules(), view, Wishes(statistics=SOURCE))
    pace, source = Pace(clock, speed), session.config.source(SOURCE)
    follow = Follow(session, pace)
    for path in paths:
        reader = pace.reader(str(path), [(path, 0)], source)
        follow.add(str(path), SOURCE, reader)
    pace.begin()
    follow.run()
    return view, clock


def report_of(start: int) -> Callable[[Record], bool]:
    return lambda r: isinstance(r, Stats) and r.start == (T0 + start) * SECOND


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "access.log"


@pytest.mark.parametrize("speed", [2, 10, 60])
def test_a_log_is_played_at_a_multiple_of_its_pace(log: Path, speed: int) -> None:
    log.write_bytes(lines(range(60)))
    view, clock = played(speed, log)
    assert clock.monotonic() == pytest.approx(59 / speed, abs=0.5)
    assert view.first(report_of(20)) == pytest.approx(35 / speed, abs=0.5)


@pytest.mark.parametrize("speed", [5, 100, 10**6])
def test_the_pace_does_not_change_the_answer(log: Path, speed: float) -> None:
    jumbled = [n + (3 if n % 7 == 0 else 0) for n in range(100)] * 2
    log.write_bytes(lines(sorted(jumbled, key=lambda n: n // 4)))
    view, _ = played(speed, log, config=rules(threshold=2.1))
    assert standing(view.records) == standing(
        replayed(rules(threshold=2.1), log).records
    )
    assert view.of(Transition)


def test_most_of_a_long_silence_is_passed_over(log: Path) -> None:
    log.write_bytes(lines([1] * 20 + [2]) + lines([86400, 86401]))
    view, clock = played(1, log)
    assert clock.monotonic() < 10
    rings = [(t.to_state, t.at // SECOND - T0) for t in view.of(Transition)]
    assert rings == [("firing", 2), ("ok", 12)]


def test_lines_without_a_time_come_with_the_line_before(log: Path) -> None:
    log.write_bytes(b"junk\n" + line(1) + b"\n\xff\xfe\n" + line(4) + b"junk\n")
    view, clock = played(1, log)
    (summary,) = view.of(Summary)
    total = summary.total
    assert (total("lines"), total("counted"), total("parse_errors")) == (6, 2, 3)
    assert clock.monotonic() == pytest.approx(3, abs=0.5)


def test_a_line_from_the_future_is_not_waited_for(log: Path) -> None:
    log.write_bytes(lines([1, 2, 10**7, 3, 4]))
    view, clock = played(1, log)
    (summary,) = view.of(Summary)
    assert clock.monotonic() < 6
    assert (summary.total("counted"), summary.total("future")) == (4, 1)


def test_files_that_are_played_together_keep_time_with_each_other(
    tmp_path: Path,
) -> None:
    early, late = tmp_path / "early.log", tmp_path / "late.log"
    early.write_bytes(lines(range(30)))
    late.write_bytes(lines(range(20, 50)))
    view, clock = played(10, late, early)
    assert clock.monotonic() == pytest.approx(4.9, abs=0.5)
    hits = [stats.hits for stats in view.of(Stats)]
    assert hits == [10, 10, 20, 10, 10]


def test_a_log_longer_than_one_block_is_played_to_its_end(log: Path) -> None:
    log.write_bytes(lines(n / 100 for n in range(6000)))
    view, _ = played(20, log)
    (summary,) = view.of(Summary)
    assert summary.total("counted") == 6000


@pytest.mark.parametrize("data", [b"nothing known\n", b"\x00\x01\n"])
def test_a_file_in_no_known_format_is_refused(log: Path, data: bytes) -> None:
    log.write_bytes(data)
    with pytest.raises(SourceError):
        played(1, log)


def test_an_empty_file_ends_at_once(log: Path) -> None:
    log.touch()
    view, clock = played(1, log)
    assert clock.monotonic() < 1
    assert len(view.of(Summary)) == 1


def test_the_screen_is_drawn_often_enough_for_the_eye(log: Path) -> None:
    log.write_bytes(lines(range(100)))
    view, clock = played(20, log)
    drawn: Sequence[object] = view.statuses
    assert 8 * clock.monotonic() < len(drawn) < 60 * clock.monotonic()
