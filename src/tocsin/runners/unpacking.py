"""Archives in pieces for a replay: expanded here, in order, and observed anywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from tocsin.runners.opening import leading, patience
from tocsin.sources import ArchiveReader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tocsin.model.protocols import Codec
    from tocsin.runners.pieces import Piece

_STEP = 1 << 20
_MOST_HELD = 16 << 20
"""Bytes that are held for an event that goes on and on."""


def unpacked(
    whole: Piece, codec: Codec, most: int, tell: Callable[[str], None]
) -> Iterator[Piece]:
    """Yield an archive in pieces of about `most` bytes: lines of whole events.

    `whole` is the archive from the offset `start` (of its expanded bytes) on; `tell` is
    told what is wrong with it.

    Raises:
        SourceError: It cannot be read.
    """
    held: Piece | None = None
    for piece in _cut(whole, most, tell):
        data = piece.data or b""
        # Lines that continue the last event belong to the piece where it begins.
        more = leading(codec, data) if _joins(codec, whole, held) else 0
        if held is None:
            held = replace(piece, data=data[more:])
        elif data and more == len(data) and len(held.data or b"") < _MOST_HELD:
            held = _with(held, piece, more)
        else:
            yield _with(held, replace(piece, oversized=0, losses=()), more, held.end)
            held = replace(piece, data=data[more:])
    if held is not None:
        yield held


def _joins(codec: Codec, whole: Piece, held: Piece | None) -> bool:
    return patience(codec) is not None and (held is not None or whole.start > 0)


def _with(held: Piece, piece: Piece, more: int, end: int | None = None) -> Piece:
    """Return a piece with the first `more` bytes of the next one."""
    return replace(
        held,
        data=(held.data or b"") + (piece.data or b"")[:more],
        end=piece.end if end is None else end,
        oversized=held.oversized + piece.oversized,
        losses=held.losses + piece.losses,
    )


def _cut(whole: Piece, most: int, tell: Callable[[str], None]) -> Iterator[Piece]:
    """Yield the lines of an archive; ranges are those of the compressed file."""
    reader = ArchiveReader(whole.path, start=whole.start)
    try:
        ended, passed = False, 0
        while not ended:
            piece = replace(whole, start=passed, end=passed, data=b"")
            blocks: list[bytes] = []
            while not ended and sum(map(len, blocks)) < most:
                chunk = reader.read(_STEP)
                ended = chunk.ended
                blocks.append(chunk.data)
                piece = replace(
                    piece,
                    oversized=piece.oversized + chunk.oversized,
                    losses=piece.losses + chunk.losses,
                )
                for note in chunk.notes:
                    tell(note)
            passed = whole.end if ended else reader.passed
            yield replace(piece, end=passed, data=b"".join(blocks))
    finally:
        reader.close()
