"""The functions an expression may call: our own table, and no other.

Every one of them looks at one row only. `tocsin.pipeline.expressions` has one
translation for each name; a test holds the two tables together.
"""

from __future__ import annotations

from msgspec import Struct

NUMBER, TEXT, BOOL, TIME, SAME, ANY = "number", "text", "bool", "time", "same", "any"
PATTERN = "pattern"
"""A constant regular expression of linear time."""
CONSTANT = "constant"
"""A constant text that is not empty."""
WHOLE = "whole"
"""A constant whole number."""


class Signature(Struct, frozen=True):
    """What a function takes, and what kind it gives (`same`: that of its arguments).

    The last argument may be repeated when `many` is set.
    """

    takes: tuple[str, ...]
    gives: str
    many: bool = False


def _signature(takes: str, gives: str) -> Signature:
    many = takes.endswith("...")
    return Signature(tuple(takes.removesuffix("...").split()), gives, many)


FUNCTIONS = {
    name: _signature(takes, gives)
    for name, takes, gives in (
        ("and", "bool...", BOOL),
        ("or", "bool...", BOOL),
        ("not", "bool", BOOL),
        ("eq", "same same", BOOL),
        ("ne", "same same", BOOL),
        ("lt", "same same", BOOL),
        ("le", "same same", BOOL),
        ("gt", "same same", BOOL),
        ("ge", "same same", BOOL),
        ("distinct_from", "same same", BOOL),
        ("in", "same same...", BOOL),
        ("is_null", "any", BOOL),
        ("is_true", "bool", BOOL),
        ("is_false", "bool", BOOL),
        ("matches_whole", "text pattern", BOOL),
        ("matches", "text pattern", BOOL),
        ("like", "text constant", BOOL),
        ("ilike", "text constant", BOOL),
        ("starts_with", "text text", BOOL),
        ("ends_with", "text text", BOOL),
        ("contains", "text text", BOOL),
        ("add", "number number", NUMBER),
        ("sub", "number number", NUMBER),
        ("mul", "number number", NUMBER),
        ("div", "number number", NUMBER),
        ("mod", "number number", NUMBER),
        ("neg", "number", NUMBER),
        ("abs", "number", NUMBER),
        ("floor", "number", NUMBER),
        ("ceil", "number", NUMBER),
        ("round", "number whole", NUMBER),
        ("sqrt", "number", NUMBER),
        ("ln", "number", NUMBER),
        ("log", "number number", NUMBER),
        ("power", "number number", NUMBER),
        ("length", "text", NUMBER),
        ("strpos", "text text", NUMBER),
        ("extract", "constant time", NUMBER),
        ("upper", "text", TEXT),
        ("lower", "text", TEXT),
        ("trim", "text constant", TEXT),
        ("ltrim", "text constant", TEXT),
        ("rtrim", "text constant", TEXT),
        ("substr", "text number number...", TEXT),
        ("concat", "text...", TEXT),
        ("concat_skipping_nulls", "text...", TEXT),
        ("replace", "text constant text", TEXT),
        ("split_part", "text constant whole", TEXT),
        ("regexp_extract", "text pattern whole", TEXT),
        ("case", "bool same...", SAME),
        ("coalesce", "same...", SAME),
        ("nullif", "same same", SAME),
        ("greatest", "same...", SAME),
        ("least", "same...", SAME),
        ("cast_string", "any", TEXT),
        ("cast_int", "any", NUMBER),
        ("cast_float", "any", NUMBER),
        ("cast_bool", "any", BOOL),
        ("cast_time", "text", TIME),
        ("instant", "whole", TIME),
    )
}

TIME_PARTS = (
    "year", "quarter", "month", "week", "day", "doy", "dow", "isodow",
    "hour", "minute", "second", "epoch",
)  # fmt: skip
"""What EXTRACT may take from a time, in UTC."""
