"""One Polars translation for each function of our table, all element-wise."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import reduce
from operator import or_
from typing import TypeAlias

import polars as pl
from msgspec import Struct

from tocsin.model.batch import TIME, divided, spread

Value: TypeAlias = str | int | float | bool | None

_EXACT = 2.0**53
_SHORT = (0.5, *map(float, range(2, 10)))
"""Exponents for which Polars knows a shorter way, where they are constants."""
_ISO = "%Y-%m-%dT%H:%M:%S%.f"


class Arguments(Struct, frozen=True):
    """The arguments of a call: as columns, and what is known of them beforehand.

    `values` holds the constants (`constant` says which they are), `kinds` what each
    argument gives: number, text, bool, time, same (unknown) or whole (an integer).
    """

    exprs: list[pl.Expr]
    values: list[Value]
    constant: list[bool]
    kinds: list[str]

    def text(self, index: int) -> str:
        """Return a constant text."""
        return str(self.values[index])

    def whole(self, index: int) -> int:
        """Return a constant whole number."""
        value = self.values[index]
        assert isinstance(value, int)
        return value


Translation: TypeAlias = Callable[[Arguments], pl.Expr]


def _one(make: Callable[[pl.Expr], pl.Expr]) -> Translation:
    return lambda call: make(call.exprs[0])


def _two(make: Callable[[pl.Expr, pl.Expr], pl.Expr]) -> Translation:
    return lambda call: make(call.exprs[0], call.exprs[1])


def _is_in(call: Arguments) -> pl.Expr:
    subject, *others = call.exprs
    if not all(call.constant[1:]):
        return reduce(or_, (subject == other for other in others))
    values = [v for v in call.values[1:] if v is not None]
    if call.kinds[0] == "number":
        values = [float(str(v)) for v in values]
    found = subject.is_in(values)
    if len(values) == len(others):
        return found
    # `x IN (1, NULL)` is true or unknown, never false.
    return pl.when(found).then(True)  # noqa: FBT003


def _like(call: Arguments) -> pl.Expr:
    subject, pattern = call.exprs[0], call.text(1)
    body = re.fullmatch(r"(%?)((?:[^%_\\]|\\.)*)(%?)", pattern, re.DOTALL)
    if body is None or not body[2]:
        return subject.str.contains(_like_regex(pattern, "s"))
    literal = re.sub(r"\\(.)", r"\1", body[2], flags=re.DOTALL)
    if body[1] and body[3]:
        return subject.str.contains(literal, literal=True)
    if body[1]:
        return subject.str.ends_with(literal)
    return subject.str.starts_with(literal) if body[3] else subject == literal


def _ilike(call: Arguments) -> pl.Expr:
    return call.exprs[0].str.contains(_like_regex(call.text(1), "is"))


def _like_regex(pattern: str, flags: str) -> str:
    parts = re.findall(r"\\.|.", pattern, re.DOTALL)
    wild = {"%": ".*", "_": "."}
    body = "".join(wild.get(p) or _escaped(p[-1]) for p in parts)
    return rf"(?{flags})\A(?:{body})\z"


def _escaped(character: str) -> str:
    # Rust knows no escapes of letters and digits, and needs none.
    return rf"\x{{{ord(character):X}}}"


def _mod(left: pl.Expr, right: pl.Expr) -> pl.Expr:
    divisor = pl.when(right != 0).then(right.abs())
    rest = left.abs() % spread(divisor, left)
    return pl.when(left < 0).then(-rest).otherwise(rest)


def _log(call: Arguments) -> pl.Expr:
    base, value = call.exprs
    sound = (value > 0) & (base > 0) & (base != 1)
    ten = call.values[0] == 10  # noqa: PLR2004
    return pl.when(sound).then(
        value.log10() if ten else divided(value.log(), base.log())
    )


def _power(call: Arguments) -> pl.Expr:
    base, exponent = call.exprs
    found = base.pow(exponent)
    if not call.constant[1]:
        # Alone in its batch, such an exponent is multiplied out, as constants are.
        short = [pl.when(exponent == x).then(base.pow(pl.lit(x))) for x in _SHORT]
        found = pl.coalesce(*short, found)
    sound = found.is_finite() | ~(base.is_finite() & exponent.is_finite())
    return pl.when(sound).then(found)


def _round(call: Arguments) -> pl.Expr:
    return call.exprs[0].round(call.whole(1), mode="half_away_from_zero")


def _strpos(text: pl.Expr, part: pl.Expr) -> pl.Expr:
    # `find` counts bytes; the characters before the place are counted instead.
    at = text.str.find(part, literal=True)
    before = text.cast(pl.Binary).bin.slice(0, at).cast(pl.String)
    found = pl.when(at.is_null()).then(0).otherwise(before.str.len_chars() + 1)
    known = text.is_not_null() & part.is_not_null()
    return pl.when(known).then(found).cast(pl.Float64)


def _substr(call: Arguments) -> pl.Expr:
    """Count from 1; a negative start counts from the end, as in DuckDB."""
    text, start = call.exprs[0], _integer(call.exprs[1])
    size = text.str.len_chars().cast(pl.Int64)
    first = pl.when(start < 0).then(size + start).otherwise(start - 1)
    begin = pl.max_horizontal(first, 0)
    if len(call.exprs) == 2:  # noqa: PLR2004
        found = text.str.slice(begin)
        return pl.when(start.is_not_null()).then(found)
    length = _integer(call.exprs[2])
    count = pl.max_horizontal(first + length - begin, 0)
    known = start.is_not_null() & length.is_not_null()
    return pl.when(known).then(text.str.slice(begin, count))


def _integer(number: pl.Expr) -> pl.Expr:
    return number.round(0, mode="half_to_even").cast(pl.Int64, strict=False)


def _replace(call: Arguments) -> pl.Expr:
    text, wanted = call.exprs[0], call.text(1)
    if call.constant[2] and call.values[2] is not None:
        return text.str.replace_all(wanted, call.text(2), literal=True)
    joined = text.str.split(wanted).list.join(call.exprs[2])
    return pl.when(call.exprs[2].is_not_null()).then(joined)


def _split_part(call: Arguments) -> pl.Expr:
    number = call.whole(2)
    at = number - 1 if number > 0 else number
    parts = call.exprs[0].str.split(call.text(1))
    return _empty_if_missing(parts.list.get(at, null_on_oob=True), call.exprs[0])


def _regexp_extract(call: Arguments) -> pl.Expr:
    found = call.exprs[0].str.extract(call.text(1), call.whole(2))
    return _empty_if_missing(found, call.exprs[0])


def _empty_if_missing(found: pl.Expr, text: pl.Expr) -> pl.Expr:
    return pl.coalesce(found, text.str.slice(0, 0))


def _case(call: Arguments) -> pl.Expr:
    *pairs, otherwise = call.exprs
    found = otherwise
    for condition, value in zip(pairs[-2::-2], pairs[::-2], strict=True):
        found = pl.when(condition).then(value).otherwise(found)
    return found


def _greatest(call: Arguments) -> pl.Expr:
    found = pl.max_horizontal(call.exprs)
    if call.kinds[0] != "number":
        return found
    # NaN is greater than all numbers here, as it is in every comparison.
    nan = pl.any_horizontal(*(e.is_nan().fill_null(value=False) for e in call.exprs))
    return pl.when(nan).then(float("nan")).otherwise(found)


def _extract(call: Arguments) -> pl.Expr:
    return _PARTS[call.text(0)](call.exprs[1]).cast(pl.Float64)


_PARTS: dict[str, Callable[[pl.Expr], pl.Expr]] = {
    "year": lambda t: t.dt.year(),
    "quarter": lambda t: t.dt.quarter(),
    "month": lambda t: t.dt.month(),
    "week": lambda t: t.dt.week(),
    "day": lambda t: t.dt.day(),
    "doy": lambda t: t.dt.ordinal_day(),
    "dow": lambda t: t.dt.weekday().cast(pl.Int64) % 7,
    "isodow": lambda t: t.dt.weekday(),
    "hour": lambda t: t.dt.hour(),
    "minute": lambda t: t.dt.minute(),
    "second": lambda t: t.dt.second(),
    "epoch": lambda t: divided(t.dt.epoch("us"), 1_000_000),
}


def _cast_string(call: Arguments) -> pl.Expr:
    value, kind = call.exprs[0], call.kinds[0]
    if kind == "time":
        return value.dt.to_string(f"{_ISO}Z")
    if kind != "number":
        return value.cast(pl.String)
    whole = (value == value.floor()) & (value.abs() < _EXACT)
    digits = value.cast(pl.Int64, strict=False).cast(pl.String)
    return pl.when(whole).then(digits).otherwise(value.cast(pl.String))


def _cast_float(call: Arguments) -> pl.Expr:
    value = call.exprs[0]
    if call.kinds[0] == "text":
        value = value.str.strip_chars(" ")
    return value.cast(pl.Float64, strict=False)


def _cast_int(call: Arguments) -> pl.Expr:
    number = _cast_float(call).round(0, mode="half_to_even")
    return pl.when(number.is_finite()).then(number)


def _cast_bool(call: Arguments) -> pl.Expr:
    value, kind = call.exprs[0], call.kinds[0]
    if kind == "bool":
        return value
    if kind == "number":
        return value != 0
    text = value.cast(pl.String).str.to_lowercase()
    yes, no = text.is_in(["true", "t", "1"]), text.is_in(["false", "f", "0"])
    return pl.when(yes).then(True).when(no).then(False)  # noqa: FBT003


def _cast_time(call: Arguments) -> pl.Expr:
    # The format is fixed: if it were guessed, it would depend on the rows around.
    value = call.exprs[0]
    if call.kinds[0] == "time":
        return value
    text = value.cast(pl.String).str.strip_chars(" ")
    text = text.str.replace(r"^([0-9-]{10})$", "${1}T00:00:00")
    text = text.str.replace(r"^([0-9-]{10}) ", "${1}T").str.replace(r"[Zz]$", "+00:00")
    offset = text.str.contains(r"T.*[+-][0-9]{2}:?[0-9]{2}$")
    text = pl.when(offset).then(text).otherwise(text + "+00:00")
    return text.str.to_datetime(f"{_ISO}%z", time_unit="us", strict=False).cast(TIME)


def _trim(strip: Callable[[pl.Expr, str], pl.Expr]) -> Translation:
    return lambda call: strip(call.exprs[0], call.text(1))


def _concat(*, ignore_nulls: bool) -> Translation:
    return lambda call: pl.concat_str(call.exprs, ignore_nulls=ignore_nulls)


TRANSLATIONS: dict[str, Translation] = {
    "and": lambda call: pl.all_horizontal(call.exprs),
    "or": lambda call: pl.any_horizontal(call.exprs),
    "not": _one(lambda a: ~a),
    "eq": _two(lambda a, b: a == b),
    "ne": _two(lambda a, b: a != b),
    "lt": _two(lambda a, b: a < b),
    "le": _two(lambda a, b: a <= b),
    "gt": _two(lambda a, b: a > b),
    "ge": _two(lambda a, b: a >= b),
    "distinct_from": _two(lambda a, b: a.ne_missing(b)),
    "in": _is_in,
    "is_null": _one(lambda a: a.is_null()),
    "is_true": _one(lambda a: a.fill_null(value=False)),
    "is_false": _one(lambda a: (~a).fill_null(value=False)),
    "matches_whole": lambda c: c.exprs[0].str.contains(rf"\A(?:{c.text(1)})\z"),
    "matches": lambda c: c.exprs[0].str.contains(c.text(1)),
    "like": _like,
    "ilike": _ilike,
    "starts_with": _two(lambda a, b: a.str.starts_with(b)),
    "ends_with": _two(lambda a, b: a.str.ends_with(b)),
    "contains": _two(lambda a, b: a.str.contains(b, literal=True)),
    "add": _two(lambda a, b: a + b),
    "sub": _two(lambda a, b: a - b),
    "mul": _two(lambda a, b: a * b),
    "div": _two(lambda a, b: divided(a, pl.when(b != 0).then(b))),
    "mod": _two(_mod),
    "neg": _one(lambda a: -a),
    "abs": _one(lambda a: a.abs()),
    "floor": _one(lambda a: a.floor()),
    "ceil": _one(lambda a: a.ceil()),
    "round": _round,
    "sqrt": _one(lambda a: pl.when(a >= 0).then(a.sqrt())),
    "ln": _one(lambda a: pl.when(a > 0).then(a.log())),
    "log": _log,
    "power": _power,
    "length": _one(lambda a: a.str.len_chars().cast(pl.Float64)),
    "strpos": _two(_strpos),
    "extract": _extract,
    "upper": _one(lambda a: a.str.to_uppercase()),
    "lower": _one(lambda a: a.str.to_lowercase()),
    "trim": _trim(lambda a, signs: a.str.strip_chars(signs)),
    "ltrim": _trim(lambda a, signs: a.str.strip_chars_start(signs)),
    "rtrim": _trim(lambda a, signs: a.str.strip_chars_end(signs)),
    "substr": _substr,
    "concat": _concat(ignore_nulls=False),
    "concat_skipping_nulls": _concat(ignore_nulls=True),
    "replace": _replace,
    "split_part": _split_part,
    "regexp_extract": _regexp_extract,
    "case": _case,
    "coalesce": lambda call: pl.coalesce(call.exprs),
    "nullif": _two(lambda a, b: pl.when((a != b).fill_null(value=True)).then(a)),
    "greatest": _greatest,
    "least": lambda call: pl.min_horizontal(call.exprs),
    "cast_string": _cast_string,
    "cast_int": _cast_int,
    "cast_float": _cast_float,
    "cast_bool": _cast_bool,
    "cast_time": _cast_time,
    "instant": lambda call: pl.lit(call.whole(0), pl.Int64).cast(TIME),
}
"""By the names of `tocsin.config.functions.FUNCTIONS`, one for each."""
