"""Templates of messages: what they may name, and how they are rendered, in a sandbox.

A template comes from the configuration; what it is filled with comes from log lines and
is never itself a template. A form (`html`, `json`, `text`, `subject`) says how values
are escaped: html as text of a page, json as JSON values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tocsin.model.wire import to_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    import minijinja

    from tocsin.model.notification import Notification

FORMS = ("subject", "text", "html", "json")
LONGEST = 200_000
"""Characters that a message may have; a template that makes more has failed."""

_FUEL = 50_000
_SUFFIX = {"html": ".html", "json": ".json"}
_UNSAFE = ("namespace", "cycler", "joiner", "debug")


class TemplateFailed(Exception):  # noqa: N818 - it says what happened
    """A template could not be rendered; `line` is where, from 1, if that is known."""

    def __init__(self, message: str, line: int | None = None) -> None:
        self.line = line
        super().__init__(message)


def context(
    notification: Notification, title: str = "", text: str = ""
) -> dict[str, Any]:
    """Return all that a template may name.

    That is the notification as JSON; `firing` and `ended`, its alerts parted; `alert`,
    the first of them, and `alarm`, its name; `labels`, those that all of them share; and
    what would be said without a template, `title` and `text`.
    """
    data = to_json(notification)
    alerts = data["alerts"]
    labels = [alert["labels"].items() for alert in alerts]
    return data | {
        "firing": [a for a in alerts if a["status"] == "firing"],
        "ended": [a for a in alerts if a["status"] != "firing"],
        "alert": alerts[0] if alerts else {},
        "alarm": alerts[0]["alarm"] if alerts else "",
        "labels": {k: v for k, v in labels[0] if all((k, v) in m for m in labels)}
        if labels
        else {},
        "title": title,
        "text": text,
    }


def render(
    template: str, form: str, values: Mapping[str, Any], *, strict: bool = False
) -> str:
    """Return a template filled in, escaped as its form asks for.

    `strict` refuses names that are not there; else they are empty.

    Raises:
        TemplateFailed: It is no template, it fails for these values, or it makes more
            than `LONGEST` characters.
    """
    import minijinja  # noqa: PLC0415  (20 ms that most runs need not pay)

    name = f"template{_SUFFIX.get(form, '.txt')}"
    try:
        environment = _environment(strict=strict)
        environment.add_template(name, template)
        found = environment.render_template(name, **values)
    except minijinja.TemplateError as error:
        message = str(error.detail or error.kind)
        raise TemplateFailed(message, error.line) from None
    if len(found) > LONGEST:
        raise TemplateFailed(f"it makes more than {LONGEST} characters")
    return found


def _environment(*, strict: bool) -> minijinja.Environment:
    import minijinja  # noqa: PLC0415

    environment = minijinja.Environment(
        fuel=_FUEL,
        pycompat=False,
        undefined_behavior="strict" if strict else "lenient",
    )
    for name in _UNSAFE:  # these keep state, or show all there is
        environment.remove_global(name)
    return environment
