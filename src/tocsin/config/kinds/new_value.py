"""new_value: a value that has not been seen before, or not for long."""

from __future__ import annotations

from typing import ClassVar

from tocsin.config.kind import Ground, Made, MeasuredPart, formula, quoted
from tocsin.config.part import Texts
from tocsin.config.types import Delay, Seconds
from tocsin.config.values import SECOND

_DAY = 86_400 * SECOND


class NewValuePart(MeasuredPart):
    """Rings for each value, or combination of values, that is new.

    New is what was not seen in the `memory` before. Nothing is new in the beginning,
    while it is `learning`.
    """

    optional = MeasuredPart.optional | {"memory", "learning"}
    refused: ClassVar[frozenset[str]] = frozenset(
        {"metric", "group_by", "threshold", "levels", "operator"}
    )
    sentences: ClassVar[tuple[str, str]] = (
        "{{ alarm }} rings - seen for the first time, triggered at {{ time }}",
        "{{ alarm }} is over - it was new, at {{ time }}",
    )

    field: Texts
    period: Seconds = 60 * SECOND
    memory: Seconds = 30 * _DAY
    learning: Delay = _DAY

    @property
    def step(self) -> int:
        """How often it is judged: at once, for it is a single event."""
        return self.every or SECOND

    def made(self, ground: Ground) -> Made:
        """Count the events of new keys, once there has been time to learn."""
        count, old, new = (
            f"{self.name}: {what}" for what in ("new keys", "learned", "new")
        )
        keys = {"group_by": self.field, "unseen_for": self.memory, "grouped": "field"}
        metric = self.measured(count, **keys)
        row = self.row(new, threshold=0.0)
        if not self.learning:
            bare = metric.model_copy(update={"name": new})
            return Made(alarm=row, metrics=(bare,))
        if self.learning % self.step:
            problems, way = ground.problems, (*ground.path, "learning")
            problems.expected(way, "a whole number of steps", self.learning // SECOND)
        # A metric of the past begins when it has one: that is when enough is learned.
        # Of no event it says 0, and costs nothing.
        learned = self.measured(old, offset=self.learning, group_by=()).model_copy(
            update={"where": "1 = 0", "conditions": (), "filters": None}
        )
        text = f"{quoted(count)} + {quoted(old)}"
        return Made(
            alarm=row,
            metrics=(metric, learned),
            calculated=(formula(new, text),),
            hidden=frozenset({count, old}),
        )


KIND = NewValuePart
