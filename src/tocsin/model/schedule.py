"""Schedules: times that come again, as a configuration names them."""

from __future__ import annotations

from msgspec import Struct

Span = tuple[int, int]
"""A first and a last, both included."""


class Period(Struct, frozen=True, kw_only=True):
    """A time that comes again; what is empty does not restrict it.

    `times` are seconds of the day, the end excluded; one that ends before it begins
    goes on past midnight and belongs to the day on which it began. `weekdays` count
    from Monday as 0; negative `days` count from the end of the month, -1 is its last.
    """

    times: tuple[Span, ...] = ()
    weekdays: tuple[Span, ...] = ()
    days: tuple[Span, ...] = ()
    months: tuple[Span, ...] = ()
    years: tuple[Span, ...] = ()


class Schedule(Struct, frozen=True, kw_only=True):
    """A named list of periods, in a time zone.

    An instant lies in it if it lies in one of them.
    """

    name: str
    timezone: str = "UTC"
    periods: tuple[Period, ...] = (Period(),)
