"""What is said of built-in alarms when a configuration changes: only what a user did."""

from __future__ import annotations

from typing import Any

import pytest

from tocsin.config import from_data
from tocsin.pipeline.compile import compile_plan
from tocsin.pipeline.description import Description, describe
from tocsin.pipeline.matching import match


def described(written: Any, limit: int = 5) -> Description:  # noqa: ANN401
    data = {
        "sources": [{"name": "web", "path": "web.log"}],
        "metrics": [{"name": "hits", "type": "COUNT", "period": "1m"}],
        "alarms": [{"name": "Busy", "metric": "hits", "threshold": limit}],
        "builtin_alarms": written,
    }
    made = describe(compile_plan(from_data(data)))
    return Description.from_json(made.to_json())


ANEW = "its definition is another: its incidents are closed"
CHANGES: dict[str, tuple[Any, Any, list[tuple[str, str, str]]]] = {
    "what stays is not told of": (True, True, []),
    "what comes with another version is not": (False, True, []),
    "what is switched off is not": (True, "off", []),
    "what is told otherwise is": (
        True, {"late_lines": {"threshold": 5}},
        [("tocsin: late lines in web", "begins", ANEW)],
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("before", "after", "said"), CHANGES.values(), ids=CHANGES.keys()
)
def test_fates(before: object, after: object, said: list[tuple[str, str, str]]) -> None:
    found = match(described(before), described(after), [(None, None)])
    ours = [(f.name, f.fate, f.why) for f in found.fates if "tocsin" in f.name]

    assert ours == said
    assert [f.fate for f in found.fates if f.name == "Busy"] == ["kept"]


def test_one_that_stays_keeps_how_it_stands() -> None:
    found = match(described(True), described(True, limit=7), [(None, None)])  # noqa: FBT003

    assert set(found.alarms) == {(0, 1), (0, 2), (0, 3)}
