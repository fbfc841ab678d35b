"""The sentences for people: templates of the configuration, filled in.

Templates are sandboxed (minijinja): they see the values given here and nothing else.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from tocsin.model.instant import iso

if TYPE_CHECKING:
    from collections.abc import Mapping

    from minijinja import Environment

HIGH_TRAFFIC = (
    "High traffic generated an alert - hits = {{ hits }}, triggered at {{ time }}"
)
HIGH_TRAFFIC_OVER = (
    "High traffic recovered - hits = {{ hits }}, recovered at {{ time }}"
)
ALARM = "{{ alarm }} rings - {{ metric }} = {{ value }}, triggered at {{ time }}"
RECOVERY = "{{ alarm }} recovered - {{ metric }} = {{ value }}, recovered at {{ time }}"


_FUEL = 20_000
"""Steps that a template may take: thousands of times what a sentence needs."""


@lru_cache(maxsize=1)
def _environment() -> Environment:
    from minijinja import Environment  # noqa: PLC0415

    return Environment(fuel=_FUEL)


def render(template: str, values: Mapping[str, Any], at: int) -> str:
    """Return a template filled in; `at` (µs) is its time, by all its names.

    A template that cannot be filled in, or would never end, does not cost the message:
    it is said plainly, with the reason.
    """
    from minijinja import TemplateError  # noqa: PLC0415

    moment = iso(at)
    times = dict.fromkeys(("time", "triggered_at", "recovered_at"), moment)
    try:
        text: str = _environment().render_str(template, **{**values, **times})
    except TemplateError as error:
        reason = str(error).splitlines()[0]
        text = f"{values.get('alarm')} at {moment} (its template failed: {reason})"
    return text


def number(value: float | None) -> float | int | None:
    """Return a value as people write it: a whole number without its fraction."""
    if value is None or value != int(value) or abs(value) > 2**53:
        return value if value is None else round(value, 6)
    return int(value)
