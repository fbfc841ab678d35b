"""How the next files of a followed stream are found, and read in their order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from tocsin.model.records import Loss
from tocsin.sources.contents import Content, Plain
from tocsin.sources.files import closed_if_it_fails
from tocsin.sources.generation import Generation, moved_on, start_of_last_line
from tocsin.sources.opened import NOTHING, Opened, resolved
from tocsin.sources.position import HEAD, TELLING, Bookmark, FilePosition, identities
from tocsin.sources.siblings import (
    ABSENT,
    Found,
    MovedError,
    Place,
    Search,
    gap,
    lost_after,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tocsin.sources.disk import Disk, FileId
    from tocsin.sources.lines import Lines


class Track(Opened):
    """What a follower reads from: files, oldest first, the last with its name.

    Not one line of an older file is left behind for a newer one. What is lost goes
    to `losses`, words for the user to `notes`; who reads empties both.
    """

    def __init__(self, path: Path, disk: Disk, max_line_bytes: int) -> None:
        super().__init__(max_line_bytes)
        self.path = path
        self.forgotten: tuple[FilePosition, ...] = ()
        self._disk = disk
        self._resumed: FileId | None = None
        self._folder: int | None = None

    def begin(self, start: int | Literal["end"]) -> int | None:
        """Open the file that has our name; return the offset, None if there is none.

        Raises:
            OSError: It cannot be opened.
        """
        try:
            fd = self._disk.open(self.path)
        except ABSENT:
            return None
        with closed_if_it_fails(fd):
            if start == "end":
                start = start_of_last_line(fd, self._max_line_bytes)
            content = Plain(fd, self._disk)
            at = start if start <= content.look().size else 0
        self._add(Found(content, str(self.path), None), at)
        return at

    def resume(self, mark: Bookmark) -> None:
        """Find the files of a bookmark under whatever name they have.

        Raises:
            OSError: One of them cannot be looked at.
        """
        self._left, self._since = mark.left, mark.since
        self._resumed = mark.files[-1].identity if mark.files else None
        self._steadily(lambda: self._resume(mark))

    def _resume(self, mark: Bookmark) -> None:
        others = frozenset(p.path for p in mark.files) - {str(self.path)}
        search = Search(self._disk, self.path, others)
        known = identities((*mark.files, *mark.left))
        forgotten = []
        for position in mark.files:
            found = search.same_file(position) or search.same_content(position, known)
            if found is None:
                forgotten.append(position)
            elif not self._is_short_copy(found, position):
                if not found.is_of(position) and search.has(position.identity):
                    self.losses.append(gap(position.path, found, position))
                self._add(found, position.offset)
                self._check(found.content, position)
                if not position.head_bytes:
                    self.generations[-1].be_blank(mark.since)
                continue
            if position.unread or position is mark.files[-1]:
                self.losses.append(lost_after(position))
        self.forgotten = tuple(forgotten)
        if identities(mark.files) != list(self.identities):
            self._settle(search)

    def _check(self, content: Content, position: FilePosition) -> None:
        """Make sure that a file was not written anew while it was taken up.

        Raises:
            MovedError: It was.
        """
        # Of an archive the way back is long, and nobody writes to it anew.
        if self._patient and not content.archived and not position.fits(content.pread):
            raise MovedError

    def look(self) -> None:
        """Open the file that has our name now, unless it is open, and what came before.

        Raises:
            OSError: There is no such file, or it cannot be opened.
            SourceError: It is no plain file.
        """
        if self.generations and self.generations[-1].blank:
            self._find_passed_by(self.generations[-1])
        try:
            found = self._disk.look(self.path)
        except ABSENT:
            self._steadily(self._find_rotated)
            raise
        inodes = {(i.device, i.inode) for i in self.identities}
        if (found.device, found.inode) not in inodes:
            self._steadily(self._arrive)

    def next(self, limit: int) -> Lines:
        """Return lines of the oldest file that has any."""
        generations = tuple(self.generations)
        for index, generation in enumerate(generations):
            # Asked before reading: lines written before the move are then read too.
            left = moved_on(generations[index + 1 :])
            lines = generation.read(limit)
            if generation.replaced:
                return self._replace(generation)
            if lines.end > lines.start or generation.behind or not left:
                return lines
            lines = generation.finish()
            if lines.end > lines.start:
                return lines
            old = generation.unlinked or index < len(generations) - 2
            if old or generation.content.damage:
                self._leave(generation)
        return NOTHING

    def _search(self) -> Search:
        paths = {generation.path for generation in self.generations}
        return Search(self._disk, self.path, frozenset(paths - {str(self.path)}))

    def _arrive(self) -> None:
        """Take in what has come after the newest open file.

        The file with our name is opened before the others are looked for: so whatever
        was rotated between is found, though rotation goes on meanwhile.
        """
        content = Plain(self._disk.open(self.path), self._disk)
        try:
            search = self._search()
            last = self.identities[-1] if self.generations else None
            searched = last is None or not search.is_next_to(last)
            if searched:
                place = self._place(search)
                # What was written anew while we were away has left copies, if any.
                again = self._resumed and content.identity.is_same(self._resumed)
                find = self._find_copies if again else self._find_between
                find(search, place, content.identity)
        except BaseException:
            content.close()
            raise
        if any(content.identity.is_same(other) for other in self.identities):
            content.close()
        else:
            self._add(Found(content, str(self.path), None))
        if searched:  # it may have been copied and emptied before it was taken in
            self._settle(search)

    def _find_rotated(self) -> None:
        """Take in what has come and was rotated away, though no next file has come.

        Once after each change of the folder: one within the same tick of its time is
        seen with the next one.
        """
        changed = self._disk.look(self.path.parent).modified
        if changed != self._folder and self.generations:
            search = self._search()
            self._find_between(search, self._place(search), self.identities[-1])
            self._folder = changed

    def _find_passed_by(self, blank: Generation) -> None:
        """Look for copies of an empty file: it may have been written and truncated."""
        if blank.content.look().modified == blank.modified:
            return
        since = blank.modified + 1
        blank.refresh()
        try:
            self._steadily(lambda: self._find_since(blank, since))
        except OSError:
            blank.be_blank(since - 1)
            raise

    def _find_since(self, blank: Generation, since: int) -> None:
        search, identity = self._search(), blank.content.identity
        until = search.age(identity)
        if blank.unlinked:
            found = search.same_content(blank.position, self._known())
            if found is not None:
                until = found.age
                found.content.close()
        place = Place(None, len(self.generations) - 1, since, until)
        self._find_copies(search, place, identity)

    def _find_copies(
        self, search: Search, place: Place, origin: FileId
    ) -> list[Generation]:
        """Take in copies that were made of one file; each may lack some last lines."""
        copies = self._find_between(search, place, origin)
        for copy in copies:
            size = 0 if copy.content.archived else copy.size
            self.losses.append(Loss(str(self.path), size, size, more=True))
        return copies

    def _find_between(
        self, search: Search, place: Place, newest: FileId
    ) -> list[Generation]:
        """Take in the rotated files that are newer than a place, and new to us."""
        # Names alone may deceive: there are those who count upwards.
        if place.since is None:
            return []  # the first file of all
        index = place.before
        for sibling in search.between(place.age, place.until):
            found = search.open(sibling, [*self._known(), newest], place.since)
            if found is None:
                continue
            if place.age is None and self._has_content_of(found):
                found.content.close()
            else:
                self._add(found, index=index)
                index += 1
        self._settle(search)
        return self.generations[place.before : index]

    def _has_content_of(self, found: Found) -> bool:
        """Whether a file begins like one that is open or was read."""
        pread = found.content.pread
        head = pread(HEAD, 0)
        past = [p for p in (*self._left, *self.forgotten) if p.head_bytes >= TELLING]
        return any(generation.is_like(head) for generation in self.generations) or any(
            position.begins(pread) for position in past
        )

    def _place(self, search: Search) -> Place:
        """Return the newest file's place among the rotated ones; take it up if moved."""
        since = self._newest_change()
        if not self.generations:
            return Place(None, 0, since)
        newest = self.generations[-1]
        newest.refresh()
        identity = newest.content.identity
        end = len(self.generations)
        if not newest.unlinked and search.has(identity):
            return Place(search.age(identity), end, since)
        found = search.same_content(newest.position, self._known())
        if found is None:
            return Place(None, end, since)
        whole = found.content.look().size >= newest.size
        if found.path == str(self.path) and whole:
            newest.move_to(found.content, resolved(found.path))
        else:
            found.content.close()
        return Place(found.age, end, since)

    def _replace(self, generation: Generation) -> Lines:
        """Look for the rest of a file that was written anew; begin with the new content.

        When the disk fails in the midst, all stays as it was, to be tried again.
        """

        def replaced() -> tuple[bool, Lines]:
            search = self._search()
            rest = self._find_rest(generation, search)
            content = generation.present()
            self._settle(search)
            return rest, generation.start_over(*content)

        rest, torn = self._steadily(replaced)
        return NOTHING if rest else torn

    def _find_rest(self, generation: Generation, search: Search) -> bool:
        """Take in the copy of a file that was written anew, and those made after it.

        Return whether there is a copy that holds what was not read.
        """
        position, index = generation.position, self.generations.index(generation)
        read = position.offset + generation.pending
        found = search.same_content(position, self._known())
        age = None if found is None else found.age
        rest = found is not None and not self._is_short_copy(found, position)
        if found is not None and rest:
            self.losses.append(gap(generation.path, found, position))
            self._add(found, position.offset, index)
        else:
            self.losses.append(lost_after(position, read))
        place = Place(age, index + rest, generation.modified)
        self._find_copies(search, place, generation.content.identity)
        return rest

    def _is_short_copy(self, found: Found, position: FilePosition) -> bool:
        """Whether a copy was made before all was written that was read; let go of it."""
        content = found.content
        if content.archived or content.look().size >= position.offset:
            return False
        self._forget_later(position.as_copied(content.identity))
        content.close()
        return True
