"""Instants are whole microseconds since the Unix epoch, in UTC; panes are seconds."""

from datetime import UTC, datetime, timedelta

SECOND = 1_000_000
"""Microseconds in a second, the length of a pane."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def iso(instant: int) -> str:
    """Return ISO 8601 in UTC with `Z`, with a fraction only where there is one.

    Instants that no calendar of Python holds (outside the years 1 to 9999) are
    written as seconds since the epoch, so that a hostile line cannot stop a report.
    """
    try:
        moment = _EPOCH + timedelta(microseconds=instant)
    except OverflowError:
        return f"{instant // SECOND}s"
    return moment.replace(tzinfo=None).isoformat() + "Z"


def from_datetime(moment: datetime) -> int:
    """Return the instant of an aware datetime, exactly."""
    return (moment - _EPOCH) // timedelta(microseconds=1)
