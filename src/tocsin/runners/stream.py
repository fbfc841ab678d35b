"""One stream that is followed: what it has given, and what it is waited for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

from msgspec import Struct, field

from tocsin.model.errors import SourceError
from tocsin.model.instant import SECOND
from tocsin.model.protocols import Chunk
from tocsin.model.records import Notice
from tocsin.pipeline.confirming import time_held
from tocsin.runners.far import FarReader
from tocsin.runners.opening import leading, patience, renewed
from tocsin.runners.portion import MOST, Portion
from tocsin.runners.rotated import RotatedReader
from tocsin.sources import FollowReader, PipeReader, first_lines

if TYPE_CHECKING:
    from tocsin.config.values import SourceConfig
    from tocsin.model.protocols import Codec, Reader
    from tocsin.model.records import Loss
    from tocsin.pipeline.streams import StreamState
    from tocsin.sources import Intake

RENEWED = "another header: its lines are read by that one from here on"
_LINES = 500
_BYTES = 256 << 10
_MOST_HELD = 16 << 20
"""Bytes that are held for an event that goes on and on."""


class Stream(Struct):
    """One stream that is followed. Moments are monotonic seconds.

    `newest` is the newest event time (µs) that it has read, at the moment `newest_at`;
    `looked_at` is when it was last looked at here, in the round of that number.
    `held` are lines that came before its format could be told, or whose last event may
    go on; `oversized`, `lost` and `losses` belong to them, and `stood` is where its
    reader stood after them, as JSON. `mark` is where its reader stood, as JSON, when all it
    had read was absorbed, until that is saved: of thousands of logs it would be much.
    """

    name: str
    source: str
    reader: Reader | FarReader
    read_at: float
    codec: Codec | None = None
    mark: str = ""
    stood: str = ""
    newest: int | None = None
    newest_at: float = 0.0
    looks: int = 0
    looked_at: float | None = None
    round: int = 0
    held: bytes = b""
    oversized: int = 0
    lost: int = 0
    losses: tuple[Loss, ...] = ()
    caught_up: bool = False
    ended: bool = False
    waiting: bool = False
    trouble: str = ""
    unsure: bool = False
    unfit: bool = False
    portion: Portion = field(default_factory=lambda: Portion(MOST))

    @property
    def live(self) -> FollowReader | FarReader | None:
        """Return the file that is followed, if it is one."""
        reader = self.reader
        found = reader.live if isinstance(reader, RotatedReader) else reader
        return found if isinstance(found, FollowReader | FarReader) else None

    @property
    def far(self) -> FarReader | None:
        """Return what a worker process reads, if one does."""
        return self.reader if isinstance(self.reader, FarReader) else None

    @property
    def offset(self) -> int:
        """Return where in its newest file it is."""
        live = self.live
        if live is None or isinstance(live, FarReader):
            return 0 if live is None else live.manner.offset
        files = live.bookmark.files
        return files[-1].offset if files else 0

    @property
    def fd(self) -> int | None:
        """Return the descriptor to wait on, if it can be waited on."""
        reader = self.reader
        if isinstance(reader, PipeReader):
            return reader.fileno()
        found = -1 if self.intake is None else self.intake.fileno()
        return None if found < 0 else found

    @property
    def intake(self) -> Intake | None:
        """Return what takes its lines in by itself, if something does."""
        return cast("Intake", self.reader) if hasattr(self.reader, "confirm") else None

    def read(self, limit: int) -> Chunk:
        """Read what there is, and take note of what stands in the way."""
        chunk = self.reader.read(limit)
        self.looks += 1
        live = self.live
        self.waiting = live is not None and live.waiting
        told = live or self.intake
        self.trouble = (told and told.trouble) or ""
        self.unsure = live is not None and live.unsure
        self.caught_up = chunk.caught_up and not self.trouble
        return chunk

    def words(self, *, waited: bool, trouble: str) -> list[Notice]:
        """Return what to say of how it stands, if that was otherwise before."""
        said = []
        if self.waiting and not waited:
            said = [Notice("not there yet: waiting for it", subject=self.name)]
        elif waited and not self.waiting:
            said = [Notice("there it is", subject=self.name)]
        if self.trouble and self.trouble != trouble:
            said.append(Notice(self.trouble, "warning", self.name))
        return said

    def stand(self) -> None:
        """Take over from the one that reads it elsewhere how it stands."""
        far = self.far
        if far is not None:
            self.waiting, self.trouble, self.unsure = (
                far.waiting,
                far.trouble,
                far.unsure,
            )
            self.caught_up = far.manner.caught_up and not self.trouble

    def begins_anew(self, chunk: Chunk) -> bool:
        """Whether what is held is whole: the lines that follow begin another event."""
        if self.codec is None or not self.held or not chunk.data:
            return False
        return patience(self.codec) is not None and not leading(self.codec, chunk.data)

    def renews(self, chunk: Chunk, source: SourceConfig) -> Codec | None:
        """Return the codec for the lines of another file, if it is another codec."""
        if self.codec is None or not chunk.begins:
            return None
        codec = renewed(self.codec, source, self.name, chunk.data)
        return None if codec is self.codec else codec

    def may_go_on(self, at: float) -> bool:
        """Whether the last event that is held may have more lines than have come."""
        if self.codec is None or self.ended or not self.held:
            return False
        wait = patience(self.codec)
        much = len(self.held) > _MOST_HELD
        return wait is not None and not much and at - self.read_at < wait

    def take(self, chunk: Chunk) -> bool:
        """Hold what was read; whether there is anything to be observed."""
        self.held += chunk.data
        self.oversized += chunk.oversized
        self.lost += chunk.lost
        self.losses += chunk.losses
        return bool(self.held or self.oversized or self.lost or self.losses)

    def clear(self, cells: int | None = None) -> None:
        """Let go of what was held: it is observed, and came to so many cells."""
        if cells is not None:
            self.portion.learn(len(self.held), cells)
        self.held, self.oversized, self.lost, self.losses = b"", 0, 0, ()

    def head(self) -> bytes:
        """Return the beginning of the file, or of what has come so far."""
        reader = self.reader
        if isinstance(reader, FarReader):
            return reader.head
        if isinstance(reader, PipeReader) or not hasattr(reader, "path"):
            return self.held
        try:
            return first_lines(Path(reader.path)) or self.held
        except SourceError:  # it has just gone
            return self.held

    def patient(self) -> bool:
        """Whether lines that fit no format are held, in case that better ones come.

        A file that was there from the start shows by its first lines what it is.
        """
        if isinstance(self.reader, FarReader):
            return self.reader.patient
        reader = self.reader
        begun = self.looks > 1 or isinstance(reader, PipeReader) or bool(self.intake)
        few = len(self.held) < _BYTES and self.held.count(b"\n") < _LINES
        return begun and few and not self.ended

    def note(self, state: StreamState, at: float) -> None:
        """Note the newest event time after lines were read."""
        newest = state.clock.newest
        if newest is None:
            newest = time_held(state)
        if newest != self.newest:
            self.newest, self.newest_at = newest, at

    @property
    def looked(self) -> float | None:
        """When it was last seen to be caught up; None when it is not."""
        if not self.caught_up or self.held:
            return None
        return self.looked_at if self.far is None else self.far.looked

    def expects(self, now: int, at: float) -> int | None:
        """Return the time (µs) before which nothing more is expected: a tick.

        The newest event time and the time since it was read, but never the future.
        None before the first event.
        """
        if self.newest is None:
            return None
        passed = max(0.0, at - self.newest_at)
        return min(self.newest + int(passed * SECOND), now)

    def finish(self) -> tuple[Chunk, int]:
        """End the stream: return its last line, and the bytes that are left unread."""
        reader = self.reader
        if isinstance(reader, PipeReader):
            return reader.finish(emit=True), 0
        live = self.live
        left = 0 if live is None else live.pending
        return Chunk(b"", 0, 0, ended=True), left
