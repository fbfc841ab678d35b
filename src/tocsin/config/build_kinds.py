"""Alarms of a kind, made into metrics and alarms on thresholds before all is checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeGuard

from msgspec.structs import replace

from tocsin.config.made import Ground, Made
from tocsin.config.sections import Section
from tocsin.config.types import COMPARISONS
from tocsin.model.discovery import FAILURES, blamed
from tocsin.model.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path as FilePath

    from tocsin.config.alarm_models import AlarmPart
    from tocsin.config.document import Path
    from tocsin.config.kind import KindPart
    from tocsin.config.metric_models import CalculatedPart, MetricPart
    from tocsin.config.problems import Problems
    from tocsin.config.sections import Sections


def with_kinds(
    sections: Sections, problems: Problems, base: FilePath | None
) -> Sections:
    """Return the sections with what the alarms that are of a kind are made of."""
    metrics, calculated = list(sections.metrics.parts), []
    alarms: list[tuple[Path, AlarmPart]] = []
    hidden: frozenset[str] = frozenset()
    for path, part in sections.alarms.parts:
        if not _is_made(part):
            alarms.append((path, part))
            continue
        made = _made(part, sections, path, problems, base)
        if made.alarm is None:
            continue
        metrics += [(made.paths.get(m.name, path), m) for m in made.metrics]
        calculated += [(made.paths.get(m.name, path), m) for m in made.calculated]
        alarms.append((path, made.alarm))
        hidden |= made.hidden
    own = frozenset(m.name for _, m in calculated)
    return replace(
        sections,
        metrics=Section(
            tuple(metrics), sections.metrics.names | {m.name for _, m in metrics}
        ),
        calculated_metrics=Section(
            (*sections.calculated_metrics.parts, *calculated),
            sections.calculated_metrics.names | own,
        ),
        alarms=Section(tuple(alarms), sections.alarms.names),
        hidden=hidden,
    )


def _is_made(part: AlarmPart) -> TypeGuard[KindPart]:
    """Whether an alarm says itself what it is made of."""
    return hasattr(part, "made")


def _made(
    part: KindPart,
    sections: Sections,
    path: Path,
    problems: Problems,
    base: FilePath | None,
) -> Made:
    for key in sorted(part.refused & part.model_fields_set):
        hint = f"an alarm of the kind {part.kind} says this itself"
        problems.add((*path, key), f"means nothing to the kind {part.kind}", hint)
    known: dict[str, MetricPart | CalculatedPart] = {
        metric.name: metric for _, metric in sections.metrics.parts
    }
    known |= {metric.name: metric for _, metric in sections.calculated_metrics.parts}
    paths = {metric.name: way for way, metric in sections.metrics.parts}
    paths |= {metric.name: way for way, metric in sections.calculated_metrics.parts}
    try:
        return _sound(part.made(Ground(path, problems, base, known, paths)))
    except UsageError as error:  # of a plugin
        problems.add(path, str(error))
    except FAILURES as error:  # a plugin may raise anything
        said = f"the kind {part.kind!r} failed: {blamed(error, part)}"
        problems.add((*path, "kind"), said, "made(ground) returns a Made")
    return Made(None)


def _sound(made: object) -> Made:
    """Return what a kind made, if it is what a kind makes.

    Raises:
        TypeError: It is not.
    """
    if not isinstance(made, Made):
        message = f"made() returned a {type(made).__name__}, not a Made"
        raise TypeError(message)
    if made.alarm is not None and made.alarm.operator not in COMPARISONS:
        message = f"made() gave the alarm the operator {made.alarm.operator!r}"
        raise TypeError(message)
    return made
