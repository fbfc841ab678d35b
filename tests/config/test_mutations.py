"""A sound document with one thing changed: a configuration, or a letter, never a crash."""

import copy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.config import FormatConfig, from_data
from tocsin.config.document import Path
from tocsin.model.errors import ConfigError
from tocsin.model.message import Field, FieldType, MessageType

FIELDS = ("path", "section", "method")
MESSAGE = MessageType(
    "combined",
    (
        Field("time", FieldType.TIME),
        *(Field(f) for f in FIELDS),
        Field("status", FieldType.INT),
    ),
)
SOUND: dict[str, Any] = {
    "version": 1,
    "formats": [{"name": "app", "type": "csv", "columns": ["time", "x"], "header": True}],
    "sources": [
        {"name": "web", "path": "a.log", "format": "combined", "lateness": "5s"},
        {"name": "app", "path": ["b.log"], "format": "app", "timezone": "Europe/Paris"},
        {"name": "in", "format": {"type": "json", "fields": {"x": "float"}}},
    ],
    "metrics": [
        {"name": "a", "source": "web", "type": "COUNT", "period": "1m",
         "group_by": ["section"], "where": "status >= 500 and path like '/x%'",
         "filters": [{"any": [{"operand": "path", "operator": "=~", "value": "/.*"},
                              {"not": {"operand": "status", "operator": "<", "value": 5}}]}]},
        {"name": "b", "source": "in", "type": "P99", "field": "x", "period": "1m",
         "every": "10s", "limit": 5},
    ],
    "calculated_metrics": [
        {"name": "c", "formula": "a / nullif(b, 0)", "min_samples": {"a": 5}},
        {"name": "d", "aggregate": "AVG", "period": "5m", "inputMetrics": ["c"]},
    ],
    "alarms": [
        {"name": "x {section}", "metric": "d", "threshold": 5, "recovery_threshold": 1,
         "operator": ">", "dataPointsAlarm": 2, "messages": {"alarm": "{{ section }}"}},
    ],
    "raw_log_consumers": [
        {"name": "s", "type": "tests.config.takers.Taker", "period": "10s",
         "source": "web", "options": {"n": [1, {"k": "v"}]}},
    ],
    "report": {"every": "10s", "top": 3},
    "messages": {"recovery": "{{ value }}"},
}  # fmt: skip
STRANGE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.sampled_from(
        ["a", "c", "d", "web", "1m", "COUNT", "status", "=~", "a + c", "{x}"]
    ),
    st.sampled_from(
        [[], {}, [[]], [{}], {"a": 1}, ["a", 5], {"not": []}, "{{", "${X}"]
    ),
)


def paths(tree: Any, path: Path = ()) -> list[Path]:  # noqa: ANN401
    pairs: list[tuple[str | int, Any]] = []
    if isinstance(tree, dict):
        pairs = list(tree.items())
    elif isinstance(tree, list):
        pairs = list(enumerate(tree))
    below = [p for key, value in pairs for p in paths(value, (*path, key))]
    return [(*path, key) for key, _ in pairs] + below


def changed(path: Path, key: str | None, value: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return the document with another value at a path, or under another key there."""
    whole = copy.deepcopy(SOUND)
    inner: Any = whole
    for step in path[:-1]:
        inner = inner[step]
    last = path[-1]
    if key is not None and isinstance(inner, dict):
        inner[key] = inner.pop(last)
    else:
        inner[last] = value
    return whole


def message_of(found: FormatConfig) -> MessageType | None:
    return MESSAGE if found.type == "combined" else None


def letter(document: dict[str, Any]) -> str:
    try:
        from_data(document, "f", message_types=message_of)
    except ConfigError as error:
        return str(error)
    return ""


def test_the_document_is_sound() -> None:
    assert letter(SOUND) == ""


@settings(deadline=None, max_examples=300)
@given(
    st.sampled_from(paths(SOUND)),
    st.one_of(
        st.none(), st.text(max_size=5), st.sampled_from(["name", "type", "evry"])
    ),
    STRANGE,
)
def test_one_change_gives_a_configuration_or_a_letter(
    path: Path,
    key: str | None,
    value: Any,  # noqa: ANN401
) -> None:
    said = letter(changed(path, key, value))

    assert not said or said.startswith("f: ")
