"""Puts what pydantic found into our words."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from tocsin.config.document import Path, snake
from tocsin.config.part import Part
from tocsin.config.problems import Problems, did_you_mean
from tocsin.model.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Iterable

P = TypeVar("P", bound=Part)

_WANTED = {
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}


def read_part(
    model: type[P],
    data: Any,  # noqa: ANN401
    path: Path,
    problems: Problems,
) -> P | None:
    """Return the part of the document at `path`; None when it cannot be read.

    A part with problems is flawed (`problems.flawed`): it holds what could be read,
    so that problems with that are found in the same breath.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        found = error.errors(include_url=False)
    for one in found:
        if not _is_mistyped(one, found):
            _note(one, model, path, problems)
    bad = {snake(str(one["loc"][0])) for one in found if one["loc"]}
    problems.flawed[path] = bad
    if not isinstance(data, dict) or not bad:
        return None
    shown = problems.document.shown(path)
    return _patched(model, data, bad, shown)


def _is_mistyped(missing: Any, found: Iterable[Any]) -> bool:  # noqa: ANN401
    """Whether a key is missing because one beside it, which is told of, is a typing error."""
    if missing["type"] != "missing":
        return False
    *part, key = missing["loc"]
    unknown = [
        snake(str(one["loc"][-1]))
        for one in found
        if one["type"] == "extra_forbidden" and [*one["loc"][:-1]] == part
    ]
    return bool(get_close_matches(snake(str(key)), unknown))


def _patched(
    model: type[P], data: dict[str, Any], bad: set[str], shown: str
) -> P | None:
    """Return the part without its bad keys; None when nothing sound can be said of it.

    Names that are bad are meanwhile made of its place, so that no two are the same.
    """
    known = model.model_fields
    left_out = bad | {key for one in bad for key in model.with_it.get(one, ())}
    kept = {key: value for key, value in data.items() if snake(key) not in left_out}
    kept |= {key: value for key, value in model.stand_ins.items() if key in bad}
    kept |= dict.fromkeys(bad & model.names & known.keys(), shown)
    if any(k in known and k not in model.optional and k not in kept for k in bad):
        return None
    try:
        return model.model_validate(kept)
    except ValidationError:
        return None


def _note(found: Any, model: type[Part], top: Path, problems: Problems) -> None:  # noqa: ANN401
    path: Path = (*top, *found["loc"])
    kind = found["type"]
    if kind == "missing":
        key = str(path[-1])
        problems.add(path[:-1], f"'{snake(key)}' is missing", f"add {snake(key)}: ...")
    elif kind == "extra_forbidden":
        unknown_key(path, _keys(model, found["loc"][:-1]), problems)
    elif kind == "tocsin":
        context = found["ctx"]
        got = Secret("") if context.get("hidden") else found["input"]
        problems.expected(path, context["wanted"], got, context["hint"])
    else:
        wanted, got = _WANTED.get(kind, found["msg"]), found["input"]
        problems.expected(path, wanted, got, _in_place(model, found["loc"], path, got))


def _in_place(model: type[Part], loc: Path, path: Path, value: Any) -> str:  # noqa: ANN401
    """Return how a value is written that stands where a whole part belongs."""
    if loc or not model.alone or not isinstance(value, str | int):
        return ""
    written = getattr(value, "written", value)
    return f"write {path[-1]}: {{{model.alone}: {written}}}"


def unknown_key(path: Path, known: Iterable[str], problems: Problems) -> None:
    """Note a key that means nothing here, with the nearest that does."""
    key = str(path[-1])
    keys = {snake(k): k for k in known}
    if snake(key) in keys:
        hint = f"it is another spelling of '{keys[snake(key)]}': remove one"
        problems.add(path, "given twice", hint)
        return
    if snake(key) in _LATER:
        problems.add(path, "not supported by this version", _LATER[snake(key)])
        return
    written_snake = "_" in key or key.islower()
    names = [snake(k) if written_snake else k for k in keys.values()]
    problems.add(path, "unknown key", did_you_mean(key, names, what="known keys"))


_LATER = {
    "align": "windows are aligned to the Unix epoch, in UTC",
}
"""Keys of the full design that are still to come, and what to do meanwhile."""


def _keys(model: type[BaseModel], way: tuple[str | int, ...]) -> list[str]:
    """Return the keys, in camelCase, of the part that `way` leads to from `model`."""
    for step in way:
        if isinstance(step, int):
            continue
        field = next(
            f
            for name, f in model.model_fields.items()
            if snake(step) in {snake(name), f.alias}
        )
        among = get_args(field.annotation)  # of a list of parts, the part
        model = among[0] if among else field.annotation  # type: ignore[assignment]
    return [f.alias or name for name, f in model.model_fields.items()]
