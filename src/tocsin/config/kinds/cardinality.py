"""cardinality: how many different values a field has."""

from __future__ import annotations

from typing import ClassVar

from tocsin.config.kind import Ground, Made, MeasuredPart
from tocsin.config.types import Name


class CardinalityPart(MeasuredPart):
    """Rings on the number of different values of a field."""

    sentences: ClassVar[tuple[str, str]] = (
        "{{ alarm }} rings - {{ value }} different values, triggered at {{ time }}",
        "{{ alarm }} recovered - {{ value }} different values, recovered at {{ time }}",
    )

    field: Name

    def made(self, ground: Ground) -> Made:  # noqa: ARG002
        """Measure one metric of distinct values."""
        name = f"{self.name}: {self.field}"
        metric = self.measured(name, type="DISTINCT", field=self.field)
        return Made(alarm=self.row(name), metrics=(metric,))


KIND = CardinalityPart
