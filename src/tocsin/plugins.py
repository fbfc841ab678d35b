"""Plugins that ship with Tocsin, and the pattern for your own: see docs/plugins.md."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars as pl


class SectionLoad:
    """Reports the section with most hits in each period (the first by name of equals)."""

    fields = ("section",)

    def observe(self, events: pl.DataFrame) -> Mapping[str, int]:
        """Count the events of each section."""
        counts = events.drop_nulls("section").group_by("section").len()
        return dict(counts.iter_rows())

    def merge(
        self, left: Mapping[str, int], right: Mapping[str, int]
    ) -> Mapping[str, int]:
        """Add up two counts."""
        return {k: left.get(k, 0) + right.get(k, 0) for k in {*left, *right}}

    def report(
        self,
        partial: Mapping[str, int],
        start: int,  # noqa: ARG002 - the period is shown with the report
        end: int,  # noqa: ARG002
    ) -> Mapping[str, str | int]:
        """Name the busiest section and its hits."""
        if not partial:
            return {"section": "none", "hits": 0}
        section = min(partial, key=lambda name: (-partial[name], name))
        return {"section": section, "hits": partial[section]}
