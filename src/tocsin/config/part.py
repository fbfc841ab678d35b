"""A part of a document: a mapping with known keys, in either spelling."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from tocsin.config.types import Checked, refuse


class Part(BaseModel):
    """A part of a document.

    When some of its keys are wrong, the others are still checked against the rest of
    the document: `stand_ins` says what a key is taken for meanwhile, `optional` which
    keys can be left out; `with_it` those that mean nothing without another; `names`
    those that any name can stand in for. A value where the part belongs is meant for
    the key `alone`. One that a document does not have is made by `model_construct`: there is
    nothing to be checked, and what checks is built when it is first needed.
    """

    stand_ins: ClassVar[dict[str, Any]] = {}
    optional: ClassVar[frozenset[str]] = frozenset()
    with_it: ClassVar[dict[str, tuple[str, ...]]] = {}
    names: ClassVar[frozenset[str]] = frozenset({"name"})
    alone: ClassVar[str] = ""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        alias_generator=to_camel,
        populate_by_name=True,
        defer_build=True,  # a document seldom has all parts
    )


def _texts(value: Any) -> tuple[str, ...]:  # noqa: ANN401
    many = value if isinstance(value, list) else [value]
    if not all(isinstance(v, str) and v for v in many):
        raise refuse("text or a list of texts")
    return tuple(map(str, many))


_TEXT = {"type": "string", "minLength": 1}
TEXTS = {"anyOf": [_TEXT, {"type": "array", "items": _TEXT}]}

Texts = Annotated[tuple[str, ...], Checked(_texts, TEXTS)]
