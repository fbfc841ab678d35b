"""Structs of drawn fields: `st.builds` asks for types that are there for mypy alone."""

from __future__ import annotations

from typing import Any, TypeVar

from hypothesis import strategies as st

T = TypeVar("T")


def structs(
    kind: type[T], /, *some: st.SearchStrategy[Any], **fields: st.SearchStrategy[Any]
) -> st.SearchStrategy[T]:
    """Draw structs of a kind; what is not given has its default."""

    def made(*values: object, **named: object) -> T:
        return kind(*values, **named)

    return st.builds(made, *some, **fields)
