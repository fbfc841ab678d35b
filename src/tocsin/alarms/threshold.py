"""Rules over runs of datapoints: each fires after N breaches, recovers after M calms.

A datapoint without a value neither counts nor clears, unless its rule says that it is
the end. A datapoint that is neither a breach nor calm (between the two thresholds)
clears both runs.
"""

from __future__ import annotations

from functools import cache

import polars as pl

from tocsin.alarms import levels, silence
from tocsin.alarms.levels import NOTHING_SAID, TRANSITIONS
from tocsin.alarms.rules import Kind, Operator, Rules, ThresholdSpec, specs_frame
from tocsin.model.batch import collected

__all__ = [
    "NOTHING_SAID", "STATE", "TRACE", "TRANSITIONS", "Operator", "Rules", "ThresholdSpec",
    "concluded", "specs_frame", "standing", "step", "trace",
]  # fmt: skip

BREACH, CALM, BETWEEN, GONE, FORGOTTEN = 1, 0, 2, 3, 4
"""What a point says to a rule: GONE, that it has no value; FORGOTTEN, that its key has
been silent for so long that it is not looked at."""

_BY = ["alarm", "sid"]


def _apart(by: int) -> pl.Expr:
    """Whether a row is of another rule or series than the one so many before it."""
    return pl.any_horizontal(pl.col(n).ne_missing(pl.col(n).shift(by)) for n in _BY)


_FIRST, _LAST = _apart(1), _apart(-1)

STATE = {
    "alarm": pl.Int32,
    "sid": pl.Int64,
    "symbol": pl.Int8,
    "run": pl.Int64,
    "firing": pl.Boolean,
}
"""What a rule (by its number, `alarm`) remembers of a series: the last symbol, how often
it came in a row, and whether the rule fires. Rows that are missing are calm and have
seen nothing."""

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
"""What a run of datapoints does to a rule: how often its symbol had come in a row
`before` it and `upto` its end, when it is `said` if it is, and the rule around it."""

_HEARD = [
    "alarm", "m", "op", "threshold", "calm_op", "calm_threshold", "need", "need_calm",
    "below",
]  # fmt: skip


def trace(
    rules: Rules,
    state: pl.DataFrame,
    runs: pl.DataFrame,
    variants: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Return what each run does to each rule that hears it, in order of time.

    `runs` have `sid`, `m`, `e`, `steps`, `n`, `value`, `every`, `full` (the first end
    whose window is full, s, if any rule waits for it), `born` (s, if any rule is
    delayed) and `partial`. They are in order of series and time, and follow those that
    their series has seen. `variants` (`of`, `sid`, `variant`) say which series are not
    of variant 0.
    """
    points = _heard(rules, runs, variants).lazy()
    if rules.silent:
        here = pl.col("kind") == Kind.SILENCE.value
        mute = _traced(rules, silence.symbols(points.filter(here)), state)
        points = silence.split(rules, points.filter(~here), mute).sort(*_BY, "e")
        return pl.concat([mute, _traced(rules, _symbols(rules, points), state)])
    return _traced(rules, _symbols(rules, points), state)


def step(
    rules: Rules, state: pl.DataFrame, runs: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Advance all rules over some runs; return the transitions and the new state."""
    return concluded(rules, state, trace(rules, state, runs))


def concluded(
    rules: Rules, state: pl.DataFrame, traced: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the transitions of a trace that began in a state, and the state after it."""
    if traced.height == 0:
        return NOTHING_SAID, state
    changed = traced.filter(pl.col("firing") != pl.col("firing_before"))
    said = levels.moves(rules, state, changed)
    last = traced.lazy().filter(_LAST)
    after = last.select("alarm", "sid", "symbol", run="upto", firing="firing")
    kept = state.lazy().join(after, on=_BY, how="anti")
    return said, collected(pl.concat([kept, after]))


def standing(
    state: pl.DataFrame, traced: pl.DataFrame, asked: pl.DataFrame
) -> pl.DataFrame:
    """Return how rules stood at ends on the way of a trace that began in `state`.

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
        known, left_on="at", right_on="e", by=_BY, check_sortedness=False
    )
    met = met.join(state, on=_BY, how="left", suffix="0")
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


def _heard(
    rules: Rules, runs: pl.DataFrame, variants: pl.DataFrame | None
) -> pl.DataFrame:
    """Return what each rule hears: the runs of its metric, of its keys.

    In order of rules, series and time: to sort them afterwards would cost the most.
    """
    more = {
        "of": rules.varied or rules.silent,
        "variant": rules.varied,
        "kind": rules.absent or rules.silent,
        "need_gone": rules.absent,
        "samples": rules.sampled,
        "delay": rules.delayed,
        "expires": rules.silent,
    }
    heard = rules.table.select(
        *_HEARD, *(name for name, asked in more.items() if asked)
    )
    points = heard.join(runs, on="m", maintain_order="left_right")
    if rules.varied and variants is not None:
        points = points.join(
            variants, on=["of", "sid"], how="left", maintain_order="left", suffix="_own"
        )
        own = pl.col("variant_own").fill_null(0)
        points = points.filter(pl.col("variant") == own).drop("variant_own")
    if rules.sampled:
        enough = pl.when(pl.col("n") >= pl.col("samples"))
        points = points.with_columns(value=enough.then("value"))
    return points


def _symbols(rules: Rules, points: pl.LazyFrame) -> pl.LazyFrame:
    """Return what each run says to each rule; what says nothing is left out."""
    speaks = pl.col("value").is_not_null()
    quiet = pl.col("below") & pl.col("partial")
    if rules.absent or rules.silent:
        quiet |= ~speaks & pl.col("partial")
        speaks |= silence.speaks(rules)
    if rules.silent:
        quiet &= ~pl.col("mute")
    breach = _compare(rules.operators, "op", "threshold")
    calm = _compare(rules.calm_operators, "calm_op", "calm_threshold")
    symbol = pl.when(breach).then(BREACH).when(calm).then(CALM).otherwise(BETWEEN)
    if rules.absent or rules.silent:
        symbol = silence.symbol(rules, symbol)
    points = points.with_columns(symbol=symbol.cast(pl.Int8)).filter(speaks & ~quiet)
    return _begun(rules, points) if rules.waiting or rules.delayed else points


def _begun(rules: Rules, points: pl.LazyFrame) -> pl.LazyFrame:
    """Return runs without what comes before their rules listen."""
    every, begin = pl.col("every"), pl.col("e")
    if rules.waiting:
        full = pl.max_horizontal("e", "full")
        begin = pl.when("below").then(full).otherwise(begin)
    if rules.delayed:
        waits = pl.when(pl.col("delay") > 0).then(pl.col("born") + pl.col("delay"))
        begin = pl.max_horizontal(begin, waits)
    begin = -((-begin) // every) * every
    steps = pl.col("steps") - (begin - pl.col("e")) // every
    points = points.with_columns(e=begin, steps=steps)
    return points.filter(pl.col("steps") > 0)


def _traced(rules: Rules, points: pl.LazyFrame, state: pl.DataFrame) -> pl.DataFrame:
    """Return what points with symbols, in order, do to their rules from a state on."""
    points = points.join(
        state.lazy(), on=_BY, how="left", maintain_order="left", suffix="0"
    )
    if rules.absent:
        points = silence.once_heard(points)
    return collected(_judged(rules, _counted(points)).select(*TRACE))


@cache
def _compare(operators: tuple[Operator, ...], operator: str, threshold: str) -> pl.Expr:
    """Return whether values are beyond thresholds, each by its own operator."""
    value, level = pl.col("value"), pl.col(threshold)
    test = pl.lit(value=False)
    for known in operators:
        found = known.test(value, level)
        mine = pl.col(operator) == known.value
        test = pl.when(mine).then(found).otherwise(test) if operators[1:] else found
    return test


def _counted(points: pl.LazyFrame) -> pl.LazyFrame:
    """Count how often each symbol came in a row: `before` and `upto` each run."""
    points = points.with_columns(first=_FIRST)
    new = pl.col("first") | (pl.col("symbol") != pl.col("symbol").shift(1))
    continued = pl.col("first") & pl.col("symbol").eq_missing(pl.col("symbol0"))
    passed = pl.col("steps").cum_sum() - pl.col("steps")
    carried = pl.when(continued).then(pl.col("run")).otherwise(0)
    points = points.with_columns(passed=passed, new=new)
    base = pl.when("new").then(pl.col("passed") - carried).forward_fill()
    before = pl.col("passed") - base
    return points.with_columns(before=before, upto=before + pl.col("steps"))


def _judged(rules: Rules, points: pl.LazyFrame) -> pl.LazyFrame:
    """Find where each run makes the alarm fire or recover, and its state around it."""
    need: pl.Expr = (
        pl.when(pl.col("symbol") == BREACH)
        .then(pl.col("need"))
        .when(pl.col("symbol") == CALM)
        .then(pl.col("need_calm"))
    )
    if rules.absent or rules.silent:
        need = pl.coalesce(need, silence.need(rules))
    reached = (need > pl.col("before")) & (need <= pl.col("upto"))
    verdict = pl.when(reached).then(pl.col("symbol") == BREACH)
    said = pl.col("e") + (need - pl.col("before") - 1) * pl.col("every")
    firing0 = pl.col("firing").fill_null(value=False)
    points = points.with_columns(verdict=verdict, said=said, firing0=firing0)
    start = pl.when("first").then("firing0")
    filled = pl.coalesce("verdict", start).forward_fill()
    before = pl.when("first").then(pl.col("firing0")).otherwise(filled.shift(1))
    return points.with_columns(firing=filled, firing_before=before)
