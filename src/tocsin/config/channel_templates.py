"""Templates of channels, tried out on every kind of message before one is needed."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from tocsin.config.problems import did_you_mean
from tocsin.model import samples
from tocsin.model.notification import Kind
from tocsin.model.template import TemplateFailed, context, render

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tocsin.config.document import Path
    from tocsin.config.problems import Problems

FORMS: Mapping[str, tuple[str, ...]] = {
    "alertmanager": ("subject",),
    "apprise": ("subject", "text"),
    "command": ("subject", "text"),
    "email": ("subject", "text", "html"),
    "file": ("text",),
    "opsgenie": ("subject", "text"),
    "pagerduty": ("subject", "text"),
    "slack": ("subject", "text"),
    "syslog": ("text",),
    "teams": ("subject", "text"),
    "telegram": ("subject", "text"),
    "webhook": ("json",),
}
"""What each type of channel can take a template for."""

_UNDEFINED = re.compile(r"`(?:[\w.\[\]]*\.)?(\w+)` is undefined")
_NO_VALUE = "some messages have no such value: write {% if alert.value is not none %}...{% endif %}"


def check_templates(
    type_: str,
    templates: Mapping[str, str],
    fields: Iterable[str],
    path: Path,
    problems: Problems,
) -> None:
    """Note templates that this type has no use for, or that fail for any message.

    `fields` are the keys and labels that alerts of this configuration may have.
    """
    for form, template in templates.items():
        way = (*path, "templates", form)
        if form not in FORMS[type_]:
            known = ", ".join(FORMS[type_])
            problems.add(
                way, f"a channel of type {type_} has no {form}", f"it has: {known}"
            )
            continue
        if (said := _failure(form, template, tuple(fields))) is not None:
            problems.add(way, said[0], said[1])


def check_address(
    template: str, fields: Iterable[str], path: Path, problems: Problems
) -> None:
    """Note a template of an address that fails for an alarm."""
    sample = samples.all_kinds(fields=fields)["an alarm"]
    try:
        render(template, "text", context(sample), strict=True)
    except TemplateFailed as error:
        hint = "an address may be made of labels: {{ labels.team }}@example.org"
        problems.add(
            path, f"expected a template: {error}", _near(str(error), fields) or hint
        )


def _failure(
    form: str, template: str, fields: tuple[str, ...]
) -> tuple[str, str] | None:
    """Return what goes wrong with a template and what to do; None if nothing does."""
    for name, sample in samples.all_kinds(fields=fields or ("section",)).items():
        if sample.kind is Kind.HEARTBEAT:
            continue  # it is always told in plain words
        values = context(sample, "title", "text")
        try:
            made = render(template, form, values, strict=True)
        except TemplateFailed as error:
            where = (
                f" in its line {error.line}" if "\n" in template and error.line else ""
            )
            known = (*values, *values["alert"], *fields)
            hint = _near(str(error), known)
            hint = hint or (_NO_VALUE if "none" in str(error) else "")
            return f"expected a template that suits {name}: {error}{where}", hint
        if form == "json" and (told := _no_json(made)):
            hint = (
                'values are quoted by themselves: write {{ alarm }}, not "{{ alarm }}"'
            )
            return f"expected a template that makes JSON of {name}: {told}", hint
    return None


def _near(said: str, known: Iterable[str]) -> str:
    match = _UNDEFINED.search(said)
    return did_you_mean(match[1], known, what="names") if match else ""


def _no_json(text: str) -> str:
    try:
        json.loads(text)
    except ValueError as error:
        return str(error)
    return ""
