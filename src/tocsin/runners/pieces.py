"""Past files in pieces: read, parsed and observed, here or in worker processes.

A worker observes its piece without knowing what came before it. The engine accepts
such an observation when the lines before could not have changed it, which is nearly
always; where they could, the piece is observed again here, with the stream's clock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from tocsin.metrics.lateness import StreamClock
from tocsin.model.discovery import look_in
from tocsin.pipeline.compile import compile_plan
from tocsin.pipeline.observation import SourceObserver
from tocsin.runners.opening import (
    fixed,
    leading,
    open_codec,
    parse,
    patience,
    unknown,
    with_oversized,
)
from tocsin.runners.wishes import report_metrics
from tocsin.sources import FileReader
from tocsin.sources.lines import MAX_LINE_BYTES

if TYPE_CHECKING:
    from pathlib import Path

    from tocsin.config.values import Config
    from tocsin.model.protocols import Codec
    from tocsin.model.records import Loss
    from tocsin.pipeline.observation import Observation
    from tocsin.runners.wishes import Wishes

PIECE = 8 << 20
"""Bytes of one piece."""
_LARGEST = 3 * PIECE + MAX_LINE_BYTES
_ON = 1 << 16
"""Bytes that are read on at first, for lines that continue the last event."""


class Piece(Struct, frozen=True):
    """The lines of a file that begin in `[start, end)`, as a part of a stream.

    `head` is the beginning of the file (a CSV header is there); `format` the name
    of the stream's format. Rows later than `now` (µs) do not move time.

    Of an archive, `data` are the lines of whole events, read already, and the range is
    what they were in the compressed file.
    """

    stream: str
    source: str
    path: Path
    start: int
    end: int
    format: str
    head: bytes
    now: int | None
    data: bytes | None = None
    oversized: int = 0
    losses: tuple[Loss, ...] = ()


class Read(Struct, frozen=True):
    """What was observed in some lines of a stream: `done` bytes, `lost` others.

    `blind` is the piece when it was observed without the clock of its stream.
    """

    seen: Observation
    done: int
    lost: int = 0
    losses: tuple[Loss, ...] = ()
    blind: Piece | None = None


class Bench:
    """Observes pieces of a configuration's streams: one for each process."""

    def __init__(self, config: Config, wishes: Wishes) -> None:
        look_in(config.base)
        plan = compile_plan(config, report_metrics(config, wishes))
        self.config = config
        self.observers = {n: SourceObserver(s) for n, s in plan.sources.items()}

    def read(self, piece: Piece, clock: StreamClock | None = None) -> Read:
        """Observe a piece after `clock` (None: knowing nothing of what came before).

        Raises:
            SourceError: The file cannot be read.
        """
        data, oversized, lost = _read(piece)
        observer = self.observers[piece.source]
        codec = self._codec(piece)
        if patience(codec) is not None and piece.data is None:
            data = _events(codec, piece, data)
        batch = parse(codec, data, observer.asks(codec))
        batch = with_oversized(batch, oversized)
        seen = observer.observe(batch, clock or StreamClock(), now=piece.now)
        blind = piece if clock is None else None
        return Read(seen, piece.end - piece.start, lost, piece.losses, blind)

    def _codec(self, piece: Piece) -> Codec:
        source = fixed(self.config.source(piece.source), piece.format)
        codec, _ = open_codec(source, piece.stream, piece.head, piece.path)
        return codec or unknown()


def _events(codec: Codec, piece: Piece, data: bytes) -> bytes:
    """Return the lines of the events that begin in a piece, of the lines that do.

    Lines that continue the last one are read on for; those that continue one of the
    piece before are that one's.
    """
    if piece.start:
        data = data[leading(codec, data) :]
        if not data:
            return data
    parts, at, size = [data], piece.end, _ON
    while True:
        more, _, _ = _read(replace(piece, start=at, end=at + size))
        rest = leading(codec, more)
        parts.append(more[:rest])
        if rest < len(more) or not more:
            return b"".join(parts)
        at, size = at + size, size * 2


def _read(piece: Piece) -> tuple[bytes, int, int]:
    """Return the lines of a piece, how many were too long, and how many bytes lost."""
    if piece.data is not None:
        return piece.data, piece.oversized, sum(loss.bytes for loss in piece.losses)
    blocks, oversized, lost = [], 0, 0
    reader = FileReader(piece.path, start=piece.start, end=piece.end)
    try:
        ended = False
        while not ended:
            # All of it at once, with the end of its last line: nothing is to be joined.
            chunk = reader.read(max(PIECE, min(reader.left, _LARGEST)))
            blocks.append(chunk.data)
            oversized += chunk.oversized
            lost += chunk.lost
            ended = chunk.ended
    finally:
        reader.close()
    return blocks[0] if len(blocks) == 1 else b"".join(blocks), oversized, lost
