"""The forms of SQL that are more than a call: names, constants, CASE, LIKE, CAST, ...

Each takes the translation, the node and the kind that is wanted of it.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from sqlglot import exp

from tocsin.config.fields import UnknownFieldError
from tocsin.config.functions import TIME_PARTS
from tocsin.config.problems import did_you_mean
from tocsin.config.regex import groups_in
from tocsin.config.sql_parse import check_args, position, refused
from tocsin.config.sql_types import (
    ExpressionError,
    Typed,
    become,
    of_column,
    of_constant,
    text_constant,
    whole_constant,
)
from tocsin.model.expression import Call, Literal, Node

if TYPE_CHECKING:
    from tocsin.config.sql_translation import Form, Translation


def _column(self: Translation, node: exp.Expression, hint: str) -> Typed:
    check_args(node, ("this", "table", "db", "catalog"))
    assert isinstance(node, exp.Column)
    if not all(isinstance(part, exp.Identifier) for part in node.parts):
        raise refused(node)
    name = ".".join(part.name for part in node.parts)
    try:
        column = self.resolve(name)
    except UnknownFieldError as error:
        quoted = any(part.args.get("quoted") for part in node.parts)
        hint = error.hint
        near = hint.startswith("did")
        if quoted and not (near and not str(error).startswith("a field")):
            hint = f"text is written in single quotes: '{name}'"
            hint += f"; or {error.hint}" if near else ""
        raise ExpressionError(f"expected {error}", hint, position(node)) from None
    if column.type is None and hint in ("number", "text", "bool", "time"):
        found = become(of_column(column, position(node)), hint)
        return Typed(found, hint, position(node), f"'{name}'")
    return of_column(column, position(node))


def _literal(self: Translation, node: exp.Expression, hint: str) -> Typed:
    del self, hint
    check_args(node, ("this", "is_string"))
    text, at = str(node.this), position(node)
    if node.args.get("is_string"):
        return of_constant(text, at)
    value = int(text) if re.fullmatch(r"[0-9]{1,300}", text) else float(text)
    constant = of_constant(value, at)
    assert isinstance(constant.node, Literal)
    if isinstance(constant.node.value, float) and math.isinf(constant.node.value):
        raise ExpressionError(
            f"expected a number that a double can hold, got {text}", at=at
        )
    return constant


def _boolean(self: Translation, node: exp.Expression, hint: str) -> Typed:
    del self, hint
    return of_constant(bool(node.this), position(node))


def _null(self: Translation, node: exp.Expression, hint: str) -> Typed:
    del self, hint
    return of_constant(None, position(node))


def _paren(self: Translation, node: exp.Expression, hint: str) -> Typed:
    check_args(node, ("this",))
    return self.operand(node.this, hint)


def _connector(self: Translation, node: exp.Expression, hint: str) -> Typed:
    """Return a whole chain of ANDs or ORs as one call: chains may be long, not deep."""
    del hint
    check_args(node, ("this", "expression"))
    function = "and" if isinstance(node, exp.And) else "or"
    chain: list[exp.Expression] = []
    left: exp.Expression = node
    while type(left) is type(node):
        check_args(left, ("this", "expression"))
        chain.append(left.args["expression"])
        left = left.this
    return self.apply(function, node, [left, *reversed(chain)])


def _neg(self: Translation, node: exp.Expression, hint: str) -> Typed:
    del hint
    check_args(node, ("this",))
    inner = self.operand(node.this, "number")
    value = inner.node.value if isinstance(inner.node, Literal) else None
    if type(value) in (int, float):
        assert isinstance(value, int | float)
        return of_constant(-value, inner.at)
    return Typed(Call("neg", (become(inner, "number"),)), "number", position(node))


def _between(self: Translation, node: exp.Expression, hint: str) -> Typed:
    del hint
    check_args(node, ("this", "low", "high"))
    low = self.apply("ge", node, [node.this, node.args["low"]])
    high = self.apply("le", node, [node.this, node.args["high"]])
    return Typed(Call("and", (low.node, high.node)), "bool", position(node))


def _like(self: Translation, node: exp.Expression, hint: str) -> Typed:
    del hint
    check_args(node, ("this", "expression", "negate"))
    return _like_with(self, node, "")


def _escape(self: Translation, node: exp.Expression, hint: str) -> Typed:
    del hint
    check_args(node, ("this", "expression"))
    inner = node.this
    if not isinstance(inner, exp.Like | exp.ILike):
        raise refused(node)
    check_args(inner, ("this", "expression", "negate"))
    mark = text_constant(self.operand(node.args["expression"]))
    if len(str(mark.value)) != 1:
        raise ExpressionError("expected one character after ESCAPE", at=position(node))
    return _like_with(self, inner, str(mark.value))


def _like_with(self: Translation, node: exp.Expression, escape: str) -> Typed:
    """Return LIKE with its pattern as ours: `%` and `_`, escaped by a backslash."""
    subject = become(self.operand(node.this, "text"), "text")
    pattern = self.operand(node.args["expression"])
    if isinstance(pattern.node, Literal) and pattern.node.value == "":
        found: Node = Call("eq", (subject, pattern.node))
    else:
        text = _standard_like(str(text_constant(pattern).value), escape, pattern.at)
        function = "ilike" if isinstance(node, exp.ILike) else "like"
        found = Call(function, (subject, Literal(text)))
    found = Call("not", (found,)) if node.args.get("negate") else found
    return Typed(found, "bool", position(node))


def _standard_like(pattern: str, escape: str, at: int | None) -> str:
    out, characters = [], iter(pattern)
    for character in characters:
        if escape and character == escape:
            character = next(characters, "")  # noqa: PLW2901
            if not character:
                raise ExpressionError("nothing after the escape sign", at=at)
            out.append(f"\\{character}")
        else:
            out.append(r"\\" if character == "\\" else character)
    return "".join(out)


def _is(self: Translation, node: exp.Expression, hint: str) -> Typed:
    del hint
    check_args(node, ("this", "expression", "negate"))
    what = node.args["expression"]
    if isinstance(what, exp.Null):
        found = self.apply("is_null", node, [node.this])
    elif isinstance(what, exp.Boolean):
        function = "is_true" if what.this else "is_false"
        found = self.apply(function, node, [node.this])
    else:
        raise ExpressionError(
            "expected NULL, TRUE or FALSE after IS", at=position(node)
        )
    negated = Call("not", (found.node,)) if node.args.get("negate") else found.node
    return Typed(negated, "bool", found.at)


def _not_distinct(self: Translation, node: exp.Expression, hint: str) -> Typed:
    del hint
    check_args(node, ("this", "expression"))
    found = self.apply("distinct_from", node, [node.this, node.args["expression"]])
    return Typed(Call("not", (found.node,)), "bool", found.at)


def _case(self: Translation, node: exp.Expression, hint: str) -> Typed:
    check_args(node, ("this", "ifs", "default"))
    subject = node.args.get("this")
    conditions, values = [], []
    for branch in node.args["ifs"]:
        check_args(branch, ("this", "true"))
        test = exp.EQ(this=subject, expression=branch.this) if subject else branch.this
        conditions.append(self.condition(test))
        values.append(branch.args["true"])
    return _choice(self, node, (conditions, values), hint)


def _if(self: Translation, node: exp.Expression, hint: str) -> Typed:
    check_args(node, ("this", "true", "false"))
    condition = self.condition(node.this)
    choice = ([condition], [node.args["true"]])
    return _choice(self, node, choice, hint)


def _choice(
    self: Translation,
    node: exp.Expression,
    choice: tuple[list[Node], list[exp.Expression]],
    hint: str,
) -> Typed:
    """Return `case(condition, value, condition, value, ..., otherwise)`."""
    conditions, values = choice
    otherwise = node.args.get("default") or node.args.get("false") or exp.Null()
    shared, nodes = self.same([*values, otherwise], "case", hint)
    pairs = zip(conditions, nodes, strict=False)
    flat = (part for pair in pairs for part in pair)
    return Typed(Call("case", (*flat, nodes[-1])), shared, position(node))


_CASTS = {
    **dict.fromkeys(("TEXT", "VARCHAR", "CHAR", "NVARCHAR", "NCHAR"), "cast_string"),
    **dict.fromkeys(("TINYINT", "SMALLINT", "INT", "BIGINT"), "cast_int"),
    **dict.fromkeys(("FLOAT", "DOUBLE", "DECIMAL"), "cast_float"),
    "BOOLEAN": "cast_bool",
    **dict.fromkeys(("TIMESTAMP", "TIMESTAMPTZ", "TIMESTAMPNTZ"), "cast_time"),
}
_CAST_HINT = "one of VARCHAR, BIGINT, DOUBLE, BOOLEAN, TIMESTAMP"


def _cast(self: Translation, node: exp.Expression, hint: str) -> Typed:
    del hint
    check_args(node, ("this", "to"))
    to = node.args["to"]
    function = _CASTS.get(getattr(to.this, "value", ""))
    if function is None or to.args.get("expressions") or to.args.get("nested"):
        message = f"cannot cast to {to.sql()}"
        raise ExpressionError(message, _CAST_HINT, position(node))
    inner = self.operand(node.this)
    if "time" in (inner.kind, function.removeprefix("cast_")):
        _check_time_cast(inner, function)
    return self.apply(function, node, [node.this])


def _check_time_cast(inner: Typed, function: str) -> None:
    if function == "cast_string" or inner.kind in ("text", "unknown"):
        return
    if function == "cast_time" and inner.kind == "time":
        return
    hint = "the seconds of a time: EXTRACT(epoch FROM time)"
    raise ExpressionError(
        "times and numbers do not cast into each other", hint, inner.at
    )


def _round(self: Translation, node: exp.Expression, hint: str) -> Typed:
    del hint
    check_args(node, ("this", "decimals"))
    places = node.args.get("decimals") or exp.Literal.number(0)
    found = whole_constant(self.operand(places))
    if not 0 <= int(str(found.value)) <= _MOST_DECIMALS:
        message = f"expected 0 to {_MOST_DECIMALS} decimals, got {found.value}"
        raise ExpressionError(message, at=position(node))
    return self.apply("round", node, [node.this, places])


_MOST_DECIMALS = 15
_TRIMS = {"": "trim", "BOTH": "trim", "LEADING": "ltrim", "TRAILING": "rtrim"}


def _trim(self: Translation, node: exp.Expression, hint: str) -> Typed:
    del hint
    check_args(node, ("this", "expression", "position"))
    signs = node.args.get("expression") or exp.Literal.string(" ")
    function = _TRIMS[str(node.args.get("position") or "").upper()]
    return self.apply(function, node, [node.this, signs])


def _regexp_extract(self: Translation, node: exp.Expression, hint: str) -> Typed:
    del hint
    check_args(node, ("this", "expression", "group"))
    group = node.args.get("group") or exp.Literal.number(0)
    number = int(str(whole_constant(self.operand(group)).value))
    wanted = self.operand(node.args["expression"])
    found = self.apply(
        "regexp_extract", node, [node.this, node.args["expression"], group]
    )
    assert isinstance(wanted.node, Literal)
    groups = groups_in(str(wanted.node.value))
    if not 0 <= number <= groups:
        message = f"the pattern has {groups} groups, not {number}"
        raise ExpressionError(message, at=position(node))
    return found


def _extract(self: Translation, node: exp.Expression, hint: str) -> Typed:
    del hint
    check_args(node, ("this", "expression"))
    return _part_of(self, node, node.this.name.lower(), node.args["expression"])


def _part(self: Translation, node: exp.Expression, hint: str) -> Typed:
    del hint
    check_args(node, ("this",))
    return _part_of(self, node, node.key.lower(), node.this)


def _part_of(
    self: Translation, node: exp.Expression, part: str, time: exp.Expression
) -> Typed:
    if part not in TIME_PARTS:
        hint = did_you_mean(part, TIME_PARTS, what="parts")
        raise ExpressionError(f"a time has no part {part!r}", hint, position(node))
    return self.apply("extract", node, [exp.Literal.string(part), time])


def _log(self: Translation, node: exp.Expression, hint: str) -> Typed:
    del hint
    check_args(node, ("this", "expression"))
    value = node.args.get("expression")
    if value is None:
        return self.apply("log", node, [exp.Literal.number(10), node.this])
    return self.apply("log", node, [node.this, value])


FORMS: dict[type[exp.Expression], Form] = {
    exp.Column: _column,
    exp.Literal: _literal,
    exp.Boolean: _boolean,
    exp.Null: _null,
    exp.Paren: _paren,
    exp.And: _connector,
    exp.Or: _connector,
    exp.Neg: _neg,
    exp.Between: _between,
    exp.Like: _like,
    exp.ILike: _like,
    exp.Escape: _escape,
    exp.Is: _is,
    exp.NullSafeEQ: _not_distinct,
    exp.Case: _case,
    exp.If: _if,
    exp.Cast: _cast,
    exp.TryCast: _cast,
    exp.Round: _round,
    exp.Trim: _trim,
    exp.RegexpExtract: _regexp_extract,
    exp.Extract: _extract,
    exp.Hour: _part,
    exp.Minute: _part,
    exp.Second: _part,
    exp.Day: _part,
    exp.Month: _part,
    exp.Year: _part,
    exp.Log: _log,
}
"""The nodes that have a form of their own."""
