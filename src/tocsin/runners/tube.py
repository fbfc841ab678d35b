"""Letters through a pipe between two processes, without ever waiting for the other."""

from __future__ import annotations

import os
import select
from collections import deque
from typing import Final

_WORD: Final = 4
_MOST: Final = 1 << 18


class GoneError(Exception):
    """The other end of a pipe is closed."""


class Tube:
    """One end of a two-way pipe. Each letter goes behind its length.

    What does not fit into the pipe yet is kept, and sent at the next `flush`.
    """

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self._came = bytearray()
        self._going: deque[memoryview] = deque()
        os.set_blocking(fd, False)

    def send(self, letter: bytes) -> None:
        """Send a letter, or as much of it as there is room for.

        Raises:
            GoneError: Nobody will read it.
        """
        self._going.append(memoryview(len(letter).to_bytes(_WORD, "little") + letter))
        self.flush()

    def flush(self) -> bool:
        """Send on what is kept; whether all of it is sent.

        Raises:
            GoneError: Nobody will read it.
        """
        while self._going:
            part = self._going.popleft()
            try:
                sent = os.write(self.fd, part)
            except BlockingIOError:
                sent = 0
            except OSError as error:
                raise GoneError from error
            if sent < len(part):
                self._going.appendleft(part[sent:])
            if sent == 0:
                return False
        return True

    def post(self, letter: bytes) -> None:
        """Send a letter, and wait until there is room for it.

        Raises:
            GoneError: Nobody will read it.
        """
        self.send(letter)
        while not self.flush():
            self.wait(None, writing=True)

    def wait(self, seconds: float | None, *, writing: bool = False) -> None:
        """Wait until something comes, or (for writing) until there is room."""
        poll = select.poll()
        poll.register(self.fd, select.POLLOUT if writing else select.POLLIN)
        poll.poll(None if seconds is None else seconds * 1000)

    def receive(self) -> tuple[list[bytes], bool]:
        """Return the letters that have come, and whether the other end is gone.

        A letter that its writer died over is no letter.
        """
        gone = False
        try:
            while part := os.read(self.fd, _MOST):
                self._came += part
                if len(part) < _MOST:
                    break
            gone = not part
        except BlockingIOError:
            pass
        except OSError:
            gone = True
        return self._letters(), gone

    def _letters(self) -> list[bytes]:
        found, at = [], 0
        while len(self._came) - at >= _WORD:
            start = at + _WORD
            end = start + int.from_bytes(self._came[at:start], "little")
            if len(self._came) < end:
                break
            found.append(bytes(self._came[start:end]))
            at = end
        del self._came[:at]
        return found
