"""The rules of alarms, as rows: an alarm is one for each level and each kind of key.

A rule fires and recovers on its own; what its alarm makes of it, `levels` says.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum
from itertools import pairwise
from typing import TYPE_CHECKING

import polars as pl
from msgspec import Struct
from msgspec.structs import replace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tocsin.model.matchers import Matchers


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


class Kind(IntEnum):
    """What a rule fires at."""

    LEVEL = 0
    """A value beyond its threshold."""
    NO_DATA = 1
    """A point without a value, of a series that has had one."""
    SILENCE = 2
    """A window without events. It is not said: the other rules of its alarm are over."""


CODES = {"": 0, "no_data": 1, "info": 2, "warning": 3, "error": 4, "critical": 5}
"""How an alarm can stand, from well to worst: a number for each level."""
STANDING = {code: name for name, code in CODES.items()}
"""What the numbers of `CODES` stand for."""


class ThresholdSpec(Struct, frozen=True):
    """A rule on the datapoints of one metric (`metric` is its number in the plan).

    It is one of alarm number `alarm` (-1: of one of its own), and for the series of
    which it is the `variant`. Points of fewer than `min_samples` events have no value.
    Points without one neither count nor clear; with `points_gone` they clear, and so
    many in a row end it. The first `delay` seconds of a series say nothing.
    """

    name: str
    metric: int
    operator: Operator
    threshold: float
    recovery_operator: Operator
    recovery_threshold: float
    points_alarm: int = 1
    points_recovery: int = 1
    level: str = "critical"
    alarm: int = -1
    kind: Kind = Kind.LEVEL
    variant: int = 0
    min_samples: int = 0
    points_gone: int = 0
    delay: int = 0

    @property
    def code(self) -> int:
        """How its alarm stands while it fires."""
        return _CODE_OF_KIND.get(self.kind, CODES[self.level])

    @property
    def below(self) -> bool:
        """Whether it waits for a window that is full."""
        return self.kind is Kind.LEVEL and self.operator.below


_CODE_OF_KIND = {Kind.NO_DATA: CODES["no_data"], Kind.SILENCE: 0}


class Rules(Struct, frozen=True, eq=False):
    """Rules as a table, a row for each by number, and what they ask for at all.

    What no rule asks for costs nothing.
    """

    table: pl.DataFrame
    several: bool
    """Whether any alarm has several rules."""
    varied: bool
    """Whether any rule is for some keys only."""
    silent: bool
    """Whether any alarm forgets silent keys."""
    absent: bool
    """Whether points without a value mean anything."""
    sampled: bool
    """Whether any rule wants a number of events."""
    delayed: bool
    """Whether any rule waits after a series has begun."""
    waiting: bool
    """Whether any rule waits for a window that is full."""
    operators: tuple[Operator, ...]
    """How any rule holds a value against its threshold."""
    calm_operators: tuple[Operator, ...]
    """How any rule does so to see that all is well."""

    def only(self, kept: pl.Expr) -> Rules:
        """Return the rules for which an expression holds."""
        return replace(self, table=self.table.filter(kept))


class AlarmSpec(Struct, frozen=True):
    """An alarm: its rules, in the order of their variants, and which keys have which.

    `variants` are the conditions of variant 1, 2 and so on: the first that holds for a
    key is that of its series; else it is 0. `quiet` says that no data is no incident.
    `no_data_level` is the level of an incident that is.
    """

    name: str
    metric: int
    level: str
    operator: Operator
    threshold: float
    rules: tuple[ThresholdSpec, ...]
    variants: tuple[Matchers, ...] = ()
    quiet: bool = True
    no_data_level: str = ""

    def threshold_at(self, level: str) -> float:
        """Return the threshold of a level; that of the worst, if there is no such."""
        of = (r for r in self.rules if r.kind is Kind.LEVEL and r.variant == 0)
        return {rule.level: rule.threshold for rule in of}.get(level, self.threshold)

    @property
    def levelled(self) -> bool:
        """Whether it can stand in more than one way beside well."""
        return len({rule.code for rule in self.rules if rule.code}) > 1


_SCHEMA = {
    "alarm": pl.Int32,
    "of": pl.Int32,
    "m": pl.Int32,
    "op": pl.String,
    "threshold": pl.Float64,
    "calm_op": pl.String,
    "calm_threshold": pl.Float64,
    "need": pl.Int64,
    "need_calm": pl.Int64,
    "need_gone": pl.Int64,
    "below": pl.Boolean,
    "kind": pl.Int8,
    "code": pl.Int8,
    "variant": pl.Int32,
    "samples": pl.Int64,
    "delay": pl.Int64,
    "expires": pl.Boolean,
}


def specs_frame(specs: Sequence[ThresholdSpec], *, varied: bool = False) -> Rules:
    """Return rules as a table: they are rows, never a loop.

    `alarm` is the number of a rule, `of` that of its alarm. `varied` says that some keys
    have other rules, or none.
    """
    expiring = {(s.alarm, s.variant) for s in specs if s.kind is Kind.SILENCE}
    rows = [
        (
            number,
            s.alarm if s.alarm >= 0 else number,
            s.metric,
            s.operator.value,
            s.threshold,
            s.recovery_operator.value,
            s.recovery_threshold,
            s.points_alarm,
            s.points_recovery,
            s.points_gone,
            s.below,
            s.kind.value,
            s.code,
            s.variant,
            s.min_samples,
            s.delay,
            s.kind is not Kind.SILENCE and (s.alarm, s.variant) in expiring,
        )
        for number, s in enumerate(specs)
    ]
    table = pl.DataFrame(rows, schema=_SCHEMA, orient="row")
    return Rules(
        table,
        several=any(a[1] == b[1] for a, b in pairwise(rows)),
        varied=varied or any(s.variant for s in specs),
        silent=bool(expiring),
        absent=any(s.points_gone or s.kind is Kind.NO_DATA for s in specs),
        sampled=any(s.min_samples for s in specs),
        delayed=any(s.delay for s in specs),
        waiting=any(s.below for s in specs),
        operators=tuple(sorted({s.operator for s in specs})),
        calm_operators=tuple(sorted({s.recovery_operator for s in specs})),
    )
