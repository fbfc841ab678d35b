"""The sentences for people come, whatever the template."""

import pytest

from tocsin.pipeline.messages import HIGH_TRAFFIC, number, render

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
