"""Texts to instants: every way of writing time that formats share.

A text that is no time, or a time outside the years 1 to 9999, becomes null. Stamps
without an offset are in the zone given: of two equal hours the first is meant, and a
stamp inside a skipped hour is read with the offset before it.

The work is done by Polars' own parser, behind regular expressions that decide what
is a stamp at all: on its own it is more lenient than a format can be.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import polars as pl
from msgspec import Struct
from msgspec.structs import replace

from tocsin.formats.distinct import per_run
from tocsin.model.batch import TIME

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_ZONE = r"[+-](?:[01][0-9]|2[0-3])"
CLF = rf"^[0-9]{{2}}/[A-Z][a-z]{{2}}/[0-9]{{4}}(?::[0-9]{{2}}){{3}} {_ZONE}[0-5][0-9]$"
_FULL = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?"
    rf"(?:Z|{_ZONE}:?[0-5][0-9])$"
)
ISO = (
    r"^(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[Tt ](?P<minute>[0-9]{2}:[0-9]{2})"
    r"(?::(?P<second>[0-9]{2})(?:[.,](?P<fraction>[0-9]{1,9}))?)?"
    rf" ?(?P<zone>[Zz]|UTC|GMT|{_ZONE}(?::?[0-5][0-9])?)?)?$"
)
EPOCH = r"^[+-]?[0-9]+(?:\.[0-9]+)?$"
UNITS = {"s": 1_000_000, "ms": 1_000, "us": 1, "ns": 0}
"""Microseconds in one unit; 0 for the unit that is smaller."""

OR = "|"
"""Stands between forms that are tried in turn."""

FORMS = ("epoch", *UNITS, "iso", "clf")
"""The forms that are not strptime patterns."""

_BANDS = (("s", 0, 10**11), ("ms", 10**11, 10**14), ("us", 10**14, 10**17),
          ("ns", 10**17, 2**63 - 1))  # fmt: skip
_FIRST = -62_135_596_800_000_000
_LAST = 253_402_300_799_999_999
_MINUTE, _DAY = 60_000_000, 86_400_000_000
_YEAR, _MONTH = 365 * _DAY, 30 * _DAY
_FIRST_STAMPS = 500
_LOCAL = 20
"""Characters of a CLF stamp before its offset."""
_GAP_HOURS = 3
"""More than any change of the clocks, less than the time between two of them."""
_NANO_DIGITS = 9


class Clock(Struct, frozen=True):
    """How a column of stamps is written, and the zone of those without an offset.

    `form` is one of `FORMS`, a strptime pattern, or empty for whichever of ISO 8601,
    epoch and CLF a stamp is written in. Stamps of a pattern without a year are in the
    twelve months from `since` (µs) on; without it, they are no times.
    """

    form: str = ""
    zone: str = "UTC"
    since: int | None = None

    def read(self, stamps: pl.Series) -> pl.Series:
        """Return the instants of a column of texts, null where there is none."""
        make = self._reader()
        return per_run(stamps, lambda s: make(s).to_frame("time")).to_series()

    def _reader(self) -> Callable[[pl.Series], pl.Series]:
        if OR in self.form:
            clocks = [replace(self, form=form) for form in self.form.split(OR)]
            return lambda s: _by_any(s, clocks)
        if "%" in self.form and not has_year(self.form):
            return lambda s: yearless(s, self.form, self.zone, self.since)
        if self.form in {"epoch", *UNITS}:
            return lambda s: epoch(s, self.form)
        known = {
            "": lambda s: anyhow(s, self.zone),
            "clf": clf,
            "iso": lambda s: iso(s, self.zone),
        }
        return known.get(self.form, lambda s: pattern(s, self.form, self.zone))


def _by_any(stamps: pl.Series, clocks: Sequence[Clock]) -> pl.Series:
    found = clocks[0].read(stamps)
    for clock in clocks[1:]:
        missing = (found.is_null() & stamps.is_not_null()).arg_true()
        if missing.is_empty():
            break
        found = found.scatter(missing, clock.read(stamps.gather(missing)))
    return found


def anyhow(stamps: pl.Series, zone: str) -> pl.Series:
    """Return the instants of stamps in ISO 8601, epoch numbers, or CLF."""
    found = iso(stamps, zone)
    for reader in (epoch, clf):
        missing = found.is_null() & stamps.is_not_null()
        if not missing.any():
            break
        found = found.zip_with(~missing, reader(stamps))
    return found


def clf(stamps: pl.Series) -> pl.Series:
    """Return the instants of `07/Feb/2019:21:11:01 +0000`.

    The parser is much slower with offsets than without, and these are easily read.
    """
    good = _only(stamps, CLF)
    local = good.str.head(_LOCAL).str.to_datetime(
        "%d/%b/%Y:%H:%M:%S", time_unit="us", strict=False, cache=False
    )
    offset = good.str.slice(_LOCAL + 1).cast(pl.Int64)  # as +130 for 01:30
    minutes = offset.abs() // 100 * 60 + offset.abs() % 100
    return _bounded(local.to_physical() - offset.sign() * minutes * _MINUTE)


def iso(stamps: pl.Series, zone: str) -> pl.Series:
    """Return the instants of ISO 8601 dates and times, `T` or space, `.` or `,`."""
    full = stamps.str.contains(_FULL).fill_null(value=False)
    found = _aware(_kept(stamps, full), "%Y-%m-%dT%H:%M:%S%.f%#z")
    other = ~full & stamps.is_not_null()
    if not other.any():
        return found
    return found.zip_with(~other, _loose(_kept(stamps, other), zone))


def _loose(stamps: pl.Series, zone: str) -> pl.Series:
    parts = stamps.str.extract_groups(ISO).struct.unnest()
    texts = parts.select(
        pl.format(
            "{}T{}:{}.{}",
            "date",
            pl.col("minute").fill_null("00:00"),
            pl.col("second").fill_null("00"),
            pl.col("fraction").fill_null("0"),
        ).alias("local"),
        pl.col("zone").str.replace("(?i)^(?:z|utc|gmt)$", "+00"),
    )
    local, offset = texts.get_columns()
    form = "%Y-%m-%dT%H:%M:%S%.f"
    found = pattern(local, form, zone)
    if offset.null_count() < offset.len():
        exact = _aware(local + offset, form + "%#z")
        found = found.zip_with(offset.is_null(), exact)
    return found


def pattern(stamps: pl.Series, form: str, zone: str) -> pl.Series:
    """Return the instants of stamps written as a strptime pattern says.

    `%f` is a fraction of 3, 6 or 9 digits, and `.%f` one of any length.
    """
    try:
        readings = [_spelt(stamps, form, zone) for form in _spellings(form)]
    except pl.exceptions.PolarsError:  # such as an hour without a minute: no time
        return stamps.clear(stamps.len()).cast(TIME)
    found = readings[0]
    for other in readings[1:]:
        found = found.zip_with(found.is_not_null(), other)
    return found


def has_year(form: str) -> bool:
    """Whether stamps of a strptime pattern name their year."""
    patterns = [one for one in form.split(OR) if "%" in one]
    return all(re.search(r"%[-_0]?[YyGgCDFcxvs+]", one) for one in patterns)


def yearless(stamps: pl.Series, form: str, zone: str, since: int | None) -> pl.Series:
    """Return the instants of stamps without a year: of the twelve months from `since`."""
    if since is None:
        return stamps.clear(stamps.len()).cast(TIME)
    year = datetime.fromtimestamp(since / 1_000_000, UTC).year
    whole = f"%Y {form}"
    found = None
    # Of 29 February there may be none in either year.
    for number in (year, year + 1):
        at = pattern(f"{number:04d} " + stamps, whole, zone)
        fits = (at.to_physical() >= since).fill_null(value=False)
        at = _kept(at, fits)
        found = at if found is None else found.zip_with(found.is_not_null(), at)
    assert found is not None
    return found


def since_of(stamps: pl.Series, clock: Clock, reference: int) -> int:
    """Return where the twelve months begin that a stream's stamps are in.

    The first of its stamps is in the last year in which it is no more than a day later
    than `reference` (µs), when the stream was last written to. What follows may be
    earlier than the first by a month.
    """
    latest = replace(clock, since=reference + _DAY - _YEAR)
    first = latest.read(stamps.head(_FIRST_STAMPS)).drop_nulls()
    newest = int(first.to_physical()[0]) if len(first) else reference - _YEAR // 2
    return newest - _MONTH


def _spelt(stamps: pl.Series, form: str, zone: str) -> pl.Series:
    if re.search(r"%[#:]*z", form):
        return _aware(stamps, form)
    naive = stamps.str.to_datetime(form, time_unit="us", strict=False)
    return _bounded(_localise(naive, zone).to_physical())


def _spellings(form: str) -> tuple[str, ...]:
    form = form.replace(".%f", "%.f")
    if not re.search(r"(?<!\.)%f", form.replace("%.f", "")):
        return (form,)
    return tuple(form.replace("%f", width) for width in ("%3f", "%6f", "%9f"))


def epoch(stamps: pl.Series, unit: str = "epoch") -> pl.Series:
    """Return instants of epoch numbers, cut off to whole microseconds.

    The unit `epoch` is told by the magnitude of each number: below 10^11 seconds,
    below 10^14 milliseconds, below 10^17 microseconds, else nanoseconds.
    """
    whole, nanos = _number(stamps)
    bands = _BANDS if unit == "epoch" else ((unit, 0, 2**63 - 1),)
    size = whole.abs()
    found = whole.clear(whole.len())
    for name, low, high in bands:
        mine = ((size >= low) & (size < high)).fill_null(value=False)
        if mine.any():
            found = found.zip_with(~mine, _scaled(whole, nanos, UNITS[name]))
    return _bounded(found)


def _number(stamps: pl.Series) -> tuple[pl.Series, pl.Series | None]:
    """Return the whole part of numbers and, where any has one, 10^-9ths of the rest."""
    whole = stamps.cast(pl.Int64, strict=False)
    if whole.null_count() == stamps.null_count():
        return whole, None
    parts = _only(stamps, EPOCH).str.split_exact(".", 1).struct.unnest()
    whole = parts["field_0"].cast(pl.Int64, strict=False)
    digits = parts["field_1"].fill_null("").str.head(_NANO_DIGITS)
    nanos = digits.str.pad_end(_NANO_DIGITS, "0").cast(pl.Int64)
    below = parts["field_0"].str.starts_with("-").fill_null(value=False)
    return whole, nanos.zip_with(~below, -nanos)


def _scaled(whole: pl.Series, nanos: pl.Series | None, per: int) -> pl.Series:
    if per == 0:
        return whole // 1000
    # A number too large for the calendar would wrap round when multiplied.
    fits = whole.is_between(_FIRST // per - 1, _LAST // per + 1)
    micros = _kept(whole, fits.fill_null(value=False)) * per
    return micros if nanos is None else micros + nanos * per // 10**_NANO_DIGITS


def _aware(stamps: pl.Series, form: str) -> pl.Series:
    aware = stamps.str.to_datetime(form, time_unit="us", time_zone="UTC", strict=False)
    return _bounded(aware.to_physical())


def _localise(naive: pl.Series, zone: str) -> pl.Series:
    """Return the instants of wall-clock times in a zone."""
    if zone == "UTC":
        return naive
    micros = naive.to_physical()
    # Nearer to the ends of the calendar than a day, arithmetic on zones may fail.
    inside = micros.is_between(_FIRST + _DAY, _LAST - _DAY).fill_null(value=False)
    shift = pl.duration(hours=_GAP_HOURS)
    exact = _in_zone(pl.col("t"), zone)
    before_gap = _in_zone(pl.col("t") - shift, zone) + shift
    frame = _kept(naive, inside).to_frame("t")
    return frame.select(pl.coalesce(exact, before_gap)).to_series()


def _in_zone(local: pl.Expr, zone: str) -> pl.Expr:
    aware = local.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    return aware.dt.convert_time_zone("UTC")


def _only(texts: pl.Series, regex: str) -> pl.Series:
    return _kept(texts, texts.str.contains(regex).fill_null(value=False))


def _kept(column: pl.Series, mask: pl.Series) -> pl.Series:
    return column if mask.all() else column.set(~mask, None)


def _bounded(micros: pl.Series) -> pl.Series:
    inside = micros.is_between(_FIRST, _LAST).fill_null(value=False)
    return _kept(micros.cast(pl.Int64), inside).cast(TIME)
