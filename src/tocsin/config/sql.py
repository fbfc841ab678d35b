"""SQL expressions to our own trees: row-wise, typed, bounded.

What is not in our tables is refused with its place: aggregates, OVER, subqueries,
clocks, chance. An argument that we do not know of is refused too, so that nothing a
user writes is silently left out.
"""

from tocsin.config.sql_forms import FORMS
from tocsin.config.sql_parse import parsed
from tocsin.config.sql_translation import Resolve, Translation
from tocsin.config.sql_types import ExpressionError, Typed


def translate(text: str, resolve: Resolve, hint: str = "unknown") -> Typed:
    """Return the expression in `text` as a tree; `hint` is the kind that is wanted.

    Raises:
        ExpressionError: It is no expression, not row-wise, or its kinds do not fit.
    """
    try:
        return Translation(resolve, FORMS).operand(parsed(text), hint)
    except RecursionError:
        raise ExpressionError("nested too deeply") from None
