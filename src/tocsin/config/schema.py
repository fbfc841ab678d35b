"""The JSON Schema of a configuration document, for editors and other tools."""

from __future__ import annotations

from typing import Any

from pydantic.alias_generators import to_camel

from tocsin.config import kinds
from tocsin.config.alarm_models import REFERENCE, LevelPart, OverridePart
from tocsin.config.builtin_models import SCHEMA, SHAPES
from tocsin.config.document import snake
from tocsin.config.durations import as_text
from tocsin.config.filters import OPERATORS
from tocsin.config.root import Root

_FILTER = {"$ref": "#/definitions/filter"}
_FILTERS = {"type": "array", "items": _FILTER, "minItems": 1}
_COMPARISON = {
    "type": "object",
    "properties": {
        "operand": {"type": "string", "minLength": 1},
        "operator": {"enum": list(OPERATORS)},
        "value": {"type": ["string", "number", "boolean", "null"]},
    },
    "required": ["operand", "operator", "value"],
    "additionalProperties": False,
}

_REFERRED = (LevelPart, OverridePart)
"""Parts that are read by hand, and so are not found from the root."""


def json_schema() -> dict[str, Any]:
    """Return the schema (draft-07) of a document, keys in camelCase or snake_case."""
    made = Root.model_json_schema(ref_template="#/definitions/{model}")
    parts = made.pop("$defs")
    parts |= {part.__name__: part.model_json_schema() for part in _REFERRED}
    parts |= _kinds(parts) | _builtins()
    made["properties"]["builtinAlarms"] = {**SCHEMA, "default": True}
    alarms = [{"$ref": f"#/definitions/{name}"} for name in _shapes()]
    made["properties"]["alarms"]["items"] = {"anyOf": alarms}
    definitions = {name: _both_spellings(part) for name, part in parts.items()}
    definitions["filter"] = {"anyOf": [_COMPARISON, *map(_join, _JOINS)]}
    root = _both_spellings(made)
    root["properties"] |= {"$schema": {"type": "string"}, "version": {"const": 1}}
    schema = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        **root,
        "patternProperties": {"^x-": {}},
        "definitions": definitions,
    }
    resolved: dict[str, Any] = _resolved(schema)
    return resolved


def _shapes() -> dict[str, str]:
    """Return the shapes of alarms, each with the kind it is of."""
    own = {kinds.kind(name).__name__: name for name in kinds.built_in()}
    return {"AlarmPart": kinds.PLAIN, **own}


def _kinds(parts: dict[str, Any]) -> dict[str, Any]:
    """Return the definitions of all shapes of alarms, and of what they are made of."""
    found: dict[str, Any] = {"AlarmPart": parts["AlarmPart"]}
    for name in kinds.built_in():
        kind = kinds.kind(name)
        part = kind.model_json_schema(ref_template="#/definitions/{model}")
        found |= part.pop("$defs", {}) | {kind.__name__: part}
        for key in kind.refused:
            part["properties"].pop(to_camel(key), None)
    for shape, name in _shapes().items():
        found[shape]["properties"]["kind"] = {"const": name}
        if name != kinds.PLAIN:
            found[shape]["required"] = [*found[shape].get("required", ()), "kind"]
    return found


def _builtins() -> dict[str, Any]:
    """Return the definitions of all shapes of built-in alarms."""
    found: dict[str, Any] = {}
    for shape in SHAPES.values():
        part = shape.model_json_schema(ref_template="#/definitions/{model}")
        for key in shape.refused:
            part["properties"].pop(to_camel(key), None)
        for key in shape.usual:  # the page says which of them has which
            part["properties"][to_camel(key)].pop("default", None)
        found[shape.__name__] = part
    return found


_JOINS = {"any": _FILTERS, "or": _FILTERS, "all": _FILTERS, "and": _FILTERS}
_JOINS["not"] = {"anyOf": [_FILTER, _FILTERS]}


def _join(name: str) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {name: _JOINS[name]},
        "required": [name],
        "additionalProperties": False,
    }


def _both_spellings(part: dict[str, Any]) -> dict[str, Any]:
    properties = {key: _plain(p) for key, p in part["properties"].items()}
    twins = {snake(key): p for key, p in properties.items()}
    return part | {"properties": properties | twins}


def _resolved(schema: Any) -> Any:  # noqa: ANN401
    if isinstance(schema, list):
        return [_resolved(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if REFERENCE in schema:
        return {"$ref": f"#/definitions/{schema[REFERENCE]}"}
    return {key: _resolved(value) for key, value in schema.items()}


def _plain(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a property without titles, its default as it would be written."""
    kept = {k: v for k, v in schema.items() if k != "title"}
    default = kept.get("default")
    if default is None:
        kept.pop("default", None)
    elif "pattern" in kept and isinstance(default, int):
        kept["default"] = as_text(default)
    return kept
