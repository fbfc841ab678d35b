"""A document loads the shapes of what it has, and of nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import import_module
from typing import Any, get_args

import pytest

from tocsin.config import from_data
from tocsin.config.root import Root
from tocsin.config.sections import SHAPES

SMALL: dict[str, Any] = {
    "metrics": [{"name": "hits", "type": "COUNT", "period": "1m", "group_by": "path"}],
    "alarms": [{"name": "Busy", "metric": "hits", "threshold": 5}],
}
COMPOSITE = {"name": "Both", "kind": "composite", "alarms": ["Busy"]}
ABSENCE = {"name": "Quiet", "kind": "absence", "period": "5m"}
TEAM = {"channels": [{"name": "log", "type": "file", "path": "told.jsonl"}]}
LOADED: dict[str, tuple[dict[str, Any], str]] = {
    "metrics and a threshold": ({}, ""),
    "a source": ({"sources": [{"name": "web"}]}, "source_models"),
    "a format": ({"formats": [{"name": "own", "type": "csv"}]}, "format_models"),
    "a channel": (TEAM, "channel_models"),
    "masking": ({"masking": {"emails": False}}, "masking_models"),
    "a route": ({"routes": [{"channels": []}]}, "notify_models"),
    "a state": ({"state": {"folder": "kept"}}, "state_models"),
    "the pace of the screen": ({"report": {"every": "1m"}}, "report_models"),
    "built-in alarms that stay on": ({"builtin_alarms": True}, ""),
    "one that does not": (
        {"builtin_alarms": {"late_lines": False}},
        "builtin_models kind",
    ),
    "an alarm over alarms": (
        {"alarms": [*SMALL["alarms"], COMPOSITE]},
        "kinds.composite",
    ),
    "an alarm of a kind": ({"alarms": [ABSENCE]}, "kind kinds.absence"),
}
NEEDED = {"alarm_models", "metric_models"}
PROGRAM = """
import json, sys
from tocsin.config import from_data
from_data(json.load(sys.stdin))
print(json.dumps([name for name in sys.modules if name.startswith("tocsin.config.")]))
"""


def loaded(document: str) -> set[str]:
    """The modules with shapes that a fresh Python has loaded for a document."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        input=document,
        capture_output=True,
        text=True,
        check=True,
    )
    names = {name.removeprefix("tocsin.config.") for name in json.loads(done.stdout)}
    return {
        name
        for name in names
        if name.endswith("_models") or name in {"kind", "root"} or "kinds." in name
    }


@pytest.mark.parametrize(("more", "shapes"), LOADED.values(), ids=LOADED.keys())
def test_a_document_loads_what_it_has(more: dict[str, Any], shapes: str) -> None:
    assert loaded(json.dumps({**SMALL, **more})) == NEEDED | set(shapes.split())


@pytest.mark.parametrize("section", SHAPES)
def test_a_section_is_read_by_the_shape_that_the_schema_has(section: str) -> None:
    module, name = SHAPES[section]
    shape = getattr(import_module(f"tocsin.config.{module}"), name)

    annotation = Root.model_fields[section].annotation
    assert shape in (annotation, *get_args(annotation))


def test_every_section_has_a_shape() -> None:
    by_themselves = {"version", "alarms", "channels", "builtin_alarms"}
    assert Root.model_fields.keys() == SHAPES.keys() | by_themselves


@pytest.mark.parametrize(
    "section",
    ["masking", "notifications", "report", "state", "messages", "builtin_alarms"],
)
def test_a_section_that_is_empty_says_what_one_does_that_is_not_there(
    section: str,
) -> None:
    assert from_data({**SMALL, section: {}}) == from_data(SMALL)
