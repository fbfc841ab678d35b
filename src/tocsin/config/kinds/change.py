"""change: more, or less, than before: in the window before, yesterday, last week."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from tocsin.config.durations import as_text
from tocsin.config.kind import NUMBER, Ground, KindPart, Made, formula, quoted
from tocsin.config.metric_models import CalculatedPart, MetricPart
from tocsin.config.problems import did_you_mean
from tocsin.config.types import Checked, Name, Points, Seconds, one_of, seconds
from tocsin.config.values import SECOND

if TYPE_CHECKING:
    from collections.abc import Mapping

_DAY = 86_400 * SECOND
_NAMED = {"previous": 0, "yesterday": _DAY, "last_week": 7 * _DAY}
_SLICES = 10_000
"""Slices of the past that are kept of a key, where its windows allow it."""
_ENDLESS = 1_000_000.0
"""How much more than nothing something is: a number that is greater than any wanted."""
_MORE = "case when {{before}} = 0 and {{now}} > 0 then {most} else {how} end"
_UP = {
    "difference": "{now} - {before}",
    "ratio": _MORE.format(most=_ENDLESS, how="1.0 * {now} / nullif({before}, 0)"),
    "percent": _MORE.format(
        most=_ENDLESS, how="100.0 * ({now} - {before}) / nullif({before}, 0)"
    ),
}


def _against(value: Any) -> int:  # noqa: ANN401
    if isinstance(value, str) and value in _NAMED:
        return _NAMED[value]
    return seconds(value)


_NAMES = {"anyOf": [{"enum": list(_NAMED)}, {"type": "string"}]}
Against = Annotated[int, Checked(_against, _NAMES)]
By = Annotated[str, Checked(one_of(tuple(_UP), "how to compare"), {"enum": list(_UP)})]
_WAYS = ("up", "down", "both")
Direction = Annotated[str, Checked(one_of(_WAYS, "a direction"), {"enum": list(_WAYS)})]


class ChangePart(KindPart):
    """Rings on how much a metric has changed since some time before."""

    optional = KindPart.optional | {
        "every", "against", "by", "direction", "min_now", "min_before",
    }  # fmt: skip
    refused: ClassVar[frozenset[str]] = frozenset()
    sentences: ClassVar[tuple[str, str]] = (
        f"{{{{ alarm }}}} rings - changed by {NUMBER}, triggered at {{{{ time }}}}",
        f"{{{{ alarm }}}} recovered - changed by {NUMBER}, recovered at {{{{ time }}}}",
    )

    metric: Name
    against: Against = 0
    by: By = "percent"
    direction: Direction = "up"
    every: Seconds | None = None
    min_now: Points | None = None
    min_before: Points | None = None

    def said(self) -> tuple[str, str]:
        """Return what is printed, with the unit of the change."""
        unit = {"percent": " %", "ratio": " times", "difference": ""}[self.by]
        rings, over = self.sentences
        return rings.replace(NUMBER, NUMBER + unit), over.replace(NUMBER, NUMBER + unit)

    def made(self, ground: Ground) -> Made:
        """Measure the metric once more, of the past, and compare."""
        if self.metric not in ground.metrics:
            hint = did_you_mean(self.metric, ground.metrics, what="metrics")
            way = (*ground.path, "metric")
            ground.problems.expected(way, "the name of a metric", self.metric, hint)
            return Made(None)
        past = _Past(self, ground)
        before = past.of(self.metric)
        if past.refused:
            return Made(None)
        known, change = ground.paths, f"{self.name}: change"
        given = {self.metric: self.min_now, before: self.min_before}
        own: dict[str, Any] = {
            "min_samples": {k: n for k, n in given.items() if n is not None}
        }
        if self.every is not None:
            own["every"] = self.every
        return Made(
            alarm=self.row(change),
            metrics=tuple(past.metrics.values()),
            calculated=(*past.calculated, formula(change, self._text(before), **own)),
            hidden=frozenset({*past.metrics, *(c.name for c in past.calculated)}),
            paths={p: ground.paths[n] for n, p in past.names.items() if n in known},
        )

    def _text(self, before: str) -> str:
        """Return the formula of the change; a fall is a positive number, too."""
        names = {"now": quoted(self.metric), "before": quoted(before)}
        other = {"now": names["before"], "before": names["now"]}
        up, shape = _UP[self.by].format(**names), _UP[self.by]
        if self.direction == "up":
            return up
        if self.by == "percent":
            down = f"100.0 * ({other['now']} - {other['before']})"
            down = f"{down} / nullif({names['before']}, 0)"
        else:
            down = shape.format(**other)
        return down if self.direction == "down" else f"greatest({up}, {down})"


class _Past:
    """A metric, and all that it is made of, of some time before."""

    def __init__(self, part: ChangePart, ground: Ground) -> None:
        self.part = part
        self.ground = ground
        self.metrics: dict[str, MetricPart] = {}
        self.calculated: list[CalculatedPart] = []
        self.names: dict[str, str] = {}
        self.refused = False
        self.offset = part.against or self._window(part.metric, frozenset())

    def _window(self, name: str, seen: frozenset[str]) -> int:
        """Return how long the windows are that a metric is made of, at most."""
        metric = self.ground.metrics.get(name)
        if metric is None or name in seen:  # it is told of where it is written
            return 0
        if metric.period is not None:
            return metric.period
        inputs = self._named(getattr(metric, "formula", None) or "")
        return max((self._window(n, seen | {name}) for n in inputs), default=0)

    def of(self, name: str) -> str:
        """Return the name of a metric's past, made if it is not there yet."""
        if name not in self.names:
            self.names[name] = past = f"{self.part.name}: {name} before"
            metric = self.ground.metrics.get(name)
            if isinstance(metric, MetricPart):
                self.metrics[past] = self._measured(metric, past)
            elif metric is not None:
                self.calculated.append(self._made(metric, past))
        return self.names[name]

    def _measured(self, metric: MetricPart, past: str) -> MetricPart:
        step = metric.every or metric.period
        if self.offset % step:
            message = (
                f"expected a whole number of steps of '{metric.name}' "
                f"({as_text(step)}), got {as_text(self.offset)}"
            )
            self.ground.problems.add((*self.ground.path, "against"), message)
            self.refused = True
        every = step if metric.name != self.part.metric else self._coarse(metric, step)
        offset = self.offset + (metric.offset or 0)
        return metric.model_copy(
            update={"name": past, "offset": offset, "every": every}
        )

    def _coarse(self, metric: MetricPart, step: int) -> int:
        """Return a step that does not need too many slices of the past."""
        if self.part.every is not None and not (
            self.part.every % step or metric.period % self.part.every
        ):
            return self.part.every
        steps = range(step, metric.period + 1, step)
        fits = [s for s in steps if not (metric.period % s or self.offset % s)]
        last = fits[-1] if fits else step
        return next((s for s in fits if self.offset // s <= _SLICES), last)

    def _made(self, metric: CalculatedPart, past: str) -> CalculatedPart:
        least = {self.of(name): n for name, n in metric.min_samples.items()}
        update: dict[str, Any] = {"name": past, "min_samples": least}
        if metric.formula is not None:
            names = self._inputs(metric.formula)
            update["formula"] = _renamed(metric.formula, names)
        if metric.input_metrics:
            update["input_metrics"] = tuple(map(self.of, metric.input_metrics))
        return metric.model_copy(update=update)

    def _inputs(self, text: str) -> dict[str, str]:
        """Return the names of the past of all metrics that a formula names."""
        return {name: self.of(name) for name in self._named(text)}

    def _named(self, text: str) -> list[str]:
        """Return the metrics that a formula names."""
        from tocsin.config.expressions import expression  # noqa: PLC0415
        from tocsin.model.errors import ConfigError  # noqa: PLC0415
        from tocsin.model.message import FieldType  # noqa: PLC0415

        try:
            found = expression(text, want=FieldType.FLOAT).columns()
        except ConfigError:  # it is told of where it is written
            found = frozenset()
        return sorted(found & set(self.ground.metrics))


def _renamed(text: str, names: Mapping[str, str]) -> str:
    """Return a formula over other metrics."""
    import sqlglot  # noqa: PLC0415
    from sqlglot import exp  # noqa: PLC0415

    tree = sqlglot.parse_one(text)
    for column in tree.find_all(exp.Column):
        if column.name in names:
            column.set("this", exp.to_identifier(names[column.name], quoted=True))
    return tree.sql()


KIND = ChangePart
