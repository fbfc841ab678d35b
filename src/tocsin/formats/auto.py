"""Which format a stream is in, decided by how many of its first lines parse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from tocsin.formats import BUILT_IN, get_with
from tocsin.formats.options import FormatOptions
from tocsin.model.message import Field, FieldType, MessageType

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tocsin.model.batch import EventBatch, Rejected
    from tocsin.model.protocols import Codec

LINES = 500
BYTES = 256 << 10
_SHOWN = 3
_FEW = 20
_INCLUDED = {"combined": {"common"}, "docker": {"json"}, "journald": {"json"}}
"""Formats that take all that a more specific one takes: that needs no saying."""
_ALONE = {"docker", "journald", "json", "combined", "common"}
"""No other format takes lines of these: who fits them throughout is found."""


class Candidate(Struct, frozen=True):
    """How a format did: lines that are events, of lines that are not skipped.

    `first` is the first line it refused, if any.
    """

    format: str
    matched: int
    total: int
    first: Rejected | None = None

    @property
    def line(self) -> str:
        """The first line it refused; empty if none."""
        return self.first.text if self.first else ""

    @property
    def reason(self) -> str:
        """Why it refused that line; empty if none."""
        return self.first.reason if self.first else ""


class Detection(Struct, frozen=True):
    """What was decided; `format` is empty, and `codec` refuses all, when nothing fits.

    `considered` holds every format tried, the best first: all, unless one that others
    cannot be taken for fits throughout.
    """

    format: str
    matched: int
    total: int
    codec: Codec
    considered: tuple[Candidate, ...]

    def __str__(self) -> str:
        """Say it to people: `combined, 500 of the first 500 lines matched`."""
        if self.format:
            first = f"the first {self.total} lines"
            return f"{self.format}, {self.matched} of {first} matched{self._ties()}"
        if not self.total:
            return "there is no line yet to tell the format by"
        tried = ", ".join(c.format for c in self.considered)
        best = [c for c in self.considered if c.first][:_SHOWN]
        reasons = "".join(f"\n  {c.format}: {c.reason}" for c in best)
        line = f": {best[0].line!r}" if best else ""
        return f"no line matched any of {tried}; the first line{line}{reasons}"

    def _ties(self) -> str:
        """Name the formats that fit as well, and are less specific."""
        others = [c.format for c in self.considered if c.format != self.format]
        equal = {c.format for c in self.considered if c.matched == self.matched > 0}
        equal -= _INCLUDED.get(self.format, set())
        names = [name for name in others if name in equal]
        told = " and ".join(names)
        say = "says" if len(names) == 1 else "say"
        return f" (as well as {told}, which {say} less)" if names else ""


def detect(head: bytes, options: FormatOptions | None = None) -> Detection:
    """Return the format of a stream that begins with `head`.

    At most the first 500 lines and 256 KiB are tried. The format with most events
    wins; among equals the one that stands first in `BUILT_IN`, the most specific.
    Lines that are joined to others count neither way.
    """
    options = options or FormatOptions()
    head = _whole(head)
    tried = _all_tried(head, options)
    tried.sort(key=lambda pair: -_merit(pair[0]))
    considered = tuple(candidate for candidate, _ in tried)
    best, codec = tried[0]
    if not _merit(best) or not head.strip():
        return Detection("", 0, best.total, Unknown(), considered)
    return Detection(best.format, best.matched, best.total, codec, considered)


def _all_tried(head: bytes, options: FormatOptions) -> list[tuple[Candidate, Codec]]:
    """Try every format, until one that stands alone fits throughout.

    Those that fit none of the few first lines are tried on these alone, unless none fits
    throughout: then each is tried on all of them.
    """
    few = _whole(head, _FEW)
    first: list[tuple[Candidate, Codec]] = []
    for name in (name for name in BUILT_IN if name != "auto"):
        one = _tried(name, few, options)
        if name in _ALONE and _fits(one[0]):
            whole = one if few == head else _tried(name, head, options)
            if _fits(whole[0]):
                return [*first, whole]
        first.append(one)
    if few == head:
        return first
    tried = [
        _tried(one.format, head, options) if one.matched else (one, codec)
        for one, codec in first
    ]
    if any(one.matched == one.total > _FEW // 2 for one, _ in tried if one.matched):
        return tried
    return [
        pair if pair[0].matched else _tried(pair[0].format, head, options)
        for pair in tried
    ]


def _fits(candidate: Candidate) -> bool:
    return candidate.matched == candidate.total > 0


def _whole(head: bytes, most: int = LINES) -> bytes:
    """Return the first whole lines of a head, or all of it when not one line ends."""
    head = head[: BYTES + 1] if len(head) > BYTES else head
    end = head.rfind(b"\n") + 1 or len(head)
    found = b"\n".join(head[:end].split(b"\n")[:most])
    return found if found.endswith(b"\n") else found + b"\n"


def _tried(name: str, head: bytes, options: FormatOptions) -> tuple[Candidate, Codec]:
    codec = get_with(name, options).open(head)
    batch = codec.parse(head, {})
    tally = batch.tally
    first = batch.rejected[0] if batch.rejected else None
    total = tally.lines - tally.skipped - tally.joined
    return Candidate(name, tally.events, total, first), codec


def _merit(candidate: Candidate) -> int:
    """Events count most; a CSV header alone is better than nothing."""
    header_alone = (
        candidate.format == "csv" and not candidate.total and not candidate.line
    )
    return 2 * candidate.matched + header_alone


_TIME_ALONE = MessageType("unknown", (Field("time", FieldType.TIME),))


class Unknown(Struct, frozen=True):
    """The codec of a stream whose format was not recognised: it refuses every line."""

    format: str = "unknown"
    message: MessageType = _TIME_ALONE

    def parse(self, block: bytes, fields: Mapping[str, FieldType | None]) -> EventBatch:
        """Return no events; blank lines are skipped, all others refused."""
        from tocsin.formats import parts, typed  # noqa: PLC0415 (loads Polars)

        return parts.all_refused(
            block, typed.wanted(self.message, fields), self.explain
        )

    def explain(self, _line: str) -> str:
        """Return the one reason."""
        return "the format of this stream was not recognised"


SAMPLES: Mapping[bytes, Mapping[str, Any] | None] = {
    b'10.0.0.1 - - [07/Feb/2019:21:11:01 +0000] "GET /a/b HTTP/1.1" 200 5': {
        "section": "/a",
        "status": 200,
    },
    b'{"time":1549573861,"level":"info"}': {
        "time": "2019-02-07T21:11:01Z",
        "level": "info",
    },
    b"21h11 a line in a format of its own": None,
}


class Auto(Struct, frozen=True):
    """The format that parses most of a stream's first lines."""

    options: FormatOptions = field(default_factory=FormatOptions)
    name: str = "auto"
    about: str = "whichever of the others parses most of the first 500 lines"
    samples: Mapping[bytes, Mapping[str, Any] | None] = field(
        default_factory=lambda: SAMPLES
    )

    def message(self) -> MessageType:
        """Return the access-log fields, openly: the stream decides on the rest."""
        from tocsin.formats.paths import message_of  # noqa: PLC0415 (only when asked)

        known = message_of(self.options)
        return MessageType(self.name, known.fields, known.aliases, open=True)

    def open(self, head: bytes) -> Codec:
        """Return the codec of the format detected; `detect` also says why."""
        return detect(head, self.options).codec
