"""match: an event that should not be, or a value that is (or is not) on a list."""

from __future__ import annotations

from typing import Any, ClassVar

from tocsin.config.kind import Ground, Listed, Made, MeasuredPart
from tocsin.config.lists import List, read_list
from tocsin.config.types import Flag, Name, Seconds
from tocsin.config.values import SECOND


class MatchPart(MeasuredPart):
    """Rings at the first event that matches, until none has come for a `quiet` time."""

    optional = MeasuredPart.optional | {"quiet", "ignore_missing"}
    refused: ClassVar[frozenset[str]] = frozenset({"metric", "period"})
    sentences: ClassVar[tuple[str, str]] = (
        "{{ alarm }} rings - {{ value }} in {{ period }}, triggered at {{ time }}",
        "{{ alarm }} is over - none for {{ period }}, at {{ time }}",
    )

    field: Name | None = None
    block: List = None
    allow: List = None
    ignore_missing: Flag = True
    quiet: Seconds = 60 * SECOND

    def made(self, ground: Ground) -> Made:
        """Count the events that match in the time that must be quiet."""
        name = f"{self.name}: events"
        own: dict[str, Any] = {"period": self.quiet, "every": self.every or SECOND}
        metric = self.measured(name, listed=self._listed(ground), **own)
        plain = self.levels is None and "threshold" not in self.model_fields_set
        given = {"threshold": 1.0, "operator": ">="} if plain else {}
        return Made(alarm=self.row(name, **given), metrics=(metric,))

    def _listed(self, ground: Ground) -> Listed | None:
        given = {"block": self.block, "allow": self.allow}
        lists = {key: written for key, written in given.items() if written is not None}
        self._check(ground, lists)
        if len(lists) != 1 or self.field is None:
            return None
        ((key, written),) = lists.items()
        values = read_list(written, (*ground.path, key), ground.problems, ground.base)
        others = key == "allow"
        missing = others and not self.ignore_missing
        return Listed(key, self.field, values, others=others, missing=missing)

    def _check(self, ground: Ground, lists: dict[str, Any]) -> None:
        problems, path = ground.problems, ground.path
        if len(lists) > 1:
            hint = "make one alarm for each list"
            problems.add((*path, "allow"), "cannot stand beside 'block'", hint)
        if lists and self.field is None:
            hint = "add field: with the field whose values are listed"
            problems.add(path, "'field' is missing", hint)
        if self.field is not None and not lists:
            hint = "add block: [...] or allow: [...]; or write where: alone"
            problems.add((*path, "field"), "means nothing without a list", hint)
        if not lists and self.where is None and self.filters is None:
            hint = "add where:, filters:, or field: with block: or allow:"
            problems.add(path, "it does not say which events it is about", hint)


KIND = MatchPart
