"""Events in columns, and the account of the lines they came from."""

from collections.abc import Callable, Collection, Mapping
from operator import add

import polars as pl
from msgspec import Struct, field
from msgspec.structs import astuple, replace

TIME = pl.Datetime("us", "UTC")
"""The type of every column of instants."""

REFUSED = {"after": pl.Int64, "text": pl.String}
"""A line (`text`) that no event came from, and how many events come before it."""


class Tally(Struct, frozen=True):
    """What became of lines: `lines = events + joined + skipped + parse_errors`.

    Headers and blank lines are skipped, continuation lines are joined.
    """

    lines: int = 0
    events: int = 0
    joined: int = 0
    skipped: int = 0
    parse_errors: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(*map(add, astuple(self), astuple(other)))


class Rejected(Struct, frozen=True, eq=False):
    """A line that no event came from: a sample for the user, not a record of all.

    `text` is at most 200 characters of the line, undecodable bytes escaped. `why` says
    what is wrong with it: it may be much work, and nobody may ask.
    """

    text: str
    why: Callable[[], str]

    @property
    def reason(self) -> str:
        """Why it was refused."""
        return self.why()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Rejected):
            return NotImplemented
        return (self.text, self.reason) == (other.text, other.reason)

    def __hash__(self) -> int:
        return hash(self.text)


class Coded(Struct, frozen=True):
    """A column by codes from 0 on: `values[codes]` is the column, nulls included."""

    codes: pl.Series
    values: pl.Series


class EventBatch(Struct, frozen=True):
    """The events of one block of lines, in the order of the lines.

    `frame` has a column `time` (`TIME`, no nulls) and the fields that were asked
    for; its height is `tally.events`. `rejected` holds the first few bad lines,
    `misfits` how many values of a field did not fit its type, and are null. `refused`
    are all bad lines (`REFUSED`), in their order; None where it is not known which.
    `lines` returns the raw lines of some rows of the frame; None where they can only
    be asked for as a field. `coded` are those columns of the frame whose codes are known:
    to find them out again would be work.
    """

    frame: pl.DataFrame
    tally: Tally
    rejected: tuple[Rejected, ...] = ()
    misfits: Mapping[str, int] = field(default_factory=dict)
    refused: pl.DataFrame | None = None
    lines: Callable[[pl.Series], pl.Series] | None = None
    coded: Mapping[str, Coded] = field(default_factory=dict)

    def reframed(self, frame: pl.DataFrame, made: Collection[str]) -> "EventBatch":
        """Return the batch with the rows in another frame, whose columns `made` are new."""
        kept = {n: c for n, c in self.coded.items() if n not in made}
        return replace(self, frame=frame, coded=kept)


def divided(left: pl.Expr, right: pl.Expr | float) -> pl.Expr:
    """Return the quotient, rounded once, of however many rows.

    Polars divides many rows by one number by way of its reciprocal, and a row alone
    as it is written: 3 / 5 is 0.6 in one batch and 0.6000000000000001 in another.
    """
    return left / spread(right, left)


def spread(number: pl.Expr | float, beside: pl.Expr) -> pl.Expr:
    """Return a number as a column beside another: never as one value for all rows."""
    return beside.is_null().cast(pl.Float64) + number


def least(whole: pl.Series) -> int | None:
    """Return the least of some whole numbers; None if there is none."""
    found = whole.min()
    return found if isinstance(found, int) else None


def greatest(whole: pl.Series) -> int | None:
    """Return the greatest of some whole numbers; None if there is none."""
    found = whole.max()
    return found if isinstance(found, int) else None


def collected(steps: pl.LazyFrame) -> pl.DataFrame:
    """Return what some steps come to, taken as they are written.

    Of few rows, to look for a better way takes longer than the steps do.
    """
    return steps.collect(engine="in-memory", optimizations=_AS_WRITTEN)


_AS_WRITTEN = pl.QueryOptFlags.none()
