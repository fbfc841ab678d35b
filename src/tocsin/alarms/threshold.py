"""The threshold alarm: fires after N breaching datapoints, recovers after M calm ones.

A datapoint without a value neither counts nor clears. A datapoint that is neither a
breach nor calm (between the two thresholds) clears both runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Sequence

BREACH, CALM, BETWEEN = 1, 0, 2

STATE = {
    "alarm": pl.Int32,
    "sid": pl.Int64,
    "symbol": pl.Int8,
    "run": pl.Int64,
    "firing": pl.Boolean,
}
"""What an alarm remembers of a series: the last symbol, how often it came in a row,
and whether the alarm is firing. Rows that are missing are calm and have seen nothing."""

TRANSITIONS = {
    "alarm": pl.Int32,
    "sid": pl.Int64,
    "e": pl.Int64,
    "firing": pl.Boolean,
    "value": pl.Float64,
    "n": pl.Int64,
}


TRACE = {
    "alarm": pl.Int32,
    "sid": pl.Int64,
    "e": pl.Int64,
    "steps": pl.Int64,
    "every": pl.Int64,
    "symbol": pl.Int8,
    "before": pl.Int64,
    "upto": pl.Int64,
    "said": pl.Int64,
    "firing": pl.Boolean,
    "firing_before": pl.Boolean,
    "n": pl.Int64,
    "value": pl.Float64,
}
"""What a run of datapoints does to an alarm: how often its symbol had come in a row
`before` it and `upto` its end, when it is `said` if it is, and the alarm around it."""


class Operator(StrEnum):
    """How a value is held against a threshold."""

    EQ = "=="
    NE = "!="
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="

    @property
    def below(self) -> bool:
        """Whether small values satisfy it, so that a window not yet full may not."""
        return self in {Operator.LT, Operator.LE}

    @property
    def negation(self) -> Operator:
        """Return the operator that holds exactly where this one does not."""
        return _NEGATIONS[self]

    def test(self, value: pl.Expr, threshold: pl.Expr) -> pl.Expr:
        """Return the comparison in columns."""
        tests = {
            Operator.EQ: value == threshold,
            Operator.NE: value != threshold,
            Operator.LT: value < threshold,
            Operator.LE: value <= threshold,
            Operator.GT: value > threshold,
            Operator.GE: value >= threshold,
        }
        return tests[self]


_NEGATIONS = {
    Operator.EQ: Operator.NE,
    Operator.NE: Operator.EQ,
    Operator.LT: Operator.GE,
    Operator.GE: Operator.LT,
    Operator.GT: Operator.LE,
    Operator.LE: Operator.GT,
}


@dataclass(frozen=True, slots=True)
class ThresholdSpec:
    """An alarm on the datapoints of one metric (`metric` is its number in the plan)."""

    name: str
    metric: int
    operator: Operator
    threshold: float
    recovery_operator: Operator
    recovery_threshold: float
    points_alarm: int = 1
    points_recovery: int = 1
    level: str = "critical"


def specs_frame(specs: Sequence[ThresholdSpec]) -> pl.DataFrame:
    """Return the alarms as a table: they are rows, never a loop."""
    rows = [
        (
            number,
            s.metric,
            s.operator.value,
            s.threshold,
            s.recovery_operator.value,
            s.recovery_threshold,
            s.points_alarm,
            s.points_recovery,
            s.operator.below,
        )
        for number, s in enumerate(specs)
    ]
    schema = {
        "alarm": pl.Int32,
        "m": pl.Int32,
        "op": pl.String,
        "threshold": pl.Float64,
        "calm_op": pl.String,
        "calm_threshold": pl.Float64,
        "need": pl.Int64,
        "need_calm": pl.Int64,
        "below": pl.Boolean,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def trace(specs: pl.DataFrame, state: pl.DataFrame, runs: pl.DataFrame) -> pl.DataFrame:
    """Return what each run does to each alarm that hears it, in order of time.

    `runs` have `sid`, `m`, `e`, `steps`, `n`, `value`, `every`, `full` (the first end
    whose window is full, s) and `partial`; each series' runs follow those it has seen.
    """
    points = _symbols(specs, runs)
    by = ["alarm", "sid"]
    points = points.sort(*by, "e").join(
        state, on=by, how="left", maintain_order="left", suffix="0"
    )
    return _judged(_counted(points)).select(*TRACE)


def step(
    specs: pl.DataFrame, state: pl.DataFrame, runs: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Advance all alarms over some runs; return the transitions and the new state."""
    return concluded(state, trace(specs, state, runs))


def concluded(
    state: pl.DataFrame, traced: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the transitions of a trace that began in a state, and the state after it."""
    if traced.height == 0:
        return pl.DataFrame(schema=TRANSITIONS), state
    by = ["alarm", "sid"]
    changed = traced.filter(pl.col("firing") != pl.col("firing_before"))
    after = traced.filter(_apart(by, -1))
    after = after.select("alarm", "sid", "symbol", run="upto", firing="firing")
    kept = state.join(after, on=by, how="anti")
    said = changed.select(
        "alarm", "sid", pl.col("said").alias("e"), "firing", "value", "n"
    )
    return said.select(*TRANSITIONS), pl.concat([kept, after.select(*STATE)])


def standing(
    state: pl.DataFrame, traced: pl.DataFrame, asked: pl.DataFrame
) -> pl.DataFrame:
    """Return how alarms stood at ends on the way of a trace that began in `state`.

    `asked` has `sid`, `at` (s) and `name`, which takes the place of `sid` in the
    states that are returned. What had seen nothing is left out.
    """
    known = traced.select(
        "alarm", "sid", "e", "steps", "every", "symbol", "before", "said", "firing",
        "firing_before",
    ).sort("e")  # fmt: skip
    pairs = pl.concat([state.select("alarm", "sid"), known.select("alarm", "sid")])
    asked = asked.join(pairs.unique(), on="sid").sort("at")
    met = asked.join_asof(
        known, left_on="at", right_on="e", by=["alarm", "sid"], check_sortedness=False
    )
    met = met.join(state, on=["alarm", "sid"], how="left", suffix="0")
    seen = pl.col("e").is_not_null()
    passed = (pl.col("at") - pl.col("e")) // pl.col("every") + 1
    run = pl.col("before") + pl.min_horizontal("steps", passed)
    changed = pl.when(pl.col("said") <= pl.col("at")).then("firing")
    firing = changed.otherwise("firing_before")
    found = met.select(
        "alarm",
        pl.col("name").alias("sid"),
        symbol=pl.when(seen).then("symbol").otherwise("symbol0"),
        run=pl.when(seen).then(run).otherwise("run"),
        firing=pl.when(seen).then(firing).otherwise("firing0"),
    )
    return found.filter(pl.col("symbol").is_not_null()).select(*STATE)


def _symbols(specs: pl.DataFrame, runs: pl.DataFrame) -> pl.DataFrame:
    """Return what each run says to each alarm; what says nothing is left out."""
    points = runs.join(specs, on="m").filter(
        pl.col("value").is_not_null() & ~(pl.col("below") & pl.col("partial"))
    )
    every = pl.col("every")
    begin = pl.when("below").then(pl.max_horizontal("e", "full")).otherwise(pl.col("e"))
    begin = -((-begin) // every) * every
    points = points.with_columns(
        e=begin, steps=pl.col("steps") - (begin - pl.col("e")) // every
    ).filter(pl.col("steps") > 0)
    breach = _compare("op", "threshold")
    calm = _compare("calm_op", "calm_threshold")
    symbol = pl.when(breach).then(BREACH).when(calm).then(CALM).otherwise(BETWEEN)
    return points.with_columns(symbol=symbol.cast(pl.Int8))


def _compare(operator: str, threshold: str) -> pl.Expr:
    value, level = pl.col("value"), pl.col(threshold)
    test = pl.lit(value=False)
    for known in Operator:
        chosen = pl.col(operator) == known.value
        test = pl.when(chosen).then(known.test(value, level)).otherwise(test)
    return test


def _apart(names: list[str], by: int) -> pl.Expr:
    """Whether a row differs from the one so many before it in any of these columns."""
    return pl.any_horizontal(pl.col(n).ne_missing(pl.col(n).shift(by)) for n in names)


def _counted(points: pl.DataFrame) -> pl.DataFrame:
    """Count how often each symbol came in a row: `before` and `upto` each run."""
    by = ["alarm", "sid"]
    points = points.with_columns(first=_apart(by, 1))
    new = pl.col("first") | (pl.col("symbol") != pl.col("symbol").shift(1))
    continued = pl.col("first") & pl.col("symbol").eq_missing(pl.col("symbol0"))
    passed = pl.col("steps").cum_sum() - pl.col("steps")
    carried = pl.when(continued).then(pl.col("run")).otherwise(0)
    points = points.with_columns(passed=passed, new=new)
    base = pl.when("new").then(pl.col("passed") - carried).forward_fill()
    before = pl.col("passed") - base
    return points.with_columns(before=before, upto=before + pl.col("steps"))


def _judged(points: pl.DataFrame) -> pl.DataFrame:
    """Find where each run makes the alarm fire or recover, and its state around it."""
    need = (
        pl.when(pl.col("symbol") == BREACH)
        .then(pl.col("need"))
        .when(pl.col("symbol") == CALM)
        .then(pl.col("need_calm"))
    )
    reached = (need > pl.col("before")) & (need <= pl.col("upto"))
    verdict = pl.when(reached).then(pl.col("symbol") == BREACH)
    said = pl.col("e") + (need - pl.col("before") - 1) * pl.col("every")
    firing0 = pl.col("firing").fill_null(value=False)
    points = points.with_columns(verdict=verdict, said=said, firing0=firing0)
    start = pl.when("first").then("firing0")
    filled = pl.coalesce("verdict", start).forward_fill()
    before = pl.when("first").then(pl.col("firing0")).otherwise(filled.shift(1))
    return points.with_columns(firing=filled, firing_before=before)
