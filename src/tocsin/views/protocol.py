"""How a face is chosen for a run."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TextIO

from tocsin.model.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tocsin.model.view import View


def choose(
    output: str,
    stdout: TextIO,
    stderr: TextIO,
    clock: Callable[[], float] | None = None,
    *,
    periods: bool = True,
) -> View:
    """Return the face for `output`: auto, terminal, plain or jsonl.

    `auto` is the terminal face on a terminal that can be drawn on, else plain text.
    `clock` (seconds, monotonic) paces the progress bar. `periods`: whether there
    will be statistics of periods, for which a live screen keeps room.

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

        return TerminalView(stdout, stderr, clock, periods=periods)
    message = f"output: expected auto, terminal, plain or jsonl, got {output!r}"
    raise UsageError(message)


def can_draw(stream: TextIO) -> bool:
    """Say whether `stream` is a terminal on which the cursor can be moved."""
    return stream.isatty() and os.environ.get("TERM", "") != "dumb"
