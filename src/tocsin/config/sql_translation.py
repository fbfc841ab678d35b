"""Turns a tree of sqlglot's into ours, bringing arguments to the kinds of our table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from sqlglot import exp

from tocsin.config import functions as kinds
from tocsin.config.functions import FUNCTIONS, Signature
from tocsin.config.sql_parse import check_args, position, refused
from tocsin.config.sql_types import (
    ExpressionError,
    Typed,
    become,
    common_kind,
    pattern,
    text_constant,
    whole_constant,
)
from tocsin.model.expression import Call, Column, Node

Resolve: TypeAlias = Callable[[str], Column]
"""Finds the field of a name. Raises UnknownFieldError."""

Form: TypeAlias = "Callable[[Translation, exp.Expression, str], Typed]"
"""Turns one node that is more than a plain call; the text is the kind wanted."""

MAX_DEPTH = 100
_ORDERS = ("lt", "le", "gt", "ge")
_LAST_OPTIONAL = ("substr",)
_CONSTANTS: dict[str, Callable[[Typed], Node]] = {
    kinds.PATTERN: pattern,
    kinds.CONSTANT: text_constant,
    kinds.WHOLE: whole_constant,
}

PLAIN: dict[type[exp.Expression], tuple[str, tuple[str, ...]]] = {
    exp.Not: ("not", ("this",)),
    exp.EQ: ("eq", ("this", "expression")),
    exp.NEQ: ("ne", ("this", "expression")),
    exp.LT: ("lt", ("this", "expression")),
    exp.LTE: ("le", ("this", "expression")),
    exp.GT: ("gt", ("this", "expression")),
    exp.GTE: ("ge", ("this", "expression")),
    exp.NullSafeNEQ: ("distinct_from", ("this", "expression")),
    exp.RegexpLike: ("matches", ("this", "expression")),
    exp.RegexpFullMatch: ("matches_whole", ("this", "expression")),
    exp.StartsWith: ("starts_with", ("this", "expression")),
    exp.EndsWith: ("ends_with", ("this", "expression")),
    exp.Contains: ("contains", ("this", "expression")),
    exp.Add: ("add", ("this", "expression")),
    exp.Sub: ("sub", ("this", "expression")),
    exp.Mul: ("mul", ("this", "expression")),
    exp.Div: ("div", ("this", "expression")),
    exp.Mod: ("mod", ("this", "expression")),
    exp.Abs: ("abs", ("this",)),
    exp.Floor: ("floor", ("this",)),
    exp.Ceil: ("ceil", ("this",)),
    exp.Sqrt: ("sqrt", ("this",)),
    exp.Ln: ("ln", ("this",)),
    exp.Pow: ("power", ("this", "expression")),
    exp.Length: ("length", ("this",)),
    exp.StrPosition: ("strpos", ("this", "substr")),
    exp.Upper: ("upper", ("this",)),
    exp.Lower: ("lower", ("this",)),
    exp.Substring: ("substr", ("this", "start", "length")),
    exp.Replace: ("replace", ("this", "expression", "replacement")),
    exp.SplitPart: ("split_part", ("this", "delimiter", "part_index")),
    exp.Nullif: ("nullif", ("this", "expression")),
    exp.Coalesce: ("coalesce", ("this", "expressions")),
    exp.Greatest: ("greatest", ("this", "expressions")),
    exp.Least: ("least", ("this", "expressions")),
    exp.DPipe: ("concat", ("this", "expression")),
    exp.Concat: ("concat_skipping_nulls", ("expressions",)),
    exp.In: ("in", ("this", "expressions")),
}
"""Nodes that are calls of our functions as they stand, with their arguments in order."""


class Translation:
    """Turns the nodes of one expression into ours; `hint` is the kind that is wanted."""

    def __init__(
        self, resolve: Resolve, forms: Mapping[type[exp.Expression], Form]
    ) -> None:
        self.resolve = resolve
        self._forms = forms
        self._depth = 0
        self._known: dict[tuple[int, str], tuple[exp.Expression, Typed]] = {}

    def operand(self, node: exp.Expression, hint: str = "unknown") -> Typed:
        """Return a node as an operand. Raises ExpressionError."""
        # Without this memory, a field that learns its kind late costs double per level.
        known = self._known.get((id(node), hint))
        if known is None:
            known = self._known[id(node), hint] = node, self._deeper(node, hint)
        return known[1]

    def _deeper(self, node: exp.Expression, hint: str) -> Typed:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise ExpressionError("nested too deeply", at=position(node))
        try:
            return self._operand(node, hint)
        finally:
            self._depth -= 1

    def _operand(self, node: exp.Expression, hint: str) -> Typed:
        kind = type(node)
        if kind in PLAIN:
            function, names = PLAIN[kind]
            check_args(node, names)
            return self.apply(function, node, _arguments(node, names), hint)
        form = self._forms.get(kind)
        if form is None:
            raise refused(node)
        return form(self, node, hint)

    def apply(
        self,
        function: str,
        node: exp.Expression,
        args: list[exp.Expression],
        hint: str = "unknown",
    ) -> Typed:
        """Return the call of one of our functions, its arguments brought to its kinds."""
        signature = FUNCTIONS[function]
        takes = _takes(signature, args, function, node)
        same = [a for a, take in zip(args, takes, strict=True) if take == kinds.SAME]
        inner = hint if signature.gives == kinds.SAME else "unknown"
        shared, nodes_of_same = self.same(same, function, inner)
        rest = iter(nodes_of_same)
        nodes = tuple(
            next(rest) if take == kinds.SAME else self._argument(arg, take)
            for arg, take in zip(args, takes, strict=True)
        )
        gives = shared if signature.gives == kinds.SAME else signature.gives
        return Typed(Call(function, nodes), gives, position(node))

    def condition(self, node: exp.Expression) -> Node:
        """Return a node as a condition. Raises ExpressionError."""
        return become(self.operand(node, kinds.BOOL), kinds.BOOL)

    def same(
        self, args: list[exp.Expression], function: str, hint: str
    ) -> tuple[str, list[Node]]:
        """Return the one kind of some arguments, and the arguments as that kind."""
        operands = [self.operand(a, hint) for a in args]
        ordered = function in _ORDERS
        shared = common_kind(operands, ordered=ordered)
        if shared == "unknown":
            shared = hint
        if shared == "unknown" and FUNCTIONS[function].gives != kinds.SAME:
            shared = "number" if ordered else "text"
        if shared == "unknown":
            return shared, [o.node for o in operands]
        # Fields without a type learn it from what they stand beside, however deep.
        again = [
            self.operand(a, shared) if o.kind != shared and not o.weak else o
            for a, o in zip(args, operands, strict=True)
        ]
        return shared, [become(o, shared) for o in again]

    def _argument(self, arg: exp.Expression, take: str) -> Node:
        if take in _CONSTANTS:
            return _CONSTANTS[take](self.operand(arg))
        found = self.operand(arg, "unknown" if take == kinds.ANY else take)
        if take == kinds.ANY and found.kind == "unknown" and _is_call(found):
            found = self.operand(arg, "text")
        return become(found, take)


def _is_call(operand: Typed) -> bool:
    return isinstance(operand.node, Call)


def _arguments(node: exp.Expression, names: tuple[str, ...]) -> list[exp.Expression]:
    found: list[exp.Expression] = []
    for name in names:
        value = node.args.get(name)
        if isinstance(value, list):
            found += value
        elif value is not None:
            found.append(value)
    return found


def _takes(
    signature: Signature,
    args: list[exp.Expression],
    function: str,
    node: exp.Expression,
) -> list[str]:
    least = len(signature.takes) - (function in _LAST_OPTIONAL)
    extra = max(0, len(args) - len(signature.takes)) if signature.many else 0
    takes = [*signature.takes, *[signature.takes[-1]] * extra]
    if not least <= len(args) <= len(takes):
        message = f"{function} takes {least} arguments or more, got {len(args)}"
        raise ExpressionError(message, at=position(node))
    return takes[: len(args)]
