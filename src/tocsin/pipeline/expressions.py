"""Expressions to Polars: the walk over the tree, and what its leaves become.

Every translation is element-wise: a row's answer depends on that row alone, so a frame
may be cut anywhere. Numbers compute as doubles; null is SQL's null; what has no number
(division by zero, the root of a negative) is null.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeAlias

import polars as pl

from tocsin.config.functions import BOOL, FUNCTIONS, NUMBER, PATTERN, SAME, TEXT, TIME
from tocsin.model.batch import TIME as TIME_TYPE
from tocsin.model.errors import ConfigError, Problem
from tocsin.model.expression import Call, Column, Expression, Literal, Node
from tocsin.model.message import FieldType
from tocsin.pipeline.functions import TRANSLATIONS, Arguments

if TYPE_CHECKING:
    from collections.abc import Mapping

    from polars._typing import PolarsDataType

Value: TypeAlias = str | int | float | bool | None

_DTYPES: dict[str, PolarsDataType] = {
    NUMBER: pl.Float64,
    TEXT: pl.String,
    BOOL: pl.Boolean,
    TIME: TIME_TYPE,
}
_REASON = re.compile(r"(?:error: |regex error: )([^\n]+)")
_WHOLE = (FieldType.INT, FieldType.BYTES)
_COMPARISONS = ("eq", "ne", "lt", "le", "gt", "ge", "distinct_from", "in")
_KINDS = {
    FieldType.INT: NUMBER,
    FieldType.BYTES: NUMBER,
    FieldType.FLOAT: NUMBER,
    FieldType.DURATION: NUMBER,
    FieldType.STRING: TEXT,
    FieldType.IP: TEXT,
    FieldType.BOOL: BOOL,
    FieldType.TIME: TIME,
}


def to_polars(
    expression: Expression, names: Mapping[str, str] | None = None
) -> pl.Expr:
    """Return the expression over a frame that has its columns.

    `names` maps a column's name in the expression to its name in the frame, where the
    two differ. Numbers and texts may come as any type that can be cast to them; what
    cannot is null. The result is Float64, String, Boolean or `TIME`; one without any
    column is a scalar.

    Raises:
        ConfigError: A regular expression is beyond the engine.
    """
    return _Walk(names or {}, expression.text).of(expression.root)


class _Walk:
    def __init__(self, names: Mapping[str, str], text: str) -> None:
        self.names = names
        self.text = text

    def of(self, node: Node, kind: str = SAME) -> pl.Expr:
        """Return a node, a number as Float64; `kind` is what a NULL stands for."""
        if isinstance(node, Column):
            return self._column(node, _kind(node))
        if isinstance(node, Literal):
            return _constant(node.value, kind)
        return self._call(node)

    def _call(self, node: Call) -> pl.Expr:
        self._check_patterns(node)
        kinds = [_kind(a) for a in node.args]
        if node.function in _COMPARISONS and all(map(_is_whole, node.args)):
            # Whole numbers are compared as such: doubles are exact to 2**53 only.
            exprs, kinds = [self._whole(a) for a in node.args], ["whole"] * len(kinds)
        elif node.function == "cast_string" and _is_whole(node.args[0]):
            exprs, kinds = [self._whole(node.args[0])], ["whole"]
        else:
            takes = _takes(node)
            exprs = [self.of(a, k) for a, k in zip(node.args, takes, strict=True)]
        values = [a.value if isinstance(a, Literal) else None for a in node.args]
        constant = [isinstance(a, Literal) for a in node.args]
        return TRANSLATIONS[node.function](Arguments(exprs, values, constant, kinds))

    def _column(self, column: Column, kind: str) -> pl.Expr:
        found = pl.col(self.names.get(column.name, column.name))
        if kind in (NUMBER, TEXT):
            return found.cast(_DTYPES[kind], strict=False)
        return _as_bool(found) if kind == BOOL else found

    def _whole(self, node: Node) -> pl.Expr:
        if isinstance(node, Literal):
            return pl.lit(node.value, pl.Int64)
        assert isinstance(node, Column)
        found = pl.col(self.names.get(node.name, node.name))
        return found.cast(pl.Int64, strict=False)

    def _check_patterns(self, node: Call) -> None:
        for take, arg in zip(FUNCTIONS[node.function].takes, node.args, strict=False):
            if take == PATTERN and isinstance(arg, Literal):
                self._check_pattern(str(arg.value))

    def _check_pattern(self, pattern: str) -> None:
        """Refuse what the check of the configuration, made without Polars, let pass."""
        try:
            pl.Series([""]).str.contains(pattern)
        except pl.exceptions.ComputeError as error:
            said = _REASON.search(str(error))
            reason = said[1] if said else "beyond the engine"
            message = f"expected a regular expression ({reason}), got {pattern!r}"
            raise ConfigError([Problem("expression", self.text, message)]) from None


def _as_bool(found: pl.Expr) -> pl.Expr:
    # Another metric may have asked for the same field as text.
    text = found.cast(pl.String).str.to_lowercase()
    return pl.when(text == "true").then(True).when(text == "false").then(False)  # noqa: FBT003


def _constant(value: Value, kind: str) -> pl.Expr:
    if value is None:
        return pl.lit(None, _DTYPES.get(kind, pl.Null))
    if isinstance(value, int) and not isinstance(value, bool):
        return pl.lit(float(value))
    return pl.lit(value)


def _is_whole(node: Node) -> bool:
    if isinstance(node, Column):
        return node.type in _WHOLE
    return isinstance(node, Literal) and type(node.value) is int


def _takes(node: Call) -> list[str]:
    """Return the kind of each argument; one and the same for all that share a kind."""
    signature = FUNCTIONS[node.function]
    extra = [signature.takes[-1]] * (len(node.args) - len(signature.takes))
    takes = [*signature.takes, *extra][: len(node.args)]
    if node.function == "case":
        takes = [BOOL, SAME] * (len(node.args) // 2) + [SAME]
    shared = next((k for k in map(_kind, _shared(node, takes)) if k != SAME), SAME)
    return [shared if take == SAME else take for take in takes]


def _shared(node: Call, takes: list[str]) -> list[Node]:
    return [arg for arg, take in zip(node.args, takes, strict=True) if take == SAME]


def _kind(node: Node) -> str:
    """Return the kind of what a node gives; `same` where nothing says."""
    if isinstance(node, Column):
        return SAME if node.type is None else _KINDS[node.type]
    if isinstance(node, Literal):
        return _kind_of(node.value)
    gives = FUNCTIONS[node.function].gives
    if gives != SAME:
        return gives
    args = node.args[1::2] + node.args[-1:] if node.function == "case" else node.args
    return next((k for k in map(_kind, args) if k != SAME), SAME)


def _kind_of(value: Value) -> str:
    if isinstance(value, bool):
        return BOOL
    if isinstance(value, str):
        return TEXT
    return SAME if value is None else NUMBER
