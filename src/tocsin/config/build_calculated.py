"""Calculated metrics: their inputs, the order among them, and the windows they need."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tocsin.config.build_metrics import check_every
from tocsin.config.durations import as_text
from tocsin.config.graph import CycleError, in_order
from tocsin.config.problems import did_you_mean
from tocsin.config.values import CalculatedMetricConfig, MetricConfig

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tocsin.config.document import Path
    from tocsin.config.metric_models import CalculatedPart
    from tocsin.config.problems import Problems
    from tocsin.config.sections import Sections
    from tocsin.model.expression import Expression


def build_calculated(
    sections: Sections, metrics: tuple[MetricConfig, ...], problems: Problems
) -> tuple[CalculatedMetricConfig, ...]:
    """Return the calculated metrics that could be made sense of, as they are written."""
    reading = _Calculated(sections, metrics, problems)
    return reading.all()


class _Calculated:
    def __init__(
        self,
        sections: Sections,
        metrics: tuple[MetricConfig, ...],
        problems: Problems,
    ) -> None:
        self.parts: dict[str, tuple[Path, CalculatedPart]] = {}
        for path, part in sections.calculated_metrics.parts:
            self.parts.setdefault(part.name, (path, part))
        self.metrics = {m.name: m for m in metrics}
        self.keys = {m.name: m.group_by for m in metrics}
        self.known = sections.metrics.names | sections.calculated_metrics.names
        self.problems = problems
        self.formulas: dict[str, Expression | None] = {}
        self.done: dict[str, CalculatedMetricConfig] = {}

    def all(self) -> tuple[CalculatedMetricConfig, ...]:
        inputs = {n: self._inputs(part, path) for n, (path, part) in self.parts.items()}
        for name in self._order(inputs):
            path, part = self.parts[name]
            found = self._one(part, path, inputs[name])
            if found is not None:
                self.done[name] = found
        return tuple(self.done[n] for n in self.parts if n in self.done)

    def _order(self, inputs: Mapping[str, tuple[str, ...]]) -> list[str]:
        left = dict(inputs)
        while True:
            try:
                return in_order(left)
            except CycleError as error:
                path, _ = self.parts[error.path[0]]
                message = f"needs itself: {error}"
                self.problems.add(path, message, "take one of them out of the circle")
                left = {n: i for n, i in left.items() if n not in error.path}

    def _inputs(self, part: CalculatedPart, path: Path) -> tuple[str, ...]:
        if part.formula is not None:
            return self._formula_inputs(part.name, part.formula, part, path)
        if part.aggregate is None:
            message = "'aggregate' or 'formula' is missing"
            self.problems.add(
                path, message, "such as aggregate: AVG, or formula: a / b"
            )
        if not part.input_metrics:
            self.problems.add(
                path, "'input_metrics' is missing", "add input_metrics: [...]"
            )
        if part.aggregate is not None and part.period is None:
            self.problems.add(path, "'period' is missing", "add period: ...")
        names = part.input_metrics or ()
        for i, name in enumerate(names):
            self._check_known(name, (*path, "input_metrics", i))
        return tuple(dict.fromkeys(names))

    def _check_known(self, name: str, way: Path) -> None:
        if name not in self.known:
            hint = did_you_mean(name, self.known, what="metrics")
            self.problems.expected(way, "the name of a metric", name, hint)

    def _formula_inputs(
        self, name: str, formula: str, part: CalculatedPart, path: Path
    ) -> tuple[str, ...]:
        from tocsin.config.expressions import compile_formula  # noqa: PLC0415

        for key in ("aggregate", "period", "input_metrics"):
            if key in part.model_fields_set:
                message = "cannot stand beside 'formula'"
                hint = "a formula takes the latest values of the metrics it names"
                self.problems.add((*path, key), message, hint)
        way = (*path, "formula")
        found = compile_formula(formula, self.known, way, self.problems)
        self.formulas[name] = found
        return tuple(sorted(found.columns())) if found else ()

    def _one(
        self, part: CalculatedPart, path: Path, inputs: tuple[str, ...]
    ) -> CalculatedMetricConfig | None:
        sources = {n: self.metrics.get(n) or self.done.get(n) for n in inputs}
        found = {n: m for n, m in sources.items() if m is not None}
        if not inputs or len(found) < len(inputs):
            return None
        self._check_min_samples(part, path, inputs)
        self.keys[part.name] = self._keys(found, path)
        steps = [m.every for m in found.values()]
        if part.formula is not None:
            every = part.every or max(steps)
            period = max(every, *(m.period for m in found.values()))
        else:
            period = part.period or max(steps)
            every = part.every or period
            check_every(every, period, path, self.problems)
        self._check_steps(found, every, path)
        return CalculatedMetricConfig(
            name=part.name,
            input_metrics=inputs,
            period=period,
            every=every,
            aggregate=part.aggregate,
            formula=self.formulas.get(part.name),
            min_samples=dict(part.min_samples),
        )

    def _check_steps(
        self,
        found: Mapping[str, MetricConfig | CalculatedMetricConfig],
        every: int,
        path: Path,
    ) -> None:
        for name, metric in found.items():
            if every % metric.every:
                message = (
                    f"its step ({as_text(every)}) is no whole number of steps of "
                    f"'{name}' ({as_text(metric.every)})"
                )
                self.problems.add(path, message, "set every: so that they meet")

    def _check_min_samples(
        self, part: CalculatedPart, path: Path, inputs: tuple[str, ...]
    ) -> None:
        for name in part.min_samples:
            if name not in inputs:
                way = (*path, "min_samples", name)
                hint = did_you_mean(name, inputs, what="inputs")
                self.problems.expected(way, "the name of an input", name, hint)

    def _keys(
        self,
        found: Mapping[str, MetricConfig | CalculatedMetricConfig],
        path: Path,
    ) -> tuple[str, ...]:
        keys = {name: self.keys[name] for name in found}
        widest = max(keys, key=lambda name: len(keys[name]))
        for name, fields in keys.items():
            if not set(fields) <= set(keys[widest]):
                message = (
                    f"its inputs are grouped differently: '{widest}' by "
                    f"{', '.join(keys[widest])}; '{name}' by {', '.join(fields)}"
                )
                hint = "the groups of one input must contain those of the others"
                self.problems.add(path, message, hint)
        return keys[widest]
