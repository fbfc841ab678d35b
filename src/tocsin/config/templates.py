"""Message templates (minijinja): their syntax, and the names they may use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tocsin.config.problems import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable

    import minijinja

    from tocsin.config.document import Path
    from tocsin.config.problems import Problems

NAMES = (
    "alarm", "count", "hits", "level", "metric", "period", "recovered_at", "threshold",
    "time", "triggered_at", "value",
)  # fmt: skip
"""What every template may use, beside the fields of the alarm's key."""

_FUEL = 100_000
_SAMPLE: dict[str, str | int | float] = {
    **dict.fromkeys(NAMES, "x"),
    **dict.fromkeys(("count", "hits"), 1206),
    **dict.fromkeys(("threshold", "value"), 10.05),
}
_MISSING = ("UnknownFilter", "UnknownFunction", "UnknownTest", "TemplateNotFound")


def check_template(
    text: str, fields: Iterable[str], path: Path, problems: Problems
) -> None:
    """Note what is wrong with a template that will see `NAMES` and `fields`."""
    import minijinja  # noqa: PLC0415  (20 ms that most documents need not pay)

    environment = minijinja.Environment(fuel=_FUEL)
    known = {*NAMES, *fields}
    try:
        names = environment.undeclared_variables_in_str(text)
        _try_out(environment, text)
    except minijinja.TemplateError as error:
        line = f" in its line {error.line}" if "\n" in text else ""
        said = error.detail or error.kind
        hint = "a value is written {{ value }}; filters: value|round(1)"
        problems.add(path, f"expected a template: {said}{line}", hint)
        return
    for name in sorted(names - known - set(environment.globals)):
        hint = did_you_mean(name, known, what="names")
        problems.add(path, f"'{name}' is no name that a message may use", hint)


def _try_out(environment: minijinja.Environment, text: str) -> None:
    """Render once, to find filters and functions that there are not."""
    import minijinja  # noqa: PLC0415

    try:
        environment.render_str(text, **_SAMPLE)
    except minijinja.TemplateError as error:
        if error.kind in _MISSING:
            raise
