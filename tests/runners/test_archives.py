"""Archives in runs: what a log says does not depend on how its past is kept."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.runners.test_daemon import Life
from tests.runners.test_multiline import asked, booms, log_of
from tests.runners.world import (
    World,
    lines,
    points,
    replayed,
    rules,
    settled,
)
from tests.sources.rotating import PACKERS

from tocsin.config.values import Config
from tocsin.model.records import Notice, Summary
from tocsin.runners.seek import start_of
from tocsin.sources import PAST_ALL, expand
from tocsin.state.memory import MemoryStore

every_kind = pytest.mark.parametrize("packed", PACKERS)
BUSY = (*range(60), *(90 + n / 9 for n in range(300)), 200)


def logs_in(folder: Path, packed: str = "") -> list[Path]:
    """Three files of one log; the older two as archives of some kind."""
    folder.mkdir(exist_ok=True)
    data = lines(BUSY).splitlines(keepends=True)
    parts = (data[:100], data[100:250], data[250:])
    for name, part in zip(("a.log.2", "a.log.1", "a.log"), parts, strict=True):
        content = b"".join(part)
        if packed and name != "a.log":
            (folder / f"{name}{packed}").write_bytes(PACKERS[packed](content))
        else:
            (folder / name).write_bytes(content)
    return expand([folder])


@every_kind
@pytest.mark.parametrize("piece_bytes", [3000, 1 << 20])
def test_a_replay_says_the_same_of_archives(
    tmp_path: Path, packed: str, piece_bytes: int
) -> None:
    plain = replayed(rules(), *logs_in(tmp_path / "plain"))
    told = replayed(
        rules(), *logs_in(tmp_path / packed, packed), piece_bytes=piece_bytes
    )
    assert settled(told.records) == settled(plain.records)
    assert points(told.records) == points(plain.records)


def test_a_replay_of_archives_by_workers(tmp_path: Path) -> None:
    plain = replayed(rules(), *logs_in(tmp_path / "plain"))
    logs = logs_in(tmp_path / "packed", ".zst")
    told = replayed(rules(), *logs, piece_bytes=5000, workers=2)
    assert settled(told.records) == settled(plain.records)


@settings(
    deadline=None,
    max_examples=20,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(seed=st.integers(0, 10**6), piece_bytes=st.integers(1, 2000))
def test_events_of_several_lines_are_whole_in_archives(
    tmp_path: Path, seed: int, piece_bytes: int
) -> None:
    log, packed = tmp_path / "a.log", tmp_path / "b.log.xz"
    log.write_bytes(log_of(seed))
    packed.write_bytes(PACKERS[".xz"](log.read_bytes()))
    told = replayed(asked(), packed, piece_bytes=piece_bytes)
    assert booms(told) == booms(replayed(asked(), log))


def test_a_broken_archive_is_a_loss_in_the_account(tmp_path: Path) -> None:
    path = tmp_path / "a.log.1.gz"
    content = b"".join(lines([n, n]) for n in range(3000))
    path.write_bytes(PACKERS[".gz"](content)[:-100])
    view = replayed(rules(), path)
    (summary,) = view.of(Summary)
    (stream,) = summary.streams
    assert 0 < stream.events < 6000
    assert [loss.path for loss in stream.lost] == [str(path)]
    assert any("ends in its middle" in notice.text for notice in view.of(Notice))


@every_kind
@pytest.mark.parametrize("ago", [0, 5, 111, 120, 150, 300])
def test_a_start_in_archives(tmp_path: Path, packed: str, ago: int) -> None:
    source = rules().sources[0]
    plain, archived = logs_in(tmp_path / "a"), logs_in(tmp_path / "b", packed)
    wanted = f"-{ago}s" if ago else "end"
    expected = start_of(plain, source, wanted)
    found = start_of(archived, source, wanted)
    sizes = [path.stat().st_size for path in plain]
    reached = [min(at, size) for at, size in zip(found, sizes, strict=True)]
    assert reached == expected
    assert all(at == PAST_ALL for at in found[:2]) or ago > 100


def test_a_watch_begins_in_archives(tmp_path: Path) -> None:
    world = World(rules(), start="-150s", began=201)
    world.files(*logs_in(tmp_path / "packed", ".bz2")).until(1)
    plain = World(rules(), start="-150s", began=201).files(*logs_in(tmp_path / "plain"))
    assert world.hits == plain.until(1).hits
    assert world.summary.streams[0].events == sum(1 for at in BUSY if at >= 50)


def test_a_watch_of_an_archive_alone_ends(tmp_path: Path) -> None:
    path = tmp_path / "old.log.1.gz"
    path.write_bytes(PACKERS[".gz"](lines(range(5))))
    world = World().files(path)
    world.follow.run()
    assert world.summary.streams[0].events == 5


@every_kind
def test_the_daemon_reads_archives_first_and_never_twice(
    tmp_path: Path, packed: str
) -> None:
    config, store = rules_of(tmp_path), MemoryStore()
    logs_in(tmp_path, packed)
    first = Life(store, config, began=201).until(1)
    assert first.lines == len(BUSY)
    (tmp_path / f"a.log.2{packed}").rename(tmp_path / f"a.log.3{packed}")
    (tmp_path / f"a.log.1{packed}").rename(tmp_path / f"a.log.2{packed}")
    rotated = tmp_path / f"a.log.1{packed}"
    rotated.write_bytes(PACKERS[packed]((tmp_path / "a.log").read_bytes()))
    (tmp_path / "a.log").write_bytes(lines([205, 206]))
    second = Life(store, config, began=207).until(10)
    assert second.lines == len(BUSY) + 2


def test_the_daemon_waits_for_the_log_of_archives(tmp_path: Path) -> None:
    config, store = rules_of(tmp_path), MemoryStore()
    (tmp_path / "a.log.1.gz").write_bytes(PACKERS[".gz"](lines(range(5))))
    assert Life(store, config, began=10).until(1).lines == 5
    (tmp_path / "a.log").write_bytes(lines([12, 13]))
    assert Life(store, config, began=14).until(10).lines == 7


def rules_of(folder: Path) -> Config:
    config = rules()
    source = replace(config.sources[0], path=(str(folder / "a.log*"),))
    return replace(config, sources=(source,))


@every_kind
@pytest.mark.parametrize("content", [b"", b"no archive at all\n"], ids=["empty", "bad"])
def test_the_daemon_says_what_is_wrong_with_an_archive_and_goes_on(
    tmp_path: Path, packed: str, content: bytes
) -> None:
    (tmp_path / f"a.log.1{packed}").write_bytes(content)
    (tmp_path / "a.log").write_bytes(lines(range(5)))
    life = Life(MemoryStore(), rules_of(tmp_path), began=10).until(1)
    assert life.lines == 5
    told = "\n".join(notice.text for notice in life.view.of(Notice))
    assert ("the archive is damaged" in told) == bool(content)
