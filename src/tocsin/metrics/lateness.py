"""When does a row become known? The rule of time, judged for each row on its own.

With `p` the row's pane and `c = (newest time so far - lateness) // pane`, a row
becomes known at pane `a = max(p, c)`: it is on time when `a = p`, amends while
`a - p` is at most `TimeSpec.amend_panes`, and is late beyond that. Rows that jump
ahead of their stream are held until the next row confirms them.
"""

from __future__ import annotations

import polars as pl
from msgspec import Struct

from tocsin.metrics.spec import AMEND_EVERY, TimeSpec
from tocsin.model.batch import greatest
from tocsin.model.instant import SECOND
from tocsin.native.columns import Stream
from tocsin.native.made import Course, made

NEVER = -(2**62)
"""An instant before all others."""


class StreamClock(Struct, frozen=True):
    """What a stream remembers between batches.

    `newest` is the greatest time that moved it (µs; None before the first row),
    `held` the one row that jumped ahead and that no later row has confirmed yet.
    """

    newest: int | None = None
    held: pl.DataFrame | None = None


class Arrival(Struct, frozen=True):
    """A batch, judged: `rows` are those that count, with columns `p` and `a` (s)."""

    rows: pl.DataFrame
    clock: StreamClock
    late: int = 0
    future: int = 0
    in_order: bool = True
    """Whether every row is on time, so that `a` equals `p` throughout."""
    needs_clock: bool = False
    """Whether the answer may differ had the rows before this batch been known."""

    def holds_after(self, clock: StreamClock, time: TimeSpec) -> bool:
        """Return whether a judgement made without a clock is right after `clock`."""
        if clock.newest is None and clock.held is None:
            return True
        if self.needs_clock or clock.held is not None or clock.newest is None:
            return False
        first = self.rows.get_column("p").min()
        closed = (clock.newest - time.lateness) // SECOND
        return not isinstance(first, int) or closed <= first


def arrive(
    frame: pl.DataFrame,
    clock: StreamClock,
    time: TimeSpec,
    *,
    now: int | None = None,
    last: bool = False,
) -> Arrival:
    """Judge a batch of one stream in stream order.

    `now` (µs) is the runner's clock: a row later than it counts but does not move
    time, one later than `now + future_skew` is future. `last` says that no row will
    follow, so that nothing is held back.
    """
    if clock.held is not None:
        frame = pl.concat([_alike(clock.held, frame), frame])
    steady = _steady(frame, clock, time, now, last=last)
    if steady is not None:
        return steady
    frame, future = _cap(frame, time, now)
    if frame.height == 0:
        return Arrival(_with_panes(frame, None), StreamClock(clock.newest), 0, future)
    mask, held, doubtful = _confirm(_micros(frame), clock.newest, time, now, last=last)
    rows = frame if mask is None else frame.filter(mask)
    future += frame.height - rows.height - held
    tail = frame.tail(1) if held else None
    return _judge(rows, StreamClock(clock.newest, tail), time, now, (future, doubtful))


def _steady(
    rows: pl.DataFrame,
    clock: StreamClock,
    time: TimeSpec,
    now: int | None,
    *,
    last: bool,
) -> Arrival | None:
    """Judge rows that all count, on time, of which none is held: None if one may not.

    Most batches are such, and the library sees it at one glance.
    """
    course = Course()
    panes = made(course, Stream(_micros(rows).to_frame()))
    if panes is None or (now is not None and course.most > now):
        return None
    before = NEVER if clock.newest is None else clock.newest
    front = max(before, course.before if rows.height > 1 else NEVER)
    if not last and course.final - front > time.future_skew:
        return None
    behind = max(course.behind, before - course.least)
    if course.fall > time.future_skew or behind > time.lateness:
        return None
    p = panes.get_column("p")
    return Arrival(
        rows.hstack([p, p.alias("a")]), StreamClock(max(before, course.most))
    )


def confirmed(rows: pl.DataFrame) -> Arrival:
    """Judge rows that streams held, one each: they moved time, so all are on time."""
    return Arrival(_with_panes(rows, None), StreamClock())


def _alike(held: pl.DataFrame, frame: pl.DataFrame) -> pl.DataFrame:
    """Return a held row with the columns of those that follow it.

    They differ when the rules have been changed since: what was not asked for then
    is not known of it.
    """
    if held.schema == frame.schema:
        return held
    null = pl.lit(None)
    return held.select(
        (pl.col(name).cast(type_, strict=False) if name in held.columns
         else null.cast(type_).alias(name))
        for name, type_ in frame.schema.items()
    )  # fmt: skip


def _cap(
    frame: pl.DataFrame, time: TimeSpec, now: int | None
) -> tuple[pl.DataFrame, int]:
    """Drop the rows that are later than the runner's clock can explain."""
    if now is None or frame.height == 0:
        return frame, 0
    times = _micros(frame)
    if (greatest(times) or 0) <= now + time.future_skew:
        return frame, 0
    kept = frame.filter(times <= now + time.future_skew)
    return kept, frame.height - kept.height


def _confirm(
    times: pl.Series, newest: int | None, time: TimeSpec, now: int | None, *, last: bool
) -> tuple[pl.Series | None, int, bool]:
    """Return which rows count (None: all), 1 if the last row is held, and doubt.

    A row is unconfirmed when the next one is more than `future_skew` older. Such a
    row counts only if it is itself no more than `future_skew` ahead of its stream.
    """
    skew = time.future_skew
    dropped: set[int] = set()
    drops = times - times.shift(-1)
    ceiling = _moving(times, now)
    front = NEVER if newest is None else newest
    doubtful = False
    unconfirmed = (drops > skew).fill_null(value=False)
    if unconfirmed.any():
        sure = ceiling.zip_with(~unconfirmed, pl.repeat(NEVER, len(times), eager=True))
        reach = sure.cum_max()
        for at in unconfirmed.arg_true().to_list():
            front = max(front, reach[at - 1] if at else NEVER)
            if times[at] > front + skew:
                dropped.add(at)
            else:
                front = max(front, ceiling[at])
        doubtful = bool(dropped) and newest is None
        ceiling = sure
    before = len(times) - 1
    reached = greatest(ceiling.head(before))
    if reached is not None:
        front = max(front, reached)
    held = int(not last and times[-1] > front + skew)
    if held:
        dropped.add(before)
        doubtful = True
    if not dropped:
        return None, 0, doubtful
    index = pl.int_range(len(times), eager=True)
    return ~index.is_in(pl.Series(sorted(dropped)).implode()), held, doubtful


def _judge(
    rows: pl.DataFrame,
    clock: StreamClock,
    time: TimeSpec,
    now: int | None,
    found: tuple[int, bool],
) -> Arrival:
    """Give each row its pane and the pane at which it becomes known."""
    future, doubtful = found
    if rows.height == 0:
        arrival = _with_panes(rows, None)
        return Arrival(arrival, clock, 0, future, needs_clock=doubtful)
    times = _micros(rows)
    reach = _moving(times, now).cum_max()
    if clock.newest is not None:
        reach = reach.clip(lower_bound=clock.newest)
    newest = int(reach[-1])
    after = StreamClock(None if newest == NEVER else newest, clock.held)
    if (greatest(reach - times) or 0) <= time.lateness:
        return Arrival(_with_panes(rows, None), after, 0, future, needs_clock=doubtful)
    closed = (reach - time.lateness) // SECOND
    judged = _with_panes(rows, closed)
    kept = judged.filter(pl.col("a") - pl.col("p") <= time.amend_panes)
    late = judged.height - kept.height
    return Arrival(kept, after, late, future, in_order=False, needs_clock=doubtful)


def _moving(times: pl.Series, now: int | None) -> pl.Series:
    """Return the times that move the stream: nothing later than `now` does."""
    if now is None or (greatest(times) or 0) <= now:
        return times
    return times.set(times > now, NEVER)


def _with_panes(rows: pl.DataFrame, closed: pl.Series | None) -> pl.DataFrame:
    pane = (_micros(rows) // SECOND).alias("p")
    if closed is None:
        return rows.with_columns(pane, a=pane)
    return rows.with_columns(pane, a=pl.max_horizontal(pane, closed))


def _micros(frame: pl.DataFrame) -> pl.Series:
    return frame.get_column("time").cast(pl.Int64)


def known_from(grain: int) -> pl.Expr:
    """Return the first tick (a multiple of `grain`, s) that may use a row (p, a).

    A row on time is known when its slice of time ends; a late one from the end of
    the `AMEND_EVERY` seconds in which it came.
    """
    p, a = pl.col("p"), pl.col("a")
    came = pl.when(a == p).then(a).otherwise((a // AMEND_EVERY + 1) * AMEND_EVERY - 1)
    return (came // grain + 1) * grain
