"""Which files make one stream, and in which order."""

from __future__ import annotations

import glob
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import Struct
from msgspec.structs import replace

from tocsin.model.errors import SourceError
from tocsin.model.protocols import Chunk
from tocsin.sources.archives import PastReader, past_reader, without_twins
from tocsin.sources.faults import fault, is_unreadable, refuse_unreadable
from tocsin.sources.files import size
from tocsin.sources.unpack import kind_of, unpacked

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_DATE: Final = (
    r"(?:19|20)\d\d-?(?:0[1-9]|1[0-2])-?(?:0[1-9]|[12]\d|3[01])"
    r"(?:[-_T.]?\d{2}(?:[-_:.h]?\d{2}){0,2})?(?:-\d{10})?"
)
_ROTATED: Final = re.compile(
    # `access.log.3`, `access.log-20240131`, `app.log.2024-01-31.2`
    rf"(?P<base>.+?)(?:[-._](?P<date>{_DATE}))?(?:\.(?P<number>\d{{1,4}}))?"
)
_LETTER: Final = re.compile(r"[^\W\d_]")
_DATED: Final = re.compile(
    # `access.2024-01-31.log`, `app_20240131.txt`
    rf"(?P<stem>.+?)[-._](?P<date>{_DATE})(?P<extension>\.[A-Za-z]\w*)"
)


class Family(Struct, frozen=True):
    """The files of one stream, oldest first: a log and what it was rotated into."""

    stream: str
    """The folder, and the name of the file that is being written."""
    paths: tuple[Path, ...]

    @property
    def live(self) -> Path:
        """The file that somebody may write to."""
        newest = self.paths[-1]
        return Path(self.stream) if kind_of(newest.name) else newest


def expand(patterns: Iterable[str | Path]) -> list[Path]:
    """Return the files that paths and globs (`*`, `?`, `[]`, `**`) name, each once.

    A folder stands for the files in it, though not for hidden ones. Sorted by stream,
    oldest first. A plain path is kept even if there is no such file, so that a follower
    can wait for it; a file that is reached both by a symbolic link and by its own name
    is taken by its own name, one that has just been compressed is taken as it was.

    Raises:
        SourceError: When a glob matches nothing, a folder is empty, or a file is
            compressed in a way that is not known here.
    """
    found = [path for pattern in patterns for path in _matches(str(pattern))]
    for path in found:
        refuse_unreadable(path)
    return [path for family in families(once(found)) for path in family.paths]


def once(paths: Iterable[Path]) -> list[Path]:
    """Return each file once, though several paths lead to it: see `expand`."""
    chosen: dict[str, Path] = {}
    folders: dict[Path, str] = {}
    for link, path in sorted((path.is_symlink(), path) for path in paths):
        folder = path.parent
        if folder not in folders:
            folders[folder] = os.path.realpath(folder)
        own = os.path.join(folders[folder], path.name)  # noqa: PTH118 - many, and hot
        chosen.setdefault(os.path.realpath(path) if link else own, path)
    return without_twins(chosen.values())


def families(paths: Iterable[Path | str]) -> list[Family]:
    """Group files into streams, by folder and base name; each oldest first.

    `access.log.2` is older than `access.log.1`, an earlier date is older than a
    later one, and the file without either is the newest.
    """
    groups: dict[str, list[Path]] = {}
    for given in paths:
        path = given if isinstance(given, Path) else Path(given)
        groups.setdefault(stream_of(path), []).append(path)
    return [
        Family(stream, tuple(sorted(groups[stream], key=age_of)))
        for stream in sorted(groups)
    ]


def past_families(paths: Iterable[Path | str]) -> list[Family]:
    """Group past files into streams; one that is alone goes by its own name.

    Whoever asks for `access.log.1` and nothing else hears of no `access.log`.
    """
    return [
        replace(family, stream=str(family.paths[0]))
        if len(family.paths) == 1
        else family
        for family in families(paths)
    ]


def stream_of(path: Path | str) -> str:
    """Return the stream a file belongs to: its path without what rotation added."""
    path = path if isinstance(path, Path) else Path(path)
    base, _, _ = _parts(unpacked(path.name))
    return str(path if base == path.name else path.with_name(base))


class FamilyReader:
    """The lines of several past files as one stream, one file after the other.

    Positions go on from file to file. A file is opened when its turn comes.

    Raises:
        SourceError: From `read`, when a file cannot be read.
    """

    def __init__(self, family: Family) -> None:
        """Read the files of a family in the order it gives."""
        self.stream = family.stream
        self._paths = list(family.paths)
        self._reader: PastReader | None = None
        self._passed = 0

    @property
    def left(self) -> int:
        """How many bytes are left to read.

        Raises:
            SourceError: When a file is not there: before any has been read, if asked.
        """
        sizes = sum(size(path) for path in self._paths)
        return sizes + (self._reader.left if self._reader else 0)

    def read(self, limit: int) -> Chunk:
        """Return the next lines, about `limit` bytes of them; never waits."""
        reader = self._reader = self._reader or self._next()
        if reader is None:
            return Chunk(b"", self._passed, self._passed, caught_up=True, ended=True)
        chunk = reader.read(limit)
        start, end = chunk.start + self._passed, chunk.end + self._passed
        ended = chunk.ended and not self._paths
        if chunk.ended:
            self._passed = end + chunk.lost
            self._close_file()
        return Chunk(chunk.data, start, end, chunk.oversized, ended, ended, chunk.lost)

    def close(self) -> None:
        """Let go of files. Idempotent."""
        self._paths.clear()
        self._close_file()

    def _close_file(self) -> None:
        if self._reader is not None:
            self._reader.close()
        self._reader = None

    def _next(self) -> PastReader | None:
        return past_reader(self._paths.pop(0)) if self._paths else None


def _matches(pattern: str) -> Iterator[Path]:
    pattern = os.path.expanduser(pattern)  # noqa: PTH111  a glob is no path
    if not glob.has_magic(pattern) or Path(pattern).exists():
        yield from _in_folder(pattern) if Path(pattern).is_dir() else (Path(pattern),)
        return
    names = glob.glob(pattern, recursive=True)  # noqa: PTH207  it knows absolute ones
    files = [path for path in map(Path, names) if not path.is_dir()]
    if not files:
        raise SourceError(f"{pattern}: no file matches")
    yield from files


def _in_folder(folder: str) -> list[Path]:
    """Return the files that lie in a folder, and might be logs."""
    try:
        found = sorted(path for path in Path(folder).iterdir() if path.is_file())
    except OSError as error:
        raise fault(folder, error) from error
    files = [p for p in found if p.name[0] != "." and not is_unreadable(p)]
    if not files:
        raise SourceError(f"{folder}: there is no file in this folder")
    return files


def _parts(name: str) -> tuple[str, str, int | None]:
    """Return the base name, the date or "", and the number of a rotated file."""
    dated = _DATED.fullmatch(name)
    if dated:
        return dated["stem"] + dated["extension"], dated["date"], None
    parts = _ROTATED.fullmatch(name)
    if parts is None or not _LETTER.search(parts["base"]):
        return name, "", None  # `10.0.0.1` is an address, not the first of a family
    number = parts["number"]
    return parts["base"], parts["date"] or "", int(number) if number else None


def is_newer(path: Path, than: Path) -> bool:
    """Whether a file of a family is newer than another, by their names."""
    return age_of(path) > age_of(than)


def age_of(path: Path) -> tuple[int, str, int, str]:
    """Return a key that sorts the files of one family from the oldest to the newest."""
    name = unpacked(path.name)
    _, date, number = _parts(name)
    digits = "".join(filter(str.isdigit, date))
    if digits:
        return 0, digits, number or 0, name
    if number is None and not kind_of(path.name):
        return 1, "", 0, name
    return 0, "~", -(number or 0), name
