"""Expressions from their text: for metrics, formulas and the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tocsin.config.fields import Fields, UnknownFieldError
from tocsin.config.problems import did_you_mean
from tocsin.config.sql import translate
from tocsin.config.sql_types import TYPE_OF, ExpressionError, become
from tocsin.model.errors import ConfigError, Problem
from tocsin.model.expression import Call, Column, Expression
from tocsin.model.message import FieldType

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tocsin.config.document import Path
    from tocsin.config.problems import Problems
    from tocsin.config.sql_translation import Resolve
    from tocsin.model.message import MessageType

_KIND_OF = {type_: kind for kind, type_ in TYPE_OF.items()}


def expression(
    text: str,
    message: MessageType | None = None,
    *,
    want: FieldType | None = FieldType.BOOL,
    name: str = "expression",
) -> Expression:
    """Return the expression in an SQL text over the fields of a message type.

    Without a message type, fields are typed by how they are used. `want` is BOOL,
    FLOAT, STRING or TIME; None takes any. `name` says where the text is from.

    Raises:
        ConfigError: It is no expression, sees more than one event, or its types do
            not fit.
    """
    try:
        return _compiled(text, Fields(message).find, want)
    except ExpressionError as error:
        problem = Problem(name, "", _worded(error), error.hint)
        raise ConfigError([problem]) from None


def compile_at(
    text: str,
    fields: Fields,
    want: FieldType | None,
    path: Path,
    problems: Problems,
) -> Expression | None:
    """Return the expression at `path` of a document; None when it is a problem."""
    return _noted(text, fields.find, want, path, problems)


def compile_formula(
    text: str, metrics: Iterable[str], path: Path, problems: Problems
) -> Expression | None:
    """Return a formula over metrics: its columns are the names of its inputs."""
    known = frozenset(metrics)

    def resolve(name: str) -> Column:
        if name in known:
            return Column(name, FieldType.FLOAT)
        hint = did_you_mean(name, known, what="metrics")
        raise UnknownFieldError(f"the name of a metric, got {name!r}", hint)

    found = _noted(text, resolve, FieldType.FLOAT, path, problems)
    if found is not None and not found.columns():
        problems.add(path, "expected a formula that names a metric", "such as a / b")
        return None
    return found


def compile_states(
    text: str, alarms: Iterable[str], path: Path, problems: Problems
) -> Expression | None:
    """Return a condition on alarms: its columns are their names, true where they ring."""
    found = _noted(text, _states(alarms), FieldType.BOOL, path, problems)
    if found is not None and not found.columns():
        problems.add(path, "expected a condition on alarms", "such as a and not b")
        return None
    return found


def states_of(text: str, alarms: Iterable[str]) -> Expression | str:
    """Return a condition on alarms; what is wrong with it, if it is none."""
    try:
        return _compiled(text, _states(alarms), FieldType.BOOL)
    except ExpressionError as error:
        return error.message


def _states(alarms: Iterable[str]) -> Resolve:
    known = frozenset(alarms)

    def resolve(name: str) -> Column:
        if name in known:
            return Column(name, FieldType.BOOL)
        hint = did_you_mean(name, known, what="alarms")
        raise UnknownFieldError(f"the name of an alarm, got {name!r}", hint)

    return resolve


def _noted(
    text: str, resolve: Resolve, want: FieldType | None, path: Path, problems: Problems
) -> Expression | None:
    try:
        return _compiled(text, resolve, want)
    except ExpressionError as error:
        problems.add(path, _worded(error), error.hint)
        return None


def _compiled(text: str, resolve: Resolve, want: FieldType | None) -> Expression:
    kind = "unknown" if want is None else _KIND_OF[want]
    found = translate(text, resolve, kind)
    if found.kind == "unknown" and isinstance(found.node, Call):
        found = translate(text, resolve, "text")
    if want is not None:
        return Expression(become(found, kind), want, str(text))
    if isinstance(found.node, Column) and found.node.type is not None:
        return Expression(found.node, found.node.type, str(text))
    type_ = TYPE_OF.get(found.kind, FieldType.STRING)
    node = become(found, _KIND_OF[type_])
    return Expression(node, type_, str(text))


def _worded(error: ExpressionError) -> str:
    if error.at is None:
        return error.message
    return f"{error.message}, at character {error.at + 1}"
