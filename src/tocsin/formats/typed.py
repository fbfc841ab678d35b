"""Columns of text to columns of the type that was asked for.

A value that does not fit its type becomes null, and is counted; nothing raises.
"""

from collections.abc import Callable, Mapping

import polars as pl

from tocsin.formats.instants import Clock
from tocsin.model.batch import TIME
from tocsin.model.message import FieldType, MessageType

DTYPES: dict[FieldType, pl.DataType] = {
    FieldType.STRING: pl.String(),
    FieldType.INT: pl.Int64(),
    FieldType.FLOAT: pl.Float64(),
    FieldType.BOOL: pl.Boolean(),
    FieldType.TIME: TIME,
    FieldType.DURATION: pl.Float64(),
    FieldType.BYTES: pl.Int64(),
    FieldType.IP: pl.String(),
}
_EXACT = float(2**53)
UNITS: dict[FieldType, dict[str, float]] = {
    FieldType.DURATION: {
        "ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "sec": 1.0,
        "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86_400.0,
    },
    FieldType.BYTES: {
        "b": 1, "k": 2**10, "kb": 10**3, "kib": 2**10, "m": 2**20, "mb": 10**6,
        "mib": 2**20, "g": 2**30, "gb": 10**9, "gib": 2**30, "t": 2**40, "tb": 10**12,
        "tib": 2**40,
    },
}  # fmt: skip
"""What one of a unit is: seconds, or bytes. Units of sizes in any case."""

_PLAIN = r"^[+-]?[0-9]+(?:\.[0-9]+)?$"
_PART = r"([0-9]+(?:\.[0-9]+)?)(ns|us|µs|μs|ms|sec|s|min|m|h|d)"
_DURATION = rf"^[+-]?(?:{_PART} ?)+$".replace("(ns", "(?:ns").replace("([0", "(?:[0")
_SIZE = r"^([+-]?[0-9]+(?:\.[0-9]+)?) ?([A-Za-z]{1,3})$"


def wanted(
    message: MessageType, fields: Mapping[str, FieldType | None]
) -> dict[str, FieldType]:
    """Return the type of every field asked for: as asked, declared, or text."""
    found = {}
    for name, kind in fields.items():
        declared = message.find(name)
        default = declared.type if declared else FieldType.STRING
        found[name] = kind or default
    return found


def cast(column: pl.Series, kind: FieldType, clock: Clock) -> pl.Series:
    """Return a column as `kind`; `clock` reads texts that are times."""
    if column.dtype == DTYPES[kind]:
        return column
    if column.dtype == pl.Null:
        return column.cast(DTYPES[kind])
    if kind is FieldType.TIME:
        return clock.read(column.cast(pl.String))
    if column.dtype == TIME:
        return _from_time(column, kind)
    if column.dtype == pl.String:
        return _FROM_TEXT[kind](column)
    return _FROM_TEXT[kind](column.cast(pl.String))


def scaled(column: pl.Series, kind: FieldType, unit: str) -> pl.Series:
    """Return a column of durations or sizes whose plain numbers are in a unit."""
    per = UNITS[kind].get(unit, 1)
    if per == 1 or column.dtype != pl.String:
        return column
    plain = column.str.contains(_PLAIN).fill_null(value=False)
    return column.zip_with(~plain, column + unit)


def project(
    cells: pl.DataFrame,
    names: Mapping[str, str],
    kinds: Mapping[str, FieldType],
    clock: Clock,
) -> pl.DataFrame:
    """Return `time` and the fields asked for; `names` maps each to its column.

    A field that has no column is null throughout.
    """
    columns = [cells["time"]]
    for name, kind in kinds.items():
        have = names[name]
        if name == "time":
            continue
        if have in cells.columns:
            columns.append(cast(cells[have], kind, clock).alias(name))
        else:
            columns.append(_nulls(cells.height).cast(DTYPES[kind]).alias(name))
    return pl.DataFrame(columns)


def misfits(
    cells: pl.DataFrame, names: Mapping[str, str], frame: pl.DataFrame
) -> dict[str, int]:
    """Return how many values of each field did not fit its type, where there are any.

    `frame` was projected from `cells` by `names`. An empty text is a value that is
    missing, and no misfit.
    """
    found = {}
    for name, have in names.items():
        if name == "time" or have not in cells.columns:
            continue
        before, after = cells[have], frame[name]
        if after.null_count() == before.null_count():
            continue
        lost = after.is_null() & before.is_not_null()
        if before.dtype == pl.String:
            lost &= before != ""
        if lost.any():
            found[name] = int(lost.sum())
    return found


def _nulls(count: int) -> pl.Series:
    return pl.repeat(None, count, dtype=pl.Null, eager=True)


def _from_time(column: pl.Series, kind: FieldType) -> pl.Series:
    if DTYPES[kind] == pl.String:
        return column.dt.strftime("%Y-%m-%dT%H:%M:%S%.fZ")
    seconds = column.to_physical() / 1_000_000
    return seconds.cast(DTYPES[kind], strict=False)


def _text(column: pl.Series) -> pl.Series:
    return column


def _float(column: pl.Series) -> pl.Series:
    numbers = column.cast(pl.Float64, strict=False)
    return numbers.set(~numbers.is_finite().fill_null(value=True), None)


def _int(column: pl.Series) -> pl.Series:
    whole = column.cast(pl.Int64, strict=False)
    if whole.null_count() == column.null_count():
        return whole
    numbers = _float(column)
    exact = (numbers == numbers.floor()) & (numbers.abs() <= _EXACT)
    numbers = numbers.set(~exact.fill_null(value=True), None)
    missing = whole.is_null()
    return whole.zip_with(~missing, numbers.cast(pl.Int64, strict=False))


def _bytes(column: pl.Series) -> pl.Series:
    dash = (column == "-").fill_null(value=False)
    plain = _int(column).zip_with(~dash, pl.Series([0], dtype=pl.Int64))
    odd = (plain.is_null() & column.is_not_null()).arg_true()
    return plain.scatter(odd, _sizes(column.gather(odd))) if odd.len() else plain


def _sizes(texts: pl.Series) -> pl.Series:
    """Return whole bytes of sizes with units: `1.5KiB`, `2 MB`."""
    number, unit = texts.str.extract_groups(_SIZE).struct.unnest().get_columns()
    per = unit.str.to_lowercase().replace_strict(
        UNITS[FieldType.BYTES], default=None, return_dtype=pl.Float64
    )
    found = (number.cast(pl.Float64) * per).round()
    return found.set((found.abs() > _EXACT).fill_null(value=False), None).cast(pl.Int64)


def _duration(column: pl.Series) -> pl.Series:
    plain = _float(column)
    odd = (plain.is_null() & column.is_not_null()).arg_true()
    return plain.scatter(odd, _spans(column.gather(odd))) if odd.len() else plain


def _spans(texts: pl.Series) -> pl.Series:
    """Return the seconds of durations with units: `12ms`, `1m30.5s`."""
    good = texts.str.contains(_DURATION).fill_null(value=False)
    sign = texts.str.starts_with("-").replace_strict({True: -1.0, False: 1.0})
    frame = pl.DataFrame({"row": good.arg_true(), "text": texts.filter(good)})
    parts = frame.with_columns(pl.col("text").str.extract_all(_PART)).explode("text")
    groups = parts["text"].str.extract_groups(_PART).struct.unnest()
    seconds = groups["1"].cast(pl.Float64) * groups["2"].replace_strict(
        {**UNITS[FieldType.DURATION], "μs": 1e-6}, return_dtype=pl.Float64
    )
    sums = parts.with_columns(seconds.alias("s")).group_by("row").agg(pl.col("s").sum())
    found = pl.repeat(None, texts.len(), dtype=pl.Float64, eager=True)
    return found.scatter(sums["row"], sums["s"]) * sign


def _bool(column: pl.Series) -> pl.Series:
    words = {"true": True, "1": True, "false": False, "0": False}
    return column.str.to_lowercase().replace_strict(
        words, default=None, return_dtype=pl.Boolean
    )


_FROM_TEXT: dict[FieldType, Callable[[pl.Series], pl.Series]] = {
    FieldType.STRING: _text,
    FieldType.IP: _text,
    FieldType.INT: _int,
    FieldType.FLOAT: _float,
    FieldType.DURATION: _duration,
    FieldType.BYTES: _bytes,
    FieldType.BOOL: _bool,
}
