"""The page on configuration: complete, and true."""

import re
from pathlib import Path

import pytest

from tocsin.config import json_schema, parse
from tocsin.config.document import snake
from tocsin.config.functions import TIME_PARTS
from tocsin.config.root import Root
from tocsin.config.sections import KEYS
from tocsin.config.sql_parse import WRITTEN
from tocsin.config.types import AGGREGATES, FIELD_TYPES
from tocsin.model.errors import ConfigError
from tocsin.model.levels import LEVELS
from tocsin.model.message import Field, FieldType, MessageType

DOCS = Path(__file__).parents[2] / "docs"
PAGES = [DOCS / "configuration.md", DOCS / "channels.md"]
TEXT = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
EXAMPLES = re.findall(
    r"^```(yaml|json|toml)\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL
)


@pytest.mark.parametrize(("syntax", "text"), EXAMPLES)
def test_every_example_is_a_configuration(syntax: str, text: str) -> None:
    config = parse(text, syntax=syntax)

    assert config.metrics


def keys() -> set[str]:
    schema = json_schema()
    parts = [schema, *(v for k, v in schema["definitions"].items() if k != "filter")]
    return {snake(key) for part in parts for key in part["properties"]}


@pytest.mark.parametrize("key", sorted(keys()))
def test_every_key_is_on_the_page(key: str) -> None:
    assert f"`{key}`" in TEXT or f"## {key}\n" in TEXT


@pytest.mark.parametrize("name", [*AGGREGATES, *FIELD_TYPES, *LEVELS, *TIME_PARTS])
def test_every_choice_is_on_the_page(name: str) -> None:
    assert f"`{name}`" in TEXT or f"EXTRACT({name} " in TEXT


@pytest.mark.parametrize("name", WRITTEN)
def test_every_function_is_on_the_page(name: str) -> None:
    assert re.search(rf"`{name}[`(]", TEXT, re.IGNORECASE)


WRONG = """\
sources: [{name: web, format: combined}]
metrics:
  - name: hits
    type: CUONT
    where: "stauts >= 500"
    period: 1m
"""


def test_the_letter_on_the_page_is_what_is_written() -> None:
    fields = (Field("time", FieldType.TIME), Field("status", FieldType.INT))
    combined = MessageType("combined", fields)

    with pytest.raises(ConfigError) as caught:
        parse(WRONG, "tocsin.yaml", message_types=lambda _: combined)

    assert f"```text\n{caught.value}\n```" in TEXT


def _written(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def test_the_keys_that_are_read_are_those_of_the_schema() -> None:
    assert set(KEYS) == set(Root.model_fields)


def test_defaults_on_the_page_are_those_of_the_schema() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| `([^`]+)` \|", TEXT, re.MULTILINE))
    parts = json_schema()["definitions"]
    said = {
        snake(key): _written(schema["default"])
        for part in parts.values()
        for key, schema in part.get("properties", {}).items()
        if isinstance(schema, dict) and isinstance(schema.get("default"), str | int)
    }
    assert {k: v for k, v in said.items() if rows.get(k, v) != v} == {}
    assert {"lateness", "amend_for", "limit", "level", "top"} <= set(rows) & set(said)
