"""absence: nothing came for a while: no line at all, or none of a key."""

from __future__ import annotations

from typing import ClassVar

from tocsin.config.kind import Ground, Made, MeasuredPart
from tocsin.config.metric_models import Expected


class AbsencePart(MeasuredPart):
    """Rings while fewer lines than the threshold, or none, came for a whole period.

    Of keys those that have been seen are missed, and those that are expected.
    """

    refused: ClassVar[frozenset[str]] = frozenset({"metric", "operator"})
    sentences: ClassVar[tuple[str, str]] = (
        "{{ alarm }} rings - {{ value }} in {{ period }}, triggered at {{ time }}",
        "{{ alarm }} recovered - {{ value }} in {{ period }}, recovered at {{ time }}",
    )

    expected: Expected = None

    def made(self, ground: Ground) -> Made:  # noqa: ARG002
        """Count lines; ring below."""
        name = f"{self.name}: lines"
        metric = self.measured(name, expected=self.expected)
        threshold = {} if self.levels is not None else {"threshold": 1.0}
        return Made(alarm=self.row(name, operator="<", **threshold), metrics=(metric,))


KIND = AbsencePart
