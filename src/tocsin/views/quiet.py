"""A face that keeps quiet about the run itself: `--quiet`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tocsin.model.records import Notice

if TYPE_CHECKING:
    from collections.abc import Callable

    from tocsin.model.records import Record
    from tocsin.model.status import LiveStatus
    from tocsin.model.view import View


class Quiet:
    """Shows what another face does, but no progress, and notices only of errors."""

    def __init__(self, view: View) -> None:
        self._view = view

    def show(self, record: Record) -> None:
        """Take the next record."""
        if not isinstance(record, Notice) or record.severity == "error":
            self._view.show(record)

    def progress(self, done: int, total: int, lines: int) -> None:
        """Show nothing."""

    def refresh(self, look: Callable[[], LiveStatus]) -> None:
        """Say how the run stands."""
        self._view.refresh(look)

    def close(self) -> None:
        """Leave the screen in order. Idempotent."""
        self._view.close()
