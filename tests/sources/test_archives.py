"""Archives that are read once: every kind, whole, from anywhere, broken, and as twins."""

import os
import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.sources.rotating import PACKERS, ZSTD

from tocsin.model.errors import SourceError
from tocsin.model.protocols import Chunk
from tocsin.sources import (
    PAST_ALL,
    ArchiveReader,
    FileReader,
    PastReader,
    expand,
    families,
    first_lines,
    past_reader,
)

every_kind = pytest.mark.parametrize("packed", PACKERS)
LINES = b"".join(b"%05d a line of some log %d\n" % (n, n * n) for n in range(20_000))


def read_all(reader: PastReader, limit: int = 1 << 16) -> list[Chunk]:
    chunks = [reader.read(limit)]
    while not chunks[-1].ended:
        chunks.append(reader.read(limit))
    reader.close()
    return chunks


def text(chunks: list[Chunk]) -> bytes:
    return b"".join(chunk.data for chunk in chunks)


def packed_as(folder: Path, packed: str, content: bytes) -> Path:
    path = folder / f"access.log.1{packed}"
    path.write_bytes(PACKERS[packed](content))
    return path


@every_kind
@pytest.mark.parametrize("limit", [1000, 1 << 16, 64 << 20])
def test_all_lines_are_read(tmp_path: Path, packed: str, limit: int) -> None:
    path = packed_as(tmp_path, packed, LINES + b"and a last one")
    chunks = read_all(ArchiveReader(path), limit)
    assert text(chunks) == LINES + b"and a last one\n"
    ends = [0, *(chunk.end for chunk in chunks)]
    assert [chunk.start for chunk in chunks] == ends[:-1]
    assert ends[-1] == len(LINES) + len(b"and a last one")
    assert not any(chunk.lost or chunk.losses or chunk.notes for chunk in chunks)


@every_kind
def test_members_one_after_the_other_are_one_file(tmp_path: Path, packed: str) -> None:
    path = tmp_path / f"a.log{packed}"
    path.write_bytes(PACKERS[packed](b"one\nt") + PACKERS[packed](b"wo\n"))
    assert text(read_all(ArchiveReader(path))) == b"one\ntwo\n"


@every_kind
@settings(
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_from_any_offset_it_gives_what_the_plain_file_gives(
    tmp_path: Path, packed: str, data: st.DataObject
) -> None:
    content = data.draw(st.binary(max_size=300).map(lambda b: b.replace(b"a", b"\n")))
    start = data.draw(st.integers(0, len(content) + 2))
    plain = tmp_path / "access.log.1"
    plain.write_bytes(content)
    path = packed_as(tmp_path, packed, content)
    told = text(read_all(ArchiveReader(path, start=start), 7))
    assert told == text(read_all(FileReader(plain, start=start), 7))
    assert first_lines(path, 20) == first_lines(plain, 20)


@every_kind
def test_r14_an_archive_that_is_cut_off(tmp_path: Path, packed: str) -> None:
    path = packed_as(tmp_path, packed, LINES)
    path.write_bytes(path.read_bytes()[:-50])
    chunks = read_all(ArchiveReader(path))
    told = text(chunks)
    assert LINES.startswith(told)
    assert 0 < len(told) < len(LINES)
    assert told.endswith(b"\n")
    (loss,) = chunks[-1].losses
    assert (loss.path, loss.start, loss.more) == (str(path), len(told), True)
    assert chunks[-1].notes == (f"{path}: the archive ends in its middle",)


@every_kind
def test_r14_an_archive_that_is_damaged(tmp_path: Path, packed: str) -> None:
    path = packed_as(tmp_path, packed, LINES)
    whole = path.read_bytes()
    path.write_bytes(whole[:-8] + bytes(b ^ 0x55 for b in whole[-8:]))
    chunks = read_all(ArchiveReader(path))
    assert LINES.startswith(text(chunks))
    assert chunks[-1].losses[0].more
    assert chunks[-1].notes[0].startswith(f"{path}: the archive is damaged: ")


@every_kind
def test_what_is_no_archive_is_told_and_never_raised(
    tmp_path: Path, packed: str
) -> None:
    path = tmp_path / f"a.log{packed}"
    r = random.Random(17)  # noqa: S311 - bytes that can be made again
    for size in (1, 5, 100, 10_000):
        path.write_bytes(r.randbytes(size))
        (chunk,) = read_all(ArchiveReader(path))
        assert (chunk.data, len(chunk.losses), len(chunk.notes)) == (b"", 1, 1)
    path.write_bytes(b"")
    (chunk,) = read_all(ArchiveReader(path))
    assert (chunk.data, chunk.losses) == (b"", ())


@every_kind
def test_a_bomb_is_read_in_bounded_memory(tmp_path: Path, packed: str) -> None:
    path = packed_as(tmp_path, packed, b"0" * (64 << 20) + b"\nshort\n")
    reader = ArchiveReader(path)
    chunks = read_all(reader)
    assert text(chunks) == b"short\n"
    assert sum(chunk.oversized for chunk in chunks) == 1
    assert max(len(chunk.data) for chunk in chunks) < 1 << 20


def test_a_zstd_frame_that_asks_for_too_much_memory_is_refused(tmp_path: Path) -> None:
    wide = {ZSTD.CompressionParameter.window_log: 30}
    maker = ZSTD.ZstdCompressor(options=wide)
    path = tmp_path / "a.log.zst"
    path.write_bytes(maker.compress(b"line\n") + maker.flush())
    (chunk,) = read_all(ArchiveReader(path))
    assert "damaged" in chunk.notes[0]


def test_nothing_is_read_past_all(tmp_path: Path) -> None:
    path = packed_as(tmp_path, ".gz", LINES)
    assert text(read_all(past_reader(path, start=PAST_ALL))) == b""


def test_a_missing_archive_is_one_clear_sentence(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"a\.log\.gz: there is no such file$"):
        ArchiveReader(tmp_path / "a.log.gz")


ORDERS = {
    "numbers": "a.log.10.gz a.log.9.xz a.log.2 a.log.1 a.log",
    "dates": "a.log-20240131.zst a.log-20240201.bz2 a.log-20240202 a.log",
    "dated names": "a-2024-01-31.log.gz a-2024-02-01.log a.log",
    "a log that was only compressed": "a.log.1.gz a.log.gz a.log",
}


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
def test_archives_belong_to_their_stream(order: str) -> None:
    paths = tuple(map(Path, order.split()))
    (family,) = families(sorted(paths))
    assert (family.stream, family.paths) == ("a.log", paths)


@every_kind
def test_r13_of_a_file_and_its_archive_one_is_read(tmp_path: Path, packed: str) -> None:
    plain = tmp_path / "access.log.1"
    plain.write_bytes(LINES)
    path = packed_as(tmp_path, packed, LINES)
    assert expand([tmp_path / "*"]) == [plain]
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])  # it is being written
    assert expand([tmp_path / "*"]) == [plain]
    path.write_bytes(PACKERS[packed](b"another log\n"))
    assert expand([tmp_path / "*"]) == [plain, path]
    plain.unlink()
    path.write_bytes(whole)
    assert expand([tmp_path / "*"]) == [path]


def test_a_folder_stands_for_the_files_in_it(tmp_path: Path) -> None:
    for name in ("b.log", "a.log", "a.log.1.gz", ".hidden", "old.zip", "deep/c.log"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x\n")
    os.mkfifo(tmp_path / "fifo")
    names = [path.name for path in expand([tmp_path])]
    assert names == ["a.log.1.gz", "a.log", "b.log"]
    deep = [str(p.relative_to(tmp_path)) for p in expand([tmp_path / "**" / "*.log"])]
    assert deep == ["a.log", "b.log", "deep/c.log"]
