"""Replayed logs: however they are cut and shared out, the answer is the same."""

import json
import os
import random
import signal
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.runners.world import SOURCE, T0, line, lines, replayed, rules

from tocsin.config.values import Config, MetricConfig
from tocsin.model.errors import SourceError
from tocsin.model.instant import SECOND
from tocsin.model.records import Notice, Summary
from tocsin.runners import replay as replaying
from tocsin.runners.pieces import Piece, Read
from tocsin.runners.replay import Replay
from tocsin.runners.session import Session
from tocsin.runners.wishes import Wishes
from tocsin.runners.workers import Workers
from tocsin.sources import families
from tocsin.testing import CollectingView, ManualClock

SECTIONS = MetricConfig(
    name="by section", source=SOURCE, period=10 * SECOND, every=10 * SECOND,
    group_by=("section",),
)  # fmt: skip
SKEWED = MetricConfig(
    name="p95", type="P95", field="bytes", source=SOURCE, period=60 * SECOND,
    every=5 * SECOND,
)  # fmt: skip


def detailed() -> Config:
    config = rules(threshold=3.0)
    return replace(config, metrics=(*config.metrics, SECTIONS, SKEWED))


def said(view: CollectingView) -> list[str]:
    """Everything a replay said, as it is published."""
    return [json.dumps(record.as_json()) for record in view.records]


def disordered(seed: int, spread: float, count: int = 2000) -> bytes:
    """Lines of four minutes, each up to `spread` seconds away from its place."""
    r = random.Random(seed)  # noqa: S311 - a log that can be made again
    made = []
    for n in range(count):
        at = max(0.0, n * 240 / count + r.uniform(-spread, spread))
        made.append(line(at, f"/s{r.randrange(5)}/x", r.choice([200, 404, 500])))
    return b"".join(made)


def in_order(folder: Path) -> list[Path]:
    path = folder / "a.log"
    path.write_bytes(lines(n / 5 for n in range(3000)))
    return [path]


def out_of_order(folder: Path) -> list[Path]:
    path = folder / "a.log"
    path.write_bytes(disordered(1, 4.0))
    return [path]


def too_late(folder: Path) -> list[Path]:
    path = folder / "a.log"
    path.write_bytes(disordered(2, 330.0))
    return [path]


def hostile(folder: Path) -> list[Path]:
    """Lines from the future and the past, alone and in groups; junk; long lines."""
    path = folder / "a.log"
    r = random.Random(3)  # noqa: S311 - a log that can be made again
    rows = disordered(3, 2.0, 1500).splitlines(keepends=True)
    strange = [
        line(10**6), line(-(10**6)), line(700), b"\xff\x00junk\n", b"\n",
        b'"\n', b"x" * 5000 + b"\n", line(400) + line(399),
    ]  # fmt: skip
    for _ in range(60):
        rows.insert(r.randrange(len(rows)), r.choice(strange))
    path.write_bytes(b"".join(rows))
    return [path]


def several(folder: Path) -> list[Path]:
    paths = [folder / f"{name}.log" for name in "abc"]
    for seed, path in enumerate(paths):
        path.write_bytes(disordered(seed, 3.0, 1000))
    (folder / "empty.log").touch()
    return [*paths, folder / "empty.log"]


def rotated(folder: Path) -> list[Path]:
    rows = disordered(4, 3.0).splitlines(keepends=True)
    paths = [folder / f"access.log{n}" for n in (".2", ".1", "")]
    for n, path in enumerate(paths):
        path.write_bytes(b"".join(rows[n * 700 : (n + 1) * 700]))
    return paths


def torn(folder: Path) -> list[Path]:
    paths = rotated(folder)
    for path in paths:
        path.write_bytes(path.read_bytes()[:-1])
    return paths


def with_header(folder: Path) -> list[Path]:
    path = folder / "a.csv"
    rows = [f'"10.0.0.{n % 9}",{T0 + n // 4},"GET /s{n % 3}/x HTTP/1.1",200,{n}\n'
            for n in range(2000)]  # fmt: skip
    path.write_text('"remotehost","date","request","status","bytes"\n' + "".join(rows))
    return [path]


LOGS = {
    "one large file": in_order,
    "a file out of order within the lateness": out_of_order,
    "a file out of order beyond all waiting": too_late,
    "a hostile file": hostile,
    "several files, one of them empty": several,
    "a log and what it was rotated into": rotated,
    "files whose last lines are torn": torn,
    "columns named by a header": with_header,
}


@pytest.mark.parametrize("made", LOGS.values(), ids=LOGS)
def test_pieces_of_any_size_say_the_same(
    made: Callable[[Path], list[Path]], tmp_path: Path
) -> None:
    paths = made(tmp_path)
    whole = said(replayed(detailed(), *paths, piece_bytes=1 << 30))
    assert len(whole) > 100
    for piece_bytes in (70_001, 8_192):
        assert said(replayed(detailed(), *paths, piece_bytes=piece_bytes)) == whole


class Blind(Replay):
    """A replay that observes every piece as a worker does, but in this process."""

    def _pool(self) -> Workers | None:
        bench = self._bench

        class Here:
            count = 2

            def read(self, piece: Piece) -> Future[Read]:
                done: Future[Read] = Future()
                done.set_result(bench.read(piece))
                return done

            def dismiss(self) -> None:
                """Have all that was given done already."""

            def close(self) -> None:
                """Hold nothing."""

        return Here()  # type: ignore[return-value]


def blindly(config: Config, *paths: Path, piece_bytes: int) -> CollectingView:
    clock, view = ManualClock((T0 + 10**8) * SECOND), CollectingView()
    session = Session(config, view, Wishes(statistics=SOURCE, datapoints=True))
    replay = Blind(session, clock, piece_bytes=piece_bytes)
    replay.run([(SOURCE, family) for family in families(paths)], clock.now())
    return view


@pytest.mark.parametrize("made", LOGS.values(), ids=LOGS)
def test_pieces_observed_on_their_own_say_the_same(
    made: Callable[[Path], list[Path]], tmp_path: Path
) -> None:
    paths = made(tmp_path)
    whole = said(replayed(detailed(), *paths, piece_bytes=1 << 30))
    for piece_bytes in (50_000, 5_003):
        assert said(blindly(detailed(), *paths, piece_bytes=piece_bytes)) == whole


@given(
    offsets=st.lists(
        st.tuples(st.integers(0, 120), st.sampled_from([0, 0, 0, -7, -400, 400, 9000])),
        min_size=1,
        max_size=60,
    ),
    piece_bytes=st.integers(1, 600),
)
@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_no_cut_changes_the_answer(
    tmp_path: Path, offsets: list[tuple[int, int]], piece_bytes: int
) -> None:
    log = tmp_path / "law.log"
    log.write_bytes(lines(at + off for at, off in sorted(offsets)))
    whole = said(replayed(rules(), log))
    assert said(blindly(rules(), log, piece_bytes=piece_bytes)) == whole


@pytest.mark.parametrize("count", [2, 4])
def test_worker_processes_say_the_same(tmp_path: Path, count: int) -> None:
    paths = [*hostile(tmp_path), *rotated(tmp_path), *with_header(tmp_path)]
    whole = said(replayed(detailed(), *paths))
    shared = replayed(detailed(), *paths, workers=count, piece_bytes=20_000)
    assert said(shared) == whole


def test_workers_begin_before_it_is_known_what_they_do(tmp_path: Path) -> None:
    pool = Workers(1)
    try:
        paths = [*hostile(tmp_path), *rotated(tmp_path)]
        clock, view = ManualClock((T0 + 10**8) * SECOND), CollectingView()
        wishes = Wishes(statistics=SOURCE, datapoints=True)
        session = Session(detailed(), view, wishes)
        replay = Replay(session, clock, workers=pool, piece_bytes=20_000)
        replay.run([(SOURCE, family) for family in families(paths)], clock.now())
    finally:
        pool.close()
    assert said(view) == said(replayed(detailed(), *paths))


def test_workers_that_were_given_nothing_to_do_end() -> None:
    pool = Workers(2)
    pids = pool.pids
    pool.close()
    pool.close()
    assert len(pids) == 2
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_the_exercise_is_the_same_in_pieces(shared_data: Path) -> None:
    path = shared_data / "sample_csv" / "sample_csv.txt"
    whole = said(replayed(detailed(), path))
    assert said(blindly(detailed(), path, piece_bytes=5_000)) == whole
    assert said(replayed(detailed(), path, workers=2, piece_bytes=30_000)) == whole


def test_every_line_is_accounted_for(tmp_path: Path) -> None:
    (path,) = hostile(tmp_path)
    (summary,) = replayed(detailed(), path, piece_bytes=3_000).of(Summary)
    n = summary.total
    assert n("lines") == path.read_bytes().count(b"\n")
    assert n("lines") == n("events") + n("joined") + n("skipped") + n("parse_errors")
    assert n("events") == n("counted") + n("late") + n("future")
    assert n("future") > 0
    assert n("parse_errors") > 0


def test_a_blank_file_has_an_account_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "blank.log"
    path.write_bytes(b"\n\r\n\n")
    (summary,) = replayed(rules(), path).of(Summary)
    assert (summary.total("lines"), summary.total("skipped")) == (3, 3)


def test_a_header_alone_is_skipped(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b'"remotehost","date","request","status","bytes"\n')
    (summary,) = replayed(rules(), path).of(Summary)
    assert (summary.total("lines"), summary.total("skipped")) == (1, 1)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_log_in_no_known_format_is_named_and_the_others_are_read(
    tmp_path: Path, workers: int
) -> None:
    good, bad = tmp_path / "a.log", tmp_path / "b.log"
    good.write_bytes(lines([1, 2]))
    bad.write_bytes(b"nothing that anyone knows\n" * 3)
    clock, view = ManualClock((T0 + 10**8) * SECOND), CollectingView()
    runner = Replay(
        Session(rules(), view, Wishes()), clock, workers=workers, start="-1h"
    )
    families_ = [(SOURCE, family) for family in families([good, bad])]
    with pytest.raises(SourceError, match=r"1 of 2 logs .* no known format: .*b\.log"):
        runner.run(families_, clock.now())
    *_, summary = view.records
    assert isinstance(summary, Summary)
    told = [(s.counted, s.parse_errors) for s in summary.streams]
    assert told == [(2, 0), (0, 3)]
    errors = [
        n for n in view.records if isinstance(n, Notice) and n.severity == "error"
    ]
    assert [n.subject for n in errors] == [str(bad)]
    assert "no line matched" in errors[0].text


def test_where_no_log_is_in_a_known_format_none_is_read(tmp_path: Path) -> None:
    bad = tmp_path / "b.log"
    bad.write_bytes(b"nothing that anyone knows\n")
    clock, view = ManualClock((T0 + 10**8) * SECOND), CollectingView()
    runner = Replay(Session(rules(), view, Wishes()), clock)
    with pytest.raises(SourceError, match=r"b\.log: no line matched"):
        runner.run([(SOURCE, family) for family in families([bad])], clock.now())
    (summary,) = view.records
    assert isinstance(summary, Summary)
    assert [s.lines for s in summary.streams] == [0]


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"gone\.log"):
        replayed(rules(), tmp_path / "gone.log")


def before_each(replay: Replay, action: Callable[[], object]) -> None:
    """Let something happen before each piece is absorbed."""
    absorb = replay._absorb

    def first_act(name: str, read: Read) -> None:
        action()
        absorb(name, read)

    replay._absorb = first_act  # type: ignore[method-assign]


def test_progress_is_told_in_bytes(tmp_path: Path) -> None:
    (path,) = in_order(tmp_path)
    clock, view = ManualClock((T0 + 10**8) * SECOND), CollectingView()
    session = Session(rules(), view, Wishes())
    replay = Replay(session, clock, piece_bytes=10_000)
    before_each(replay, lambda: clock.move(0.3))
    replay.run([(SOURCE, f) for f in families([path])], clock.now())
    size = path.stat().st_size
    done = [step[0] for step in view.steps]
    assert len(done) > 3
    assert done == sorted(done)
    assert {step[1] for step in view.steps} == {size}
    assert done[-1] > size - 20_000


def test_a_replay_that_is_stopped_accounts_for_what_it_read(tmp_path: Path) -> None:
    (path,) = in_order(tmp_path)
    clock, view = ManualClock((T0 + 10**8) * SECOND), CollectingView()
    replay = Replay(Session(rules(), view, Wishes()), clock, piece_bytes=10_000)
    before_each(replay, replay.stop)
    replay.run([(SOURCE, f) for f in families([path])], clock.now())
    (summary,) = view.of(Summary)
    assert 0 < summary.total("lines") < 3000
    assert summary.total("lines") == summary.total("counted")


def test_a_worker_that_dies_ends_the_replay_with_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (path,) = in_order(tmp_path)
    started: list[Workers] = []

    class Doomed(Workers):
        """Workers of which one is killed as soon as it is there."""

        def read(self, piece: Piece) -> Future[Read]:
            for pid in self.pids[:1] if not started else ():
                os.kill(pid, signal.SIGKILL)
            started.append(self)
            return super().read(piece)

    monkeypatch.setattr(replaying, "Workers", Doomed)
    with pytest.raises(SourceError, match="a worker process has died"):
        replayed(rules(), path, workers=2, piece_bytes=10_000)
    assert len(started) > 0


def test_more_words_name_the_processes(tmp_path: Path) -> None:
    paths = in_order(tmp_path)
    wishes = Wishes(verbose=True)
    view = replayed(rules(), *paths, workers=2, piece_bytes=100_000, wishes=wishes)
    assert "reading with 2 processes" in [n.text for n in view.of(Notice)]
