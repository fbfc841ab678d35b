"""Puts what pydantic found into our words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from tocsin.config.document import Path, snake
from tocsin.config.problems import Problems, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable

Part = TypeVar("Part", bound=BaseModel)

_WANTED = {
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}


def read_part(
    model: type[Part],
    data: Any,  # noqa: ANN401
    path: Path,
    problems: Problems,
) -> Part | None:
    """Return the part of the document at `path`; None when there were problems."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        for found in error.errors(include_url=False):
            _note(found, model, path, problems)
    return None


def _note(found: Any, model: type[BaseModel], top: Path, problems: Problems) -> None:  # noqa: ANN401
    path: Path = (*top, *found["loc"])
    kind = found["type"]
    if kind == "missing":
        key = str(path[-1])
        problems.add(path[:-1], f"'{snake(key)}' is missing", f"add {snake(key)}: ...")
    elif kind == "extra_forbidden":
        unknown_key(path, _keys(model, found["loc"][:-1]), problems)
    elif kind == "tocsin":
        context = found["ctx"]
        problems.expected(path, context["wanted"], found["input"], context["hint"])
    else:
        problems.expected(path, _WANTED.get(kind, found["msg"]), found["input"])


def unknown_key(path: Path, known: Iterable[str], problems: Problems) -> None:
    """Note a key that means nothing here, with the nearest that does."""
    key = str(path[-1])
    keys = {snake(k): k for k in known}
    if snake(key) in keys:
        hint = f"it is another spelling of '{keys[snake(key)]}': remove one"
        problems.add(path, "given twice", hint)
        return
    written_snake = "_" in key or key.islower()
    names = [snake(k) if written_snake else k for k in keys.values()]
    problems.add(path, "unknown key", did_you_mean(key, names, what="known keys"))


def _keys(model: type[BaseModel], way: tuple[str | int, ...]) -> list[str]:
    """Return the keys, in camelCase, of the part that `way` leads to from `model`."""
    for step in way:
        field = next(
            f
            for name, f in model.model_fields.items()
            if snake(str(step)) == snake(name)
        )
        model = field.annotation  # type: ignore[assignment]
    return [f.alias or name for name, f in model.model_fields.items()]
