"""slo_burn: the error budget of an objective is being spent too fast.

The windows and factors are those of the Site Reliability Workbook, chapter 5
("Alerting on SLOs", table 5-8): it rings while both a long and a short window exceed
the factor, so that it rings for what matters and is over soon after.
"""

from __future__ import annotations

from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field

from tocsin.config.durations import as_text
from tocsin.config.kind import NUMBER, Ground, Made, MeasuredPart, formula, quoted
from tocsin.config.part import Part
from tocsin.config.types import (
    Checked,
    Level,
    Number,
    Seconds,
    Text,
    number,
    refuse,
)
from tocsin.config.values import SECOND
from tocsin.model.levels import LEVELS

if TYPE_CHECKING:
    from tocsin.config.metric_models import CalculatedPart, MetricPart

_MINUTE, _HOUR = 60 * SECOND, 3600 * SECOND
_DAY = 24 * _HOUR
_PERCENT = 100.0


def _objective(value: Any) -> float:  # noqa: ANN401
    found = number(value)
    if not 0 < found < _PERCENT:
        raise refuse("a number of percent between 0 and 100, such as 99.9")
    return found


Objective = Annotated[
    float,
    Checked(
        _objective, {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 100}
    ),
]


class WindowPart(Part):
    """A pair of windows, and how many times too fast the budget is spent in both."""

    long: Seconds
    short: Seconds
    factor: Number
    level: Level


def _window(long: int, short: int, factor: float, level: str) -> WindowPart:
    return WindowPart.model_construct(
        long=long, short=short, factor=factor, level=level
    )


WORKBOOK = [
    _window(_HOUR, 5 * _MINUTE, 14.4, "critical"),
    _window(6 * _HOUR, 30 * _MINUTE, 6.0, "critical"),
    _window(_DAY, 2 * _HOUR, 3.0, "warning"),
    _window(3 * _DAY, 6 * _HOUR, 1.0, "warning"),
]


class SloBurnPart(MeasuredPart):
    """Rings while the error budget of an objective is spent too fast."""

    optional = MeasuredPart.optional | {"windows", "budget_period"}
    refused: ClassVar[frozenset[str]] = frozenset(
        {
            "metric", "period", "threshold", "levels", "level", "operator",
            "recovery_threshold", "recovery_operator",
        }
    )  # fmt: skip
    sentences: ClassVar[tuple[str, str]] = (
        f"{{{{ alarm }}}} rings - burn rate {NUMBER}, triggered at {{{{ time }}}}",
        f"{{{{ alarm }}}} recovered - burn rate {NUMBER}, recovered at {{{{ time }}}}",
    )

    objective: Objective
    good: Text | None = None
    bad: Text | None = None
    every: Seconds | None = None
    windows: list[WindowPart] = Field(default_factory=lambda: list(WORKBOOK))
    budget_period: Seconds = 30 * _DAY

    @property
    def step(self) -> int:
        """How often it is judged: every minute, if the windows allow."""
        return self.every or _MINUTE

    @property
    def budget(self) -> float:
        """The share of events that may be bad."""
        return round(1 - self.objective / _PERCENT, 12)

    def made(self, ground: Ground) -> Made:
        """Count in all windows; join them to one rate for the levels to be held to."""
        if not self._sound(ground):
            return Made(None)
        spans = sorted({w for pair in self.windows for w in (pair.long, pair.short)})
        counts = [m for span in spans for m in self._counts(span, self.step)]
        pairs = [self._pair(i, pair) for i, pair in enumerate(self.windows)]
        burn, left = f"{self.name}: burn rate", f"{self.name}: budget left"
        thresholds = {level: ways[0].factor for level, ways in self._by_level()}
        ring = formula(burn, self._joined(), every=self.step)
        rest, budget = self._left(left)
        # It is the long windows that must hold enough events, and not the whole.
        alarm = self.row(burn, levels=thresholds).model_copy(
            update={"min_samples": None}
        )
        hidden = [m.name for m in (*counts, *rest)] + [p.name for p in pairs]
        return Made(
            alarm=alarm,
            metrics=(*counts, *rest),
            calculated=(*pairs, ring, budget),
            hidden=frozenset(hidden),
        )

    def _sound(self, ground: Ground) -> bool:
        before = len(ground.problems)
        if (self.good is None) == (self.bad is None):
            hint = 'such as bad: "status >= 500"; what is not bad is good'
            ground.problems.add(ground.path, "one of 'good' and 'bad' is needed", hint)
        for i, pair in enumerate(self.windows):
            for key in ("long", "short"):
                if getattr(pair, key) % self.step:
                    message = f"is no whole number of steps of {as_text(self.step)}"
                    way = (*ground.path, "windows", i, key)
                    ground.problems.add(way, message, "set every: so that it is")
        factors = [ways[0].factor for _, ways in self._by_level()]
        if not factors or any(a >= b for a, b in pairwise(factors)):
            hint = "the first factor of a worse level must be the greater"
            wanted = "a greater factor for a worse level"
            got = ", ".join(f"{f:g}" for f in factors)
            ground.problems.expected((*ground.path, "windows"), wanted, got, hint)
        return len(ground.problems) == before

    def _by_level(self) -> list[tuple[str, list[WindowPart]]]:
        """Return the windows of each level, from the least to the worst."""
        order = sorted(self.windows, key=lambda w: LEVELS.index(w.level))
        return [(level, list(w)) for level, w in groupby(order, lambda w: w.level)]

    def _names(self, span: int) -> tuple[str, str]:
        what = "bad" if self.bad is not None else "good"
        return tuple(f"{self.name}: {w} in {as_text(span)}" for w in ("all", what))  # type: ignore[return-value]

    def _counts(self, span: int, step: int) -> tuple[MetricPart, MetricPart]:
        whole, part = self._names(span)
        own: dict[str, Any] = {"period": span, "every": step}
        key, text = ("bad", self.bad) if self.bad is not None else ("good", self.good)
        some = self.measured(part, conditions=((key, text or "1 = 1"),), **own)
        return self.measured(whole, **own), some

    def _rate(self, span: int) -> str:
        """Return how many times as fast as it may be the budget is spent in a window."""
        whole, part = map(quoted, self._names(span))
        share = f"1.0 * {part} / nullif({whole}, 0)"
        if self.bad is None:
            share = f"1 - {share}"
        return f"coalesce(({share}) / {self.budget!r}, 0)"

    def _pair(self, i: int, pair: WindowPart) -> CalculatedPart:
        both = f"least({self._rate(pair.long)}, {self._rate(pair.short)})"
        whole, _ = self._names(pair.long)
        least = {} if self.min_samples is None else {whole: self.min_samples}
        return formula(self._pair_name(i), both, every=self.step, min_samples=least)

    def _pair_name(self, i: int) -> str:
        return f"{self.name}: pair {i + 1}"

    def _joined(self) -> str:
        """Return one rate: above the factor of a level just while that level rings.

        Of a level, the rates of all pairs are told in terms of its first.
        """
        text = "0.0"
        for _, ways in self._by_level():
            top = ways[0].factor
            rates = [
                f"coalesce({quoted(self._pair_name(self.windows.index(w)))}, 0)"
                f" * {top / w.factor!r}"
                for w in ways
            ]
            most = rates[0] if len(rates) == 1 else f"greatest({', '.join(rates)})"
            calm = f"least({text}, {top!r})" if text != "0.0" else most
            text = f"case when {most} > {top!r} then {most} else {calm} end"
        return text

    def _left(self, name: str) -> tuple[tuple[MetricPart, ...], CalculatedPart]:
        """Return the error budget that is left, in percent, and what it is made of."""
        step = next(s for s in (_HOUR, _MINUTE, SECOND) if self.budget_period % s == 0)
        step = max(step, self.step) if self.budget_period % self.step == 0 else step
        span = self.budget_period
        known = {w for pair in self.windows for w in (pair.long, pair.short)}
        if span in known:
            return (), formula(name, f"100.0 * (1 - {self._rate(span)})")
        text = f"100.0 * (1 - {self._rate(span)})"
        return self._counts(span, step), formula(name, text, every=step)


KIND = SloBurnPart
