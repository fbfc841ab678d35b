"""What a metric is: the frozen description that every step takes."""

from __future__ import annotations

from enum import StrEnum
from math import gcd
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    import polars as pl

LINE = "line"
"""The field of every event that holds its raw line."""


def column(field: str) -> str:
    """Return the name of a field's column inside the core.

    It is marked, so that users may call their fields as we call our columns.
    """
    return field if field == "time" else f"field:{field}"


def value_of(metric: str) -> str:
    """Return the name of the column that holds an input of a formula."""
    return f"value:{metric}"


class Kind(StrEnum):
    """How the events of a window become one number."""

    COUNT = "COUNT"
    RATE = "RATE"
    SUM = "SUM"
    AVG = "AVG"
    MIN = "MIN"
    MAX = "MAX"
    STDDEV = "STDDEV"
    PERCENTILE = "PERCENTILE"
    DISTINCT = "DISTINCT"
    PLUGIN = "PLUGIN"
    SHARE = "SHARE"
    """How many percent of all lines had a mishap; the events are those that had."""

    @property
    def zero_when_empty(self) -> bool:
        """Whether a window without events is 0; otherwise it has no value."""
        return self in {Kind.COUNT, Kind.RATE, Kind.SUM, Kind.DISTINCT}


class Mishap(StrEnum):
    """What may befall a line, so that it is in no window, or not as itself."""

    UNREAD = "unread"
    LATE = "late"
    FUTURE = "future"
    SHARED = "shared"
    """It is counted with others, under the key of all for which there was no room."""


class Ratio(Struct, frozen=True):
    """A quantile as a ratio of whole numbers, so that ranks are exact."""

    num: int
    den: int


class MetricSpec(Struct, frozen=True, eq=False):
    """A metric over the events of one source. Times are in whole seconds.

    A window ends at every multiple of `every` and is `period` long. `value` is what is
    aggregated (None: events are counted), `where` a row-wise boolean; both are over
    columns named by `column`, everything else over names of fields.
    `reads` names the columns that `value` and `where` need.
    """

    name: str
    source: str
    kind: Kind
    period: int
    every: int
    value: pl.Expr | None = None
    value_reads: frozenset[str] = frozenset()
    where: pl.Expr | None = None
    where_reads: frozenset[str] = frozenset()
    group_by: tuple[str, ...] = ()
    quantile: Ratio | None = None
    result: pl.Expr | None = None
    """For a plugin's aggregate: the value, over the columns of `windows.CONTENTS`."""
    limit: int = 10_000
    history: int = 0
    """Seconds before the newest datapoint for which calculated metrics need this one."""
    lines: int = 0
    """Lines of the log that are kept of each key and slice, as evidence."""
    span: int = 0
    """Seconds before a datapoint in which evidence of it is looked for."""
    quiet: bool = False
    """Whether only its cells are wanted: no datapoints are made of them."""
    offset: int = 0
    """Seconds by which its events are counted later than they happened: its windows
    hold what others held so long ago. Whole steps."""
    expected: tuple[str, ...] = ()
    """Keys (JSON) that live from the first event of the source on."""
    unseen_for: int = 0
    """Only events whose key had none in so many seconds before are counted."""
    mishap: str = ""
    """What befell the lines that it counts; if it counts such, and no events."""

    @property
    def wait(self) -> int:
        """Seconds from its first slice until its datapoints begin.

        Those of a past begin with a whole window.
        """
        if not self.offset:
            return 0
        return self.period - 1 + (self.grain if self.grain > 1 else 0)

    @property
    def grain(self) -> int:
        """Seconds of the smallest slice of time that every window is made of."""
        return gcd(self.period, self.every)

    @property
    def fixed(self) -> bool:
        """Whether windows follow one another without overlap."""
        return self.every == self.period

    @property
    def reads(self) -> frozenset[str]:
        """The fields of the event that this metric counts by; evidence is apart."""
        return self.value_reads | self.where_reads | frozenset(self.group_by)


class CalculatedSpec(Struct, frozen=True, eq=False):
    """A metric made of datapoints: an aggregate over a period, or a formula.

    With `kind`, the datapoints of `inputs` whose end lies in `(end - period, end]`
    are aggregated. With `formula`, the inputs at `end` are combined; the columns of
    the formula are named by `value_of`. `min_samples` maps an input to the count below
    which the formula has no value.
    """

    name: str
    inputs: tuple[str, ...]
    period: int
    every: int
    group_by: tuple[str, ...] = ()
    kind: Kind | None = None
    quantile: Ratio | None = None
    formula: pl.Expr | None = None
    min_samples: tuple[tuple[str, int], ...] = ()
    history: int = 0
    fixed: bool = True
    past: bool = False
    """Whether all it is made of is of the past."""
    alarm: str = ""
    """The alarm on its one input whose state it is, 0 or 1; if it is one."""
    condition: str = ""
    """What its formula asks of the states of alarms, as it was written; if it does."""
    limit: int = 10_000


class TimeSpec(Struct, frozen=True):
    """How time moves for the streams of one source. Microseconds, but for panes.

    `amend_panes` is how many panes behind a row may be and still amend.
    """

    lateness: int = 5_000_000
    amend_for: int = 300_000_000
    future_skew: int = 300_000_000

    @property
    def amend_panes(self) -> int:
        """Panes by which a row may lag and still be counted; more is late."""
        return (self.amend_for - self.lateness) // 1_000_000


AMEND_EVERY = 10
"""Seconds between the moments at which late rows take effect.

A late row becomes known at the end of its ten seconds, so that a disordered log
costs six corrections a minute and not sixty. Which rows count is not touched.
"""


def first_end(after: pl.Expr, every: pl.Expr) -> pl.Expr:
    """Return the first window end later than an instant, all in seconds."""
    return (after // every + 1) * every
