"""Messages out of a stream of bytes, as syslog has them (RFC 6587): one line each."""

from __future__ import annotations

import re
from typing import Final

from tocsin.model.errors import TocsinError

LONGEST: Final = 64 << 10
"""The longest message that is kept, in bytes."""
_END: Final = re.compile(rb"[\n\0]")
_DIGITS: Final = 9
_OPEN: Final = ord("<")
_SPACE: Final = ord(" ")
_ESCAPED: Final = b"#012"
"""What a newline inside a message becomes, as rsyslog has it: a line stays one."""
_TAGGED: Final = re.compile(
    rb"<[0-9]{1,3}>"
    rb"(?P<told>[1-9][0-9]? [0-9-]"
    rb"|[A-Z][a-z]{2} [ 0-9][0-9] [0-9]{2}:"
    rb"|[0-9]{4}-[0-9]{2}-[0-9]{2}T)?"
)


class FramingError(TocsinError):
    """The bytes are no frames; what follows cannot be found any more."""


class Frames:
    """Cuts a stream into messages: by counted octets, or by newlines (or zero bytes).

    `framing` is `octets`, `lines`, or `auto`: each message is counted if it begins
    with a number and `<`, else it is a line. However the stream is cut into blocks, the
    messages are the same. Holds at most one message of `longest` bytes, and a block.
    """

    def __init__(self, framing: str = "auto", longest: int = LONGEST) -> None:
        self.framing = framing
        self.longest = longest
        self._rest = bytearray()
        self._searched = 0
        self._skip = 0
        self._dropping = False

    def feed(self, block: bytes) -> tuple[bytes, int]:
        """Return the messages that are whole now, as lines, and how many were too long.

        Raises:
            FramingError: `octets` was said, and there is no count.
        """
        self._rest += block
        found: list[bytes] = []
        at = oversized = 0
        while True:
            size, skipped = self._step(at, found)
            oversized += skipped
            if not size:
                break
            at += size
        del self._rest[:at]
        return b"".join(found), oversized

    def finish(self) -> tuple[bytes, int]:
        """Return what is left of a stream that has ended: a message without its end."""
        rest, dropped = bytes(self._rest), self._dropping
        header = 0 if self._searched else _count(rest, 0, self.framing)[1]
        self._rest, self._searched, self._skip = bytearray(), 0, 0
        self._dropping = False
        return as_line(rest[header:]), int(dropped)

    def _step(self, at: int, found: list[bytes]) -> tuple[int, int]:
        """Take one message, or part of one that is passed over; 0 when none is there."""
        left = len(self._rest) - at
        if self._skip:
            size = min(self._skip, left)
            self._skip -= size
            return size, 0
        wait, header, count = not left, 0, 0
        if left and not (self._dropping or self._searched):
            wait, header, count = self._header(at)
        if wait:
            return 0, 0
        return (
            self._counted(at, found, header, count) if header else self._line(at, found)
        )

    def _counted(
        self, at: int, found: list[bytes], header: int, count: int
    ) -> tuple[int, int]:
        if count > self.longest:
            self._skip = count
            return header, 1
        if len(self._rest) - at < header + count:
            return 0, 0
        found.append(as_line(bytes(self._rest[at + header : at + header + count])))
        return header + count, 0

    def _header(self, at: int) -> tuple[bool, int, int]:
        """Return whether to wait, the length of a count, and the count."""
        if self.framing == "lines":
            return False, 0, 0
        wait, header = _count(self._rest, at, self.framing)
        if wait or not header:
            if not wait and self.framing == "octets":
                raise FramingError("a message does not begin with its length")
            return wait, 0, 0
        return False, header, int(self._rest[at : at + header - 1])

    def _line(self, at: int, found: list[bytes]) -> tuple[int, int]:
        end = _END.search(self._rest, at + self._searched)
        if end is None:
            size = len(self._rest) - at
            if self._dropping or size > self.longest:
                self._dropping, self._searched = True, 0
                return size, 0
            self._searched = size
            return 0, 0
        size, dropped = end.end() - at, self._dropping
        self._searched, self._dropping = 0, False
        if dropped or size - 1 > self.longest:
            return size, 1
        found.append(as_line(bytes(self._rest[at : end.start()])))
        return size, 0


def _count(rest: bytes | bytearray, at: int, framing: str) -> tuple[bool, int]:
    """Return whether more bytes must come to tell, and how long the count is, if any.

    `auto` takes a number for a count only where a priority follows, as it always does.
    """
    if framing == "lines":
        return False, 0
    digits = at
    while (
        digits < len(rest) and digits - at <= _DIGITS and rest[digits] in b"0123456789"
    ):
        digits += 1
    if digits == len(rest) and digits - at <= _DIGITS and rest[at : at + 1] != b"0":
        return True, 0
    fine = 0 < digits - at <= _DIGITS and rest[at] != ord("0")
    if not fine or rest[digits] != _SPACE:
        return False, 0
    if framing == "auto":
        if digits + 1 == len(rest):
            return True, 0
        if rest[digits + 1] != _OPEN:
            return False, 0
    return False, digits + 1 - at


def as_line(message: bytes) -> bytes:
    """Return a message as one line; nothing, if there is nothing in it."""
    body = message.rstrip(b"\r\n\0")
    return body.replace(b"\n", _ESCAPED) + b"\n" if body else b""


def dated(lines: bytes, stamp: bytes, host: bytes) -> bytes:
    """Return lines with a time in each that has a priority and no time after it.

    RFC 3164 (4.3.3) has whoever receives such a message put in time and host.
    """
    return b"\n".join(_dated(line, stamp, host) for line in lines.split(b"\n"))


def _dated(line: bytes, stamp: bytes, host: bytes) -> bytes:
    found = _TAGGED.match(line)
    if found is None or found["told"]:
        return line
    at = found.end()
    return b"%b%b %b %b" % (line[:at], stamp, host, line[at:])
