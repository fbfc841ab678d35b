"""The published schema holds the program and the documentation to the same shape."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tocsin.model.instant import SECOND
from tocsin.model.records import (
    ConsumerReport,
    Contributor,
    Datapoint,
    IncidentEvent,
    Notice,
    Record,
    Stats,
    StreamAccount,
    Summary,
    Transition,
)
from tocsin.views.jsonl import encode
from tocsin.views.schema import output_schema

if TYPE_CHECKING:
    from tests.views.conftest import Feed

DOC = Path(__file__).parents[2] / "docs" / "output.md"


def closed(schema: Any) -> Any:  # noqa: ANN401
    """The schema, but with every object that names its keys closed to others."""
    if isinstance(schema, list):
        return [closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    copy = {name: closed(part) for name, part in schema.items()}
    if "properties" in schema and schema.get("type") == "object":
        copy["additionalProperties"] = False
    return copy


CHECK = jsonschema.Draft202012Validator(closed(output_schema()))
TYPES = ("stats", "datapoint", "transition", "incident", "report", "notice", "summary")
INSTANTS = st.integers(-(10**18), 10**18)
COUNTS = st.integers(0, 2**63)
TEXTS = st.text(st.characters(codec=None), max_size=12)
VALUES = st.none() | st.floats()
KEYS = st.dictionaries(TEXTS, TEXTS | st.integers() | st.booleans() | VALUES)
BY_NAME = st.dictionaries(TEXTS, COUNTS)
RECORDS: st.SearchStrategy[Record] = st.one_of(
    st.builds(
        Datapoint,
        *[TEXTS, KEYS, INSTANTS, VALUES, COUNTS, st.booleans(), st.booleans()],
        steps=st.integers(1, 9),
        every=st.integers(0, 10**9),
    ),
    st.builds(
        Transition,
        *[TEXTS, TEXTS, KEYS, TEXTS, TEXTS, TEXTS, INSTANTS, VALUES, COUNTS],
        *[st.floats(), TEXTS, st.booleans(), st.booleans()],
    ),
    st.builds(
        IncidentEvent,
        st.integers(1),
        st.sampled_from(["opened", "resolved", "reopened", "corrected", "withdrawn"]),
        *[TEXTS, KEYS, INSTANTS, TEXTS, st.booleans()],
    ),
    st.builds(
        Stats,
        *[INSTANTS, INSTANTS, COUNTS, st.floats(), *[st.none() | COUNTS] * 4],
        st.lists(st.tuples(TEXTS, COUNTS)).map(tuple),
        *[BY_NAME, BY_NAME, st.booleans(), st.booleans()],
    ),
    st.builds(ConsumerReport, TEXTS, INSTANTS, INSTANTS, TEXTS, st.none() | KEYS),
    st.builds(Notice, TEXTS, st.sampled_from(["info", "warning", "error"]), TEXTS),
    st.builds(
        Summary,
        st.lists(
            st.builds(
                StreamAccount,
                *[TEXTS, *[COUNTS] * 10, TEXTS],
                st.lists(st.tuples(TEXTS, TEXTS), max_size=2).map(tuple),
                BY_NAME,
            ),
            max_size=2,
        ).map(tuple),
        *[COUNTS, COUNTS, st.none() | INSTANTS, st.none() | INSTANTS],
        st.dictionaries(TEXTS, TEXTS, max_size=2),
    ),
)


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(output_schema())
    assert tuple(output_schema()["$defs"]) == TYPES


def test_every_record_of_a_run_keeps_to_it(feed: Feed) -> None:
    rows = [json.loads(encode(record.as_json())) for record in feed.all()]
    assert {row["type"] for row in rows} == set(TYPES)
    for row in rows:
        CHECK.validate(row)


@given(RECORDS)
def test_any_record_keeps_to_it(record: Record) -> None:
    CHECK.validate(json.loads(encode(record.as_json())))


def row_of(feed: Feed, kind: str) -> dict[str, Any]:
    """A row of one type, with every key that is not always there."""
    told: dict[str, Record] = {r.as_json()["type"]: r for r in feed.all()}
    told["stats"] = replace(feed.stats, partial=True)
    told["datapoint"] = replace(feed.datapoint, partial=True)
    told["transition"] = replace(
        feed.rings,
        withdrawn=True,
        from_level="warning",
        window=SECOND,
        evidence=("a line",),
        contributors=(Contributor("section", "/api", 12.0, 3.0),),
        runbook="https://wiki.example.org/traffic",
    )
    told["incident"] = replace(feed.opened, level="critical")
    row: dict[str, Any] = json.loads(encode(told[kind].as_json()))
    return row


@pytest.mark.parametrize("kind", TYPES)
def test_the_schema_names_every_key(feed: Feed, kind: str) -> None:
    row = row_of(feed, kind)
    assert CHECK.is_valid(row)
    assert set(output_schema()["$defs"][kind]["properties"]) == set(row)


@pytest.mark.parametrize("kind", TYPES)
def test_a_missing_key_is_noticed(feed: Feed, kind: str) -> None:
    row = row_of(feed, kind)
    for name in output_schema()["$defs"][kind]["required"]:
        rest = {key: value for key, value in row.items() if key != name}
        assert not CHECK.is_valid(rest), name


@pytest.mark.parametrize("kind", TYPES)
def test_a_value_of_the_wrong_type_is_noticed(feed: Feed, kind: str) -> None:
    row = row_of(feed, kind)
    for name in row:
        assert not CHECK.is_valid(row | {name: [["no such thing"]]}), name


def test_an_unknown_type_is_noticed(feed: Feed) -> None:
    row = row_of(feed, "notice")
    assert not CHECK.is_valid(row | {"type": "rumour"})
    assert not CHECK.is_valid({})


def test_a_reader_may_be_given_keys_it_does_not_know(feed: Feed) -> None:
    row = row_of(feed, "notice") | {"new": 1}
    assert jsonschema.Draft202012Validator(output_schema()).is_valid(row)


def test_the_documentation_shows_every_type_as_it_is() -> None:
    text = DOC.read_text(encoding="utf-8")
    parts = dict(
        re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    )
    assert tuple(parts) == TYPES
    for kind, part in parts.items():
        examples = "".join(re.findall(r"```json\n(.*?)```", part, re.DOTALL))
        rows = [json.loads(line) for line in examples.splitlines()]
        assert rows
        assert {row["type"] for row in rows} == {kind}
        for row, line in zip(rows, examples.splitlines(), strict=True):
            CHECK.validate(row)
            assert encode(row) == line
