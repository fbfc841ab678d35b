"""The files beside a followed one that may hold a part of its stream."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from msgspec import Struct, field

from tocsin.model.errors import SourceError
from tocsin.model.records import Loss
from tocsin.sources.contents import Archive, Content, Plain, is_beginning, opened
from tocsin.sources.disk import ABSENT, PATIENCE
from tocsin.sources.families import age_of, stream_of
from tocsin.sources.position import TELLING
from tocsin.sources.unpack import unpacked

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tocsin.sources.disk import Disk, FileId, Look
    from tocsin.sources.position import FilePosition

_ALIKE: Final = 1 << 20
"""Bytes in which an archive must be like a file to be taken for what is made of it."""
Age: TypeAlias = tuple[int, str, int, str]


class MovedError(OSError):
    """Files were renamed while they were looked for."""


class Found(NamedTuple):
    """A file that was found: its content, its name, and its place in the family.

    `age` sorts the family from the oldest; None for a file that is not of it.
    """

    content: Content
    path: str
    age: Age | None

    def is_of(self, position: FilePosition) -> bool:
        """Whether it is the very file of a position, not a copy."""
        return self.content.identity.is_same(position.identity)


class Sibling(NamedTuple):
    """One name in a folder."""

    path: str
    inode: int
    age: Age | None


class Place(NamedTuple):
    """Where files are looked for, and where they belong among those that are open.

    Newer than `age` in the family and older than `until`, last written at `since` or
    later; the first of them comes before the generation at `before`.
    """

    age: Age | None
    before: int
    since: int | None
    until: Age | None = None


class Begun(NamedTuple):
    """A copy that was being made of what was written to, when it was looked at."""

    sibling: Sibling
    look: Look
    origin: Content


class Search(Struct):
    """One look around a followed file; folders are listed when first needed.

    `others` are names its files had when they were opened: a symbolic link may by
    now point into another folder.
    """

    disk: Disk
    path: Path
    others: frozenset[str] = frozenset()
    _listed: list[Sibling] | None = None
    _moved: bool = False
    _seen: dict[str, list[tuple[str, int]]] = field(default_factory=dict)
    _begun: list[Begun] = field(default_factory=list)

    def same_file(self, position: FilePosition) -> Found | None:
        """Return the file of a position, whatever its name, if it holds what it held."""
        names = dict.fromkeys([str(self.path), position.path])
        for path in names:
            found = self._same(Sibling(path, 0, None), position)
            if found:
                return found
        for sibling in self._siblings():
            if sibling.inode == position.inode and sibling.path not in names:
                found = self._same(sibling, position)
                if found:
                    return found
        return None

    def same_content(
        self,
        position: FilePosition,
        known: Iterable[FileId],
    ) -> Found | None:
        """Return another file that holds what a position's file held: moved or copied.

        Only to be asked when that file is gone or was written anew: of two files that
        are there, content alone never makes one. The present file must be alike in at
        least 64 bytes; of rotated ones, none that was last written before that file was.
        """
        if not position.head_bytes:
            return None
        known = tuple(known)
        found = self._same_content(position, known)
        for _ in range(PATIENCE):
            if found is not None or not self._has_changed():
                break
            found = self._same_content(position, known)
        return found

    def _same_content(
        self, position: FilePosition, known: tuple[FileId, ...]
    ) -> Found | None:
        for sibling in [*self._family(), Sibling(str(self.path), 0, None)]:
            present = sibling.path == str(self.path)
            if present and position.head_bytes < TELLING:
                continue
            found = self.open(sibling, known, None if present else position.modified)
            if found is None:
                continue
            if _holds(found.content, position, present=present):
                return found
            found.content.close()
        return self._earlier_copy(position, known)

    def _earlier_copy(
        self, position: FilePosition, known: tuple[FileId, ...]
    ) -> Found | None:
        """Return the copy that was made before the last line that was seen, if any.

        Of all that are older than that line only the youngest can be it. It must be
        alike in at least 64 bytes: its time says little.
        """
        siblings = [*self._family()] if position.head_bytes >= TELLING else []
        for sibling in reversed(siblings):
            try:
                if self.disk.look(sibling.path).modified >= position.modified:
                    continue
            except ABSENT:
                continue
            found = self.open(sibling, known, None)
            if found is None or _holds(found.content, position, present=False):
                return found
            found.content.close()
            break
        return None

    def between(self, after: Age | None, before: Age | None) -> Iterator[Sibling]:
        """Yield rotated files of the family, oldest first; None sets no bound.

        Without the archives that are being made of others.
        """
        for sibling in self._family():
            assert sibling.age is not None
            newer = after is None or sibling.age > after
            older = before is None or sibling.age < before
            if newer and older and not self._repeats(sibling):
                yield sibling

    def is_begun(self, found: Found, origin: Content) -> bool:
        """Whether a file is a copy that is being made of another, whole or not yet."""
        look = found.content.look()
        begun = is_beginning(found.content, origin)
        if begun:
            self._begun.append(Begun(Sibling(found.path, 0, found.age), look, origin))
        return begun

    def has_passed(self, origin: Content) -> bool:
        """Whether an empty copy is older than what it is of: that was emptied since."""
        emptied = origin.look().modified
        looks = (begun.look for begun in self._begun)
        return any(not look.size and look.modified < emptied for look in looks)

    def is_settled(self) -> bool:
        """Whether all is as it was found: the names, and the copies that were begun."""
        return self._is_named_alike() and all(map(self._is_still_begun, self._begun))

    def _is_named_alike(self) -> bool:
        """Whether the family has the names that it had when it was first listed."""
        if self._moved:
            return False
        if self._seen and all(self.disk.names(f) == n for f, n in self._seen.items()):
            return True
        before, self._listed = self._siblings(), None
        return _named(before) == _named(self._siblings())

    def age(self, identity: FileId) -> Age | None:
        """Return the place in the family of a file that is known to be there."""
        return self._age(identity.inode)

    def has(self, identity: FileId) -> bool:
        """Whether there is a name for a file; not for one that has its inode now."""
        named = (s for s in self._siblings() if s.inode == identity.inode)
        return any(self._is(sibling, identity) for sibling in named)

    def is_next_to(self, identity: FileId) -> bool:
        """Whether a file is the youngest of rotated ones that have numbers."""
        try:
            found = self.disk.look(f"{self.path}.1")
        except OSError:
            return False
        return (found.device, found.inode) == identity[:2]

    def open(
        self, sibling: Sibling, known: Iterable[FileId], since: int | None
    ) -> Found | None:
        """Open a file unless it is known, or was last written before `since`."""
        try:
            if since is not None and self.disk.look(sibling.path).modified < since:
                return None
            content = opened(sibling.path, self.disk)
        except (*ABSENT, SourceError, IsADirectoryError):
            return None
        if any(content.identity.is_same(other) for other in known):
            content.close()
            return None
        return Found(content, sibling.path, sibling.age)

    def _repeats(self, sibling: Sibling) -> bool:
        """Whether it is an archive of a file that is still there, whole or not yet."""
        plain = unpacked(sibling.path)
        if plain == sibling.path or all(s.path != plain for s in self._siblings()):
            return False
        try:
            with closing(opened(sibling.path, self.disk)) as archive:
                head = archive.pread(_ALIKE, 0)
            with closing(opened(plain, self.disk)) as file:
                return file.pread(len(head), 0) == head
        except (*ABSENT, SourceError, IsADirectoryError):
            return False

    def _is_still_begun(self, begun: Begun) -> bool:
        found = self.open(begun.sibling, (), None)
        if found is None:
            return False
        with closing(found.content) as content:
            return is_beginning(content, begun.origin)

    def _is(self, sibling: Sibling, identity: FileId) -> bool:
        found = self.open(sibling, (), None)
        if found is None:
            return False
        found.content.close()
        return found.content.identity.is_same(identity)

    def _same(self, sibling: Sibling, position: FilePosition) -> Found | None:
        try:
            found = self.disk.look(sibling.path)
            if (found.device, found.inode) != position.identity[:2]:
                return None
            content = opened(sibling.path, self.disk)
        except (*ABSENT, SourceError, IsADirectoryError):
            return None
        if content.identity.is_same(position.identity) and _fits(content, position):
            return Found(content, sibling.path, sibling.age)
        content.close()
        return None

    def _age(self, inode: int) -> Age | None:
        ages = [s.age for s in self._siblings() if s.inode == inode and s.age]
        return ages[0] if ages else None

    def _family(self) -> Iterator[Sibling]:
        """Yield the rotated files, oldest first, without the present one."""
        yield from (s for s in self._siblings() if s.age and s.path != str(self.path))

    def _siblings(self) -> list[Sibling]:
        if self._listed is None:
            streams = dict.fromkeys(map(_stream, [str(self.path), *self.others]))
            found = {
                sibling.path: sibling
                for folder, stream in streams
                for sibling in self._list(folder, stream)
            }
            # Those outside the family last: they have no order.
            self._listed = sorted(
                found.values(), key=lambda s: (s.age is None, s.age or (), s.path)
            )
        return self._listed

    def _has_changed(self) -> bool:
        """Whether files were renamed since they were listed; they are listed anew then."""
        changed = any(self.disk.names(f) != names for f, names in self._seen.items())
        if changed:
            self._listed, self._moved = None, True
        return changed

    def _names(self, folder: str) -> list[tuple[str, int]]:
        """List a folder until two lists agree: a name that moves meanwhile may hide."""
        names = self.disk.names(folder)
        for _ in range(PATIENCE):
            again = self.disk.names(folder)
            if again == names:
                break
            names = again
        self._seen[folder] = names
        return names

    def _list(self, folder: str, stream: str) -> Iterator[Sibling]:
        for other, inode in self._names(folder or "."):
            plain = unpacked(other)
            age = age_of(Path(plain)) if stream_of(plain) == stream else None
            yield Sibling(os.path.join(folder, other), inode, age)  # noqa: PTH118


def _named(siblings: Iterable[Sibling]) -> list[Sibling]:
    """Return those that are of the family."""
    return [sibling for sibling in siblings if sibling.age is not None]


def _stream(path: str) -> tuple[str, str]:
    """Return the folder of a file, and the name of its stream."""
    folder, name = os.path.split(path)
    return folder, stream_of(unpacked(name))


def _fits(content: Content, position: FilePosition) -> bool:
    try:
        if isinstance(content, Plain) and content.look().size < position.offset:
            return False
        return position.fits(content.pread)
    except OSError:
        content.close()
        raise


def _holds(content: Content, position: FilePosition, *, present: bool) -> bool:
    """Whether a file is another's copy, or what became of it.

    A copy may lack what was written after it was made and before the other was
    truncated: then it holds nothing that is still to be read.
    """
    if isinstance(content, Archive) and content.promised == position.offset:
        return position.begins(content.pread)
    if not present and isinstance(content, Plain):
        size = content.look().size
        if position.head_bytes <= size < position.offset:
            return position.begins(content.pread)
    return _fits(content, position)


def gap(path: str, copy: Found, position: FilePosition) -> Loss:
    """Return what a copy may lack: what was written before the file was truncated."""
    copied = position.seen if copy.content.archived else copy.content.look().size
    return Loss(path, copied, max(copied, position.seen), more=True)


def lost_after(position: FilePosition, read: int = 0) -> Loss:
    """Return the loss of what stood in a file after a position, and after `read`."""
    start = max(position.offset, read)
    return Loss(position.path, start, max(start, position.seen), more=True)
