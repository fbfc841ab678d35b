"""The shape of a raw log consumer in a document."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from tocsin.config.part import Part
from tocsin.config.types import Name, Seconds


class ConsumerPart(Part):
    """A plugin that sees events and reports by period."""

    stand_ins: ClassVar[dict[str, Any]] = {"period": "1m"}

    name: Name
    type: Name | None = None
    class_: Name | None = Field(default=None, alias="class")
    period: Seconds
    source: Name | None = None
    options: dict[str, Any] = Field(default_factory=dict)
