"""Where lines come from, and the position to resume from.

Comes in: paths, patterns and file descriptors. Goes out: `Chunk`s of whole lines with
exact positions, and words about what cannot be read. Refuses: what lines mean, and
time: no reader sleeps, waits, or reads a clock; the runner decides when to look again.
"""

from tocsin.sources.archives import (
    PAST_ALL,
    ArchiveReader,
    PastReader,
    first_lines,
    past_reader,
    reaches,
)
from tocsin.sources.crowd import Crowd
from tocsin.sources.disk import Disk
from tocsin.sources.families import (
    Family,
    FamilyReader,
    expand,
    families,
    is_newer,
    once,
    past_families,
    stream_of,
)
from tocsin.sources.files import FileReader, cut, offset_of_line_at, size
from tocsin.sources.follow import FollowReader
from tocsin.sources.inbox import Inbox
from tocsin.sources.pipes import PipeReader, is_pipe, stdin_kind
from tocsin.sources.position import Bookmark, FilePosition
from tocsin.sources.promises import PROMISES, Intake, Promise
from tocsin.sources.starts import first_positions
from tocsin.sources.unpack import kind_of

__all__ = [
    "PAST_ALL",
    "PROMISES",
    "ArchiveReader",
    "Bookmark",
    "Crowd",
    "Disk",
    "Family",
    "FamilyReader",
    "FilePosition",
    "FileReader",
    "FollowReader",
    "Inbox",
    "Intake",
    "PastReader",
    "PipeReader",
    "Promise",
    "cut",
    "expand",
    "families",
    "first_lines",
    "first_positions",
    "is_newer",
    "is_pipe",
    "kind_of",
    "offset_of_line_at",
    "once",
    "past_families",
    "past_reader",
    "reaches",
    "size",
    "stdin_kind",
    "stream_of",
]
