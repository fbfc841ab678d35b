"""How the next files of a followed stream are found, and read in their order."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tocsin.model.records import Loss
from tocsin.sources.contents import Content, Plain
from tocsin.sources.disk import ABSENT, PATIENCE
from tocsin.sources.files import closed_if_it_fails
from tocsin.sources.generation import Generation, moved_on, start_of_last_line
from tocsin.sources.opened import NOTHING, Opened, resolved
from tocsin.sources.position import HEAD, TELLING, Bookmark, FilePosition, identities
from tocsin.sources.siblings import (
    Found,
    MovedError,
    Place,
    Search,
    gap,
    lost_after,
)

if TYPE_CHECKING:
    from tocsin.sources.disk import Disk, FileId
    from tocsin.sources.lines import Lines


class Track(Opened):
    """What a follower reads from: files, oldest first, the last with its name.

    Not one line of an older file is left behind for a newer one. What is lost goes
    to `losses`, words for the user to `notes`; who reads empties both.
    """

    __slots__ = ("_disk", "_folder", "_resumed", "forgotten", "name")

    def __init__(self, name: str, disk: Disk, max_line_bytes: int) -> None:
        super().__init__(max_line_bytes)
        self.name = name
        self.forgotten: tuple[FilePosition, ...] = ()
        self._disk = disk
        self._resumed: FileId | None = None
        self._folder: int | None = None

    @property
    def path(self) -> Path:
        """The name that is followed: thousands of paths would take much memory."""
        return Path(self.name)

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
        self._add(Found(content, self.name, None), at)
        return at

    def resume(self, mark: Bookmark) -> None:
        """Find the files of a bookmark under whatever name they have.

        Raises:
            OSError: One of them cannot be looked at.
        """
        self._left, self._since = mark.left, mark.since
        self._resumed = mark.files[-1].identity if mark.files else None
        self._take_up(mark)
        self._steadily(lambda: self._resume(mark))

    def _take_up(self, mark: Bookmark) -> None:
        """Open the files of a bookmark that are still what they were.

        One that was found stays open while others are looked for: so none is missed
        for good, though there are many, and they are renamed faster than all are opened.
        """
        for _ in range(PATIENCE):
            search = self._search_of(mark)
            for position in mark.files:
                found = None if self._has(position) else search.same_file(position)
                if found and not self._goes_on_in(found, position, mark):
                    self.generations.pop().close()
            if all(map(self._has, mark.files)) or search.is_settled():
                break
        order = [position.identity[:2] for position in mark.files]
        self.generations.sort(key=lambda g: order.index(g.content.identity[:2]))

    def _resume(self, mark: Bookmark) -> None:
        """Find what has become of the files that are not there any more."""
        search, index, self.forgotten = self._search_of(mark), 0, ()
        known = identities((*mark.files, *mark.left))
        for position in mark.files:
            if not self._has(position):
                found = self._rest_of(search, position, known)
                if found is None:
                    if position.unread or position is mark.files[-1]:
                        self.losses.append(lost_after(position))
                    continue
                if not self._goes_on_in(found, position, mark, index) and self._patient:
                    raise MovedError
            index += 1
        if identities(mark.files) != list(self.identities):
            self._settle(search)

    def _rest_of(
        self, search: Search, position: FilePosition, known: list[FileId]
    ) -> Found | None:
        """Return the file, or the copy, that holds what comes after a position."""
        found = search.same_file(position) or search.same_content(position, known)
        if found is None:
            self.forgotten += (position,)
        elif self._is_short_copy(found, position):
            return None
        elif not found.is_of(position) and search.has(position.identity):
            self.losses.append(gap(position.path, found, position))
        return found

    def _goes_on_in(
        self,
        found: Found,
        position: FilePosition,
        mark: Bookmark,
        index: int | None = None,
    ) -> bool:
        """Take in a file, to go on at a position; return whether it is still the same."""
        generation = self._add(found, position.offset, index)
        if not position.head_bytes:
            generation.be_blank(mark.since)
        # Of an archive the way back is long, and nobody writes to it anew.
        return found.content.archived or position.fits(found.content.pread)

    def _has(self, position: FilePosition) -> bool:
        """Whether the file of a position is open."""
        return any(i.is_same(position.identity) for i in self.identities)

    def _search_of(self, mark: Bookmark) -> Search:
        others = frozenset(p.path for p in mark.files) - {self.name}
        return Search(self._disk, self.path, others)

    def look(self) -> None:
        """Open the file that has our name now, unless it is open, and what came before.

        Raises:
            OSError: There is no such file, or it cannot be opened.
            SourceError: It is no plain file.
        """
        if self.generations and self.generations[-1].blank:
            self._find_passed_by(self.generations[-1])
        try:
            found = self._disk.look(self.name)
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
            if index == len(generations) - 1 and generation.passable:
                break
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
        return Search(self._disk, self.path, frozenset(paths - {self.name}))

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
                find(search, place, content)
        except BaseException:
            content.close()
            raise
        taken = any(content.identity.is_same(other) for other in self.identities)
        if not taken:
            self._add(Found(content, self.name, None))
        try:
            if searched:  # it may have been copied and emptied before it was taken in
                self._settle(search)
        finally:
            if taken:
                content.close()

    def _find_rotated(self) -> None:
        """Take in what has come and was rotated away, though no next file has come.

        Once after each change of the folder: one within the same tick of its time is
        seen with the next one.
        """
        changed = self._disk.look(self.path.parent).modified
        if changed != self._folder and self.generations:
            search = self._search()
            newest = self.generations[-1].content
            self._find_between(search, self._place(search), newest)
            self._folder = changed

    def _find_passed_by(self, blank: Generation) -> None:
        """Look for copies of an empty file: it may have been written and truncated.

        Only then is it known what it holds now; before that it is not read.
        """
        found = blank.content.look()
        if not found.size and found.modified == blank.modified:
            return
        since = blank.modified
        try:
            self._steadily(lambda: self._find_since(blank, since))
        except OSError:
            blank.be_blank(since)
            raise

    def _find_since(self, blank: Generation, since: int) -> None:
        blank.be_blank(since)
        blank.refresh()
        search = self._search()
        until = search.age(blank.content.identity)
        if blank.unlinked:
            found = search.same_content(blank.position, self._known())
            if found is not None:
                until = found.age
                found.content.close()
        place = Place(None, len(self.generations) - 1, since + 1, until)
        self._find_copies(search, place, blank.content)
        if self._patient and not blank.intact:  # what it began with may be in a copy
            raise MovedError

    def _find_copies(self, search: Search, place: Place, origin: Content) -> None:
        """Take in copies that were made of one file; each may lack some last lines.

        Not one that is being made of what stands there now: that is read from the file.
        """
        for copy in self._find_between(search, place, origin, copies=True):
            size = 0 if copy.content.archived else copy.size
            self.losses.append(Loss(self.name, size, size, more=True))
        if search.has_passed(origin):
            self.losses.append(Loss(self.name, 0, 0, more=True))

    def _find_between(
        self, search: Search, place: Place, newest: Content, *, copies: bool = False
    ) -> list[Generation]:
        """Take in the rotated files that are newer than a place, and new to us."""
        # Names alone may deceive: there are those who count upwards.
        if place.since is None:
            return []  # the first file of all
        index = place.before
        for sibling in search.between(place.age, place.until):
            known = [*self._known(), newest.identity]
            found = search.open(sibling, known, place.since)
            if found is None:
                continue
            passed = place.age is None and self._has_content_of(found)
            if passed or (copies and search.is_begun(found, newest)):
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
        if found.path == self.name and whole:
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
        self._find_copies(search, place, generation.content)
        return rest

    def _is_short_copy(self, found: Found, position: FilePosition) -> bool:
        """Whether a copy was made before all was written that was read; let go of it."""
        content = found.content
        if content.archived or content.look().size >= position.offset:
            return False
        self._forget_later(position.as_copied(content.identity))
        content.close()
        return True
