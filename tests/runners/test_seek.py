"""Where to start: by offset, by time, by time before the newest line."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.runners.world import SOURCE, T0, World, line, lines, replayed, rules

from tocsin import formats
from tocsin.formats import auto
from tocsin.formats.auto import Unknown
from tocsin.model.errors import UsageError
from tocsin.model.instant import SECOND, iso
from tocsin.runners.replay import Replay
from tocsin.runners.seek import check_start
from tocsin.runners.session import Session
from tocsin.runners.wishes import Wishes
from tocsin.sources import families
from tocsin.testing import CollectingView, ManualClock

OPENED: list[bytes] = []
"""The heads with which the format below was tried."""


@dataclass(frozen=True)
class Counting:
    """A format that no line fits: it is opened only where a format is found out."""

    options: object

    def open(self, head: bytes) -> Unknown:
        """Return a codec that refuses all lines."""
        OPENED.append(head)
        return Unknown()


NOON = iso((T0 + 1000) * SECOND)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Two lines a second for half an hour: more than one probe of the search."""
    path = tmp_path / "access.log"
    path.write_bytes(lines(n / 2 for n in range(3600)))
    return path


@pytest.mark.parametrize(
    ("start", "lines_read"),
    [
        pytest.param("start", 3600, id="the start"),
        pytest.param("", 3600, id="nothing said"),
        pytest.param("end", 0, id="the end"),
        pytest.param("-10m", 2 * 600 + 2, id="the last ten minutes in the file"),
        pytest.param("-PT1M", 2 * 60 + 2, id="a minute, as ISO 8601 writes it"),
        pytest.param("-2h", 3600, id="more than there is"),
        pytest.param(NOON, 2 * 800, id="a time in UTC"),
        pytest.param(NOON.replace("Z", "z"), 2 * 800, id="a small z"),
        pytest.param("2023-11-14T22:30:00", 2 * 800, id="a time without a zone is UTC"),
        pytest.param("2023-11-14T23:30:00+01:00", 2 * 800, id="a time with a zone"),
        pytest.param("2001-01-01", 3600, id="a day before the log"),
        pytest.param("2040-01-01", 0, id="a day after the log"),
    ],
)
def test_a_log_is_read_from_where_it_is_told(
    log: Path, start: str, lines_read: int
) -> None:
    check_start(start or "start")
    world = World(start=start, began=1800).files(log).until(1)
    assert world.summary.total("lines") == lines_read


@pytest.mark.parametrize(
    "start", ["yesterday", "-ten", "10m", "-", "2023-13-01", "noon", "-5"]
)
def test_a_start_that_cannot_be_understood_is_refused(start: str) -> None:
    with pytest.raises(UsageError, match="--from: expected"):
        check_start(start)


def test_lines_that_are_appended_after_the_end_are_read(log: Path) -> None:
    world = World(start="end", began=1800).files(log)
    world.write(1, log, lines([1801]))
    world.until(20)
    assert world.summary.total("lines") == 1


def test_a_header_far_above_the_start_still_names_the_columns(tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    rows = "".join(f'"10.0.0.1",{T0 + n},"GET /a HTTP/1.1",200\n' for n in range(5000))
    log.write_text(f'"remotehost","date","request","status"\n{rows}')
    world = World(start="-1m", began=5000).files(log).until(1)
    assert world.summary.total("counted") == 61


def test_a_newest_line_from_the_future_is_not_counted_back_from(log: Path) -> None:
    with log.open("ab") as out:
        out.write(line(10**8))
    world = World(start="-10m", began=1800).files(log).until(1)
    assert world.summary.total("lines") == 2 * 600 + 3


def test_the_last_minutes_may_begin_in_an_older_file(tmp_path: Path) -> None:
    log, *older = (tmp_path / f"access.log{n}" for n in ("", ".1", ".2"))
    older[1].write_bytes(lines(range(600)))
    older[0].write_bytes(lines(range(600, 1200)))
    log.write_bytes(lines(range(1200, 1300)))
    world = World(start="-10m", began=1300).files(log, *older).until(1)
    assert world.summary.total("lines") == 601
    assert [a.stream for a in world.summary.streams] == [str(log)]


def test_a_replay_starts_there_too(log: Path) -> None:
    view = CollectingView()
    clock = ManualClock((T0 + 10**6) * SECOND)
    session = Session(rules(), view, Wishes(statistics=SOURCE))
    replay = Replay(session, clock, start=NOON, piece_bytes=10_000)
    replay.run([(SOURCE, f) for f in families([log])], clock.now())
    assert session.engine.summary().total("lines") == 2 * 800


def test_lines_without_a_time_do_not_mislead_the_search(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    junk = b"no line of an access log\n" * 3000
    log.write_bytes(lines(range(1000)) + junk + lines(range(1000, 2000)))
    world = World(start="-5m", began=2000).files(log).until(1)
    assert world.summary.total("counted") == 301
    assert replayed(rules(), log).records


@pytest.mark.parametrize(
    ("start", "last"),
    [
        pytest.param("-10m", line(2), id="counted back from the newest line"),
        pytest.param("2001-01-01", line(2), id="from a time on"),
        pytest.param("start", line(2), id="from the start"),
        pytest.param("-10m", b"what is this?\n", id="no line of a file fits a format"),
    ],
)
def test_a_format_is_found_out_once_for_each_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, start: str, last: bytes
) -> None:
    first = {"counting": f"{__name__}:Counting"} | formats.BUILT_IN
    for place in (formats, auto):  # it is tried before one fits throughout
        monkeypatch.setattr(place, "BUILT_IN", first)
    heads = [line(0), line(1), last]
    paths = [tmp_path / f"{number}.log" for number in range(3)]
    for path, head in zip(paths, heads, strict=True):
        path.write_bytes(head)
    OPENED.clear()
    world = World(rules(form="auto"), start=start, began=1800).files(*paths).until(1)
    assert world.summary.total("lines") == 3
    assert world.summary.total("events") == (3 if last == line(2) else 2)
    assert sorted(OPENED) == sorted(heads)
