"""`filters`: operand, operator, value; joined by and, or, not; to an expression tree."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from tocsin.config.fields import (
    UnknownFieldError,
    instant_in,
    kind,
    number_in,
)
from tocsin.config.problems import did_you_mean
from tocsin.config.regex import RegexError, check_regex
from tocsin.config.wording import unknown_key
from tocsin.model.expression import Call, Column, Literal, Node
from tocsin.model.message import FieldType

if TYPE_CHECKING:
    from tocsin.config.document import Path
    from tocsin.config.fields import Fields
    from tocsin.config.problems import Problems

COMPARISONS = {
    "==": "eq", "=": "eq", "!=": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge",
}  # fmt: skip
OPERATORS = (*COMPARISONS, "=~", "!~")
_JOINS = {"all": "and", "and": "and", "any": "or", "or": "or"}
_INT64 = 2**63
_KEYS = ("operand", "operator", "value")


def read_filters(
    data: Any,  # noqa: ANN401
    path: Path,
    fields: Fields,
    problems: Problems,
) -> Node | None:
    """Return the filters, all of which must hold; None for none, or after problems."""
    reading = _Filters(fields, problems)
    if isinstance(data, dict):
        return reading.one(data, path)
    return reading.joined("and", data, path) if data != [] else None


def filters_text(data: Any) -> str:  # noqa: ANN401
    """Return sound filters as one line of text: `status >= 500 and path =~ "/api/.*"`."""
    if isinstance(data, list):
        return " and ".join(map(_inner_text, data))
    key = next((k for k in data if k in _JOINS or k == "not"), None)
    if key is None:
        value = json.dumps(data["value"], ensure_ascii=False)
        return f"{data['operand']} {data['operator']} {value}"
    inner = data[key]
    if key == "not":
        return f"not ({filters_text(inner)})"
    return f" {_JOINS[key]} ".join(map(_inner_text, inner))


def _inner_text(data: Any) -> str:  # noqa: ANN401
    text = filters_text(data)
    return f"({text})" if any(key in _JOINS for key in data) else text


class _Filters:
    def __init__(self, fields: Fields, problems: Problems) -> None:
        self.fields = fields
        self.problems = problems

    def one(self, data: Any, path: Path) -> Node | None:  # noqa: ANN401
        if not isinstance(data, dict):
            hint = "such as {operand: status, operator: '>=', value: 500}"
            self.problems.expected(path, "a filter", data, hint)
            return None
        joins = [key for key in data if key in _JOINS or key == "not"]
        if not joins:
            return self._comparison(data, path)
        for key in data:
            if key != joins[0]:
                self.problems.add((*path, key), f"cannot stand beside '{joins[0]}'")
        inner, way = data[joins[0]], (*path, joins[0])
        if joins[0] == "not":
            return self._negated(inner, way)
        return self.joined(_JOINS[joins[0]], inner, way)

    def _negated(self, data: Any, path: Path) -> Node | None:  # noqa: ANN401
        many = isinstance(data, list)
        node = self.joined("and", data, path) if many else self.one(data, path)
        return None if node is None else Call("not", (node,))

    def joined(self, function: str, data: Any, path: Path) -> Node | None:  # noqa: ANN401
        if not isinstance(data, list) or not data:
            self.problems.expected(path, "a list of filters", data or None)
            return None
        nodes = [self.one(item, (*path, i)) for i, item in enumerate(data)]
        found = tuple(node for node in nodes if node is not None)
        if len(found) < len(nodes):
            return None
        return found[0] if len(found) == 1 else Call(function, found)

    def _comparison(self, data: dict[str, Any], path: Path) -> Node | None:
        for key in data:
            if key not in _KEYS:
                unknown_key((*path, key), (*_KEYS, *_JOINS, "not"), self.problems)
        for key in _KEYS:
            if key not in data:
                self.problems.add(path, f"'{key}' is missing", f"add {key}: ...")
        column = self._column(data.get("operand"), (*path, "operand"))
        operator = self._operator(data.get("operator"), (*path, "operator"))
        if column is None or operator is None or "value" not in data:
            return None
        way = (*path, "value")
        if operator in ("=~", "!~"):
            node = self._match(column, data["value"], way)
            return Call("not", (node,)) if node and operator == "!~" else node
        return self._compare(column, COMPARISONS[operator], data["value"], way)

    def _column(self, name: Any, path: Path) -> Column | None:  # noqa: ANN401
        if not isinstance(name, str) or not name:
            if name is not None:
                self.problems.expected(path, "the name of a field", name)
            return None
        try:
            return self.fields.find(name)
        except UnknownFieldError as error:
            self.problems.add(path, f"expected {error}", error.hint)
            return None

    def _operator(self, operator: Any, path: Path) -> str | None:  # noqa: ANN401
        if operator is None:
            return None
        if operator in OPERATORS:
            return str(operator)
        hint = did_you_mean(str(operator), OPERATORS, what="one of")
        self.problems.expected(path, "an operator", operator, hint)
        return None

    def _match(self, column: Column, value: Any, path: Path) -> Node | None:  # noqa: ANN401
        if not isinstance(value, str):
            self.problems.expected(path, "a regular expression, as text", value)
            return None
        if kind(column.type) in ("bool", "time"):
            message = f"'{column.name}' is a {column.type}: it has no text to match"
            self.problems.add(path, message)
            return None
        try:
            check_regex(str(value))
        except RegexError as error:
            self.problems.expected(path, str(error), value, error.hint)
            return None
        return Call("matches_whole", (as_text(column), Literal(str(value))))

    def _compare(
        self,
        column: Column,
        function: str,
        value: Any,  # noqa: ANN401
        path: Path,
    ) -> Node | None:
        if value is None and function in ("eq", "ne"):
            test = Call("is_null", (column,))
            return test if function == "eq" else Call("not", (test,))
        pair = None if value is None else constant(column, value, function)
        if pair is None:
            wanted = _WANTED[kind(column.type)]
            hint = f"'{column.name}' holds {wanted}" if column.type else ""
            self.problems.expected(path, wanted, value, hint)
            return None
        return Call(function, pair)


_WANTED = {
    "number": "a number",
    "text": "a text",
    "bool": "true or false",
    "time": "a time such as 2024-05-01T12:00:00Z",
    "unknown": "a text, a number, true or false",
}


def as_text(column: Column) -> Node:
    """Return the column as text: a number is matched by the digits it is written in."""
    if column.type is None:
        return Column(column.name, FieldType.STRING)
    is_text = kind(column.type) == "text"
    return column if is_text else Call("cast_string", (column,))


def constant(
    column: Column,
    value: Any,  # noqa: ANN401
    function: str,
) -> tuple[Node, Node] | None:
    """Return the column and the constant as one type; None where they cannot be."""
    if isinstance(value, bool):
        return _with_bool(column, value)
    if isinstance(value, str):
        return _with_text(column, str(value), function)
    if not isinstance(value, int | float) or not math.isfinite(value):
        return None
    wide = isinstance(value, int) and not -_INT64 <= value < _INT64
    return _with_number(column, float(value) if wide else value, function)


def _with_bool(column: Column, value: bool) -> tuple[Node, Node] | None:  # noqa: FBT001
    if column.type not in (None, FieldType.BOOL):
        return None
    return Column(column.name, FieldType.BOOL), Literal(value)


def _with_number(
    column: Column, value: float, function: str
) -> tuple[Node, Node] | None:
    of = kind(column.type)
    if of == "text" and isinstance(value, int) and function in ("eq", "ne"):
        return column, Literal(str(value))
    if of not in ("number", "unknown"):
        return None
    return Column(column.name, column.type or FieldType.FLOAT), Literal(value)


def _with_text(column: Column, value: str, function: str) -> tuple[Node, Node] | None:
    of, number = kind(column.type), number_in(value)
    ordered = function not in ("eq", "ne")
    if of == "number" or (of == "unknown" and number is not None and ordered):
        return None if number is None else _with_number(column, number, function)
    if of == "time":
        instant = instant_in(value)
        return None if instant is None else (column, instant)
    if of == "bool":
        known = {"true": True, "false": False}.get(value)
        return None if known is None else (column, Literal(known))
    return Column(column.name, column.type or FieldType.STRING), Literal(value)
