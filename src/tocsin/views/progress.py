"""A progress bar on standard error, for work that takes longer than a second."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.progress import Progress, TaskID

_PATIENCE = 1.0
"""Seconds of work before a bar is worth showing."""

_PACE = 0.1
"""Seconds between two drawings of the bar."""


class ProgressBar:
    """Bytes, lines a second and the time left; nothing where it cannot be drawn.

    `clock` gives seconds, monotonic; without one, the bar is shown at once and timed
    by the terminal library. `shared` says that other text is written to the same
    terminal: `pause` then takes the bar away until the next update.
    """

    def __init__(
        self,
        stderr: TextIO,
        clock: Callable[[], float] | None = None,
        *,
        shared: bool = False,
    ) -> None:
        self._stderr = stderr
        self._clock = clock
        self._shared = shared
        self._on = stderr.isatty() and os.environ.get("TERM", "") != "dumb"
        self._began: float | None = None
        self._drawn = 0.0
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    def update(self, done: int, total: int, lines: int) -> None:
        """Move on to `done` of `total` bytes (0: unknown) and `lines` lines."""
        if not self._on or not self._due():
            return
        if self._bar is None:
            self._bar = _bar(self._stderr, self._clock)
            self._task = self._bar.add_task("", total=None, speed="")
        self._draw(self._bar, done, total, lines)

    def pause(self) -> None:
        """Take the bar away, so that other text can be written."""
        if self._bar is not None and self._shared:
            self._bar.stop()

    def close(self) -> None:
        """Take the bar away for good. Idempotent."""
        if self._bar is not None:
            self._bar.stop()
        self._bar, self._on = None, False

    def _due(self) -> bool:
        if self._clock is None:
            return True
        now = self._clock()
        if self._began is None:
            self._began = now
        if now - self._began < _PATIENCE or now - self._drawn < _PACE:
            return False
        self._drawn = now
        return True

    def _draw(self, bar: Progress, done: int, total: int, lines: int) -> None:
        assert self._task is not None  # made together with the bar
        now = bar.get_time()
        began = now if self._began is None else self._began
        self._began = began
        speed = f"{lines / (now - began):,.0f} lines/s" if now > began else ""
        bar.update(self._task, completed=done, total=total or None, speed=speed)
        bar.start()
        bar.refresh()


def _bar(stderr: TextIO, clock: Callable[[], float] | None) -> Progress:
    from rich import progress  # noqa: PLC0415  # loaded only where it is drawn
    from rich.console import Console  # noqa: PLC0415

    console = Console(file=stderr)
    return progress.Progress(
        progress.BarColumn(),
        progress.TaskProgressColumn(),
        progress.DownloadColumn(),
        progress.TextColumn("{task.fields[speed]}", markup=False),
        progress.TimeRemainingColumn(),
        console=console,
        auto_refresh=False,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
        get_time=clock or console.get_time,
    )
