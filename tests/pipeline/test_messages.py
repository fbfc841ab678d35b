"""The sentences for people come, whatever the template."""

from typing import Any

import pytest

from tocsin.pipeline.messages import HIGH_TRAFFIC, number, render
from tocsin.pipeline.wording import called

AT = 1_549_573_957 * 1_000_000
CASES = {
    "the sentence of the original": (
        HIGH_TRAFFIC,
        (
            "High traffic generated an alert - hits = 1206, "
            "triggered at 2019-02-07T21:12:37Z"
        ),
    ),
    "a template without end is cut off, and the alarm still said": (
        "{% for i in range(9999) %}{% for j in range(9999) %}x{% endfor %}{% endfor %}",
        (
            "High traffic at 2019-02-07T21:12:37Z (its template failed: "
            "engine ran out of fuel (in <string>:1))"
        ),
    ),
}


@pytest.mark.parametrize(("template", "expected"), CASES.values(), ids=CASES)
def test_a_message(template: str, expected: str) -> None:
    assert render(template, {"alarm": "High traffic", "hits": 1206}, AT) == expected


@pytest.mark.parametrize(
    ("value", "written"),
    [(10.0, "10"), (10.05, "10.05"), (None, "None"), (1 / 3, "0.333333")],
)
def test_a_number_is_written_as_people_do(value: float | None, written: str) -> None:
    assert str(number(value)) == written


CALLED: dict[str, tuple[str, dict[str, Any], str]] = {
    "a name alone": ("High traffic", {}, "High traffic"),
    "a name with its field": ("Errors on {section}", {"section": "/a"}, "Errors on /a"),
    "a name without a field has its key": (
        "Errors",
        {"section": "/a", "status": 500},
        "Errors {section=/a, status=500}",
    ),
    "a name that says the value anyhow": (
        "parse failures in app",
        {"source": "app"},
        "parse failures in app",
    ),
    "a name with one of the fields says enough": (
        "{path} is gone",
        {"source": "web", "path": "a.log"},
        "a.log is gone",
    ),
}


@pytest.mark.parametrize(("name", "key", "expected"), CALLED.values(), ids=CALLED)
def test_what_an_alarm_is_called(name: str, key: dict[str, Any], expected: str) -> None:
    assert called(name, key) == expected
