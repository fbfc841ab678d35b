"""What every face offers a runner, and how a face is chosen."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Protocol, TextIO

from tocsin.model.errors import UsageError
from tocsin.views.status import AlarmStatus, LiveStatus, StreamStatus

if TYPE_CHECKING:
    from collections.abc import Callable

    from tocsin.model.records import Record

__all__ = ["AlarmStatus", "LiveStatus", "StreamStatus", "View", "choose"]


class View(Protocol):
    """One face of a run: it is told everything, in order, and shows what it can.

    All four may raise `BrokenPipeError` when the reader has gone.
    """

    def show(self, record: Record) -> None:
        """Take the next record."""
        ...

    def progress(self, done: int, total: int, lines: int) -> None:
        """Say how many bytes of how many are read; `total` 0 means unknown.

        Shown on standard error, if that is a terminal, once a second has passed.
        """
        ...

    def refresh(self, status: LiveStatus) -> None:
        """Say how the run stands; called a few times a second while following."""
        ...

    def close(self) -> None:
        """Leave the screen in order, with the last word on it. Idempotent."""
        ...


def choose(
    output: str,
    stdout: TextIO,
    stderr: TextIO,
    clock: Callable[[], float] | None = None,
) -> View:
    """Return the face for `output`: auto, terminal, plain or jsonl.

    `auto` is the terminal face on a terminal that can be drawn on, else plain text.
    `clock` (seconds, monotonic) paces the progress bar.

    Raises:
        UsageError: There is no such face.
    """
    # Each face is loaded only when it is chosen: rich is not for a pipe to wait for.
    if output == "auto":
        output = "terminal" if can_draw(stdout) else "plain"
    if output == "jsonl":
        from tocsin.views.jsonl import JsonlView  # noqa: PLC0415

        return JsonlView(stdout, stderr, clock)
    if output == "plain":
        from tocsin.views.plain import PlainView  # noqa: PLC0415

        return PlainView(stdout, stderr, clock)
    if output == "terminal":
        from tocsin.views.terminal import TerminalView  # noqa: PLC0415

        return TerminalView(stdout, stderr, clock)
    message = f"output: expected auto, terminal, plain or jsonl, got {output!r}"
    raise UsageError(message)


def can_draw(stream: TextIO) -> bool:
    """Say whether `stream` is a terminal on which the cursor can be moved."""
    return stream.isatty() and os.environ.get("TERM", "") != "dumb"
