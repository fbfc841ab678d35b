"""What every face of a run offers those who turn the crank."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from tocsin.model.records import Record
    from tocsin.model.status import LiveStatus


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

    def refresh(self, look: Callable[[], LiveStatus]) -> None:
        """Say how the run stands; called a few times a second while following.

        A view that shows nothing of it does not look: that is work.
        """
        ...

    def close(self) -> None:
        """Leave the screen in order, with the last word on it. Idempotent."""
        ...
