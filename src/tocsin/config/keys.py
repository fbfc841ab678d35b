"""Keys that are expected, and values that are listed: from their texts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tocsin.config.filters import constant
from tocsin.config.lists import FILE, read_list
from tocsin.model.expression import Call, Column, Literal
from tocsin.model.message import FieldType

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path as FilePath

    from tocsin.config.document import Path
    from tocsin.config.made import Listed
    from tocsin.config.metric_models import MetricPart
    from tocsin.config.problems import Problems
    from tocsin.model.expression import Node

_SHOWN = 60
"""Characters of a list that is shown as an expression."""


def read_keys(
    written: Any,  # noqa: ANN401
    fields: Sequence[str],
    path: Path,
    problems: Problems,
    base: FilePath | None,
) -> tuple[str, ...]:
    """Return group keys as JSON: of one field by its values, else of mappings."""
    if not fields:
        hint = "keys are those of group_by: add it"
        problems.add(path, "means nothing without a group", hint)
        return ()
    if isinstance(written, str) and not written.startswith(FILE):
        written = [written]
    if isinstance(written, list) and any(isinstance(v, dict) for v in written):
        rows = [
            _row(value, fields, (*path, i), problems) for i, value in enumerate(written)
        ]
    elif len(fields) > 1:
        hint = "such as {" + ", ".join(f"{name}: ..." for name in fields) + "}"
        problems.expected(path, "a list of keys with all fields", written, hint)
        return ()
    else:
        values = read_list(written, path, problems, base)
        rows = [{fields[0]: _text(value)} for value in values]
    found = [_as_json(row) for row in rows if row is not None]
    return tuple(dict.fromkeys(found))


def _row(
    value: Any,  # noqa: ANN401
    fields: Sequence[str],
    path: Path,
    problems: Problems,
) -> dict[str, str] | None:
    if not isinstance(value, dict) or set(value) != set(fields):
        wanted = f"a key with the fields {', '.join(fields)}"
        problems.expected(path, wanted, value)
        return None
    return {name: _text(value[name]) for name in fields}


def _text(value: Any) -> str:  # noqa: ANN401
    return json.dumps(value) if isinstance(value, bool) else str(value)


def _as_json(row: dict[str, str]) -> str:
    return json.dumps(row, separators=(",", ":"), ensure_ascii=False)


def conditions(part: MetricPart) -> tuple[tuple[str, str], ...]:
    """Return the expressions of a metric that must hold, each with its key."""
    hidden: tuple[tuple[str, str], ...] | None = getattr(part, "conditions", None)
    if hidden:
        return hidden
    return () if part.where is None else (("where", part.where),)


def listed_node(
    listed: Listed, column: Column | None, path: Path, problems: Problems
) -> tuple[Node, str] | None:
    """Return the condition that a field's value is on a list, and its text."""
    if column is None or not listed.values:
        return None
    pairs = [constant(column, value, "eq") for value in listed.values]
    for i, pair in enumerate(pairs):
        if pair is None:
            way = (*path, listed.key, i)
            wanted = f"a value of '{column.name}', a {column.type}"
            problems.expected(way, wanted, listed.values[i])
            return None
    found = [pair for pair in pairs if pair is not None]
    subject: Node = found[0][0]
    constants = [literal for _, literal in found]
    if any(of != subject for of, _ in found):  # numbers and texts: all as texts
        subject = Column(column.name, FieldType.STRING)
        constants = [Literal(_text(value)) for value in listed.values]
    node: Node = Call("in", (subject, *constants))
    text = ", ".join(map(repr, listed.values))
    text = text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."
    if not listed.others:
        return node, f"{column.name} in ({text})"
    node, text = Call("not", (node,)), f"{column.name} not in ({text})"
    if listed.missing:
        node = Call("or", (node, Call("is_null", (column,))))
    return node, text
