"""A checked expression: a small tree that configuration makes and columns evaluate.

The tree is plain data, so that it can be fingerprinted and sent to a worker. It is
made from SQL by `tocsin.config` and turned into Polars by `tocsin.pipeline`.
"""

from collections.abc import Iterator
from typing import TypeAlias

from msgspec import Struct

from tocsin.model.message import FieldType

Value: TypeAlias = str | int | float | bool | None
Node: TypeAlias = "Column | Literal | Call"


class Column(Struct, frozen=True):
    """A field of the event, by its canonical name; or an input metric in a formula."""

    name: str
    type: FieldType | None = None


class Literal(Struct, frozen=True):
    """A constant."""

    value: Value


class Call(Struct, frozen=True):
    """A row-wise operator or function of our own table, by name, over its arguments."""

    function: str
    args: tuple[Node, ...]


class Expression(Struct, frozen=True):
    """A checked expression: its tree, its type, and the text it was written as."""

    root: Node
    type: FieldType
    text: str

    def columns(self) -> frozenset[str]:
        """Return the names of all fields the expression reads."""
        return frozenset(c.name for c in self.column_nodes())

    def column_nodes(self) -> tuple[Column, ...]:
        """Return every mention of a field, in the order of the text."""
        return tuple(_columns(self.root))


def _columns(node: Node) -> Iterator[Column]:
    if isinstance(node, Column):
        yield node
    elif isinstance(node, Call):
        for arg in node.args:
            yield from _columns(arg)
