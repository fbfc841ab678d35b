"""The text of an expression to a tree of sqlglot's, and the refusal of its parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlglot
from sqlglot import Token, TokenType, exp
from sqlglot.errors import SqlglotError

from tocsin.config.problems import did_you_mean
from tocsin.config.sql_types import ExpressionError

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_TOKENS = 5_000
MAX_NESTING = 50
_DIALECT = "duckdb"
_QUOTES = "text is written in single quotes; double quotes are for names"

_SIGNS = (">=", "<=", "!=")
"""Signs that are written the wrong way round by some."""

_HARMLESS = {"safe", "coalesce", "ignore_nulls", "null_if_pos_overflow"}
"""Arguments which sqlglot sets by itself and which change nothing for us."""


def parsed(text: str) -> exp.Expression:
    """Return the one expression in `text`. Raises ExpressionError where it is none."""
    try:
        _check_tokens(sqlglot.tokenize(text, dialect=_DIALECT))
        found = sqlglot.parse_one(text, into=exp.Condition, dialect=_DIALECT)
    except sqlglot.ParseError as error:
        raise _syntax_error(text, error.errors[0] if error.errors else {}) from None
    except SqlglotError:
        hint = _QUOTES if text.count("'") % 2 or text.count('"') % 2 else ""
        raise ExpressionError("expected an SQL expression", hint) from None
    assert isinstance(found, exp.Expression)
    return found


def _syntax_error(text: str, error: dict[str, Any]) -> ExpressionError:
    seen = str(error.get("highlight") or "")
    at = (
        text.find(seen, max(0, len(str(error.get("start_context") or ""))))
        if seen
        else 0
    )
    if seen and "missing" in str(error.get("description")) and seen not in _CLOSING:
        raise ExpressionError(f"expected something after {seen!r}", at=max(at, 0))
    what = f", got {seen!r}" if seen else ""
    hint = "equality is written = or ==" if "===" in text else ""
    hint = did_you_mean(seen, _SIGNS) if seen[::-1] in _SIGNS else hint
    if text.count("(") != text.count(")"):
        hint = "parentheses come in pairs"
    return ExpressionError(f"expected an SQL expression{what}", hint, max(at, 0))


def _check_tokens(tokens: Sequence[Token]) -> None:
    if not tokens:
        raise ExpressionError("expected an SQL expression, got nothing")
    if len(tokens) > MAX_TOKENS:
        raise ExpressionError(f"expected at most {MAX_TOKENS} words and signs")
    depth = 0
    for token in tokens:
        depth += (token.token_type == TokenType.L_PAREN) - (
            token.token_type == TokenType.R_PAREN
        )
        if depth > MAX_NESTING:
            message = f"expected at most {MAX_NESTING} levels of parentheses"
            raise ExpressionError(message, at=token.start)
        if token.comments:
            raise ExpressionError("comments are not allowed here", at=token.start)
        if token.token_type == TokenType.SEMICOLON:
            raise ExpressionError("expected one expression, got ';'", at=token.start)


def position(node: exp.Expression) -> int | None:
    """Return the offset where a node begins in the text, as far as it is known."""
    starts = [n.meta["start"] for n in node.walk() if "start" in n.meta]
    return min(starts, default=None)


def check_args(node: exp.Expression, known: Sequence[str]) -> None:
    """Refuse arguments and modifiers that are not `known`. Raises ExpressionError."""
    for name, value in node.args.items():
        given = value not in (None, False) and value != []
        if isinstance(value, exp.Select | exp.SetOperation | exp.Subquery):
            raise refused(value)
        if given and name not in known and name not in _HARMLESS:
            raise refused(node, f" with {name.replace('_', ' ')}")


def refused(node: exp.Expression, how: str = "") -> ExpressionError:
    """Return the error for what has no place in an expression, worded by its sort."""
    shown = _short(node.sql(dialect=_DIALECT))
    name = node.name.lower() if isinstance(node, exp.Anonymous) else node.key
    message, hint = f"{shown} is not available here{how}", ""
    if isinstance(node, exp.AggFunc | exp.Window):
        message = f"{shown} looks at more than one event"
        hint = "an expression sees one event; aggregates are types of metrics"
    elif isinstance(node, exp.Select | exp.SetOperation | exp.Subquery | exp.Exists):
        message = "a query is not available here"
    elif name in _CLOCKS:
        message = f"{shown} reads a clock"
        hint = "the event's own time is the field 'time'"
    elif name in _CHANCE:
        message = f"{shown} is left to chance"
    elif isinstance(node, exp.Func):
        hint = _HINTS.get(name) or did_you_mean(name, WRITTEN)
    return ExpressionError(message, hint, position(node))


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


_LONGEST = 40
_CLOSING = (")", ",")
_CHANCE = ("rand", "randn", "random", "setseed", "uuid", "gen_random_uuid")
_CLOCKS = (
    "now", "today", "currenttimestamp", "currentdate", "currenttime", "currentdatetime",
    "currenttimestampltz", "localtimestamp", "localtime", "get_current_timestamp",
    "get_current_time", "transaction_timestamp",
)  # fmt: skip
_HINTS = {
    "date_part": "write EXTRACT(hour FROM time)",
    "datepart": "write EXTRACT(hour FROM time)",
    "jsonextract": "a field inside another is written with a dot: user.name",
    "jsonextractscalar": "a field inside another is written with a dot: user.name",
}
WRITTEN = (
    "abs", "cast", "ceil", "coalesce", "concat", "contains", "ends_with", "extract",
    "floor", "greatest", "least", "length", "ln", "log", "lower", "mod", "nullif",
    "power", "regexp_extract", "regexp_matches", "replace", "round", "split_part",
    "sqrt", "starts_with", "strpos", "substr", "trim", "upper",
)  # fmt: skip
"""The functions of the table by the names that people write."""
