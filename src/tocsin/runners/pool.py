"""The pool: the few lines that many logs give in one turn, parsed together.

What a parser costs before its first line is a hundred times what a line costs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from tocsin.model.batch import EventBatch, Tally
from tocsin.runners.opening import parse, with_oversized

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import polars as pl

    from tocsin.model.protocols import Codec
    from tocsin.pipeline.observation import SourceObserver
    from tocsin.runners.stream import Stream

_FEW: Final = 16 << 10
"""Bytes of a log that are parsed with those of others."""
_MOST: Final = 32 << 10
"""Bytes that are parsed together: of more, the parts would cost more memory than time."""
_KNOWN: Final = 16
"""Codecs that one of a further log is compared with."""


class Pool:
    """Streams whose lines are held until those of others have come."""

    def __init__(self) -> None:
        self._streams: list[Stream] = []
        self._known: list[Codec] = []

    def take(self, stream: Stream) -> bool:
        """Take a stream in, if few lines have come of it; whether it was taken."""
        odd = stream.live is None or stream.ended or stream.oversized
        if odd or len(stream.held) > _FEW:
            return False
        stream.codec = self._shared(stream.codec)
        self._streams.append(stream)
        return True

    def parsed(
        self, observers: Mapping[str, SourceObserver]
    ) -> Iterator[tuple[Stream, EventBatch]]:
        """Yield the streams with their events, and let go of them."""
        streams, self._streams = self._streams, []
        alike: dict[tuple[str, int], list[Stream]] = {}
        for stream in streams:
            alike.setdefault((stream.source, id(stream.codec)), []).append(stream)
        for (source, _), group in alike.items():
            for some in _shares(group):
                yield from zip(some, _batches(some, observers[source]), strict=True)

    def _shared(self, codec: Codec | None) -> Codec | None:
        """Return a codec that is as good as this one: one for many logs, if it can be."""
        for known in self._known:
            if known is codec or _same(known, codec):
                return known
        if codec is not None:
            self._known = [*self._known, codec][-_KNOWN:]
        return codec


def events_of(stream: Stream, observer: SourceObserver) -> EventBatch:
    """Return the events of the lines that a stream of a known format holds."""
    assert stream.codec is not None
    batch = parse(stream.codec, stream.held, observer.asks(stream.codec))
    return with_oversized(batch, stream.oversized)


def _same(a: Codec, b: Codec | None) -> bool:
    try:
        return type(a) is type(b) and bool(a == b)
    except (TypeError, ValueError):  # such as of expressions, which are not compared
        return False


def _shares(streams: Sequence[Stream]) -> Iterator[Sequence[Stream]]:
    """Share streams out, so that those of a share are not too much at once."""
    start = size = 0
    for at, stream in enumerate(streams):
        size += len(stream.held)
        if size > _MOST:
            yield streams[start:at]
            start, size = at, len(stream.held)
    yield streams[start:]


def _batches(streams: Sequence[Stream], observer: SourceObserver) -> list[EventBatch]:
    """Return the events of streams of one codec.

    Together, if each line of them is an event: else it is not known whose is whose.
    """
    codec = streams[0].codec
    if len(streams) > 1 and codec is not None and not codec.message.open:
        lines = b"".join(stream.held for stream in streams)
        whole = parse(codec, lines, observer.asks(codec))
        counts = [stream.held.count(b"\n") for stream in streams]
        if whole.tally == Tally(sum(counts), sum(counts)) and not whole.misfits:
            return _apart(whole, counts)
    return [events_of(stream, observer) for stream in streams]


def _apart(whole: EventBatch, counts: Sequence[int]) -> list[EventBatch]:
    """Return the events of each of some streams that have so many each."""
    batches, start = [], 0
    for count in counts:
        rows = whole.frame.slice(start, count)
        tally = Tally(lines=count, events=count)
        lines = _from(whole, start)
        batches.append(replace(whole, frame=rows, tally=tally, lines=lines, coded={}))
        start += count
    return batches


def _from(whole: EventBatch, start: int) -> Callable[[pl.Series], pl.Series] | None:
    """Return what gives the raw lines of rows that are numbered from `start` on."""
    lines = whole.lines
    return None if lines is None else lambda rows: lines(rows + start)
