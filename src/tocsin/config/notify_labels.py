"""Names in matchers, groups and references: each must be one that there is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from tocsin.config.problems import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from tocsin.config.document import Path
    from tocsin.config.problems import Problems
    from tocsin.model.matchers import Matchers


class Known(Struct, frozen=True):
    """The names that may be referred to; `labels` is empty where none are known."""

    channels: frozenset[str]
    schedules: frozenset[str]
    labels: frozenset[str]


def check_match(
    match: Matchers, path: Path, labels: Collection[str], problems: Problems
) -> None:
    """Note labels that no alarm has: such a matcher would never tell anything apart."""
    for one in match:
        if labels and one.label not in labels:
            hint = did_you_mean(one.label, _told(labels), what="labels")
            message = f"no alarm has a label '{one.label}'"
            problems.add(path, message, hint)


def check_names(
    names: Iterable[str],
    path: Path,
    known: Collection[str],
    what: str,
    problems: Problems,
) -> None:
    """Note names that are none; `what` they should be, in the plural.

    Labels are not checked where none are known.
    """
    if what == "labels" and not known:
        return
    for name in names:
        if name not in known:
            hint = did_you_mean(name, _told(known), what=what)
            problems.expected(path, f"the name of a {what[:-1]}", name, hint)


def _told(names: Iterable[str]) -> list[str]:
    """Return the names without those that only say more exactly what others say."""
    return [name for name in names if not name.startswith("key.")]
