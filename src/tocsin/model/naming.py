"""What an alarm is called, for one key of its metric."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tocsin.model.records import Key


def titled(name: str, key: Key) -> str:
    """Return a name with the fields of its key filled in: `Errors on /api`."""
    for field, value in key.items():
        name = name.replace("{" + field + "}", str(value))
    return name


def subject(name: str, key: Key) -> str:
    """Return what a name is about: filled in, and behind it what of the key it does not say.

    `Errors {section=/api}`, but `Errors on /api`.
    """
    title = titled(name, key)
    untold = [f"{n}={value}" for n, value in key.items() if str(value) not in title]
    return f"{title} {{{', '.join(untold)}}}" if untold else title
