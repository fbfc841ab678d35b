"""Patterns to files, files to streams, oldest first."""

from pathlib import Path

import pytest

from tocsin.model.errors import SourceError
from tocsin.sources import (
    Family,
    FamilyReader,
    expand,
    families,
    past_families,
    stream_of,
)

STREAMS = {
    "a log is its own stream": ("access.log", "access.log"),
    "numbers are rotation": ("access.log.12", "access.log"),
    "a log need not have an extension": ("syslog.1", "syslog"),
    "dates are rotation": ("access.log-20240131", "access.log"),
    "dates with dashes too": ("app.log.2024-01-31", "app.log"),
    "a time may follow": ("app.log.2024-01-31_23-59", "app.log"),
    "or an epoch": ("app.log-20240131-1706659200", "app.log"),
    "or a number": ("app.log.2024-01-31.2", "app.log"),
    "a date may stand before the extension": ("app-2024-01-31.log", "app.log"),
    "an address is a name": ("10.0.0.1", "10.0.0.1"),
    "a number before the extension is a name": ("web2.log", "web2.log"),
    "a long number is no rotation": ("trace.12345", "trace.12345"),
    "no such month": ("app.log-20241331", "app.log-20241331"),
    "a hidden file keeps its name": (".1", ".1"),
}


@pytest.mark.parametrize(("name", "expected"), STREAMS.values(), ids=STREAMS)
def test_stream_of(name: str, expected: str) -> None:
    assert stream_of(Path("logs") / name) == f"logs/{expected}"


ORDERS = {
    "the highest number is the oldest": "a.log.10 a.log.9 a.log.1 a.log",
    "dates run forward": "a.log-20231231 a.log-20240101 a.log-2024010112 a.log",
    "numbers within a day run forward": "a.log.2024-01-01 a.log.2024-01-01.1 a.log",
    "dated names run forward": "a-2024-01-31.log a-2024-02-01.log a.log",
}


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
def test_the_oldest_comes_first(order: str) -> None:
    expected = tuple(map(Path, order.split()))
    assert families(sorted(expected, reverse=True)) == [Family("a.log", expected)]


NAMED = {
    "a rotated file alone": (["a.log.1"], "a.log.1"),
    "a compressed one alone": (["a.log-20240131.gz"], "a.log-20240131.gz"),
    "the log itself": (["a.log"], "a.log"),
    "rotated files": (["a.log.1", "a.log.2.gz"], "a.log"),
    "a log and a rotated file": (["a.log.1", "a.log"], "a.log"),
}


@pytest.mark.parametrize(("given", "stream"), NAMED.values(), ids=NAMED)
def test_past_files_go_by_the_name_that_was_given(
    given: list[str], stream: str
) -> None:
    assert [family.stream for family in past_families(given)] == [stream]


def test_folders_keep_streams_apart() -> None:
    found = families(["b/a.log", "a/a.log.1", "a/a.log"])
    assert [(f.stream, len(f.paths)) for f in found] == [("a/a.log", 2), ("b/a.log", 1)]


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    for name in ("access.log", "access.log.1", "access.log.2", "deep/down/error.log"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{name}\n")
    return tmp_path


def names(root: Path, *patterns: str) -> list[str]:
    found = expand([root / pattern for pattern in patterns])
    return [path.relative_to(root).as_posix() for path in found]


def test_a_glob_finds_a_family_oldest_first(logs: Path) -> None:
    assert names(logs, "access*") == ["access.log.2", "access.log.1", "access.log"]


def test_two_stars_go_down(logs: Path) -> None:
    assert names(logs, "**/*.log") == ["access.log", "deep/down/error.log"]


def test_what_is_named_twice_is_read_once(logs: Path) -> None:
    (logs / "current").symlink_to("access.log")
    assert names(logs, "*", "access.log", "./access.log") == [
        "access.log.2",
        "access.log.1",
        "access.log",
    ]
    assert names(logs, "current") == ["current"]


def test_a_path_that_is_not_there_yet_is_kept(logs: Path) -> None:
    assert names(logs, "later.log") == ["later.log"]


def test_a_name_with_brackets_that_exists_is_no_glob(logs: Path) -> None:
    (logs / "a[1].log").touch()
    assert names(logs, "a[1].log") == ["a[1].log"]


REFUSED = {
    "a glob without a match": ("*.txt", r"\*\.txt: no file matches$"),
    "a folder without a file": ("deep", "deep: there is no file in this folder$"),
    "an archive of another kind": ("old.zip", r"old\.zip: \.zip files cannot be read"),
}


@pytest.mark.parametrize(("pattern", "message"), REFUSED.values(), ids=REFUSED)
def test_refused(logs: Path, pattern: str, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        expand([logs / pattern])


def test_a_family_is_read_as_one_stream(logs: Path) -> None:
    (logs / "access.log.1").write_bytes(b"torn")
    (logs / "access.log.2").write_bytes(b"")
    (family,) = families(expand([logs / "access*"]))
    reader = FamilyReader(family)
    assert (reader.stream, reader.left) == (str(logs / "access.log"), 15)
    chunks = [reader.read(100)]
    while not chunks[-1].ended:
        chunks.append(reader.read(100))
    assert [(c.data, c.start, c.end) for c in chunks] == [
        (b"", 0, 0),
        (b"torn\n", 0, 4),
        (b"access.log\n", 4, 15),
    ]
    assert reader.read(100).ended
    reader.close()
    reader.close()


def test_a_family_with_a_missing_file_says_so_before_it_is_read(logs: Path) -> None:
    reader = FamilyReader(Family("a", (logs / "access.log", logs / "gone.log")))
    with pytest.raises(SourceError, match=r"gone\.log: there is no such file"):
        _ = reader.left
