"""Kinds of nodes, and how operands are brought to one kind, or refused."""

from __future__ import annotations

from msgspec import Struct

from tocsin.config.fields import instant_in, kind, number_in
from tocsin.config.regex import RegexError, check_regex
from tocsin.model.expression import Column, Literal, Node
from tocsin.model.message import FieldType

TYPE_OF = {
    "number": FieldType.FLOAT,
    "text": FieldType.STRING,
    "bool": FieldType.BOOL,
    "time": FieldType.TIME,
}
_NAMES = {
    "number": "a number",
    "text": "a text",
    "bool": "a condition",
    "time": "a time",
}
_INT64 = 2**63


class ExpressionError(ValueError):
    """An expression that cannot be used: what is wrong, where in its text, the remedy."""

    def __init__(self, message: str, hint: str = "", at: int | None = None) -> None:
        self.message = message
        self.hint = hint
        self.at = at
        super().__init__(message)


class Typed(Struct, frozen=True):
    """A node, what it holds (`unknown` for a field without a type), and where it is."""

    node: Node
    kind: str
    at: int | None = None
    shown: str = ""

    @property
    def weak(self) -> bool:
        """Whether it is a constant, whose kind gives way to that of a field."""
        return isinstance(self.node, Literal)


def of_column(column: Column, at: int | None) -> Typed:
    """Return a field as an operand."""
    return Typed(column, kind(column.type), at, f"'{column.name}'")


def of_constant(value: str | float | bool | None, at: int | None = None) -> Typed:  # noqa: FBT001
    """Return a constant as an operand; whole numbers beyond 64 bits become doubles."""
    if isinstance(value, bool):
        return Typed(Literal(value), "bool", at, str(value).upper())
    if value is None:
        return Typed(Literal(None), "unknown", at, "NULL")
    if isinstance(value, str):
        return Typed(Literal(value), "text", at, repr(value))
    if isinstance(value, int) and not -_INT64 <= value < _INT64:
        value = float(value)
    return Typed(Literal(value), "number", at, str(value))


def become(operand: Typed, wanted: str) -> Node:
    """Return the node as the wanted kind. Raises ExpressionError where it is another."""
    if wanted in (operand.kind, "any"):
        return operand.node
    if isinstance(operand.node, Column) and operand.kind == "unknown":
        return Column(operand.node.name, TYPE_OF[wanted])
    if operand.kind == "unknown":
        return operand.node
    if isinstance(operand.node, Literal) and isinstance(operand.node.value, str):
        found = _converted(operand.node.value, wanted)
        if found is not None:
            return found
    raise ExpressionError(
        f"expected {_NAMES[wanted]}, got {_found(operand)}",
        _remedy(operand, wanted),
        operand.at,
    )


def _converted(text: str, wanted: str) -> Node | None:
    if wanted == "number":
        number = number_in(text)
        return None if number is None else of_constant(number).node
    if wanted == "time":
        return instant_in(text)
    known = (
        {"true": True, "false": False}.get(text.lower()) if wanted == "bool" else None
    )
    return None if known is None else Literal(known)


def _found(operand: Typed) -> str:
    if operand.weak:
        return operand.shown
    name = _NAMES[operand.kind]
    return f"{operand.shown} ({name})" if operand.shown else name


def _remedy(operand: Typed, wanted: str) -> str:
    value = operand.shown.strip("'") or "..."
    if wanted == "text":
        return (
            "text is written in single quotes"
            if operand.weak
            else f"as text: CAST({value} AS VARCHAR)"
        )
    if wanted == "number" and operand.kind == "text" and not operand.weak:
        return f"as a number: CAST({value} AS DOUBLE)"
    if wanted == "number" and operand.weak:
        return "numbers are written without quotes"
    if wanted == "bool" and operand.kind in ("number", "text"):
        return "compare it with something, such as status >= 500"
    return "such as '2024-05-01T12:00:00Z'" if wanted == "time" else ""


def common_kind(operands: list[Typed], *, ordered: bool = False) -> str:
    """Return the one kind of all operands; `unknown` when nothing says.

    A field says more than a constant: `status = '200'` compares numbers. A field
    without a type that is ordered against a text of digits is a number.

    Raises:
        ExpressionError: Two of them can never be compared.
    """
    known = [o for o in operands if o.kind != "unknown"]
    strong = [o for o in known if not o.weak] or known
    if not strong:
        return "unknown"
    wanted = strong[0].kind
    if wanted == "text" and ordered and _only_digits(operands):
        return "number"
    for other in strong:
        if other.kind != wanted:
            raise ExpressionError(
                f"{_found(strong[0])} cannot stand beside {_found(other)}",
                _remedy(other, wanted) or _remedy(strong[0], other.kind),
                other.at,
            )
    return wanted


def _only_digits(operands: list[Typed]) -> bool:
    """Say whether untyped fields stand beside nothing but texts of digits."""
    constants = [o.node.value for o in operands if isinstance(o.node, Literal)]
    fields = [o for o in operands if not isinstance(o.node, Literal)]
    return all(o.kind == "unknown" for o in fields) and all(
        isinstance(v, str) and number_in(v) is not None for v in constants
    )


def pattern(operand: Typed) -> Literal:
    """Return a constant regular expression. Raises ExpressionError."""
    text = text_constant(operand)
    assert isinstance(text.value, str)
    try:
        check_regex(text.value)
    except RegexError as error:
        message = f"expected {error}, got {text.value!r}"
        raise ExpressionError(message, error.hint, operand.at) from None
    return text


def text_constant(operand: Typed) -> Literal:
    """Return a constant text that is not empty. Raises ExpressionError."""
    node = operand.node
    if not isinstance(node, Literal) or not isinstance(node.value, str):
        raise ExpressionError(
            "expected a constant text in single quotes", at=operand.at
        )
    if not node.value:
        raise ExpressionError("expected a text that is not empty", at=operand.at)
    return node


def whole_constant(operand: Typed) -> Literal:
    """Return a constant whole number. Raises ExpressionError."""
    node = operand.node
    if not isinstance(node, Literal) or type(node.value) is not int:
        raise ExpressionError("expected a constant whole number", at=operand.at)
    return node
