"""Texts to instants: every way of writing time that formats share.

A text that is no time, or a time outside the years 1 to 9999, becomes null. Stamps
without an offset are in the zone given: of two equal hours the first is meant, and a
stamp inside a skipped hour is read with the offset before it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from tocsin.formats.distinct import per_run
from tocsin.model.batch import TIME

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun",
          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")  # fmt: skip
CLF = (
    r"^(?P<day>[0-9]{2})/(?P<month>[A-Z][a-z]{2})/(?P<year>[0-9]{4}):(?P<hour>[0-9]{2})"
    r":(?P<minute>[0-9]{2}):(?P<second>[0-9]{2}) (?P<zone>[+-][0-9]{4})$"
)
ISO = (
    r"^(?P<year>[0-9]{4})-(?P<month>[0-9]{2})-(?P<day>[0-9]{2})"
    r"(?:[Tt ](?P<hour>[0-9]{2}):(?P<minute>[0-9]{2})"
    r"(?::(?P<second>[0-9]{2})(?:[.,](?P<fraction>[0-9]{1,9}))?)?"
    r" ?(?P<zone>[Zz]|UTC|GMT|[+-][0-9]{2}(?::?[0-9]{2})?)?)?$"
)
EPOCH = r"^-?[0-9]{1,19}(?:\.[0-9]{1,9})?$"
UNITS = {"s": 1_000_000, "ms": 1_000, "us": 1, "ns": 0}
"""Microseconds in one unit; 0 for the unit that is smaller."""

_FIRST = -62_135_596_800_000_000
_LAST = 253_402_300_799_999_999
_MINUTE = 60_000_000
_DAY = 86_400_000_000
_GAP_HOURS = 3
"""More than any change of the clocks, less than the time between two of them."""


@dataclass(frozen=True, slots=True)
class Clock:
    """How a column of stamps is written, and the zone of those without an offset.

    `form` is one of `epoch`, `s`, `ms`, `us`, `ns`, `iso`, `clf`, a strptime pattern,
    or empty for whichever of epoch, ISO 8601 and CLF a stamp is written in.
    """

    form: str = ""
    zone: str = "UTC"

    def read(self, stamps: pl.Series) -> pl.Series:
        """Return the instants of a column of texts, null where there is none."""
        make = self._reader()
        return per_run(stamps, lambda s: make(s).to_frame("time")).to_series()

    def _reader(self) -> Callable[[pl.Series], pl.Series]:
        if self.form in {"epoch", *UNITS}:
            return self._epoch
        if self.form == "clf":
            return lambda s: _civil(s, CLF, self.zone)
        if self.form == "iso":
            return lambda s: _civil(s, ISO, self.zone)
        return self._pattern if self.form else self._any

    def _epoch(self, stamps: pl.Series) -> pl.Series:
        return epoch(stamps, self.form)

    def _any(self, stamps: pl.Series) -> pl.Series:
        found = _civil(stamps, ISO, self.zone)
        for reader in (epoch, lambda s: _civil(s, CLF, self.zone)):
            missing = found.is_null() & stamps.is_not_null()
            if not missing.any():
                break
            found = found.zip_with(~missing, reader(stamps))
        return found

    def _pattern(self, stamps: pl.Series) -> pl.Series:
        if "%z" in self.form or "%Z" in self.form:
            aware = stamps.str.to_datetime(self.form, time_unit="us", strict=False)
            return _bounded(aware.dt.convert_time_zone("UTC").to_physical())
        naive = stamps.str.to_datetime(self.form, time_unit="us", strict=False)
        return _bounded(_localise(naive.to_physical(), self.zone))


def epoch(stamps: pl.Series, unit: str = "epoch") -> pl.Series:
    """Return instants of epoch numbers, exact to the microsecond.

    The unit `epoch` is told by the magnitude of each number: below 10^11 seconds,
    below 10^14 milliseconds, below 10^17 microseconds, else nanoseconds.
    """
    text = stamps.set(~stamps.str.contains(EPOCH).fill_null(value=True), None)
    parts = text.str.split_exact(".", 1).struct.unnest()
    whole = parts["field_0"].cast(pl.Int64, strict=False)
    digits = parts["field_1"].fill_null("").str.pad_end(9, "0")
    nanos = digits.cast(pl.Int64, strict=False)
    sign = pl.select(pl.when(text.str.starts_with("-")).then(-1).otherwise(1))
    frame = pl.DataFrame({"w": whole, "f": nanos * sign.to_series()})
    return _bounded(frame.select(_micros(unit)).to_series())


def _micros(unit: str) -> pl.Expr:
    size = pl.col("w").abs()
    scaled = {name: _scaled(name) for name in UNITS}
    if unit in UNITS:
        return scaled[unit]
    return (
        pl.when(size < 10**11).then(scaled["s"])
        .when(size < 10**14).then(scaled["ms"])
        .when(size < 10**17).then(scaled["us"])
        .otherwise(scaled["ns"])
    )  # fmt: skip


def _scaled(unit: str) -> pl.Expr:
    per = UNITS[unit]
    whole, fraction = pl.col("w"), pl.col("f")
    if per == 0:
        return whole // 1000
    # A number too large for the calendar would wrap round when multiplied.
    fits = whole.is_between(_FIRST // per - 1, _LAST // per + 1)
    return pl.when(fits).then(whole * per + fraction * per // 10**9)


def _civil(stamps: pl.Series, pattern: str, zone: str) -> pl.Series:
    parts = stamps.str.extract_groups(pattern).struct.unnest()
    have = set(parts.columns)
    numbers = ["year", "day", "hour", "minute", "second"]
    month = pl.col("month")
    if pattern == CLF:
        words = [str(n + 1) for n in range(12)]
        month = month.replace_strict(list(MONTHS), words, default=None)
    fraction = pl.col("fraction") if "fraction" in have else pl.lit("")
    micros = fraction.fill_null("").str.pad_end(6, "0").str.head(6)
    frame = parts.select(
        *(pl.col(n).cast(pl.Int64, strict=False) for n in numbers),
        month.cast(pl.Int64, strict=False).alias("month"),
        micros.cast(pl.Int64).alias("micros"),
        _offset(pl.col("zone")).alias("offset"),
        pl.col("zone").is_not_null().alias("aware"),
    )
    frame = frame.with_columns(pl.col("hour", "minute", "second").fill_null(0))
    local = frame.select(pl.when(_valid()).then(_since_epoch())).to_series()
    aware = frame["aware"]
    if not (aware | local.is_null()).all():
        local = local.zip_with(aware, _localise(local, zone))
    return _bounded(local - frame["offset"])


def _offset(text: pl.Expr) -> pl.Expr:
    """Return the offset of `Z`, `+02`, `+0200` or `+02:00` in microseconds.

    No offset is 0; one of a day or more is null, and so no time.
    """
    digits = text.str.replace_all(r"[^0-9]", "").str.pad_end(4, "0")
    hours = digits.str.head(2).cast(pl.Int64, strict=False)
    minutes = digits.str.tail(2).cast(pl.Int64, strict=False)
    good = (hours < 24) & (minutes < 60)
    size = pl.when(good).then((hours * 60 + minutes) * _MINUTE)
    signed = pl.when(text.str.starts_with("-")).then(-size).otherwise(size)
    return pl.when(text.is_null()).then(0).otherwise(signed)


def _valid() -> pl.Expr:
    year, month, day = pl.col("year"), pl.col("month"), pl.col("day")
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    short = month.is_in([4, 6, 9, 11])
    february = pl.when(leap).then(29).otherwise(28)
    last = pl.when(month == 2).then(february).when(short).then(30).otherwise(31)
    return (
        month.is_between(1, 12)
        & day.is_between(1, last)
        & (pl.col("hour") < 24)
        & (pl.col("minute") < 60)
        & (pl.col("second") <= 60)  # a leap second is the first of the next minute
    )


def _since_epoch() -> pl.Expr:
    """Microseconds of a proleptic Gregorian date: years begin in March, eras of 400."""
    month = pl.col("month")
    year = pl.col("year") - (month <= 2).cast(pl.Int64)
    era, of_era = year // 400, year % 400
    of_year = (153 * ((month + 9) % 12) + 2) // 5 + pl.col("day") - 1
    days = era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year
    seconds = pl.col("hour") * 3600 + pl.col("minute") * 60 + pl.col("second")
    return (days - 719_468) * _DAY + seconds * 1_000_000 + pl.col("micros")


def _localise(local: pl.Series, zone: str) -> pl.Series:
    """Return the instants of wall-clock times (as microseconds) in a zone."""
    if zone == "UTC":
        return local
    inside = local.is_between(_FIRST + _DAY, _LAST - _DAY)
    naive = local.set(~inside.fill_null(value=True), None).cast(pl.Datetime("us"))
    shift = pl.duration(hours=_GAP_HOURS)
    name = pl.col("t")
    exact = _in_zone(name, zone)
    before_gap = _in_zone(name - shift, zone) + shift
    found = naive.to_frame("t").select(pl.coalesce(exact, before_gap)).to_series()
    return found.to_physical()


def _in_zone(local: pl.Expr, zone: str) -> pl.Expr:
    aware = local.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    return aware.dt.convert_time_zone("UTC")


def _bounded(micros: pl.Series) -> pl.Series:
    micros = micros.cast(pl.Int64)
    out = ~micros.is_between(_FIRST, _LAST).fill_null(value=True)
    kept = micros.set(out, None) if out.any() else micros
    return kept.cast(TIME)
